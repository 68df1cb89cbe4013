// The whole state of a core as text, so that two states are the same exactly when their texts are. What
// cannot change what a core will do is left out or made relative, or every path would have states of its own:
//
// - settings, which never change, and clocks, which only bound leases (none is given while exploring);
// - how long ago something was heard and how far off an election by itself is, while that is further off
//   than exploring lets time pass (`farTicks`): elections are moves there;
// - numbers of writes count from the last one, and all that are known to be on disk are alike.
//
// A class that is not known here fails loudly: nothing of a state may be overlooked.

import type { Protocol } from "@althing/consensus";
import {
  ElectionTimer,
  Entries,
  hasPaxosLease,
  hasRaftLease,
  hasZabLease,
  InFlight,
  Progress,
  Ranges,
  Slots,
} from "@althing/consensus/parts";

/** Exploring lets fewer ticks pass than that, and election timeouts are longer by as much. */
export const farTicks = 100;

const leftOut: ReadonlySet<string> = new Set([
  "settings",
  "nowMs",
  "promiseUntilMs",
  "ticksSinceHeard",
  "quorumElapsed",
]);
const ofWrites: ReadonlySet<string> = new Set([
  "sequenceDone",
  "sequenceOfState",
  "membershipSequence",
  "ownVoteSequence",
  "ownSequence",
  "durableSequence",
]);

interface CoreState {
  readonly outbox: { readonly sequence: number; readonly sequenceDone: number };
}

export function describeCoreState(state: object): string {
  const { outbox } = state as CoreState;
  return new Describer(outbox).ofObject(state);
}

/** A state of a core in which it leads and may answer reads from its lease. */
export function holdsLease(name: Protocol["name"], state: object): boolean {
  const { leadership } = state as { readonly leadership?: object };
  if (leadership === undefined) return false;
  const hasLease = { raft: hasRaftLease, paxos: hasPaxosLease, zab: hasZabLease }[name];
  // Each is a state of its own protocol; to the exploration they are opaque.
  return hasLease(state as never, leadership as never);
}

class Describer {
  readonly #outbox: CoreState["outbox"];

  constructor(outbox: CoreState["outbox"]) {
    this.#outbox = outbox;
  }

  ofObject(value: object): string {
    const isOutbox = value === this.#outbox;
    const isWrites = isOutbox ? "writes" : "";
    let text = "{";
    for (const [name, each] of Object.entries(value)) {
      if (leftOut.has(name) || each === undefined) continue;
      if (isOutbox && name === "sequence") continue;
      if (ofWrites.has(name)) text += `${name}:${this.#ofWrite(each as number)},`;
      else if (name === isWrites) text += `${name}:${this.#ofWritesUnderWay(each)},`;
      else text += `${name}:${this.#of(each)},`;
    }
    return `${text}}`;
  }

  #of(value: unknown): string {
    if (typeof value === "string") return JSON.stringify(value);
    if (value === null || typeof value !== "object") {
      if (typeof value === "function") throw new Error("a core's state holds a function");
      return String(value);
    }
    if (Array.isArray(value)) return `[${value.map((each) => this.#of(each)).join()}]`;
    if (value instanceof Uint8Array) return `x${[...value].join(".")}`;
    if (value instanceof Map) return this.#ofPairs([...value]);
    if (value instanceof Set) return this.#ofPairs([...value]);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) return this.ofObject(value);
    return this.#ofLeaf(value);
  }

  /** In the order of insertion: finer than need be, and so never too coarse. */
  #ofPairs(list: readonly unknown[]): string {
    return `<${list.map((each) => this.#of(each)).join(";")}>`;
  }

  #ofLeaf(value: object): string {
    if (value instanceof Entries) {
      return `${value.baseIndex}@${value.baseEpoch}${this.#of(value.toArray())}`;
    }
    if (value instanceof Slots) {
      const slots = value.toArray().map((entry) => {
        return `${this.#of(entry)}/${this.#ofWrite(value.sequenceAt(entry.index))}`;
      });
      return `${value.baseIndex}..${value.lastIndex}[${slots.join()}]`;
    }
    if (value instanceof ElectionTimer) {
      return value.ticksLeft > farTicks ? "far" : `${value.ticksLeft}`;
    }
    if (value instanceof InFlight) return `[${value.toArray().join()}]`;
    if (value instanceof Progress) return this.ofObject(value);
    if (value instanceof Ranges) return this.#of(value.toArray());
    throw new Error(`exploring does not know how to compare a ${value.constructor.name}`);
  }

  #ofWrite(sequence: number | undefined): string {
    if (sequence === undefined) return "-";
    if (sequence === Number.POSITIVE_INFINITY) return "unwritten";
    const { sequence: last, sequenceDone } = this.#outbox;
    return sequence <= sequenceDone ? "done" : `${sequence - last}`;
  }

  #ofWritesUnderWay(writes: readonly { readonly sequence: number }[]): string {
    return writes
      .map(({ sequence, ...rest }) => `${this.#ofWrite(sequence)}:${this.#of(rest)}`)
      .join();
  }
}
