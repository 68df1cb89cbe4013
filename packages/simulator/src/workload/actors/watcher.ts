// Watches a range over many streams: begins in the past, now or in the future, is slow to read at times,
// moves on to another member or loses the one it is at, and resumes each time after the last revision that
// it has seen. What is compacted beneath it, it is told, and goes on from there.

import { type StoreEvent, Watcher, type WatchSink } from "@althing/store";
import { WatchDelivery, type WatchedRange } from "../../checkers/watch-delivery.ts";
import type { Service } from "../service.ts";
import { Actor } from "./actor.ts";

export class WatchActor extends Actor {
  #delivery: WatchDelivery | undefined;
  #range: WatchedRange | undefined;
  #stream: Stream | undefined;
  #reliable: readonly number[] = [];
  /** Each time that it goes elsewhere is another. */
  #turn = 0;
  /** Once the faults are over: what it must have seen. */
  #target = 0;

  start(): void {
    this.#range = this.#drawRange();
    this.#attachSoon();
  }

  override windDown(machines: readonly number[]): void {
    super.windDown(machines);
    this.#reliable = machines;
    const stream = this.#stream;
    if (stream !== undefined && !machines.includes(stream.service.machine)) this.#attachSoon();
  }

  override isSettled(): boolean {
    const { reference } = this.context.checkers;
    if (this.#target === 0) this.#target = reference.revision;
    return this.#stream !== undefined && this.#delivery?.isComplete(this.#target) === true;
  }

  override describe(): string {
    const at = this.#stream === undefined ? "nowhere" : `m${this.#stream.service.machine}`;
    const waits = this.#delivery?.describe() ?? this.name;
    return `${waits} of ${this.#target}, at ${at}`;
  }

  #attachSoon(): void {
    this.#stream?.end();
    this.#stream = undefined;
    const turn = ++this.#turn;
    this.later(this.pauseMs(), () => {
      if (turn !== this.#turn) return;
      const machine =
        this.#reliable.length > 0 ? this.prng.pick(this.#reliable) : this.anyMachine();
      const service = this.context.serviceAt(machine);
      if (service === undefined) {
        this.#attachSoon();
        return;
      }
      // A paused member opens it later, one that dies never: then this one moves on.
      service.enter(() => {
        if (turn === this.#turn) this.#open(service);
      });
      this.#stay(turn);
    });
  }

  #stay(turn: number): void {
    this.later(this.pauseMs(this.isOver ? 2 : 10), () => {
      if (turn !== this.#turn) return;
      // At the end a good place is kept.
      const isHere = this.#stream !== undefined;
      if (isHere && (this.isOver || this.prng.chance(0.3))) {
        this.#stay(turn);
        return;
      }
      // Sometimes it begins anew, with another range.
      if (!this.isOver && this.prng.chance(0.2)) {
        this.#delivery = undefined;
        this.#range = this.#drawRange();
      }
      this.#attachSoon();
    });
  }

  #open(service: Service): void {
    const range = this.#range as WatchedRange;
    const { revision } = service.store;
    const { checkers } = this.context;
    if (this.#delivery === undefined) {
      // Clients that give no revision are told which one is the last that they do not hear of.
      const next = this.prng.pick([
        revision + 1,
        1 + this.prng.below(revision),
        revision + 1 + this.prng.below(20),
      ]);
      this.#delivery = new WatchDelivery(this.name, range, next, checkers);
    }
    const delivery = this.#delivery;
    this.heard(`watches from ${delivery.next} at m${service.machine}`, delivery.next, revision);
    this.#stream = new Stream(service, range, delivery, {
      isSlow: () => !this.isOver && this.prng.chance(0.1),
      heard: (what, a, b) => this.heard(what, a, b),
      slept: (stream) => this.later(this.pauseMs(), () => stream.wake()),
      compacted: (floor) => {
        delivery.compacted(floor);
        this.#attachSoon();
      },
      died: () => this.#attachSoon(),
    });
    this.#askProgress(this.#stream);
  }

  #askProgress(stream: Stream): void {
    this.later(this.pauseMs(3), () => {
      if (this.#stream !== stream) return;
      stream.service.enter(() => stream.askProgress());
      this.#askProgress(stream);
    });
  }

  #drawRange(): WatchedRange {
    const [key, rangeEnd] = this.prng.pick([
      ["\0", "\0"],
      ["k", "l"],
      ["k0", ""],
      ["k1", ""],
      ["s", "t"],
      ["lock/", "lock0"],
      ["k1", "s1"],
    ] as const);
    const filter = this.prng.weighted([
      [8, "none"],
      [1, "noPuts"],
      [1, "noDeletes"],
    ] as const);
    return {
      key,
      rangeEnd,
      prevKv: this.prng.chance(0.5),
      puts: filter !== "noPuts",
      deletes: filter !== "noDeletes",
    };
  }
}

interface StreamEvents {
  readonly isSlow: () => boolean;
  readonly heard: (what: string, a: number, b: number) => void;
  readonly slept: (stream: Stream) => void;
  readonly compacted: (floor: number) => void;
  readonly died: () => void;
}

/** One watch on one life of one member. */
class Stream implements WatchSink {
  readonly service: Service;
  readonly #delivery: WatchDelivery;
  readonly #events: StreamEvents;
  readonly #watcher: Watcher;
  readonly #forget: () => void;
  /** Of a message that is not complete. */
  #pieces: StoreEvent[] = [];
  #isAsleep = false;
  #ended = false;

  constructor(
    service: Service,
    range: WatchedRange,
    delivery: WatchDelivery,
    events: StreamEvents,
  ) {
    this.service = service;
    this.#delivery = delivery;
    this.#events = events;
    this.#forget = service.onDeath(() => {
      this.#ended = true;
      events.died();
    });
    this.#watcher = new Watcher(1n, range, this, delivery.next);
    service.hub.add(this.#watcher);
  }

  events(
    _watcher: Watcher,
    revision: number,
    piece: readonly StoreEvent[],
    more: boolean,
  ): boolean {
    this.#pieces.push(...piece);
    if (more) return true;
    const events = this.#pieces;
    this.#pieces = [];
    this.#events.heard(`${events.length} events at ${revision}`, revision, events.length);
    this.#delivery.events(revision, events);
    if (!this.#isAsleep && this.#events.isSlow()) {
      this.#isAsleep = true;
      this.#events.slept(this);
    }
    return !this.#isAsleep;
  }

  compacted(_watcher: Watcher, floor: number): void {
    this.#events.heard(`compacted at ${floor}`, floor, 0);
    this.#events.compacted(floor);
  }

  wake(): void {
    if (this.#ended || !this.#isAsleep) return;
    this.service.enter(() => {
      this.#isAsleep = false;
      this.service.hub.resumed(this);
    });
  }

  /** As the door answers it. */
  askProgress(): void {
    const { hub, store } = this.service;
    hub.advance();
    if (this.#ended || !hub.isCurrent(this.#watcher)) return;
    this.#events.heard(`progress to ${store.revision}`, store.revision, 0);
    this.#delivery.progress(store.revision);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#forget();
    this.service.hub.remove(this.#watcher);
    this.service.hub.forget(this);
  }
}
