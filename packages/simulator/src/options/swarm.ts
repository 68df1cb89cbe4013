// Swarm testing (Groce et al. 2012): each seed draws its own subset of features, so that one kind of
// fault does not always hide behind another. Small sizes are likelier than production's: thresholds
// that a run never crosses are not tested.

import type { NetworkOptions } from "../network/network.ts";
import type { Prng } from "../random/prng.ts";
import type { OperationKind, ProtocolName, SimulationOptions } from "./options.ts";

const snapshotCounts = [5, 20, 50, 200, 10_000] as const;
const catchUps = [0, 1, 5, 50, 1000] as const;
const segments = [512, 2048, 8192, 65_536] as const;

export interface SwarmLimits {
  /** Fixed by the caller instead of drawn. */
  readonly members?: number;
  readonly safetyMs?: number;
  readonly reads?: "quorum" | "lease";
  readonly engine?: "disk" | "memory";
  /** The world is benign: chance harms no message and slows no disk. */
  readonly calmNetwork?: boolean;
  readonly calmDisk?: boolean;
  readonly calmClocks?: boolean;
}

export function drawOptions(
  protocol: ProtocolName,
  prng: Prng,
  limits: SwarmLimits = {},
): SimulationOptions {
  const voters =
    limits.members ??
    prng.weighted([
      [1, 1],
      [1, 2],
      [6, 3],
      [2, 4],
      [6, 5],
      [1, 6],
      [1, 7],
    ]);
  const tickMs = prng.pick([10, 20, 50, 100, 100, 100]);
  const electionTicks = prng.pick([5, 10, 10, 20]);
  const electionMs = tickMs * electionTicks;
  const drawnReads = prng.chance(0.3) ? "lease" : "quorum";
  const reads = limits.reads ?? drawnReads;
  const leaseReads = reads === "lease";
  const drift = leaseReads ? prng.pick([0.02, 0.1, 0.2]) : 0.1;
  // Measured in elections, because faults come at their pace.
  const elections = prng.between(15, 40);
  const safetyMs = limits.safetyMs ?? Math.min(30_000, Math.max(3000, electionMs * elections));
  const slowDisks = !limits.calmDisk && prng.chance(0.3);
  const network = drawNetwork(protocol, prng, electionMs, limits.calmNetwork === true);
  const messageBytesMax = prng.pick([1, 100, 1000, 1_000_000]);
  const messagesInFlightMax = prng.pick([1, 2, 8, 256]);
  // Where entries travel one by one, catching up takes a round trip for each.
  const narrow = messageBytesMax < 1000 && messagesInFlightMax <= 8;
  const roundTripMs = (2 * (network.latencyMin + network.latencyMean)) / 1000;
  const catchUpMs = narrow ? Math.ceil(4000 * roundTripMs) : 0;
  const options: SimulationOptions = {
    protocol,
    voters,
    learners:
      limits.members !== undefined
        ? 0
        : prng.weighted([
            [7, 0],
            [2, 1],
            [1, 2],
          ]),
    spares: 2,
    tickMs,
    heartbeatTicks: prng.between(1, Math.max(1, Math.floor(electionTicks / 5))),
    electionTicks,
    reads,
    clockDriftMax: drift,
    // 0, "never campaigns", may leave nobody who can: an operator's choice, not a fault to survive.
    priorities: prng.chance(0.2) ? [prng.between(1, 3), prng.between(1, 3), 1] : [1],
    snapshotCount: prng.pick(snapshotCounts),
    catchUpEntries: prng.pick(catchUps),
    requestTimeoutMs: electionMs * prng.pick([2, 5, 10]),
    proposalsInFlightMax: prng.pick([1, 10, 1000, 1000]),
    segmentBytes: prng.pick(segments),
    messageBytesMax,
    messagesInFlightMax,
    uncommittedBytesMax: prng.pick([500, 10_000, 1_000_000, 100_000_000]),
    network: { ...network, ...(!limits.calmNetwork && drawChunks(prng.split("chunks"))) },
    disk: {
      write: prng.between(5, 50),
      sync: Math.floor(prng.logUniform(50, slowDisks ? 10_000 : 1000)),
      slowRate: slowDisks ? prng.pick([0, 0.01, 0.1]) : 0,
      slowSync: Math.floor(electionMs * 1000 * prng.pick([0.1, 0.5, 2])),
    },
    lyingDisks: false,
    turnMicrosMax: prng.pick([0, 20, 200, 2000]),
    timerLateMicrosMax: prng.pick([0, 1000, 5000]),
    clockSkew: limits.calmClocks ? 0 : (leaseReads ? drift / 2 : 0.1) * prng.pick([0, 0.1, 0.8]),
    encodeMessages: prng.chance(0.1) || prng.split("codec").chance(0.6),
    safetyMs,
    livenessMs: Math.max(20_000, electionMs * 60) + catchUpMs,
    invariantsEvery: prng.pick([3, 19, 101, 101, 499, 499, 499, 997]),
    workload: { ...drawWorkload(prng), ...drawScale(prng.split("scale")) },
    joinersKnowNobody: true,
    settingsChange: prng.split("settings").chance(0.3),
    watchPieces: drawWatchPieces(prng.split("watch")),
    leaseCheckpointMs: prng.split("leases").pick([0, 100, 500, 1000]),
    ...drawEngine(prng.split("engine"), limits.engine),
    ...(protocol === "paxos" && drawQuorums(prng.split("quorums"), voters)),
  };
  // A history of a thousand of the largest values crosses within seconds: else nobody would catch up in time.
  const bulkBytesPerSecond = Math.max(
    options.network.bulkBytesPerSecond,
    options.workload.valueBytes * 200,
  );
  return { ...options, network: { ...options.network, bulkBytesPerSecond } };
}

/** Mostly production's default, the disk engine. */
function drawEngine(
  prng: Prng,
  wanted: "disk" | "memory" | undefined,
): Pick<SimulationOptions, "diskEngine"> {
  const drawn = prng.chance(0.2) ? "memory" : "disk";
  if ((wanted ?? drawn) === "memory") return {};
  return {
    diskEngine: {
      commitDelayMs: prng.pick([1, 10, 100, 100, 1000]),
      cacheBytes: prng.pick([0, 4096, 65_536, 16 * 1024 * 1024]),
      retryAfterMs: prng.pick([50, 200, 1000]),
      // Few, so that there is something between the turns of a batch.
      workPerTurn: prng.pick([30, 100, 1000, 8192]),
    },
  };
}

/** What may be different in each life of a member, and between members. */
export function drawSettings(prng: Prng): Partial<SimulationOptions> {
  return {
    snapshotCount: prng.pick(snapshotCounts),
    catchUpEntries: prng.pick(catchUps),
    segmentBytes: prng.pick(segments),
    proposalsInFlightMax: prng.pick([1, 10, 1000]),
    messagesInFlightMax: prng.pick([1, 8, 256]),
    leaseCheckpointMs: prng.pick([0, 100, 1000]),
  };
}

/** Paxos' phases may need different quorums, as long as any two meet. */
function drawQuorums(prng: Prng, voters: number): Pick<SimulationOptions, "paxosQuorums"> {
  if (voters < 3 || prng.chance(0.8)) return {};
  const accept = prng.between(1, voters);
  return { paxosQuorums: { prepare: voters + 1 - accept, accept } };
}

function drawNetwork(protocol: ProtocolName, prng: Prng, electionMs: number, calm: boolean) {
  const electionMicros = electionMs * 1000;
  const datagrams = protocol !== "zab" && prng.chance(0.4);
  const rough = !calm && prng.chance(0.6);
  const latencyMean = Math.floor(Math.min(prng.logUniform(50, 20_000), electionMicros / 40));
  return {
    manner: datagrams ? ("datagram" as const) : ("stream" as const),
    latencyMin: prng.pick([10, 50, 500]),
    latencyMean,
    lossRate: rough ? prng.pick([0, 0.01, 0.05, 0.2]) : 0,
    duplicateRate: rough ? prng.pick([0, 0.01, 0.1]) : 0,
    delayRate: rough ? prng.pick([0, 0.01, 0.1]) : 0,
    delayMax: Math.floor(electionMicros * prng.pick([0.1, 1, 5])),
    breakAfter: Math.floor(electionMicros * prng.pick([0.3, 1, 5])),
    reconnectMax: prng.pick([1000, 50_000, 500_000]),
    bulkBytesPerSecond: prng.pick([500_000, 2_000_000, 100_000_000]),
  };
}

function drawChunks(prng: Prng): Partial<NetworkOptions> {
  if (prng.chance(0.7)) return {};
  return {
    chunkLossRate: prng.pick([0.02, 0.2]),
    chunkDuplicateRate: prng.pick([0, 0.1]),
  };
}

/** Now and then values so large that a snapshot fills the window of its stream, or keys by the thousand. */
function drawScale(prng: Prng): Partial<SimulationOptions["workload"]> {
  const thinkMs = Math.ceil(prng.logUniform(100, 1000));
  return prng.weighted<Partial<SimulationOptions["workload"]>>([
    [86, {}],
    [7, { valueBytes: prng.pick([20_000, 100_000, 300_000]), thinkMs }],
    [7, { keys: prng.pick([100, 1000, 20_000]) }],
  ]);
}

/** Small, so that pieces and messages end within what a run does. */
function drawWatchPieces(prng: Prng): NonNullable<SimulationOptions["watchPieces"]> {
  return {
    eventsPerPiece: prng.pick([1, 2, 5, 500]),
    bytesPerMessage: prng.pick([1, 200, 1_000_000]),
  };
}

function drawWorkload(prng: Prng): SimulationOptions["workload"] {
  const weight = (): number => prng.pick([0, 1, 1, 4]);
  const mix: Record<OperationKind, number> = {
    put: prng.pick([1, 4, 8]),
    delete: weight() / 4,
    compareAndSwap: weight(),
    transaction: weight() / 2,
    read: prng.pick([1, 4, 8]),
    serializableRead: weight(),
    transactionRead: weight() / 2,
  };
  const clients = prng.pick([1, 2, 4, 8, 16]);
  const operationsPerSecond = prng.logUniform(3, 100);
  return {
    clients,
    keys: prng.pick([1, 2, 4, 8, 16]),
    thinkMs: Math.ceil((clients * 1000) / operationsPerSecond),
    valueBytes: prng.pick([0, 0, 10, 10, 10, 100, 1000]),
    mix,
  };
}
