// Reads all there is in many steps, with pauses between them in which anything may happen: writes, compaction,
// a snapshot that takes the place of the state. What it gets is of one state, or it is told that the state is
// gone; a hash of keys and values is the same on every member.

import { type KeyValue, StateReplaced } from "@althing/store";
import type { Service } from "../service.ts";
import { Actor, wholeRange } from "./actor.ts";

interface Reading {
  /** Returns whether it has come to its end. */
  step(): boolean;
  /** What it reads need not stay any more. */
  close(): void;
}

const nothing: Reading = { step: () => true, close() {} };

export class Reader extends Actor {
  start(): void {
    this.later(this.pauseMs(), () => {
      if (this.isOver) return;
      const service = this.anyService();
      if (service === undefined) this.start();
      else service.enter(() => this.#begin(service));
    });
  }

  #begin(service: Service): void {
    const reading = this.prng.chance(0.5) ? this.#hash(service) : this.#range(service);
    const over = { now: false };
    const forget = service.onDeath(() => {
      over.now = true;
      this.start();
    });
    const end = (): void => {
      forget();
      this.start();
    };
    const goOn = (): void => {
      this.later(this.pauseMs(0.3), () => {
        if (over.now) return;
        service.enter(() => {
          if (over.now) return;
          if (!this.isOver && !this.#isLast(reading)) {
            goOn();
            return;
          }
          reading.close();
          end();
        });
      });
    };
    goOn();
  }

  #isLast(reading: Reading): boolean {
    try {
      return reading.step();
    } catch (error) {
      if (!(error instanceof StateReplaced)) throw error;
      this.heard("the state was replaced", 0, 0);
      return true;
    }
  }

  #hash({ store, machine }: Service): Reading {
    const run = store.openHashKv(0);
    if ("kind" in run) return nothing;
    const step = (): boolean => {
      const result = run.next();
      if (result === undefined) return false;
      this.context.checkers.history.hashed(`m${machine}`, result);
      this.heard("hashed", result.hashRevision, result.hash);
      return true;
    };
    return { step, close: () => run.close() };
  }

  #range({ store, machine }: Service): Reading {
    const { revision, compactRevision } = store;
    const run = store.openRange({ ...wholeRange, revision });
    if ("kind" in run) return nothing;
    const kvs: KeyValue[] = [];
    const step = (): boolean => {
      run.allow(50);
      for (;;) {
        const piece = run.next();
        if (piece.kind === "paused") return false;
        if (piece.kind === "pairs") {
          kvs.push(...piece.kvs);
          continue;
        }
        // Too much for one answer is no answer.
        if (piece.kind === "error") return true;
        const answer = { kind: "range", revision, kvs, more: false, count: kvs.length } as const;
        const shown = { revision, compactRevision };
        this.context.checkers.history.read(`m${machine}`, revision, shown, answer);
        this.heard("read in steps", revision, kvs.length);
        return true;
      }
    };
    return { step, close: () => run.close() };
  }
}
