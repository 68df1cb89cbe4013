// A cluster of cores in one process, for tests: every message, write and snapshot waits until the
// test lets it go on. A crash loses what was not written. The protocol's own invariants and the
// properties that only show across members are checked after every single step. Longer than most
// files, because one machine's disk, letters and checks are moved together by each step.

import assert from "node:assert/strict";
import type {
  Core,
  CoreOptions,
  Effect,
  Entry,
  Input,
  LogPoint,
  MemberId,
  Membership,
  Protocol,
  Restored,
} from "../contract.ts";
import { keepsLogAfterSnapshot } from "../installing/installing.ts";
import { decodeMembershipEntry } from "../membership/codec.ts";
import { membershipOf } from "../membership/membership.ts";
import { isAcceptQuorum, majorities } from "../paxos/quorums.ts";
import { Chosen } from "./chosen.ts";
import { appliedByRestart, checkCounted, checkDurable } from "./disk-checks.ts";
import { checkLease } from "./lease-checks.ts";
import type { Machine } from "./machine.ts";
import { traceEffect } from "./trace.ts";

export interface ClusterOptions {
  readonly membership: Membership;
  /** Members to start; those of the membership unless told. */
  readonly members?: readonly MemberId[];
  readonly core?: Partial<Omit<CoreOptions, "id" | "priority">>;
  readonly priorities?: Readonly<Record<MemberId, number>>;
  /** Log that members begin with. */
  readonly restored?: (member: MemberId) => Partial<Restored<never>>;
  /** How fast a member's clock runs; 1 unless told. */
  readonly clockRate?: (member: MemberId) => number;
  readonly onTrace?: (line: string) => void;
}

export interface Letter {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly bytes: Uint8Array;
}

export class Cluster<M = unknown, S = unknown> {
  readonly protocol: Protocol<M, S>;
  readonly options: ClusterOptions;
  readonly machines = new Map<MemberId, Machine<M, S>>();
  letters: Letter[] = [];
  snapshots: { from: MemberId; to: MemberId; epoch: number }[] = [];
  /** Effects that answer the caller, in order, with the member that gave them. */
  readonly answers: { readonly member: MemberId; readonly effect: Effect<M, S> }[] = [];
  nowMs = 0;
  readonly #chosen: Chosen;
  readonly #leaders = new Map<number, MemberId>();
  readonly #cuts = new Set<string>();

  constructor(protocol: Protocol<M, S>, options: ClusterOptions) {
    this.protocol = protocol;
    this.options = options;
    this.#chosen = new Chosen(protocol);
    const { voters, learners } = options.membership;
    for (const id of options.members ?? [...voters, ...learners]) this.addMachine(id);
  }

  /** A machine with an empty disk, or with what `restored` says. */
  addMachine(id: MemberId): void {
    const given = this.options.restored?.(id) ?? {};
    const base = given.base ?? {
      index: 0,
      epoch: 0,
      proposer: "",
      membership: this.options.membership,
    };
    const applied = given.applied ?? base.index;
    const entries = [...(given.entries ?? [])];
    const disk = { state: given.state as S | undefined, base, entries };
    let store = base;
    for (const entry of entries) if (entry.index <= applied) store = advance(store, entry);
    const core = this.#createCore(id, disk, applied);
    const inspection = core.inspect();
    this.machines.set(id, {
      id,
      core,
      isUp: true,
      disk,
      store,
      applied: [],
      writes: [],
      installs: [],
      inspection,
      status: core.status(),
    });
  }

  at(id: MemberId): Machine<M, S> {
    const machine = this.machines.get(id);
    assert(machine !== undefined, `no member ${id}`);
    return machine;
  }

  /** One input, then the end of the turn. */
  step(id: MemberId, ...inputs: Input<M>[]): Effect<M, S>[] {
    const machine = this.at(id);
    if (!machine.isUp) return [];
    const nowMs = this.nowMs * (this.options.clockRate?.(id) ?? 1);
    for (const input of inputs) machine.core.step(input, nowMs);
    const effects = machine.core.effects();
    this.check(machine);
    for (const effect of effects) this.#perform(machine, effect);
    return effects;
  }

  tick(id: MemberId, count = 1): void {
    for (let i = 0; i < count; i++) this.step(id, { kind: "tick" });
  }

  /** Time for all, tick by tick; everything settles in between. */
  elapse(ticks: number): void {
    const tickMs = this.options.core?.tickMs ?? 10;
    for (let i = 0; i < ticks; i++) {
      this.nowMs += tickMs;
      for (const id of this.machines.keys()) this.step(id, { kind: "tick" });
      this.stabilize();
    }
  }

  /** The oldest write of a member reaches its disk. */
  persist(id: MemberId): boolean {
    const machine = this.at(id);
    const write = machine.writes.shift();
    if (write === undefined) return false;
    const { disk } = machine;
    if (write.truncateFrom !== undefined) {
      const from = write.truncateFrom;
      disk.entries = disk.entries.filter((entry) => entry.index < from);
    }
    for (const entry of write.entries) {
      disk.entries = disk.entries.filter((other) => other.index !== entry.index);
      disk.entries.push(entry);
    }
    disk.entries.sort((one, other) => one.index - other.index);
    if (write.state !== undefined) {
      disk.state = this.protocol.decodeState(this.protocol.encodeState(write.state));
    }
    this.trace(`${id} wrote ${write.sequence}`);
    this.#checkDisk(machine);
    for (const { to, message } of write.thenSend) this.#post(id, to, message);
    this.step(id, { kind: "persisted", sequence: write.sequence });
    return true;
  }

  /** The staged snapshot of a member takes the place of its store and log. */
  install(id: MemberId): boolean {
    const point = this.#installStore(id);
    if (point === undefined) return false;
    const machine = this.at(id);
    this.#followStore(machine);
    this.trace(`${id} installed ${point.index}`);
    this.#checkDisk(machine);
    this.step(id, { kind: "snapshotInstalled", point });
    return true;
  }

  /** The store becomes the snapshot, and a crash comes before the log follows. */
  crashInInstall(id: MemberId): boolean {
    if (this.#installStore(id) === undefined) return false;
    this.crash(id);
    this.#followStore(this.at(id));
    return true;
  }

  #installStore(id: MemberId): LogPoint | undefined {
    // Not before the writes that were asked for earlier are done.
    while (this.persist(id));
    const machine = this.at(id);
    const point = machine.installs.shift()?.point;
    if (point !== undefined) machine.store = point;
    return point;
  }

  #followStore(machine: Machine<M, S>): void {
    const { store, disk } = machine;
    const keeps = keepsLogAfterSnapshot(this.protocol);
    const entries = disk.entries.filter((entry) => keeps && entry.index > store.index);
    machine.disk = { state: disk.state, base: store, entries };
  }

  deliver(letter: Letter): void {
    if (this.isCut(letter.from, letter.to) || !this.at(letter.to).isUp) return;
    const message = this.protocol.decodeMessage(letter.bytes);
    this.trace(`${letter.from} -> ${letter.to} ${this.protocol.describeMessage(message)}`);
    this.step(letter.to, { kind: "receive", from: letter.from, message });
  }

  /** A whole snapshot travels at once; `ok` false is a stream that broke. */
  sendSnapshot(ok = true): boolean {
    const wanted = this.snapshots.shift();
    if (wanted === undefined) return false;
    const { from, to, epoch } = wanted;
    const point = this.at(from).store;
    const arrives = ok && !this.isCut(from, to) && this.at(to).isUp;
    if (arrives) this.step(to, { kind: "snapshotReceived", from, epoch, point });
    this.step(from, { kind: "snapshotSent", to, ok: arrives, index: point.index });
    return true;
  }

  /** Lets everything go on until nothing moves; snapshots are put in place unless told otherwise. */
  stabilize({ installs = true } = {}): void {
    for (let round = 0; round < 10_000; round++) {
      let moved = false;
      for (const id of this.machines.keys()) {
        if (this.persist(id)) moved = true;
        if (installs && this.install(id)) moved = true;
      }
      const letters = this.letters;
      this.letters = [];
      for (const letter of letters) this.deliver(letter);
      if (this.sendSnapshot()) moved = true;
      if (moved || letters.length > 0) continue;
      for (const machine of this.machines.values()) checkDurable(machine);
      return;
    }
    assert.fail("the cluster does not come to rest");
  }

  /** Loses everything that is not on disk. */
  crash(id: MemberId): void {
    const machine = this.at(id);
    machine.isUp = false;
    machine.writes = [];
    machine.installs = [];
    this.snapshots = this.snapshots.filter(({ from }) => from !== id);
  }

  restart(id: MemberId): void {
    const machine = this.at(id);
    machine.core = this.#createCore(id, machine.disk, machine.store.index);
    machine.inspection = machine.core.inspect();
    machine.isUp = true;
    // What a restart knows to be committed is applied without any input.
    const effects = machine.core.effects();
    machine.status = machine.core.status();
    for (const effect of effects) this.#perform(machine, effect);
  }

  /** Drops the log up to what is applied. */
  compact(id: MemberId, upTo = this.at(id).store.index): void {
    const machine = this.at(id);
    let base = machine.disk.base;
    for (const entry of machine.disk.entries) if (entry.index <= upTo) base = advance(base, entry);
    const entries = machine.disk.entries.filter((entry) => entry.index > upTo);
    machine.disk = { state: machine.disk.state, base, entries };
    this.step(id, { kind: "compact", index: upTo });
  }

  /** One way; call twice for both. */
  cut(from: MemberId, to: MemberId): void {
    this.#cuts.add(`${from}>${to}`);
  }

  isolate(id: MemberId): void {
    for (const other of this.machines.keys()) {
      if (other === id) continue;
      this.cut(id, other);
      this.cut(other, id);
    }
  }

  heal(): void {
    this.#cuts.clear();
  }

  isCut(from: MemberId, to: MemberId): boolean {
    return this.#cuts.has(`${from}>${to}`);
  }

  /** The member that leads, of those that are up, in the highest epoch. */
  leader(): MemberId | undefined {
    let best: { id: MemberId; epoch: number } | undefined;
    for (const { id, core, isUp } of this.machines.values()) {
      const { role, epoch } = core.status();
      if (isUp && role === "leader" && (best === undefined || epoch > best.epoch)) {
        best = { id, epoch };
      }
    }
    return best?.id;
  }

  trace(line: string): void {
    this.options.onTrace?.(line);
  }

  check(machine: Machine<M, S>): void {
    const next = machine.core.inspect();
    const violations = [
      ...this.protocol.checkInvariants(next),
      ...this.protocol.checkDelta(machine.inspection, next),
    ];
    machine.inspection = next;
    machine.status = machine.core.status();
    if (violations.length > 0) assert.deepEqual(violations, []);
    const sizes = this.options.core?.paxosQuorums ?? majorities;
    for (const each of this.machines.values()) {
      checkCounted(this.protocol, each, this.machines);
      const nowMs = this.nowMs * (this.options.clockRate?.(each.id) ?? 1);
      checkLease(this.protocol, each, this.machines, nowMs, sizes);
    }
    const { role, epoch, id } = machine.status;
    // A Paxos ballot is (round, proposer): two members may lead in the same round.
    if (role !== "leader" || this.protocol.name === "paxos") return;
    const other = this.#leaders.get(epoch) ?? id;
    assert.equal(other, id, `two leaders in epoch ${epoch}`);
    this.#leaders.set(epoch, id);
  }

  /** A crash at this moment would do no harm. */
  #checkDisk(machine: Machine<M, S>): void {
    for (const entry of appliedByRestart(this.protocol, machine, this.options.core)) {
      this.#chosen.note(entry, `${machine.id} would apply after a crash what was not chosen`);
    }
  }

  #perform(machine: Machine<M, S>, effect: Effect<M, S>): void {
    const line = traceEffect(effect);
    if (line !== "") this.trace(`${machine.id} ${line}`);
    switch (effect.kind) {
      case "persist":
        machine.writes.push(effect);
        break;
      case "send":
        this.#post(machine.id, effect.to, effect.message);
        break;
      case "apply":
        for (const entry of effect.entries) this.#apply(machine, entry);
        this.step(machine.id, { kind: "applied", index: machine.store.index });
        break;
      case "sendSnapshot":
        this.snapshots.push({ from: machine.id, to: effect.to, epoch: effect.epoch });
        break;
      case "installSnapshot":
        machine.installs.push({ from: effect.from, point: effect.point });
        break;
      case "membershipSettled":
        this.#checkSettled(machine, effect.index);
        this.answers.push({ member: machine.id, effect });
        break;
      case "readReady":
      case "accepted":
      case "rejected":
      case "transferred":
        this.answers.push({ member: machine.id, effect });
        break;
      case "roleChanged":
      case "membershipChanged":
        break;
    }
  }

  /** A majority of the voters would know it after a crash, and need nobody else. */
  #checkSettled({ id, core }: Machine<M, S>, index: number): void {
    const { membership } = core.status();
    assert.equal(membership.votersOutgoing.length, 0, `${id}: a joint membership is not settled`);
    const knows = (member: MemberId) => {
      const { disk, store } = this.at(member);
      if (Math.max(disk.base.index, store.index) >= index) return true;
      if (this.protocol.name !== "paxos") return disk.entries.some((entry) => entry.index >= index);
      // There a membership governs for those that know it to be chosen.
      return ((disk.state as { commit?: number } | undefined)?.commit ?? 0) >= index;
    };
    // Whoever prepares a ballot without the ones left out needs one of those that know.
    const sizes = this.options.core?.paxosQuorums ?? majorities;
    const isSettled = isAcceptQuorum(sizes, membership, knows);
    assert(isSettled, `${id} tells the membership at ${index} as settled, which a crash may undo`);
  }

  #apply(machine: Machine<M, S>, entry: Entry): void {
    assert.equal(entry.index, machine.store.index + 1, "applied in order, each once");
    const onDisk = machine.disk.entries.find((other) => other.index === entry.index);
    assert.deepEqual(onDisk, entry, "applied before it was on this member's disk");
    this.#chosen.note(entry, "two members applied different entries");
    machine.applied.push(entry);
    machine.store = advance(machine.store, entry);
  }

  #post(from: MemberId, to: MemberId, message: M): void {
    // Through the codec, so that every test is one of the codec too; entries that are kept are
    // copied, because views share the buffer of a message.
    if (!this.machines.has(to)) return;
    this.letters.push({ from, to, bytes: this.protocol.encodeMessage(message) });
  }

  #createCore(id: MemberId, disk: Machine<M, S>["disk"], applied: number): Core<M, S> {
    const priority = this.options.priorities?.[id];
    disk.entries.sort((one, other) => one.index - other.index);
    return this.protocol.create(
      {
        heartbeatTicks: 2,
        electionTicks: 10,
        tickMs: 10,
        random: () => 0.5,
        ...this.options.core,
        id,
        ...(priority !== undefined && { priority }),
      },
      { state: disk.state, base: disk.base, entries: disk.entries, applied },
    );
  }
}

/** A cluster of voters named a, b, c, ... */
export function clusterOf<M, S>(
  protocol: Protocol<M, S>,
  count: number,
  options: Partial<ClusterOptions> = {},
): Cluster<M, S> {
  const voters = Array.from({ length: count }, (_, i) => String.fromCharCode(97 + i));
  return new Cluster(protocol, { membership: membershipOf(voters), ...options });
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function advance(point: LogPoint, entry: Entry): LogPoint {
  const membership =
    entry.kind === "membership"
      ? decodeMembershipEntry(entry.payload).membership
      : point.membership;
  return { index: entry.index, epoch: entry.epoch, proposer: entry.proposer, membership };
}
