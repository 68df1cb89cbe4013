// All machines of a run and the processes on them: starting, killing and watching over them as an
// operator's supervisor does. The member, its core, log and store are production's own; this file
// only gives them ports.
// Longer than most files, because one life of a process, from its start to its end, is told in one piece.

import { isMember, type Membership, type Protocol } from "@althing/consensus";
import type { Member, MemberEvent, MemberRecord, PeerMessage } from "@althing/member";
import { proposeFor } from "@althing/service";
import type { Checkers } from "../checkers/checkers.ts";
import { Device } from "../disk/device.ts";
import { diskPort } from "../disk/disk-port.ts";
import { type Endpoint, Network } from "../network/network.ts";
import { observedProtocol } from "../observe/observed-protocol.ts";
import { MemberWatch } from "../observe/watch-member.ts";
import { Windows } from "../observe/windows.ts";
import type { SimulationOptions } from "../options/options.ts";
import { drawSettings } from "../options/swarm.ts";
import type { Prng } from "../random/prng.ts";
import type { TraceEvent } from "../trace/events.ts";
import type { Trace } from "../trace/trace.ts";
import type { RunningMember, Service } from "../workload/service.ts";
import { clockPort } from "../world/clock.ts";
import type { World } from "../world/world.ts";
import { Machine, ordinalOf, type Process } from "./machine.ts";
import { networkTrace } from "./network-trace.ts";
import type { MemberSettings, OpenMachine } from "./open-machine.ts";
import { restartOf, type StoreOnDisk, storeOf } from "./restart.ts";
import { openStoreMachine } from "./store-machine.ts";

export interface ClusterParts {
  readonly world: World;
  readonly trace: Trace;
  readonly checkers: Checkers;
  readonly prng: Prng;
  readonly options: SimulationOptions;
  readonly protocol: Protocol;
  /** Passes a message through the production encoding and back. */
  readonly recode: (message: PeerMessage) => PeerMessage;
  readonly crc32: ((bytes: Uint8Array, seed?: number) => number) | undefined;
  /** The key-value store and its service if not given. */
  readonly openMachine?: OpenMachine;
}

const noMembership: Membership = {
  voters: [],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
};

/** How long a supervisor waits before it starts a failed process again. */
const restartDelayMicros = 300_000;

export class Cluster {
  readonly machines: readonly Machine[];
  readonly network: Network;
  readonly windows = new Windows();
  readonly #parts: ClusterParts;
  readonly #bootstrap: Membership;
  readonly #watches: readonly MemberWatch[];

  constructor(parts: ClusterParts) {
    const { world, trace, prng, options, protocol, checkers } = parts;
    this.#parts = parts;
    const clocks = prng.split("clocks");
    const count = options.voters + options.learners + options.spares;
    this.machines = Array.from({ length: count }, (_, ordinal) => {
      const rate = 1 + (clocks.random() * 2 - 1) * options.clockSkew;
      const machine = new Machine(world, ordinal, {
        rate,
        wallOffsetMs: clocks.between(-5000, 5000),
      });
      machine.disk.faults.lying = options.lyingDisks;
      machine.disk.store.isLying = options.lyingDisks;
      return machine;
    });
    const ids = this.machines.map((machine) => machine.id);
    this.#bootstrap = {
      voters: ids.slice(0, options.voters),
      votersOutgoing: [],
      learners: ids.slice(options.voters, options.voters + options.learners),
      learnersNext: [],
    };
    checkers.commitQuorum.founded(this.#bootstrap);
    const electionMicros = options.electionTicks * options.tickMs * 1000;
    this.#watches = this.machines.map(
      (machine) =>
        new MemberWatch({
          machine,
          checkers,
          trace,
          protocol,
          ordinalOf,
          invariantsEvery: options.invariantsEvery,
          windows: this.windows,
          shortened: (close) => world.after(3 * options.disk.sync, undefined, close),
          handover:
            options.reads === "lease"
              ? (close) => world.after(electionMicros, undefined, close)
              : undefined,
        }),
    );
    this.network = new Network(
      world,
      options.network,
      prng.split("network"),
      networkTrace(trace, protocol),
    );
  }

  /** Starts the machines that are members from the beginning. */
  boot(): void {
    const { options } = this.#parts;
    for (const machine of this.machines.slice(0, options.voters + options.learners)) {
      this.start(machine);
    }
  }

  start(machine: Machine): void {
    if (machine.process !== undefined) return;
    const { world, trace, prng } = this.#parts;
    machine.lives++;
    machine.turns.generation++;
    machine.turns.held.length = 0;
    machine.turns.stalledUntil = 0;
    machine.wasStopped = false;
    machine.errorsBefore = machine.disk.faults.given;
    const chance = prng.split(`life ${machine.ordinal} ${machine.lives}`);
    const options = this.#settingsOf(machine, chance.split("settings"));
    const turns = machine.turns;
    const disk = diskPort({
      world,
      turns,
      disk: machine.disk,
      device: new Device(world, machine.disk, options.disk, chance.split("disk")),
      trace: this.#diskTrace(machine),
    });
    const late = chance.split("turns");
    const clock = clockPort({
      world,
      machine: machine.clock,
      turns,
      turnMicros: () => late.below(options.turnMicrosMax + 1),
      lateMicros: () => late.below(options.timerLateMicrosMax + 1),
    });
    const watch = this.#watches[machine.ordinal] as MemberWatch;
    try {
      const checksum = this.#parts.crc32 === undefined ? {} : { crc32: this.#parts.crc32 };
      const open = this.#parts.openMachine ?? openStoreMachine;
      const memberOptions: MemberSettings = {
        id: machine.id,
        protocol: observedProtocol(this.#parts.protocol, watch),
        ports: {
          clock,
          disk,
          peers: {
            send: (to, message) => this.#send(machine, to, message),
            bulkBacklog: (to) => this.network.bulkBacklog(machine.ordinal, ordinalOf(to)),
          },
          random: () => chance.random(),
          observe: (event) => this.#observed(machine, event),
        },
        bootstrap: this.#bootstrapOf(machine),
        incarnation: machine.incarnation,
        attributes: { name: machine.name, peerUrls: [], clientUrls: [] },
        tickMs: options.tickMs,
        heartbeatTicks: options.heartbeatTicks,
        electionTicks: options.electionTicks,
        priority: options.priorities[machine.ordinal] ?? options.priorities.at(-1) ?? 1,
        reads: options.reads,
        clockDriftMax: options.clockDriftMax,
        snapshotCount: options.snapshotCount,
        catchUpEntries: options.catchUpEntries,
        requestTimeoutMs: options.requestTimeoutMs,
        proposalsInFlightMax: options.proposalsInFlightMax,
        segmentBytes: options.segmentBytes,
        ...checksum,
        ...(options.paxosQuorums !== undefined && { paxosQuorums: options.paxosQuorums }),
        coreLimits: {
          messageBytesMax: options.messageBytesMax,
          messagesInFlightMax: options.messagesInFlightMax,
          uncommittedBytesMax: options.uncommittedBytesMax,
        },
      };
      const { member, clients } = open({
        world,
        machine,
        options,
        chance,
        watch,
        trace: this.#diskTrace(machine),
        memberOptions,
        ...checksum,
      });
      const process: Process = {
        member,
        clients,
        life: `${machine.name} life ${machine.lives}`,
        onDeath: new Set(),
        stopping: false,
      };
      machine.process = process;
      const { appliedIndex } = member.stateMachine;
      trace.add("started", machine.ordinal, machine.lives, appliedIndex, 0, (at) => ({
        kind: "started",
        at,
        member: machine.ordinal,
        life: machine.lives,
        applied: appliedIndex,
      }));
      member.start();
      this.network.attach(machine.ordinal, this.#endpoint(machine, process));
    } catch (error) {
      this.#startFailed(machine, error);
    }
  }

  /** The process is gone at once; with `power` the machine's unsynced writes are at risk. */
  kill(machine: Machine, why: string, power: boolean): void {
    const { process } = machine;
    const { trace, prng } = this.#parts;
    if (process !== undefined) {
      trace.text("stopped", why, (at) => ({ kind: "stopped", at, member: machine.ordinal, why }));
      machine.process = undefined;
      this.windows.crashed(machine.ordinal);
      machine.turns.generation++;
      machine.turns.held.length = 0;
      machine.turns.stalledUntil = 0;
      machine.turns.turnCost = 0;
      this.network.detach(machine.ordinal, !power);
      for (const tell of [...process.onDeath]) tell();
    }
    const fate = `${machine.ordinal} ${machine.lives} ${trace.count}`;
    if (power) {
      machine.disk.cutPower(prng.split(`power ${fate}`));
      machine.disk.busyUntil = 0;
    } else machine.disk.endLife(prng.split(`end ${fate}`));
  }

  /** The disk is replaced by an empty one. */
  wipe(machine: Machine): void {
    machine.disk.wipe();
    machine.damaged = true;
    machine.incarnation = `disk-${machine.ordinal}-${machine.lives + 1}`;
    this.#parts.checkers.durability.wiped(machine.name);
    this.#parts.checkers.paxos.wiped(machine.name);
  }

  /** Whether a machine may hold more, or less, than its core was told. */
  isInDoubt(ordinal: number): boolean {
    const machine = this.machines[ordinal];
    return machine === undefined || machine.damaged || machine.wasStopped;
  }

  /** Whoever believes to lead in the newest epoch. */
  leader(): Machine | undefined {
    let best: Machine | undefined;
    let bestEpoch = -1;
    for (const machine of this.machines) {
      const status = machine.process?.member.status();
      if (status?.role === "leader" && status.epoch > bestEpoch) {
        best = machine;
        bestEpoch = status.epoch;
      }
    }
    return best;
  }

  /** The membership as the newest leader, or failing that anyone, has it. */
  membership(): Membership {
    const leader = this.leader();
    if (leader?.process !== undefined) return leader.process.member.status().membership;
    let best: Membership = this.#bootstrap;
    let bestIndex = -1;
    for (const machine of this.machines) {
      const status = machine.process?.member.status();
      if (status !== undefined && status.commitIndex > bestIndex) {
        best = status.membership;
        bestIndex = status.commitIndex;
      }
    }
    return best;
  }

  /** Undefined, too, where another state machine than the store runs. */
  serviceAt(ordinal: number): Service | undefined {
    const clients = this.machines[ordinal]?.process?.clients;
    const running = this.memberAt(ordinal);
    if (clients === undefined || running === undefined) return undefined;
    const { store, hub, watchRights, watches, succession, leases } = clients;
    // What the store answers: `clients` are there.
    const propose = running.propose as Service["propose"];
    return {
      ...running,
      store,
      hub,
      watchRights,
      watches,
      succession,
      askLease: (lease, renew, done) => leases.ask(lease, renew, done),
      propose,
      proposeFor: (asking, command, done) => {
        proposeFor({ propose, read: running.read }, asking, command, done);
      },
    };
  }

  memberAt(ordinal: number): RunningMember | undefined {
    const process = this.machines[ordinal]?.process;
    if (process === undefined || process.stopping) return undefined;
    return {
      life: process.life,
      machine: ordinal,
      enter: (run) => {
        const { turns } = this.machines[ordinal] as Machine;
        this.#parts.world.enter(turns, run);
      },
      propose: (command, done) => process.member.propose(command, done),
      read: (done) => process.member.read(done),
      onDeath: (run) => {
        process.onDeath.add(run);
        return () => process.onDeath.delete(run);
      },
    };
  }

  /** Failed processes end and are started again, as a supervisor would. */
  supervise(): void {
    const { world } = this.#parts;
    for (const machine of this.machines) {
      const { process } = machine;
      if (process === undefined) continue;
      const { state } = process.member.status();
      if (state === "running") continue;
      if (state === "corrupt") {
        this.#parts.checkers.verdicts.violate(
          "state hash",
          `${machine.name} fenced itself as corrupt`,
        );
        return;
      }
      if (state === "failed" && !machine.diskStruck && !machine.damaged) {
        this.#parts.checkers.verdicts.violate(
          "crash",
          `${machine.name} failed although nothing was wrong with its disk`,
        );
        return;
      }
      this.kill(machine, state, false);
      machine.downUntil = Math.max(machine.downUntil, world.now + restartDelayMicros);
      world.after(restartDelayMicros, undefined, () => this.startIfDue(machine));
    }
  }

  /** What the machine would be if its power went now, in one of the ways there are. */
  judgeAfterCrash(machine: Machine): void {
    const { checkers, trace, prng, options } = this.#parts;
    // A disk that lies keeps no promise, and a damaged one has broken its own.
    if (machine.damaged || machine.lives === 0 || options.lyingDisks) return;
    // It knows the store alone.
    if (this.#parts.openMachine !== undefined) return;
    const core = machine.process?.member.core;
    const leaders = this.machines.flatMap(({ name, process }) => {
      const isLeading = process?.member.core.status().role === "leader";
      return process !== undefined && isLeading ? [{ name, core: process.member.core }] : [];
    });
    const chance = prng.split(`after a crash ${machine.ordinal} ${trace.count}`);
    checkers.afterCrash.judge(
      { id: machine.id, name: machine.name, core },
      () =>
        restartOf(
          machine.disk,
          { ...this.#parts, id: machine.id, bootstrap: this.#bootstrapOf(machine) },
          chance,
        ),
      leaders,
    );
  }

  #bootstrapOf({ ordinal }: Machine): Membership {
    const { voters, learners, joinersKnowNobody } = this.#parts.options;
    const founds = ordinal < voters + learners || joinersKnowNobody !== true;
    return founds ? this.#bootstrap : noMembership;
  }

  /** As an operator left them before this life. */
  #settingsOf(machine: Machine, prng: Prng): SimulationOptions {
    const { options } = this.#parts;
    if (options.settingsChange !== true || machine.lives < 2) return options;
    return { ...options, ...drawSettings(prng) };
  }

  get hasDiskEngine(): boolean {
    return this.#parts.options.diskEngine !== undefined;
  }

  storeOnDisk(machine: Machine): StoreOnDisk {
    return storeOf(machine.disk, this.#parts, this.#parts.prng.split("on disk"));
  }

  startIfDue(machine: Machine): void {
    if (machine.leftOut) return;
    if (machine.process === undefined && machine.downUntil <= this.#parts.world.now) {
      this.start(machine);
    }
  }

  #startFailed(machine: Machine, error: unknown): void {
    const { checkers, trace, prng } = this.#parts;
    machine.process = undefined;
    machine.turns.generation++;
    machine.disk.endLife(prng.split(`end ${machine.ordinal} ${machine.lives}`));
    const what = `did not start: ${describeError(error)}`;
    trace.text("stopped", what, (at) => ({
      kind: "stopped",
      at,
      member: machine.ordinal,
      why: what,
    }));
    if (machine.damaged) return;
    if (machine.diskStruck) {
      // The supervisor tries again; a full disk is emptied when its fault ends.
      this.#parts.world.after(restartDelayMicros, undefined, () => this.startIfDue(machine));
      return;
    }
    checkers.verdicts.violate("crash", `${machine.name} ${what}`);
  }

  #send(machine: Machine, to: string, message: PeerMessage): void {
    const ordinal = ordinalOf(to);
    if (this.machines[ordinal] === undefined || ordinal === machine.ordinal) return;
    if (message.kind === "protocol") this.#verifyClaim(machine, ordinal, message.message);
    this.network.send(machine.ordinal, ordinal, this.#parts.recode(message));
  }

  /** A disk other than the published one has forgotten its promises (tigerbeetle#2767). */
  #verifyAdmission(machine: Machine, roster: readonly MemberRecord[], other: Machine): void {
    const published = roster.find(({ member }) => member === other.id)?.incarnation;
    if (published === undefined || published === "" || published === other.incarnation) return;
    this.#parts.checkers.verdicts.violate(
      "lost disk refused",
      `${machine.name} lets ${other.name} in with ${other.incarnation}, though ${published} was published`,
    );
  }

  /** Once the turn is over: a member tells its core what became durable after it sent. */
  #verifyClaim(machine: Machine, to: number, message: unknown): void {
    const { told, paxos } = this.#parts.checkers;
    const { process } = machine;
    paxos.sent(machine.name, message);
    if (process === undefined || machine.damaged || !told.isClaim(message)) return;
    this.#parts.world.afterwards(() => {
      // A member that has just stopped sends what became durable, and tells its core no more.
      if (machine.process !== process || process.member.status().state !== "running") return;
      const receiver = this.machines[to] as Machine;
      told.verify(
        message,
        { name: machine.name, core: process.member.core },
        { id: receiver.id, core: receiver.process?.member.core },
      );
    });
  }

  #endpoint(machine: Machine, process: Process): Endpoint {
    const { member } = process;
    const idOf = (ordinal: number): string => (this.machines[ordinal] as Machine).id;
    return {
      turns: machine.turns,
      receive: (from, message) => member.receive(idOf(from), message),
      connected: (peer) => member.connected(idOf(peer)),
      disconnected: (peer) => member.disconnected(idOf(peer)),
      unreachable: (peer) => member.unreachable(idOf(peer)),
      admits: (peer) => {
        const other = this.machines[peer] as Machine;
        const memberAsOf = this.#introduced(other, member);
        const admitted = member.admit(other.id, other.incarnation, memberAsOf) === undefined;
        if (admitted) this.#verifyAdmission(machine, member.roster(), other);
        return admitted;
      },
    };
  }

  /** As of when a machine was a member, by the word of those whom `to` knows (the server's introductions). */
  #introduced(machine: Machine, to: Member): number {
    for (const { id, ordinal, process } of this.machines) {
      if (process === undefined || !this.network.isConnected(ordinal, machine.ordinal)) continue;
      const { member } = process;
      if (member.knownWithout(machine.id) === undefined) {
        machine.introductions.set(id, member.memberAsOf(machine.id));
      }
    }
    const { membership } = to.core.status();
    let asOf = 0;
    for (const [introducer, index] of machine.introductions) {
      if (isMember(membership, introducer)) asOf = Math.max(asOf, index);
    }
    return asOf;
  }

  #observed(machine: Machine, event: MemberEvent): void {
    const { trace, checkers } = this.#parts;
    if (isImpossible(event)) {
      checkers.verdicts.violate("crash", `${machine.name}: ${describeEvent(event)}`);
    }
    const note = (at: number): TraceEvent => ({
      kind: "note",
      at,
      member: machine.ordinal,
      level: event.level,
      what: describeEvent(event),
    });
    if (event.level === "debug") trace.aside(note);
    else trace.add("note", machine.ordinal, event.kind.length, 0, 0, note);
  }

  #diskTrace(machine: Machine) {
    const { trace, world, prng } = this.#parts;
    const member = machine.ordinal;
    const sometimes = prng.split(`asks ${member} ${machine.lives}`);
    // Each step of an installation is judged by what a crash would make of it, and some when the log gets shorter.
    const moved = (): void => {
      const asks =
        this.windows.isOpen(member, "installing") ||
        (this.windows.isOpen(member, "shortening") && sometimes.chance(0.1));
      if (asks) world.afterwards(() => this.judgeAfterCrash(machine));
    };
    return {
      write: (file: string, offset: number, bytes: number): void => {
        trace.add("disk", member, offset, bytes, 1, (at) => ({
          kind: "disk",
          at,
          member,
          what: `write ${file} at ${offset}`,
          bytes,
        }));
      },
      synced: (file: string, error: string | undefined): void => {
        moved();
        trace.add("disk", member, error === undefined ? 0 : 1, file.length, 2, (at) => ({
          kind: "disk",
          at,
          member,
          what: `synced ${file === "" ? "directory" : file}${error === undefined ? "" : `: ${error}`}`,
          bytes: 0,
        }));
      },
      committed: (state: string, bytes: number, error: string | undefined): void => {
        moved();
        trace.add("disk", member, error === undefined ? 0 : 1, bytes, 3, (at) => ({
          kind: "disk",
          at,
          member,
          what: `committed to ${state}${error === undefined ? "" : `: ${error}`}`,
          bytes,
        }));
      },
    };
  }
}

export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : ` (${describeError(error.cause)})`;
  return `${error.name}: ${error.message}${cause}`;
}

/** Failures that no disk and no operator can be blamed for. */
function isImpossible(event: MemberEvent): boolean {
  if (event.kind === "callback.threw") return true;
  if (event.kind !== "member.failed" || event["cause"] === undefined) return false;
  for (let cause: unknown = event["cause"]; cause instanceof Error; cause = cause.cause) {
    if (cause.name === "LogError" || cause.name === "DiskError") return false;
  }
  return true;
}

function describeEvent(event: MemberEvent): string {
  const parts: string[] = [event.kind];
  for (const key of Object.keys(event).sort()) {
    if (key === "kind" || key === "level") continue;
    const value = event[key];
    const text = value instanceof Error ? describeError(value) : JSON.stringify(value);
    parts.push(`${key}=${text}`);
  }
  return parts.join(" ");
}
