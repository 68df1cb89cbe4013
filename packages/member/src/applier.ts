// Applies committed entries, strictly in order and in bounded pieces, so that a long backlog (a restart, a
// member that was away) lets heartbeats through between the pieces: commands to the state machine, the
// member's own entries here. Proposers are answered as their entries are applied. What this version cannot
// read ends the member: to skip it would leave it with another state than the others.

import { decodeMembershipEntry, type Entry } from "@althing/consensus";
import {
  commandOf,
  fenceOf,
  isReadable,
  isRosterChange,
  leaderTimeOf,
  leadOf,
} from "./envelope.ts";
import type { Fences } from "./fences.ts";
import type { MembershipTrack } from "./membership-track.ts";
import { encodePointMeta } from "./point-meta.ts";
import type { Proposals } from "./proposals.ts";
import type { RosterChange } from "./roster/records.ts";
import type { Roster } from "./roster/roster.ts";
import { HASH_EVERY, type StateHashes } from "./state-hash.ts";
import type { EntryContext, StateMachine } from "./state-machine.ts";
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
  readonly #machine: StateMachine;
  readonly #isShort: (result: unknown) => boolean;
  readonly #roster: Roster;
  readonly #proposals: Proposals;
  readonly #fences: Fences;
  readonly #hashes: StateHashes;
  readonly #track: MembershipTrack;
  /** Lists as the core handed them out; `#at` is the place in the first. */
  #lists: (readonly Entry[])[] = [];
  #at = 0;
  /** The entry applied last may have taken long. */
  #mayBeLong = false;
  /** Leader time of the last command. */
  #timeMs = 0;

  constructor(
    turn: Turn,
    parts: {
      machine: StateMachine;
      isShort: (result: unknown) => boolean;
      roster: Roster;
      proposals: Proposals;
      fences: Fences;
      hashes: StateHashes;
      track: MembershipTrack;
    },
  ) {
    this.#turn = turn;
    this.#machine = parts.machine;
    this.#isShort = parts.isShort;
    this.#roster = parts.roster;
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
      if (this.#mayBeLong && clock.monotonicMs() > endMs) break;
    }
    if (count === 0) return undefined;
    this.#proposals.appliedBatch(this.#timeMs);
    return { index: this.#machine.appliedIndex, count, bytes, membershipChanged };
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
      if (isRosterChange(payload)) this.#applyOwn(payload, context);
      else this.#applyCommand(payload, context);
    } else {
      const context = { index, epoch, proposer, leaderTimeMs: 0 };
      if (kind === "membership") this.#applyMembership(payload, context);
      else {
        // A state without a membership of its own yet gets the one it was founded with.
        this.#machine.applyNothing(context, this.#meta());
        if (kind === "command" && leadOf(payload) === undefined) this.#proposals.voided(payload);
      }
    }
    if (index % HASH_EVERY === 0) this.#recordHash(index);
  }

  #applyCommand(payload: Uint8Array, context: EntryContext): void {
    const command = commandOf(payload);
    const result = this.#machine.apply(command, context);
    this.#mayBeLong = !this.#isShort(result);
    if (this.#roster.isKept) this.#tellMembers(this.#roster.decode(command));
    this.#proposals.applied(payload, result, context.index);
  }

  #applyOwn(payload: Uint8Array, context: EntryContext): void {
    this.#applyChange(commandOf(payload));
    this.#machine.applyNothing(context, this.#meta());
    this.#proposals.applied(payload, undefined, context.index);
  }

  #applyMembership(payload: Uint8Array, context: EntryContext): void {
    const { membership, context: brought } = decodeMembershipEntry(payload);
    this.#track.apply(context.index, membership);
    // A new member's addresses come with the change that adds it: whoever knows it can call it.
    if (brought.length > 0 && this.#roster.isKept) {
      this.#machine.apply(brought, context, this.#meta());
      this.#tellMembers(this.#roster.decode(brought));
      return;
    }
    if (brought.length > 0) this.#applyChange(brought);
    this.#machine.applyNothing(context, this.#meta());
  }

  #applyChange(bytes: Uint8Array): void {
    const change = this.#roster.decode(bytes);
    if (change === undefined) {
      throw new Error("it changes the roster in a way of a later version: upgrade this member");
    }
    this.#roster.apply(change);
    this.#tellMembers(change);
  }

  /** A fence, and a command that came after one of a later leader, do nothing to the state. */
  #counts(index: number, payload: Uint8Array): boolean {
    const lead = leadOf(payload);
    if (lead !== undefined) {
      this.#fences.apply(index, lead);
      return false;
    }
    // Where the state machine keeps the roster, a later version may say that it does so no more.
    if (!isReadable(payload) || (isRosterChange(payload) && this.#roster.isKept)) {
      throw new Error("the entry has an envelope of a later version: upgrade this member");
    }
    return this.#fences.counts(fenceOf(payload));
  }

  #meta(): Uint8Array {
    const fence = this.#fences.inForce;
    return encodePointMeta({ membership: this.#track.applied, fence, roster: this.#roster.own() });
  }

  #recordHash(index: number): void {
    const state = this.#machine.stateHash?.().hash ?? 0;
    this.#hashes.record(index, (state ^ this.#roster.hash) >>> 0);
  }

  #tellMembers(change: RosterChange | undefined): void {
    if (change === undefined) return;
    this.#turn.observe({ kind: "members.changed", level: "debug", member: change.member });
  }
}
