// What a member told its core was durable is there when it starts again (Raft Figure 2: "updated on
// stable storage before responding to RPCs"; Paxos: an acceptor's promise survives its failures; Zab
// §IV). Later writes that were under way may be there or not, in part or whole; nothing else may.

import type { Effect, Entry, Restored } from "@althing/consensus";
import { hashBytes } from "../trace/hash.ts";
import type { Verdicts } from "./verdicts.ts";

interface Kept {
  readonly epoch: number;
  readonly hash: number;
}
interface Write {
  readonly sequence: number;
  readonly rawState: unknown;
  readonly state: string | undefined;
  readonly truncateFrom: number;
  readonly entries: readonly (Kept & { readonly index: number })[];
}
interface Record {
  state: string | undefined;
  rawState: unknown;
  readonly entries: Map<number, Kept>;
  /** Handed to the log, not yet reported durable. */
  underWay: Write[];
  /** A snapshot is being put in place: the log may already begin after it. */
  installing: number;
  lastIndex: number;
  /** Up to here the log is compacted, or replaced by a snapshot. */
  dropped: number;
}

export class Durability {
  readonly #records = new Map<string, Record>();
  readonly #verdicts: Verdicts;
  readonly #describeState: (state: unknown) => string;
  /** Paxos keeps what it accepted in slots after a snapshot's point. */
  readonly #keepsSlots: boolean;

  constructor(
    verdicts: Verdicts,
    describeState: (state: unknown) => string,
    protocol: string = "raft",
  ) {
    this.#verdicts = verdicts;
    this.#describeState = describeState;
    this.#keepsSlots = protocol === "paxos";
  }

  /** The machine lost its disk; nothing can be expected of it. */
  wiped(member: string): void {
    this.#records.delete(member);
  }

  persisting(member: string, effect: Extract<Effect<unknown, unknown>, { kind: "persist" }>): void {
    this.#of(member).underWay.push({
      sequence: effect.sequence,
      rawState: effect.state,
      state: effect.state === undefined ? undefined : this.#describeState(effect.state),
      truncateFrom: effect.truncateFrom ?? Number.POSITIVE_INFINITY,
      entries: effect.entries.map(kept),
    });
  }

  persisted(member: string, sequence: number): void {
    const record = this.#of(member);
    while (record.underWay.length > 0 && (record.underWay[0] as Write).sequence <= sequence) {
      settle(record, record.underWay.shift() as Write);
    }
  }

  installing(member: string, index: number): void {
    this.#of(member).installing = index;
  }

  installed(member: string, index: number): void {
    const record = this.#of(member);
    record.installing = 0;
    if (this.#keepsSlots) {
      for (const at of record.entries.keys()) if (at <= index) record.entries.delete(at);
      record.lastIndex = Math.max(record.lastIndex, index);
      record.dropped = Math.max(record.dropped, index);
      return;
    }
    record.entries.clear();
    record.lastIndex = index;
    record.dropped = index;
  }

  /** The log up to here may be dropped; what is dropped is in the store. */
  compacted(member: string, index: number): void {
    const record = this.#of(member);
    const { entries } = record;
    record.dropped = Math.max(record.dropped, index);
    for (const at of entries.keys()) if (at <= index) entries.delete(at);
  }

  /** The protocol state, and the end of the log, that were reported durable. */
  state(member: string): unknown {
    return this.#records.get(member)?.rawState;
  }

  /** Whether an entry is durable there; what is compacted away was. */
  holds(member: string, index: number, hash: number): boolean {
    const record = this.#records.get(member);
    if (record === undefined) return false;
    const entry = record.entries.get(index);
    return entry === undefined ? index <= record.dropped : entry.hash === hash;
  }

  lastIndex(member: string): number {
    return this.#records.get(member)?.lastIndex ?? 0;
  }

  /** Compares what a start found with what was promised, and begins from what was found. */
  restored(member: string, restored: Restored<unknown>): void {
    const state = restored.state === undefined ? undefined : this.#describeState(restored.state);
    this.wouldRestore(member, restored);
    const entries = new Map(restored.entries.map((entry) => [entry.index, kept(entry)]));
    const lastIndex = restored.entries.at(-1)?.index ?? restored.base.index;
    this.#records.set(member, {
      state,
      rawState: restored.state,
      entries,
      underWay: [],
      installing: 0,
      lastIndex,
      dropped: restored.base.index,
    });
  }

  /** The same comparison, of what a start would find. */
  wouldRestore(member: string, restored: Restored<unknown>): void {
    const record = this.#records.get(member);
    const state = restored.state === undefined ? undefined : this.#describeState(restored.state);
    if (record !== undefined) this.#compare(member, record, restored, state);
  }

  #compare(
    member: string,
    record: Record,
    restored: Restored<unknown>,
    state: string | undefined,
  ): void {
    const states = [record.state, ...record.underWay.map((write) => write.state)].filter(
      (one, position) => position === 0 || one !== undefined,
    );
    if (!states.includes(state)) {
      this.#verdicts.violate(
        "durability",
        `${member} restarted with state ${state ?? "none"}; durable was ${record.state ?? "none"}`,
      );
      return;
    }
    const base = Math.max(restored.base.index, record.installing);
    const found = new Map(restored.entries.map((entry) => [entry.index, kept(entry)]));
    for (const [index, expected] of record.entries) {
      if (index <= base) continue;
      const at = found.get(index);
      if (at !== undefined && at.epoch === expected.epoch && at.hash === expected.hash) continue;
      if (mayHaveChanged(record.underWay, index, at)) continue;
      // A log that begins anew after a snapshot holds nothing that its leader counts on.
      const isReset = record.installing > 0 && restored.base.index >= record.installing;
      if (at === undefined && isReset && !this.#keepsSlots) continue;
      this.#verdicts.violate(
        "durability",
        `${member} restarted ${at === undefined ? "without" : "with another"} entry at index ` +
          `${index} (epoch ${expected.epoch}), which was durable`,
      );
      return;
    }
    for (const { index } of restored.entries) {
      // What was dropped durably must not come back behind what was written since.
      if (index <= record.lastIndex || record.underWay.length > 0) continue;
      this.#verdicts.violate(
        "durability",
        `${member} restarted with an entry at index ${index}, which was not in its log`,
      );
      return;
    }
    if (restored.applied < restored.base.index) {
      this.#verdicts.violate(
        "durability",
        `${member} restarted with a log that begins after ${restored.base.index} and a store at ${restored.applied}`,
      );
    }
  }

  #of(member: string): Record {
    let record = this.#records.get(member);
    if (record === undefined) {
      record = {
        state: undefined,
        rawState: undefined,
        entries: new Map(),
        underWay: [],
        installing: 0,
        lastIndex: 0,
        dropped: 0,
      };
      this.#records.set(member, record);
    }
    return record;
  }
}

function kept(entry: Entry): Kept & { index: number } {
  return { index: entry.index, epoch: entry.epoch, hash: hashBytes(entry.payload) };
}

function settle(record: Record, write: Write): void {
  if (write.state !== undefined) {
    record.state = write.state;
    record.rawState = write.rawState;
  }
  for (let index = write.truncateFrom; index <= record.lastIndex; index++) {
    record.entries.delete(index);
  }
  if (write.truncateFrom <= record.lastIndex) record.lastIndex = write.truncateFrom - 1;
  for (const entry of write.entries) {
    record.entries.set(entry.index, entry);
    if (entry.index > record.lastIndex) record.lastIndex = entry.index;
  }
}

/** Whether a write under way explains what stands at `index` now. */
function mayHaveChanged(writes: readonly Write[], index: number, at: Kept | undefined): boolean {
  return writes.some((write) => {
    if (at === undefined) return write.truncateFrom <= index;
    return write.entries.some(
      (entry) => entry.index === index && entry.epoch === at.epoch && entry.hash === at.hash,
    );
  });
}
