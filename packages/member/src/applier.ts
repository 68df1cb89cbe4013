// Applies committed entries to the store, strictly in order and in bounded pieces, so that a long
// backlog (a restart, a member that was away) lets heartbeats through between the pieces. Proposers
// are answered as their entries are applied.

import { decodeMembershipEntry, type Entry } from "@althing/consensus";
import { decodeCommand, type Store } from "@althing/store";
import { commandOf, fenceOf, isReadable, leaderTimeOf, leadOf } from "./envelope.ts";
import type { Fences } from "./fences.ts";
import type { MembershipTrack } from "./membership-track.ts";
import type { Proposals } from "./proposals.ts";
import { HASH_EVERY, type StateHashes } from "./state-hash.ts";
import type { Turn } from "./turn.ts";

const PIECE_ENTRIES_MAX = 1024;
const PIECE_BYTES_MAX = 1024 * 1024;
/** A few commands may read as much as they are allowed: each takes tens of milliseconds. */
const PIECE_MS_MAX = 20;

/** What one piece did. */
export interface Applied {
  readonly index: number;
  readonly count: number;
  readonly bytes: number;
  /** The membership at `index` is another than before. */
  readonly membershipChanged: boolean;
}

export class Applier {
  readonly #turn: Turn;
  readonly #store: Store;
  readonly #proposals: Proposals;
  readonly #fences: Fences;
  readonly #hashes: StateHashes;
  readonly #track: MembershipTrack;
  /** Lists as the core handed them out; `#at` is the place in the first. */
  #lists: (readonly Entry[])[] = [];
  #at = 0;
  /** The command applied last was no mere put, which is too short to look at the clock for. */
  #mayHaveRead = false;
  /** Leader time of the last command. */
  #timeMs = 0;

  constructor(
    turn: Turn,
    parts: {
      store: Store;
      proposals: Proposals;
      fences: Fences;
      hashes: StateHashes;
      track: MembershipTrack;
    },
  ) {
    this.#turn = turn;
    this.#store = parts.store;
    this.#proposals = parts.proposals;
    this.#fences = parts.fences;
    this.#hashes = parts.hashes;
    this.#track = parts.track;
  }

  get hasWork(): boolean {
    return this.#lists.length > 0;
  }

  add(entries: readonly Entry[]): void {
    if (entries.length > 0) this.#lists.push(entries);
  }

  /** Everything not applied is covered by a snapshot that was installed. */
  clear(): void {
    this.#lists = [];
    this.#at = 0;
  }

  /** Applies one piece. Undefined when there is nothing to apply, or when it failed. */
  applyPiece(): Applied | undefined {
    let count = 0;
    let bytes = 0;
    let membershipChanged = false;
    const { clock } = this.#turn.ports;
    const endMs = clock.monotonicMs() + PIECE_MS_MAX;
    while (this.#lists.length > 0 && count < PIECE_ENTRIES_MAX && bytes < PIECE_BYTES_MAX) {
      const entry = this.#next();
      try {
        this.#apply(entry);
      } catch (cause) {
        this.#turn.fail(`entry ${entry.index} could not be applied`, cause);
        return undefined;
      }
      if (entry.kind === "membership") membershipChanged = true;
      count++;
      bytes += entry.payload.length;
      if (this.#mayHaveRead && clock.monotonicMs() > endMs) break;
    }
    if (count === 0) return undefined;
    this.#proposals.appliedBatch(this.#timeMs);
    return { index: this.#store.appliedIndex, count, bytes, membershipChanged };
  }

  #next(): Entry {
    const list = this.#lists[0]!;
    const entry = list[this.#at++]!;
    if (this.#at === list.length) {
      this.#lists.shift();
      this.#at = 0;
    }
    return entry;
  }

  #apply(entry: Entry): void {
    const { index, epoch, proposer, kind, payload } = entry;
    if (kind === "command" && this.#counts(index, payload)) {
      this.#timeMs = leaderTimeOf(payload);
      const context = { index, epoch, proposer, leaderTimeMs: this.#timeMs };
      const result = this.#store.apply(commandOf(payload), context);
      this.#mayHaveRead = result.kind !== "put";
      if (result.kind === "done") this.#tellMembers(commandOf(payload));
      if (index % HASH_EVERY === 0) this.#hashes.record(index, this.#store.stateHash().hash);
      this.#proposals.applied(payload, result, index);
      return;
    }
    const context = { index, epoch, proposer, leaderTimeMs: 0 };
    if (kind === "membership") {
      const { membership, context: brought } = decodeMembershipEntry(payload);
      this.#track.apply(index, membership);
      const meta = this.#fences.meta(membership);
      // A new member's addresses come with the change that adds it: whoever knows it can call it.
      if (brought.length === 0) this.#store.applyNothing(context, meta);
      else {
        this.#store.apply(brought, context, meta);
        this.#tellMembers(brought);
      }
    } else {
      // A store without a membership of its own yet gets the one it was founded with.
      this.#store.applyNothing(context, this.#fences.meta(this.#track.applied));
      if (kind === "command" && leadOf(payload) === undefined) this.#proposals.voided(payload);
    }
    if (index % HASH_EVERY === 0) this.#hashes.record(index, this.#store.stateHash().hash);
  }

  /** A fence, and a command that came after one of a later leader, do nothing to the store. */
  #counts(index: number, payload: Uint8Array): boolean {
    const lead = leadOf(payload);
    if (lead !== undefined) {
      this.#fences.apply(index, lead);
      return false;
    }
    if (!isReadable(payload)) {
      throw new Error("the entry has an envelope of a later version: upgrade this member");
    }
    return this.#fences.counts(fenceOf(payload));
  }

  #tellMembers(bytes: Uint8Array): void {
    const command = decodeCommand(bytes);
    if (command?.kind !== "publishMember" && command?.kind !== "removeMember") return;
    this.#turn.observe({ kind: "members.changed", level: "debug", member: command.member });
  }
}
