// Watches some ranges over many streams: each begins in the past, now or in the future; the stream is slow to
// read at times, and ends with its member or when the actor moves on, and all resume each time after the last
// revision that they have seen. What is compacted beneath one it is told, and goes on from there. Meanwhile it cancels
// and creates, asks for progress, and loses the right to see.

import type { WatchSession } from "@althing/service";
import { WatchDelivery, type WatchedRange } from "../../checkers/watch-delivery.ts";
import { CheckedWatchClient, type WatchFault } from "../../checkers/watch-stream.ts";
import type { Service } from "../service.ts";
import { Actor } from "./actor.ts";

/** One watch over all the streams that it is resumed on. */
interface Watch {
  range: WatchedRange;
  fragments: boolean;
  notices: boolean;
  delivery: WatchDelivery | undefined;
  /** On the present stream. */
  id: bigint | undefined;
}

interface Stream {
  readonly service: Service;
  readonly client: CheckedWatchClient;
  readonly session: WatchSession<WatchFault>;
  readonly forget: () => void;
  hasEnded: boolean;
}

export class WatchActor extends Actor {
  #watches: Watch[] = [];
  #stream: Stream | undefined;
  #reliable: readonly number[] = [];
  /** Each time that it goes elsewhere is another. */
  #turn = 0;
  /** Once the faults are over: what it must have seen. */
  #target = 0;

  start(): void {
    const count = this.prng.pick([1, 1, 2, 4]);
    this.#watches = Array.from({ length: count }, () => this.#drawWatch());
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
    return this.#stream !== undefined && this.#watches.every((watch) => this.#isComplete(watch));
  }

  override describe(): string {
    const at = this.#stream === undefined ? "nowhere" : `m${this.#stream.service.machine}`;
    const waiting = this.#watches.find((watch) => !this.#isComplete(watch));
    return `${waiting?.delivery?.describe() ?? this.name} of ${this.#target}, at ${at}`;
  }

  #isComplete({ id, delivery }: Watch): boolean {
    return id !== undefined && delivery?.isComplete(this.#target) === true;
  }

  #attachSoon(): void {
    this.#leave();
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

  #leave(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    for (const watch of this.#watches) watch.id = undefined;
    if (stream === undefined || stream.hasEnded) return;
    stream.hasEnded = true;
    stream.forget();
    stream.client.leave();
    stream.service.watches.close(stream.client);
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
      this.#attachSoon();
    });
  }

  #open(service: Service): void {
    const stream: Stream = {
      service,
      ...this.#connect(service, () => stream),
      hasEnded: false,
      forget: service.onDeath(() => {
        stream.hasEnded = true;
        stream.client.leave();
        if (this.#stream === stream) this.#attachSoon();
      }),
    };
    this.#stream = stream;
    for (const watch of this.#watches) this.#create(stream, watch);
    this.#goOn(stream);
  }

  #connect(service: Service, stream: () => Stream): Pick<Stream, "client" | "session"> {
    const { verdicts } = this.context.checkers;
    const client = new CheckedWatchClient(this.prng.chance(0.3), {
      name: this.name,
      verdicts,
      isSlow: () => !this.isOver && this.prng.chance(0.1),
      slept: () => this.#laterAt(stream(), this.pauseMs(), () => client.wake()),
      isFull: () => !this.isOver && this.prng.chance(0.05),
      soon: (run) => this.#laterAt(stream(), 0, run),
      heard: (what, a, b) => this.heard(what, a, b),
      midway: (id) => this.#midway(stream(), id),
      ended: (id) => this.#ended(stream(), id),
      failed: () => {
        stream().hasEnded = true;
        stream().forget();
        if (this.#stream === stream()) this.#attachSoon();
      },
    });
    return { client, session: service.watches.open(client) };
  }

  /** In a turn of the member, if the stream is still there by then. */
  #laterAt(stream: Stream, ms: number, run: () => void): void {
    this.later(ms, () => {
      if (stream.hasEnded) return;
      stream.service.enter(() => {
        if (!stream.hasEnded) run();
      });
    });
  }

  #create(stream: Stream, watch: Watch, id = 0n): void {
    const { client, session, service } = stream;
    const { range, fragments, notices } = watch;
    const { revision } = service.store;
    watch.delivery ??= this.#begin(range, revision);
    const { delivery } = watch;
    // Clients that give no revision are told which one is the last that they do not hear of.
    const from = delivery.next === revision + 1 && this.prng.chance(0.5) ? 0 : delivery.next;
    const wish = { ...range, id, from, fragments, notices };
    this.heard(`watches from ${delivery.next} at m${service.machine}`, delivery.next, revision);
    const answer = client.create({ delivery, fragments, notices }, wish, () =>
      session.create(wish),
    );
    if (typeof answer === "bigint") watch.id = answer;
    else this.#laterAt(stream, this.pauseMs(), () => this.#create(stream, watch));
  }

  #begin(range: WatchedRange, revision: number): WatchDelivery {
    const next = this.prng.pick([
      revision + 1,
      1 + this.prng.below(revision),
      revision + 1 + this.prng.below(20),
    ]);
    return new WatchDelivery(this.name, range, next, this.context.checkers);
  }

  /** By the member: it resumes, having cancelled it as clients do or not. */
  #ended(stream: Stream, id: bigint): void {
    const watch = this.#watches.find((one) => one.id === id);
    if (watch === undefined) return;
    watch.id = undefined;
    this.#laterAt(stream, this.pauseMs(), () => {
      const cancels = this.prng.chance(0.5);
      if (cancels && !stream.client.has(id)) this.#cancel(stream, id);
      this.#create(stream, watch, this.prng.chance(0.5) ? this.#freeOr(stream, id) : 0n);
    });
  }

  #freeOr(stream: Stream, id: bigint): bigint {
    return stream.client.has(id) ? 0n : id;
  }

  #cancel({ client, session }: Stream, id: bigint): void {
    client.cancel(id, () => session.cancel(id));
  }

  #goOn(stream: Stream): void {
    this.#laterAt(stream, this.pauseMs(3), () => {
      const doing = this.isOver
        ? "progress"
        : this.prng.weighted([
            [8, "progress"],
            [2, "anew"],
            [1, "twice"],
            [1, "rightEnds"],
          ] as const);
      const watch = this.prng.pick(this.#watches);
      if (doing === "progress" || watch.id === undefined) stream.session.askProgress();
      else if (doing === "anew") this.#beginAnew(stream, watch, watch.id);
      else if (doing === "rightEnds") this.#endRight(stream, watch.id);
      else this.#createTwice(stream, watch, watch.id);
      this.#goOn(stream);
    });
  }

  #endRight(stream: Stream, id: bigint): void {
    this.#laterAt(stream, this.pauseMs(), stream.client.endRight(id));
  }

  /** Sometimes it turns away between two parts. */
  #midway(stream: Stream, id: bigint): void {
    const watch = this.#watches.find((one) => one.id === id);
    if (watch === undefined || this.isOver || this.prng.chance(0.8)) return;
    this.#laterAt(stream, 0, () => {
      if (watch.id === id) this.#beginAnew(stream, watch, id);
    });
  }

  /** Another range, maybe under the same id. */
  #beginAnew(stream: Stream, watch: Watch, id: bigint): void {
    this.#cancel(stream, id);
    Object.assign(watch, this.#drawWatch());
    this.#create(stream, watch, this.prng.chance(0.5) ? id : 0n);
  }

  #createTwice({ client, session }: Stream, watch: Watch, id: bigint): void {
    if (id === 0n || watch.delivery === undefined) return;
    const { range, fragments, notices, delivery } = watch;
    const wish = { ...range, id, from: 0, fragments, notices };
    client.create({ delivery, fragments, notices }, wish, () => session.create(wish));
  }

  #drawWatch(): Watch {
    return {
      range: this.#drawRange(),
      fragments: this.prng.chance(0.4),
      notices: this.prng.chance(0.4),
      delivery: undefined,
      id: undefined,
    };
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
