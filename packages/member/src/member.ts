// One member, put together: inputs are stepped into the core as they come, and once per turn the
// effects of all of them are carried out in order. Longer than most files, because this is the one
// place where every part meets, and the order in which it calls them is the point.

import type {
  Core,
  Effect,
  Input,
  LogPoint,
  MemberId,
  Membership,
  MembershipChange,
} from "@althing/consensus";
import { encodeMembership, isMember, membersOf } from "@althing/consensus";
import { type Log, openLog } from "@althing/log";
import { Acquaintances } from "./acquaintances.ts";
import { AdminRequests } from "./admin.ts";
import { Applier } from "./applier.ts";
import { Compaction } from "./compaction.ts";
import {
  type Member,
  MemberError,
  type MemberErrorCode,
  type MemberOptions,
  type MemberStatus,
  type ProposeOutcome,
  type Reconfiguration,
} from "./contract.ts";
import { DiskJudge } from "./disk-watch.ts";
import { Fences } from "./fences.ts";
import { Fitness } from "./fitness.ts";
import { LogWriter } from "./log-writer.ts";
import { Maintenance } from "./maintenance.ts";
import { MembershipTrack } from "./membership-track.ts";
import type { MemberEvent, PeerMessage, Ports } from "./ports.ts";
import { Promoter } from "./promotion.ts";
import { Proposals } from "./proposals.ts";
import { Publisher, publicationsIn } from "./publish.ts";
import { Reads } from "./reads.ts";
import { Reconfigurations } from "./reconfigurations.ts";
import { recover } from "./recovery.ts";
import type { MemberRecord } from "./roster/records.ts";
import { Roster } from "./roster/roster.ts";
import { SnapshotInstaller } from "./snapshots/installer.ts";
import { SnapshotReceiver } from "./snapshots/receiver.ts";
import { SnapshotSender } from "./snapshots/sender.ts";
import { StateHashes } from "./state-hash.ts";
import type { StateMachine } from "./state-machine.ts";
import { StatePressure } from "./state-pressure.ts";
import type { Steward, StewardHost } from "./steward.ts";
import { Ticker } from "./ticker.ts";
import {
  ADMIN_TOKENS,
  FENCE_TOKEN,
  type Leadership,
  READ_TOKENS,
  type Turn,
  type Waits,
} from "./turn.ts";

const REQUEST_BYTES_MAX = 1.5 * 1024 * 1024;
const PROPOSALS_IN_FLIGHT_MAX = 32 * 1024;
const CATCH_UP_ENTRIES = 5000;
const SLOW_APPLY_MS = 100;

/** Opens log and core. Throws `LogError` or `RecoveryError` when what is on disk is not enough. */
export function createMember<Result, Machine extends StateMachine<Result>>(
  options: MemberOptions<Result, Machine>,
): Member<Result, Machine> {
  return new RunningMember(options);
}

class RunningMember<Result, Machine extends StateMachine<Result>>
  implements Member<Result, Machine>, Turn
{
  readonly id: MemberId;
  readonly stateMachine: Machine;
  readonly core: Core<unknown, unknown>;
  readonly ports: Ports;
  readonly waits: Waits;
  leadership: Leadership;

  readonly #log: Log;
  readonly #track: MembershipTrack;
  readonly #fitness: Fitness;
  readonly #writer: LogWriter;
  readonly #pressure: StatePressure;
  readonly #diskJudge: DiskJudge;
  readonly #fences: Fences;
  readonly #proposals: Proposals;
  readonly #reads: Reads;
  readonly #admin: AdminRequests;
  readonly #hashes: StateHashes;
  readonly #applier: Applier;
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;
  readonly #installer: SnapshotInstaller;
  readonly #compaction: Compaction;
  readonly #publisher: Publisher;
  readonly #reconfigurations: Reconfigurations;
  readonly #promoter: Promoter;
  readonly #roster: Roster;
  readonly #steward: Steward | undefined;
  readonly #maintenance: Maintenance;
  readonly #ticker: Ticker;

  readonly #slowApplyMs: number;
  readonly #appliedListeners: ((appliedIndex: number) => void)[] = [];
  #state: "running" | "failed" | "corrupt" | "stopped" = "running";
  #scheduled = false;
  #stopping: { readonly done: (() => void)[]; readonly deadlineMs: number } | undefined;
  /** The membership applied last has this member in it. */
  #belonged: boolean;
  /** A majority disagrees with this member, or the replicated state says so of it. */
  #isOdd = false;
  #wasNamedCorrupt = false;
  readonly #tornBytes: number;

  constructor(options: MemberOptions<Result, Machine>) {
    const { id, protocol, ports, stateMachine: machine, tickMs } = options;
    this.id = id;
    this.stateMachine = machine;
    this.ports = ports;
    this.#slowApplyMs = options.slowApplyMs ?? SLOW_APPLY_MS;
    const electionMs = options.electionTicks * tickMs;
    // Long enough to outlive an election, as etcd's.
    const requestMs = options.requestTimeoutMs ?? 5000 + 2 * electionMs;
    this.waits = { tickMs, electionMs, requestMs };
    this.#log = openLog(ports.disk, {
      base: { index: 0, epoch: 0, proposer: "", meta: encodeMembership(options.bootstrap) },
      ...(options.segmentBytes !== undefined && { segmentBytes: options.segmentBytes }),
      ...(options.crc32 !== undefined && { crc32: options.crc32 }),
    });
    this.#tornBytes = this.#log.recovered.tornBytes;
    const point = machine.durable();
    const recovery = recover(protocol, this.#log, point, options.bootstrap);
    this.core = protocol.create(
      {
        id,
        heartbeatTicks: options.heartbeatTicks,
        electionTicks: options.electionTicks,
        tickMs,
        random: ports.random,
        ...(options.priority !== undefined && { priority: options.priority }),
        ...(options.reads !== undefined && { reads: options.reads }),
        ...(options.clockDriftMax !== undefined && { clockDriftMax: options.clockDriftMax }),
        ...(options.coreLimits !== undefined && { limits: options.coreLimits }),
        ...(options.paxosQuorums !== undefined && { paxosQuorums: options.paxosQuorums }),
      },
      recovery.restored,
    );
    const { role, epoch, leader } = this.core.status();
    this.leadership = { role, epoch, leader };
    this.#track = new MembershipTrack(recovery.memberships);
    this.#belonged = membersOf(this.#track.applied).includes(id);
    this.#fitness = new Fitness(this);
    this.#writer = new LogWriter(this, this.#log, protocol);
    this.#diskJudge = new DiskJudge(electionMs);
    this.#fences = new Fences(this, protocol, point.meta);
    this.#roster = new Roster(options.keptRoster, point.meta);
    this.#reads = new Reads(this, this.#fences);
    this.#pressure = new StatePressure(this, machine);
    const fences = this.#fences;
    const asking = { reads: this.#reads, pressure: this.#pressure, fences };
    this.#proposals = new Proposals(this, asking, {
      inFlightMax: options.proposalsInFlightMax ?? PROPOSALS_IN_FLIGHT_MAX,
      requestBytesMax: options.requestBytesMax ?? REQUEST_BYTES_MAX,
    });
    this.#admin = new AdminRequests(this);
    this.#hashes = new StateHashes(this);
    const roster = this.#roster;
    const isShort = options.isShort ?? (() => false);
    const shared = { machine, roster, proposals: this.#proposals, track: this.#track };
    this.#applier = new Applier(this, {
      ...shared,
      isShort: isShort as (result: unknown) => boolean,
      fences,
      hashes: this.#hashes,
    });
    this.#sender = new SnapshotSender(this, machine, this.#track);
    this.#receiver = new SnapshotReceiver(this, machine, protocol);
    this.#installer = new SnapshotInstaller(
      this,
      { log: this.#log, protocol, receiver: this.#receiver },
      () => this.#writer.isIdle && !this.#applier.hasWork,
      (point) => this.#snapshotTookPlace(point),
    );
    this.#compaction = new Compaction(
      this,
      { log: this.#log, machine, track: this.#track, heldAt: () => this.#sender.heldAt() },
      recovery.restored.base.index,
      {
        snapshotCount: options.snapshotCount,
        catchUpEntries: options.catchUpEntries ?? CATCH_UP_ENTRIES,
      },
    );
    const { entries, applied } = recovery.restored;
    const acquaintances = new Acquaintances(ports.disk);
    if (acquaintances.wasUnreadable) {
      this.observe({ kind: "acquaintances.lost", level: "warn" });
    }
    this.#publisher = new Publisher(
      this,
      { ...shared, acquaintances },
      options,
      publicationsIn(roster, entries, applied),
    );
    const administered = { ...shared, admin: this.#admin, publisher: this.#publisher };
    this.#reconfigurations = new Reconfigurations(this, administered);
    this.#promoter = new Promoter(this, administered);
    this.#steward = options.steward?.(this.#host());
    this.#maintenance = new Maintenance(ports.clock, machine);
    this.#ticker = new Ticker(ports.clock, tickMs, (lateMs) => this.#tick(lateMs));
    if (recovery.resetLog !== undefined) this.#writer.follow(recovery.resetLog, "reset");
    if (recovery.compactLog !== undefined) this.#writer.follow(recovery.compactLog, "compact");
  }

  // ------------------------------------------------------------------------- as the doors see it

  start(): void {
    const { firstIndex, lastIndex, appliedIndex } = this.core.status();
    this.observe({
      kind: "member.started",
      level: "info",
      appliedIndex,
      lastIndex,
      baseIndex: firstIndex - 1,
      tornBytes: this.#tornBytes,
    });
    this.#checkState();
    this.#ticker.start();
    this.schedule();
  }

  roster(): readonly MemberRecord[] {
    return this.#roster.members();
  }

  propose(command: Uint8Array, done: (outcome: ProposeOutcome<Result>) => void): void {
    const refusal = this.#refusal();
    if (refusal === undefined) this.#proposals.propose(command, done as Proposed);
    else this.#later(() => done({ kind: "failed", error: refusal }));
  }

  read(done: (error: MemberError | undefined) => void): void {
    const refusal = this.#refusal();
    if (refusal === undefined) this.#reads.read(done);
    else this.#later(() => done(refusal));
  }

  changeMembership(
    changes: readonly MembershipChange[],
    context: Uint8Array,
    done: (error: MemberError | undefined) => void,
  ): void {
    const refusal = this.#refusal() ?? this.#publisher.changeRefusal(changes);
    if (refusal === undefined) this.#admin.change(changes, context, done);
    else this.#later(() => done(refusal));
  }

  reconfigure(request: Reconfiguration, done: (error: MemberError | undefined) => void): void {
    const refusal = this.#refusal();
    if (refusal === undefined) this.#reconfigurations.ask(request, done);
    else this.#later(() => done(refusal));
  }

  transferLeadership(to: MemberId, done: (error: MemberError | undefined) => void): void {
    const refusal = this.#refusal();
    if (refusal === undefined) this.#admin.transfer(to, done);
    else this.#later(() => done(refusal));
  }

  status(): MemberStatus {
    return {
      ...this.core.status(),
      // A core that is no longer driven does not know that it leads no more.
      ...(!this.#isActing && { role: "follower", leader: undefined }),
      state: this.#state,
      logBytes: this.#log.bytes,
      diskStalledMs: this.#writer.stalledMs,
      proposalsPending: this.#proposals.pending,
      reads: this.#reads.counts,
    };
  }

  onApplied(listener: (appliedIndex: number) => void): () => void {
    this.#appliedListeners.push(listener);
    return () => {
      const place = this.#appliedListeners.indexOf(listener);
      if (place >= 0) this.#appliedListeners.splice(place, 1);
    };
  }

  stop(done: () => void): void {
    if (this.#state === "stopped") {
      this.#later(done);
    } else if (this.#stopping !== undefined) {
      this.#stopping.done.push(done);
    } else {
      const deadlineMs = this.ports.clock.monotonicMs() + 2 * this.waits.electionMs;
      this.#stopping = { done: [done], deadlineMs };
      if (this.#isActing) this.#fitness.set("stopping", true);
      this.schedule();
    }
  }

  // --------------------------------------------------------------------- as the transport sees it

  receive(from: MemberId, message: PeerMessage): void {
    if (!this.#isActing) return;
    this.#proposals.heard(from);
    switch (message.kind) {
      case "protocol":
        this.step({ kind: "receive", from, message: message.message });
        this.schedule();
        break;
      case "forward":
        this.#proposals.receiveForward(from, message.payloads);
        break;
      case "forwardRejected":
        this.#proposals.receiveRejected(message.session, message.requests, message.reason);
        break;
      case "stateHash":
        this.#hashes.receive(from, message.index, message.hash);
        break;
      case "snapshotBegin":
        this.#receiver.begin(from, message.stream, message.epoch, message.point);
        break;
      case "snapshotChunk": {
        const { stream, sequence, bytes, last } = message;
        this.#receiver.chunk(from, stream, sequence, bytes, last);
        break;
      }
      case "snapshotAck":
        this.#sender.acknowledged(from, message.stream, message.next, message.refused);
        break;
      case "adminForward":
        this.#reconfigurations.receiveForward(from, message);
        break;
      case "adminDone":
        this.#reconfigurations.receiveDone(message);
        break;
      case "service":
        this.#steward?.receive(from, message.bytes);
    }
  }

  connected(peer: MemberId): void {
    this.#hint({ kind: "connected", peer });
    if (!this.#isActing) return;
    this.#proposals.connected(peer);
    this.#sender.connected(peer);
  }

  disconnected(peer: MemberId): void {
    this.#hint({ kind: "disconnected", peer });
    if (this.#isActing) this.#proposals.disconnected(peer);
  }

  unreachable(peer: MemberId): void {
    this.#hint({ kind: "unreachable", peer });
  }

  admit(peer: MemberId, incarnation: string, memberAsOf = 0): string | undefined {
    return this.#publisher.refusal(peer, incarnation, memberAsOf);
  }

  identityOf(peer: MemberId): string | undefined {
    return this.#publisher.identityOf(peer);
  }

  belongs(): boolean {
    return this.#belonged;
  }

  knownWithout(peer: MemberId): number | undefined {
    // Not the state's: an installed snapshot is in place before its membership is known here.
    const { appliedIndex } = this.core.status();
    return membersOf(this.#track.applied).includes(peer) ? undefined : appliedIndex;
  }

  memberAsOf(peer: MemberId): number {
    return isMember(this.#track.applied, peer)
      ? this.#track.changedAt
      : this.core.status().appliedIndex + 1;
  }

  hasLeftSince(peer: MemberId, index: number): boolean {
    const { membership, appliedIndex, lastIndex } = this.core.status();
    if (isMember(membership, peer)) return false;
    // Its removal is in the log, whether or not this member knows yet that it was decided.
    const known = isMember(this.#track.applied, peer) ? lastIndex : appliedIndex;
    return index <= known;
  }

  // -------------------------------------------------------------------------- as the parts see it

  step(input: Input<unknown>): void {
    if (this.#state === "failed" || this.#state === "stopped") return;
    try {
      this.core.step(input, this.ports.clock.monotonicMs());
    } catch (cause) {
      this.fail("the protocol found itself in an impossible state", cause);
    }
  }

  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.ports.clock.soon(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  send(to: MemberId, message: PeerMessage): void {
    // A write that was under way when another part failed may still end: nobody hears of it.
    if (this.#state === "failed" || this.#state === "stopped") return;
    this.ports.peers.send(to, message);
  }

  observe(event: MemberEvent): void {
    this.ports.observe(event);
  }

  guard(run: () => void): void {
    try {
      run();
    } catch (cause) {
      this.observe({ kind: "callback.threw", level: "error", cause });
    }
  }

  fail(reason: string, cause: unknown): void {
    if (this.#state === "failed" || this.#state === "stopped") return;
    // Whoever can lead is told at once; nothing that would need this disk leaves any more.
    try {
      this.core.step({ kind: "stepDown" }, this.ports.clock.monotonicMs());
      for (const effect of this.core.effects()) {
        if (effect.kind === "send") this.send(effect.to, protocolMessage(effect.message));
      }
    } catch {
      // The core itself is what failed.
    }
    this.#state = "failed";
    this.observe({ kind: "member.failed", level: "error", reason, cause });
    this.#ticker.stop();
    this.#maintenance.stop();
    this.#sender.abortAll();
    this.leadership = { ...this.leadership, role: "follower", leader: undefined };
    this.#answerAll("failed", `this member failed: ${reason}`);
    this.schedule();
  }

  /** The member as its steward sees it. */
  #host(): StewardHost<Result> {
    const member = this;
    const { id, waits } = member;
    return {
      id,
      waits,
      clock: member.ports.clock,
      session: member.#proposals.session,
      get leadership() {
        return member.leadership;
      },
      refusal: () => member.#refusal(),
      propose: (command, done) => member.#proposals.propose(command, done as Proposed),
      proposeAsLeader: (command, done) =>
        member.#proposals.proposeAsLeader(command, done as Proposed),
      read: (done) => member.#reads.read(done),
      send: (to, bytes) => member.send(to, { kind: "service", bytes }),
      observe: (event) => member.observe(event),
      guard: (run) => member.guard(run),
    };
  }

  // -------------------------------------------------------------------------------------- the turn

  /** Still takes part in the protocol. */
  get #isActing(): boolean {
    return this.#state === "running" || this.#state === "corrupt";
  }

  /** There is something, and the state machine has room for it. */
  get #mayApply(): boolean {
    return this.#applier.hasWork && !this.#pressure.isBehind;
  }

  #flush(): void {
    let applied = false;
    for (;;) {
      if (!this.#isActing) break;
      const proposed = this.#fences.stepAsLeader() || this.#proposals.stepAsLeader();
      const asked = this.#reads.step();
      if (!this.#isActing) break;
      const effects = this.#effects();
      this.#send(effects);
      for (const effect of effects) {
        this.#perform(effect);
        if (!this.#isActing) break;
      }
      if (effects.length > 0 || proposed || asked) continue;
      if (applied || !this.#mayApply) break;
      applied = this.#applyPiece();
      if (!applied) break;
    }
    if (this.#isActing) {
      this.#proposals.stepAsFollower();
      this.#proposals.flushRefusals();
      this.#receiver.turnEnded();
      this.#installer.maybeInstall();
      if (this.#mayApply) this.schedule();
      if (applied) this.#tellApplied();
    }
    this.#maybeFinishStop();
  }

  /** What may leave beside the disk leaves before it is given work: the followers' begin sooner. */
  #send(effects: readonly Effect<unknown, unknown>[]): void {
    let hasSent = false;
    for (const effect of effects) {
      if (effect.kind !== "send") continue;
      this.send(effect.to, protocolMessage(effect.message));
      hasSent = true;
    }
    if (hasSent) this.ports.peers.flush?.();
  }

  #effects(): Effect<unknown, unknown>[] {
    try {
      return this.core.effects();
    } catch (cause) {
      this.fail("the protocol found itself in an impossible state", cause);
      return [];
    }
  }

  #perform(effect: Effect<unknown, unknown>): void {
    switch (effect.kind) {
      case "send":
        // It has left: see `#send`.
        break;
      case "persist":
        this.#writer.persist(effect);
        break;
      case "apply":
        this.#applier.add(effect.entries);
        break;
      case "readReady":
        this.#reads.ready(effect.token, effect.index, this.stateMachine.appliedIndex);
        break;
      case "accepted":
        if (effect.token === FENCE_TOKEN) break;
        if (effect.token >= ADMIN_TOKENS) this.#admin.accepted(effect.token, effect.index);
        else this.#proposals.accepted(effect.token);
        break;
      case "rejected":
        if (effect.token === FENCE_TOKEN) this.#fences.rejected();
        else if (effect.token >= ADMIN_TOKENS) this.#admin.rejected(effect.token, effect.reason);
        else if (effect.token >= READ_TOKENS) this.#reads.rejected(effect.token, effect.reason);
        else this.#proposals.rejected(effect.token, effect.reason);
        break;
      case "transferred":
        this.#admin.transferred(effect.token);
        break;
      case "membershipSettled":
        this.#admin.membershipSettled(effect.index);
        break;
      case "sendSnapshot":
        this.#sender.start(effect.to, effect.epoch);
        break;
      case "installSnapshot":
        this.#installer.request(effect.point);
        break;
      case "roleChanged":
        this.#roleChanged(effect);
        break;
      case "membershipChanged":
        this.observe({ kind: "membership.changed", level: "info", ...effect.membership });
    }
  }

  #roleChanged({ role, epoch, leader }: Leadership): void {
    const hasLed = this.leadership.role === "leader";
    this.leadership = { role, epoch, leader };
    this.observe({ kind: "role.changed", level: "info", role, epoch, leader });
    // A follower's streams go on: in Paxos it brings the proposer that is about to lead up to date.
    if (hasLed && role !== "leader") this.#sender.abortAll();
    this.#proposals.leadershipChanged();
    this.#reads.leadershipChanged();
    this.#admin.leadershipChanged();
    this.#steward?.leadershipChanged();
  }

  #applyPiece(): boolean {
    const startMs = this.ports.clock.monotonicMs();
    const piece = this.#applier.applyPiece();
    if (piece === undefined) return false;
    const { index, count, bytes } = piece;
    const tookMs = this.ports.clock.monotonicMs() - startMs;
    if (tookMs > this.#slowApplyMs) {
      this.observe({ kind: "apply.slow", level: "warn", tookMs, index, count, bytes });
    }
    this.step({ kind: "applied", index });
    this.#reads.applied(index);
    this.#hashes.applied(index);
    if (piece.membershipChanged) {
      const { applied } = this.#track;
      this.#admin.membershipApplied(this.#track.changedAt);
      this.#noteBelonging(applied);
      this.#publisher.membershipApplied();
    }
    this.#compaction.applied(index, bytes);
    this.observe({ kind: "entries.applied", level: "debug", index, count, bytes });
    return true;
  }

  #noteBelonging(membership: Membership): void {
    const belongs = membersOf(membership).includes(this.id);
    if (this.#belonged && !belongs) this.observe({ kind: "member.removed", level: "warn" });
    this.#belonged = belongs;
  }

  #tellApplied(): void {
    const { appliedIndex } = this.stateMachine;
    for (const listener of [...this.#appliedListeners]) this.guard(() => listener(appliedIndex));
  }

  #tick(lateMs: number): void {
    if (!this.#isActing) return;
    if (lateMs >= this.waits.tickMs) {
      this.observe({ kind: "loop.stalled", level: "warn", lateMs });
    }
    this.#pressure.tick();
    if (!this.#isActing) return;
    const nowMs = this.ports.clock.monotonicMs();
    const leads = this.leadership.role === "leader";
    const isStalled = this.#diskJudge.isStalled(this.#writer.stalledMs, nowMs, leads);
    this.#fitness.set("diskStalled", isStalled);
    this.step({ kind: "tick" });
    this.#fences.tick();
    this.#proposals.tick(nowMs);
    this.#reads.tick(nowMs);
    this.#admin.tick(nowMs);
    this.#reconfigurations.tick(nowMs);
    this.#steward?.tick(nowMs);
    this.#sender.tick(nowMs);
    this.#hashes.tick(nowMs, membersOf(this.#track.applied));
    this.#checkState();
    if (this.#stopping === undefined) {
      this.#publisher.tick();
      this.#promoter.tick(nowMs);
    }
    this.#maintenance.tick();
    this.schedule();
  }

  #snapshotTookPlace(point: LogPoint): void {
    this.#track.reset(point.index, point.membership);
    const { meta } = this.stateMachine.durable();
    this.#fences.reset(meta);
    this.#roster.reset(meta);
    this.#noteBelonging(point.membership);
    this.#publisher.membershipApplied();
    this.#compaction.reset(point.index);
    this.#hashes.reset();
    this.#applier.clear();
    this.#reads.applied(point.index);
    this.#checkState();
    this.#tellApplied();
  }

  // ------------------------------------------------------------------------- failing, fenced, ending

  /** Compares what this member knows of its own state with what the others say of it. */
  #checkState(): void {
    const named = this.#steward?.corruptMembers?.() ?? [];
    const odd = this.#hashes.disputed ? this.#hashes.oddMembers(this.#track.applied) : [];
    const isNamed = named.includes(this.id);
    if (odd.includes(this.id)) this.#isOdd = true;
    else if (this.#wasNamedCorrupt && !isNamed) this.#isOdd = false;
    this.#wasNamedCorrupt = isNamed;
    const isCorrupt = this.#isOdd || isNamed;
    if (isCorrupt && this.#state === "running") {
      this.#state = "corrupt";
      this.observe({ kind: "member.corrupt", level: "error" });
      this.#answerAll("corrupt", "the state of this member differs from the others'");
      this.#fitness.set("corrupt", true);
    } else if (!isCorrupt && this.#state === "corrupt") {
      this.#state = "running";
      this.observe({ kind: "member.recovered", level: "info" });
      this.#fitness.set("corrupt", false);
    }
    const unnamed = odd.find((id) => !named.includes(id));
    if (unnamed === undefined || this.leadership.role !== "leader") return;
    this.#steward?.foundOdd?.(unnamed);
  }

  #refusal(): MemberError | undefined {
    if (this.#state === "failed") {
      return new MemberError("failed", "notExecuted", "this member failed and must be restarted");
    }
    if (this.#state === "corrupt") {
      const message = "the state of this member differs from the others': it serves nothing";
      return new MemberError("corrupt", "notExecuted", message);
    }
    if (this.#state === "stopped" || this.#stopping !== undefined) {
      return new MemberError("stopped", "notExecuted", "this member is stopping");
    }
    return undefined;
  }

  #answerAll(code: MemberErrorCode, message: string): void {
    this.#proposals.failAll(code, message);
    this.#reads.failAll(code, message);
    this.#admin.failAll(code, message);
    this.#reconfigurations.failAll(code, message);
    this.#steward?.failAll(code, message);
  }

  #hint(input: Input<unknown>): void {
    if (!this.#isActing) return;
    this.step(input);
    this.schedule();
  }

  #later(run: () => void): void {
    this.ports.clock.soon(() => this.guard(run));
  }

  /** Leadership is handed over and everything asked is answered, or it has taken long enough. */
  #maybeFinishStop(): void {
    const stopping = this.#stopping;
    if (stopping === undefined || this.#state === "stopped") return;
    const isLate = this.ports.clock.monotonicMs() >= stopping.deadlineMs;
    const isBusy = this.leadership.role === "leader" || this.#proposals.pending > 0;
    if (this.#isActing && isBusy && !isLate) return;
    const wasFailed = this.#state === "failed";
    this.#state = "stopped";
    this.#ticker.stop();
    this.#maintenance.stop();
    this.#sender.abortAll();
    this.#receiver.abort();
    this.#answerAll("stopped", "this member stopped");
    const finish = () => {
      this.stateMachine.close(() => {
        this.observe({ kind: "member.stopped", level: "info" });
        for (const done of stopping.done) this.guard(done);
      });
    };
    this.#log.close(() => {
      if (wasFailed) finish();
      else this.stateMachine.flush(finish);
    });
  }
}

/** What the state machine answers is known where it is made and where it is asked for, not in between. */
type Proposed = (outcome: ProposeOutcome) => void;

function protocolMessage(message: unknown): PeerMessage {
  return { kind: "protocol", message };
}
