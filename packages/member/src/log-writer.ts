// Carries out `persist` effects: hands them to the log, and once one is durable sends what had to wait
// for it, then tells the core. Never the other way round (corpus: vote-in-page-cache,
// commit-before-durable). After a failure nothing is ever acknowledged again (sync-fails-once-then-ok).

import type { Effect, Protocol } from "@althing/consensus";
import type { Log, LogBase, LogWrite } from "@althing/log";
import { DiskWatch } from "./disk-watch.ts";
import type { Turn } from "./turn.ts";

type Persist = Extract<Effect<unknown, unknown>, { readonly kind: "persist" }>;

/** One write of the log, and effects without anything to write that wait for it. */
interface Write {
  readonly effects: Persist[];
  readonly entries: number;
}

export class LogWriter {
  readonly #turn: Turn;
  readonly #log: Log;
  readonly #protocol: Protocol;
  readonly #watch: DiskWatch;
  #newest: Write | undefined;

  constructor(turn: Turn, log: Log, protocol: Protocol) {
    this.#turn = turn;
    this.#log = log;
    this.#protocol = protocol;
    this.#watch = new DiskWatch(turn.ports.clock);
  }

  /** Age of the oldest write under way; 0 when there is none. */
  get stalledMs(): number {
    return this.#watch.stalledMs;
  }

  get isIdle(): boolean {
    return this.#watch.underWay === 0;
  }

  persist(effect: Persist): void {
    const { state, truncateFrom, entries } = effect;
    if (state === undefined && truncateFrom === undefined && entries.length === 0) {
      // Nothing to write: it waits for what is under way, or for nothing.
      if (this.#newest !== undefined) this.#newest.effects.push(effect);
      else this.#durable(effect);
      return;
    }
    const write: Write = { effects: [effect], entries: entries.length };
    this.#newest = write;
    this.#watch.started();
    this.#log.append(this.#logWrite(effect), (error) => this.#done(write, error));
  }

  /** Recovery found the state ahead of the log: first of all the log follows. */
  follow(base: LogBase, how: "reset" | "compact"): void {
    this.#watch.started();
    const done = (error: Error | undefined) => {
      this.#watch.ended();
      if (error !== undefined) this.#turn.fail("the log could not follow the store", error);
    };
    if (how === "reset") this.#log.reset(base, done);
    else this.#log.compact(base, done);
    this.#turn.observe({ kind: "log.followed", level: "warn", index: base.index });
  }

  #logWrite({ state, truncateFrom, entries }: Persist): LogWrite {
    const write: { state?: Uint8Array; truncateFrom?: number; entries: typeof entries } = {
      entries,
    };
    if (state !== undefined) write.state = this.#protocol.encodeState(state);
    if (truncateFrom !== undefined) write.truncateFrom = truncateFrom;
    return write;
  }

  #done(write: Write, error: Error | undefined): void {
    if (this.#newest === write) this.#newest = undefined;
    if (error !== undefined) {
      this.#turn.fail("the log could not be written", error);
      return;
    }
    const durationMs = this.#watch.ended();
    this.#turn.observe({ kind: "log.synced", level: "debug", durationMs, entries: write.entries });
    for (const effect of write.effects) this.#durable(effect);
  }

  #durable(effect: Persist): void {
    for (const { to, message } of effect.thenSend) {
      this.#turn.send(to, { kind: "protocol", message });
    }
    this.#turn.step({ kind: "persisted", sequence: effect.sequence });
    this.#turn.schedule();
  }
}
