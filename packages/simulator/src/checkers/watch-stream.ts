// The client of one stream of watchers, who trusts nothing: it knows which watchers it has, and each answer must
// be about one of them, or about what it just asked. Nothing is told before a watcher is created or after it has
// ended, progress is true of all that it is said of, what was read slowly is not outrun, and all that was charged
// for watchers is released with them.

import type { EventsInParts, StreamClient, WatchRefusal, WatchWish } from "@althing/service";
import type { HeldRight, StoreEvent, WatcherOptions } from "@althing/store";
import type { Verdicts } from "./verdicts.ts";
import type { WatchDelivery } from "./watch-delivery.ts";

/** Why a stream, or a watcher of one, is ended. */
export type WatchFault = "failed" | "corrupt" | "stopped" | "leaderMissing" | "rightEnded";

/** One watcher as its client knows it. */
export interface Watched {
  readonly delivery: WatchDelivery;
  readonly fragments: boolean;
  readonly notices: boolean;
}

interface Open extends Watched {
  readonly right: Right;
  /** Of a revision that is not complete. */
  pieces: StoreEvent[];
}

interface Right {
  hasEnded: boolean;
  readonly held: HeldRight;
}

export interface StreamClientPorts {
  readonly name: string;
  readonly verdicts: Verdicts;
  /** Asked with each answer: whether it stops to read for a while. */
  isSlow(): boolean;
  /** It does, until `wake`. */
  slept(): void;
  /** There is no room for another watcher. */
  isFull(): boolean;
  /** Calls in a later turn of the member. */
  soon(run: () => void): void;
  heard(what: string, a: number, b: number): void;
  /** It was told a part of a revision. */
  midway(id: bigint): void;
  /** The watcher is gone, unasked; what to resume from is in its delivery. */
  ended(id: bigint): void;
  failed(): void;
}

export class CheckedWatchClient implements StreamClient<WatchFault> {
  readonly needsLeader: boolean;
  readonly #ports: StreamClientPorts;
  readonly #open = new Map<bigint, Open>();
  /** Ended by the member, and not cancelled since. */
  readonly #ended = new Set<bigint>();
  /** What it asks for in this very call. */
  #creating: (Watched & { readonly wish: WatchWish }) | undefined;
  #right: Right | undefined;
  #answer: bigint | WatchRefusal | undefined;
  #cancelling: bigint | undefined;
  #charged = 0;
  #isAsleep = false;
  #drained: (() => void) | undefined;
  #isOver = false;

  constructor(needsLeader: boolean, ports: StreamClientPorts) {
    this.needsLeader = needsLeader;
    this.#ports = ports;
  }

  /** The id, or why there is none. */
  create(watched: Watched, wish: WatchWish, ask: () => void): bigint | WatchRefusal | undefined {
    this.#creating = { ...watched, wish };
    this.#answer = undefined;
    ask();
    if (this.#answer === undefined) this.#violate("a creation is not answered");
    this.#creating = undefined;
    return this.#answer;
  }

  cancel(id: bigint, ask: () => void): void {
    const isKnown = this.#open.has(id) || this.#ended.has(id);
    this.#cancelling = id;
    ask();
    if (isKnown && this.#cancelling !== undefined) this.#violate(`${id} is not cancelled`);
    this.#cancelling = undefined;
    if (this.#open.size === 0 && this.#ended.size === 0 && this.#charged !== 0) {
      this.#violate(`${this.#charged} bytes are charged for no watcher`);
    }
  }

  has(id: bigint): boolean {
    return this.#open.has(id);
  }

  /** From now on it may not be told anything. It hears of that when somebody looks: returns what does. */
  endRight(id: bigint): () => void {
    const right = this.#open.get(id)?.right;
    if (right === undefined) return () => {};
    right.hasEnded = true;
    return () => right.held.check();
  }

  wake(): void {
    this.#isAsleep = false;
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  /** Whatever is said from here on is said to nobody. */
  leave(): void {
    this.#isOver = true;
  }

  created(id: bigint): boolean {
    const creating = this.#creating;
    if (creating === undefined || this.#answer !== undefined)
      this.#violate(`${id} is created unasked`);
    else if (this.#open.has(id)) this.#violate(`${id} is created twice`);
    else if (creating.wish.id !== 0n && creating.wish.id !== id)
      this.#violate(`${id} is not the id it asked for`);
    else {
      this.#open.set(id, { ...creating, right: this.#right as Right, pieces: [] });
      this.#ended.delete(id);
    }
    this.#answer = id;
    return this.#tell(`watches as ${id}`, 0, 0);
  }

  refused(why: WatchRefusal): boolean {
    const id = this.#creating?.wish.id ?? 0n;
    const isTwice = id !== 0n && this.#open.has(id);
    if (why !== (isTwice ? "duplicateWatch" : "overloaded")) this.#violate(`refused: ${why}`);
    this.#answer = why;
    return this.#tell(`refused: ${why}`, 0, 0);
  }

  denied(why: WatchFault): boolean {
    this.#violate(`denied: ${why}`);
    return true;
  }

  events(id: bigint, revision: number, events: readonly StoreEvent[], fragment: boolean): boolean {
    const open = this.#known(id);
    if (open === undefined) return true;
    if (fragment && !open.fragments) this.#violate(`${id} does not take fragments`);
    if (open.right.hasEnded) this.#violate(`${id} is told of ${revision}, and may not know`);
    open.pieces.push(...events);
    if (!fragment) {
      const all = open.pieces;
      open.pieces = [];
      open.delivery.events(revision, all);
    }
    return this.#tell(`${events.length} events at ${revision} for ${id}`, revision, events.length);
  }

  beginEvents(id: bigint, revision: number): EventsInParts {
    const parts: StoreEvent[] = [];
    let isOver = false;
    const use = () => {
      if (isOver) this.#violate(`an answer for ${id} goes on after its end`);
    };
    return {
      add: (events) => {
        use();
        parts.push(...events);
        this.#ports.midway(id);
      },
      send: () => {
        use();
        isOver = true;
        return this.events(id, revision, parts, false);
      },
      drop: () => {
        isOver = true;
      },
    };
  }

  progress(id: bigint | undefined, revision: number): boolean {
    if (id !== undefined && this.#isAsleep) this.#violate(`a notice for ${id} that nobody reads`);
    if (id === undefined && this.#open.size === 0) this.#violate("progress of no watcher");
    const told = id === undefined ? [...this.#open.values()] : [this.#known(id)];
    for (const open of told) {
      if (id !== undefined && open?.notices === false) this.#violate(`${id} wants no notices`);
      if (open !== undefined && open.pieces.length > 0) this.#violate("progress within a revision");
      open?.delivery.progress(revision);
    }
    return this.#tell(`progress to ${revision} of ${id ?? "all"}`, revision, 0);
  }

  cancelled(id: bigint, why: WatchFault | undefined): boolean {
    if (why === undefined) {
      if (this.#cancelling !== id) this.#violate(`${id} is cancelled unasked`);
      if (!this.#open.delete(id) && !this.#ended.delete(id)) this.#known(id);
      this.#cancelling = undefined;
    } else {
      if (this.#known(id)?.right.hasEnded === false) this.#violate(`${id} is ended: ${why}`);
      this.#end(id);
    }
    return this.#tell(`${id} is cancelled: ${why ?? "as asked"}`, 0, 0);
  }

  compacted(id: bigint, floor: number): boolean {
    this.#known(id)?.delivery.compacted(floor);
    this.#end(id);
    return this.#tell(`${id} is compacted at ${floor}`, floor, 0);
  }

  fail(why: WatchFault): void {
    if (why === "leaderMissing" && !this.needsLeader) this.#violate("ended for want of a leader");
    this.#ports.heard(`the stream ends: ${why}`, 0, 0);
    this.leave();
    this.#ports.failed();
  }

  onDrain(run: () => void): void {
    this.#drained = run;
  }

  inSteps(step: () => boolean): void {
    if (!step()) return;
    this.#ports.soon(() => this.inSteps(step));
  }

  charge(bytes: number): boolean {
    if (this.#creating !== undefined && this.#ports.isFull()) return false;
    this.#charged += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#charged -= bytes;
    if (this.#charged < 0) this.#violate("more is released than was charged");
  }

  refuses(): WatchFault | undefined {
    return undefined;
  }

  hold(_range: WatcherOptions, ended: (why: WatchFault) => void): HeldRight {
    let isHeld = true;
    const held = {
      check: () => {
        if (isHeld && right.hasEnded) {
          isHeld = false;
          ended("rightEnded");
        }
        return isHeld;
      },
      forget: () => {
        isHeld = false;
      },
    };
    const right: Right = { hasEnded: false, held };
    this.#right = right;
    return held;
  }

  #end(id: bigint): void {
    if (!this.#open.delete(id)) return;
    this.#ended.add(id);
    this.#ports.ended(id);
  }

  #known(id: bigint): Open | undefined {
    const open = this.#open.get(id);
    if (open === undefined) this.#violate(`it is told of ${id}, which it does not have`);
    return open;
  }

  #tell(what: string, a: number, b: number): boolean {
    if (this.#isOver) this.#violate(`told after its end: ${what}`);
    this.#ports.heard(what, a, b);
    if (!this.#isAsleep && this.#ports.isSlow()) {
      this.#isAsleep = true;
      this.#ports.slept();
    }
    return !this.#isAsleep;
  }

  #violate(detail: string): void {
    this.#ports.verdicts.violate("watch", `${this.#ports.name}: ${detail}`);
  }
}
