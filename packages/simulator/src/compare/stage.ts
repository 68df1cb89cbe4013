// A cluster of real members in a world without chance: every message takes exactly half a round trip,
// a disk takes what it is told to, clocks agree. The seed decides the election timeouts alone. All
// checkers of the simulator watch; a figure of a run that broke a promise is never reported.

import { encodePeerMessage, type PeerMessage, type ProposeOutcome } from "@althing/member";
import { encodeCommand } from "@althing/store";
import { Checkers } from "../checkers/checkers.ts";
import { Verdicts } from "../checkers/verdicts.ts";
import { Cluster } from "../cluster/cluster.ts";
import type { Machine } from "../cluster/machine.ts";
import { describeState } from "../observe/watch-member.ts";
import type { ProtocolName, SimulationOptions } from "../options/options.ts";
import { protocolNamed } from "../protocols.ts";
import { prngOf } from "../random/seed.ts";
import { World } from "../world/world.ts";
import { Meter } from "./meter.ts";

export const roundTripMicros = 20_000;
/** The production defaults: heartbeats every 100 ms, elections after 1,000 to 2,000 ms. */
const tickMs = 100;
const electionTicks = 10;
const superviseMicros = 200_000;
const settleMicros = 60_000_000;

export interface StageSetup {
  readonly protocol: ProtocolName;
  readonly members: number;
  readonly seed: number;
  readonly reads?: "quorum" | "lease";
  readonly valueBytes?: number;
}

export class ComparisonFailed extends Error {
  override readonly name = "ComparisonFailed";
}

export class Stage {
  readonly world = new World();
  readonly meter = new Meter(() => this.world.now);
  readonly cluster: Cluster;
  readonly #setup: StageSetup;
  readonly #verdicts = new Verdicts(() => {});
  readonly #value: Uint8Array;
  #puts = 0;

  constructor(setup: StageSetup) {
    this.#setup = setup;
    this.#value = new Uint8Array(setup.valueBytes ?? 256).fill(0x61);
    const protocol = protocolNamed(setup.protocol);
    if (protocol === undefined) throw new ComparisonFailed(`there is no ${setup.protocol}`);
    const checkers = new Checkers(this.#verdicts, setup.protocol, describeState, {
      nameOf: (id) => id,
      isInDoubt: () => true,
    });
    this.cluster = new Cluster({
      world: this.world,
      trace: this.meter,
      checkers,
      prng: prngOf(BigInt(setup.seed)),
      options: optionsOf(setup),
      protocol,
      recode: (message) => {
        this.meter.message(kindOf(message), encodePeerMessage(protocol, message).length);
        if (message.kind !== "forward") return message;
        return { kind: "forward", payloads: message.payloads.map((payload) => payload.slice()) };
      },
      crc32: undefined,
    });
    this.cluster.boot();
    this.#superviseForEver();
  }

  /** Runs until one leads, all follow and nothing is left to do; then for two seconds more. */
  settle(): Machine {
    this.run(settleMicros, () => this.#isSettled());
    if (!this.#isSettled()) throw new ComparisonFailed(`${this.#setup.protocol} did not settle`);
    this.run(2_000_000);
    return this.leader();
  }

  leader(): Machine {
    const leader = this.cluster.leader();
    if (leader === undefined) throw new ComparisonFailed("nobody leads");
    return leader;
  }

  followers(): Machine[] {
    const leader = this.leader();
    return this.cluster.machines.filter((machine) => machine !== leader);
  }

  run(micros: number, until: () => boolean = () => false): void {
    this.world.runUntil(this.world.now + micros, () => !this.#verdicts.clean || until());
    const [violation] = this.#verdicts.violations;
    if (violation === undefined) return;
    throw new ComparisonFailed(
      `${this.#setup.protocol}: ${violation.property}: ${violation.detail}`,
    );
  }

  /** One put at a member; `done` is told what became of it. */
  put(machine: Machine, done: (outcome: ProposeOutcome | undefined) => void): void {
    const service = this.cluster.serviceAt(machine.ordinal);
    if (service === undefined) {
      this.world.after(0, undefined, () => done(undefined));
      return;
    }
    const key = `key${String(this.#puts++ % 1000).padStart(5, "0")}`;
    let told = false;
    const tell = (outcome: ProposeOutcome | undefined): void => {
      if (told) return;
      told = true;
      forget();
      done(outcome);
    };
    const forget = service.onDeath(() => tell(undefined));
    const command = encodeCommand({
      kind: "put",
      key,
      value: this.#value,
      lease: 0n,
      prevKv: false,
      ignoreValue: false,
      ignoreLease: false,
    });
    service.propose(command, tell);
  }

  /** Both ways; a block is silent, as a switch that drops packets is. */
  cut(one: Machine, other: Machine): void {
    this.cluster.network.block(one.ordinal, other.ordinal);
    this.cluster.network.block(other.ordinal, one.ordinal);
  }

  mend(): void {
    for (const from of this.cluster.machines) {
      for (const to of this.cluster.machines) {
        if (from !== to) this.cluster.network.unblock(from.ordinal, to.ordinal);
      }
    }
  }

  #isSettled(): boolean {
    const leader = this.cluster.leader()?.process?.member.status();
    if (leader === undefined) return false;
    return this.cluster.machines.every((machine) => {
      const status = machine.process?.member.status();
      return (
        status !== undefined &&
        status.leader === leader.id &&
        status.epoch === leader.epoch &&
        status.appliedIndex === leader.lastIndex
      );
    });
  }

  #superviseForEver(): void {
    this.world.after(superviseMicros, undefined, () => {
      this.cluster.supervise();
      this.#superviseForEver();
    });
  }
}

function kindOf(message: PeerMessage): string {
  if (message.kind !== "protocol") return message.kind;
  return (message.message as { readonly kind: string }).kind;
}

function optionsOf(setup: StageSetup): SimulationOptions {
  return {
    protocol: setup.protocol,
    voters: setup.members,
    learners: 0,
    spares: 0,
    tickMs,
    heartbeatTicks: 1,
    electionTicks,
    reads: setup.reads ?? "quorum",
    clockDriftMax: 0.1,
    priorities: [1],
    snapshotCount: 100_000,
    catchUpEntries: 5000,
    requestTimeoutMs: 2000,
    proposalsInFlightMax: 10_000,
    segmentBytes: 1 << 20,
    messageBytesMax: 1 << 20,
    messagesInFlightMax: 256,
    uncommittedBytesMax: 1 << 28,
    network: {
      manner: "stream",
      latencyMin: roundTripMicros / 2,
      latencyMean: 0,
      lossRate: 0,
      duplicateRate: 0,
      delayRate: 0,
      delayMax: 0,
      // Nothing tells the members of a silent block before an election timeout has passed twice.
      breakAfter: 5_000_000,
      reconnectMax: 50_000,
      bulkBytesPerSecond: 100_000_000,
    },
    disk: { write: 0, sync: 0, slowRate: 0, slowSync: 0 },
    lyingDisks: false,
    turnMicrosMax: 0,
    timerLateMicrosMax: 0,
    clockSkew: 0,
    encodeMessages: false,
    safetyMs: 0,
    livenessMs: 0,
    invariantsEvery: 499,
    workload: {
      clients: 0,
      keys: 0,
      thinkMs: 0,
      valueBytes: 0,
      mix: {
        put: 0,
        delete: 0,
        compareAndSwap: 0,
        transaction: 0,
        read: 0,
        serializableRead: 0,
        transactionRead: 0,
      },
    },
  };
}
