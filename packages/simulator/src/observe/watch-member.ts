// Everything that is watched about one machine: what its core does, what its store applies. Feeds
// the checkers and the trace, after every single step.

import {
  type Core,
  decodeMembershipEntry,
  type Effect,
  type Input,
  type Membership,
  type Protocol,
  type Restored,
} from "@althing/consensus";
import { decodeCommand } from "@althing/store";
import type { Checkers } from "../checkers/checkers.ts";
import type { Trace } from "../trace/trace.ts";
import type { CoreObserver } from "./observed-protocol.ts";
import type { StoreObserver } from "./observed-store.ts";
import type { WindowKind, Windows } from "./windows.ts";

const roles = ["follower", "candidate", "leader", "learner"];

export interface WatchedMachine {
  readonly ordinal: number;
  readonly name: string;
  /** The highest index that its store has applied, in any life. */
  applied: number;
}

export class MemberWatch implements CoreObserver, StoreObserver {
  readonly #machine: WatchedMachine;
  readonly #checkers: Checkers;
  readonly #trace: Trace;
  readonly #protocol: Protocol;
  readonly #ordinalOf: (id: string | undefined) => number;
  readonly #invariantsEvery: number;
  readonly #windows: Windows;
  readonly #shortened: (close: () => void) => void;
  readonly #handover: ((close: () => void) => void) | undefined;
  /** Writes that drop the end of the log, by sequence. */
  readonly #truncating = new Set<number>();
  #steps = 0;
  #before: object | undefined;
  /** Every membership in its log, by index; the base's under that of the base. */
  #memberships = new Map<number, Membership>();

  constructor(options: {
    machine: WatchedMachine;
    checkers: Checkers;
    trace: Trace;
    protocol: Protocol;
    ordinalOf: (id: string | undefined) => number;
    invariantsEvery: number;
    windows: Windows;
    /** Calls when the log has been shortened, and what was written then is on the disk. */
    shortened: (close: () => void) => void;
    /** Under leases: calls when that of an older leader must have ended. */
    handover: ((close: () => void) => void) | undefined;
  }) {
    this.#machine = options.machine;
    this.#checkers = options.checkers;
    this.#trace = options.trace;
    this.#protocol = options.protocol;
    this.#ordinalOf = options.ordinalOf;
    this.#invariantsEvery = options.invariantsEvery;
    this.#windows = options.windows;
    this.#handover = options.handover;
    this.#shortened = options.shortened;
  }

  created(restored: Restored<unknown>): void {
    const { name } = this.#machine;
    this.#memberships = membershipsIn(restored);
    this.#truncating.clear();
    this.#checkers.durability.restored(name, restored);
    this.#checkers.commit.started(name);
    this.#checkers.machine.started(name, restored.applied);
    this.#checkers.reads.started(name);
    this.#checkers.paxos.started(name);
    this.#checkers.adopted.started(name);
  }

  stepping(input: Input<unknown>, core: Core<unknown, unknown>): void {
    const { durability, machine } = this.#checkers;
    const { name, ordinal } = this.#machine;
    switch (input.kind) {
      case "persisted":
        durability.persisted(name, input.sequence);
        this.#truncated(input.sequence);
        this.#trace.add("persisted", ordinal, input.sequence, 0, 0, (at) => ({
          kind: "persisted",
          at,
          member: ordinal,
          sequence: input.sequence,
        }));
        break;
      case "snapshotInstalled":
        this.#windows.close(ordinal, "installing");
        durability.installed(name, input.point.index);
        machine.installed(name, input.point.index);
        break;
      case "read":
        this.#checkers.reads.asked(name, input.token, machine.committed.length - 1);
        break;
      case "transferLeadership":
        this.#windows.open(ordinal, "transfer");
        this.#windows.open(this.#ordinalOf(input.to), "transfer");
        break;
      case "compact":
        durability.compacted(name, input.index);
        this.#windows.open(ordinal, "shortening");
        this.#shortened(() => this.#windows.close(ordinal, "shortening"));
        break;
      case "receive":
        this.#checkers.adopted.stepping(name, input, core);
        break;
      default:
        break;
    }
    this.#before = undefined;
    if (++this.#steps % this.#invariantsEvery === 0) this.#before = core.inspect();
  }

  stepped(input: Input<unknown>, core: Core<unknown, unknown>): void {
    if (this.#before === undefined) return;
    const { verdicts, commit } = this.#checkers;
    const { name } = this.#machine;
    const next = core.inspect();
    for (const violation of this.#protocol.checkInvariants(next)) {
      verdicts.violate("protocol invariant", `${name}: ${violation.property}: ${violation.detail}`);
    }
    for (const violation of this.#protocol.checkDelta(this.#before, next)) {
      verdicts.violate(
        "protocol invariant",
        `${name}, ${input.kind}: ${violation.property}: ${violation.detail}`,
      );
    }
    commit.observed(name, core.status());
  }

  effects(effects: readonly Effect<unknown, unknown>[], core: Core<unknown, unknown>): void {
    for (const effect of effects) if (effect.kind === "persist") this.#writing(effect);
    for (const effect of effects) this.#effect(effect, core);
  }

  applied(
    index: number,
    command: Uint8Array | undefined,
    result: Parameters<StoreObserver["applied"]>[2],
    stateHash: number,
  ): void {
    const { name, ordinal } = this.#machine;
    const { reference, stateHash: hashes } = this.#checkers;
    if (index > this.#machine.applied) this.#machine.applied = index;
    if (command === undefined || result === undefined) reference.nothing(index);
    else reference.applied(name, index, command, result, decodeCommand);
    hashes.observed(name, index, stateHash);
    this.#trace.add("hash", ordinal, index, stateHash, 0, (at) => ({
      kind: "hash",
      at,
      member: ordinal,
      index,
      hash: stateHash,
    }));
  }

  sending(): () => void {
    return this.#lasting("sending");
  }

  receiving(): () => void {
    return this.#lasting("receiving");
  }

  #lasting(kind: WindowKind): () => void {
    const { ordinal } = this.#machine;
    let isOpen = true;
    this.#windows.open(ordinal, kind);
    return () => {
      if (isOpen) this.#windows.close(ordinal, kind);
      isOpen = false;
    };
  }

  /** Before anything else of the turn: what is applied in it may have been committed by this. */
  #writing({
    truncateFrom,
    entries,
  }: Extract<Effect<unknown, unknown>, { kind: "persist" }>): void {
    const from = truncateFrom ?? Number.POSITIVE_INFINITY;
    for (const index of this.#memberships.keys()) {
      if (index >= from) this.#memberships.delete(index);
    }
    for (const { kind, index, payload } of entries) {
      if (kind === "membership") {
        this.#memberships.set(index, decodeMembershipEntry(payload).membership);
      }
    }
    this.#checkers.commitQuorum.written(entries);
  }

  #truncated(sequence: number): void {
    for (const one of this.#truncating) {
      if (one > sequence) continue;
      this.#truncating.delete(one);
      this.#windows.close(this.#machine.ordinal, "truncating");
    }
  }

  #membershipBefore(index: number): Membership | undefined {
    const earlier = [...this.#memberships.keys()].filter((at) => at < index);
    return this.#memberships.get(Math.max(...earlier));
  }

  #effect(effect: Effect<unknown, unknown>, core: Core<unknown, unknown>): void {
    const { name, ordinal } = this.#machine;
    const checkers = this.#checkers;
    const trace = this.#trace;
    switch (effect.kind) {
      case "persist": {
        checkers.durability.persisting(name, effect);
        if (effect.truncateFrom !== undefined) {
          this.#truncating.add(effect.sequence);
          this.#windows.open(ordinal, "truncating");
        }
        checkers.logs.written(name, effect.entries, (index) => {
          if (index === 0) return 0;
          return core.entryAt(index)?.epoch ?? -1;
        });
        checkers.paxos.written(name, effect.entries, checkers.machine.committed);
        checkers.adopted.written(name, effect.entries);
        const first = effect.entries[0]?.index ?? 0;
        const last = effect.entries.at(-1)?.index ?? 0;
        const truncateFrom = effect.truncateFrom ?? 0;
        trace.add("persist", ordinal, first, last, truncateFrom, (at) => ({
          kind: "persist",
          at,
          member: ordinal,
          sequence: effect.sequence,
          truncateFrom,
          first,
          last,
          state: effect.state === undefined ? "" : describeState(effect.state),
        }));
        trace.mix(effect.sequence);
        return;
      }
      case "apply": {
        const { entries } = effect;
        const status = core.status();
        checkers.machine.applied(name, entries, status.epoch, (entry) =>
          checkers.commitQuorum.committed(
            name,
            entry,
            checkers.commitRule.ledIn(name, status, entry.index),
          ),
        );
        checkers.commitRule.applied(name, status, core);
        const first = entries[0]?.index ?? 0;
        const last = entries.at(-1)?.index ?? 0;
        trace.add("apply", ordinal, first, last, 0, (at) => ({
          kind: "apply",
          at,
          member: ordinal,
          first,
          last,
        }));
        return;
      }
      case "roleChanged": {
        const leader = this.#ordinalOf(effect.leader);
        trace.add("role", ordinal, roles.indexOf(effect.role), effect.epoch, leader, (at) => ({
          kind: "role",
          at,
          member: ordinal,
          role: effect.role,
          epoch: effect.epoch,
          leader,
        }));
        this.#windows.closeAll(ordinal, "transfer");
        if (effect.role === "leader") {
          this.#handover?.(() => this.#windows.close(ordinal, "handover"));
          if (this.#handover !== undefined) this.#windows.open(ordinal, "handover");
          checkers.becameLeader(name, effect.epoch, core);
          const status = core.status();
          const before = this.#membershipBefore(status.membershipIndex);
          checkers.eligible.becameLeader(name, status, before);
        }
        return;
      }
      case "readReady":
        checkers.reads.ready(name, effect.token, effect.index);
        return;
      case "rejected":
        checkers.reads.rejected(name, effect.token);
        return;
      case "installSnapshot":
        checkers.durability.installing(name, effect.point.index);
        this.#windows.open(ordinal, "installing");
        return;
      case "membershipChanged": {
        const what = describeMembership(effect.membership, this.#ordinalOf);
        this.#windows.closeAll(ordinal, "joint");
        if (effect.membership.votersOutgoing.length > 0) this.#windows.open(ordinal, "joint");
        trace.text("membership", what, (at) => ({ kind: "membership", at, member: ordinal, what }));
        return;
      }
      default:
        return;
    }
  }
}

function membershipsIn({ base, entries }: Restored<unknown>): Map<number, Membership> {
  const found = new Map([[base.index, base.membership]]);
  for (const { kind, index, payload } of entries) {
    if (kind === "membership") found.set(index, decodeMembershipEntry(payload).membership);
  }
  return found;
}

/** The protocol's durable state as text: all of it, because whole values are compared. */
export function describeState(state: unknown): string {
  if (typeof state !== "object" || state === null) return `${state}`;
  let text = "";
  for (const key in state) {
    const value = (state as Record<string, unknown>)[key];
    const shown = typeof value === "object" ? describeState(value) : value;
    text += `${text === "" ? "" : " "}${key} ${shown === "" ? "none" : shown}`;
  }
  return text;
}

function describeMembership(
  membership: {
    readonly voters: readonly string[];
    readonly votersOutgoing: readonly string[];
    readonly learners: readonly string[];
  },
  ordinalOf: (id: string | undefined) => number,
): string {
  const names = (ids: readonly string[]): string => ids.map((id) => `m${ordinalOf(id)}`).join(" ");
  const outgoing =
    membership.votersOutgoing.length === 0 ? "" : ` outgoing ${names(membership.votersOutgoing)}`;
  const learners =
    membership.learners.length === 0 ? "" : ` learners ${names(membership.learners)}`;
  return `voters ${names(membership.voters)}${outgoing}${learners}`;
}
