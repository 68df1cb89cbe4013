// What the death of a leader costs: how long nobody is answered, and what is said until someone leads
// and the followers hold what it holds. And what a member costs that was away.

import type { Machine } from "../cluster/machine.ts";
import type { ProtocolName } from "../options/options.ts";
import { type Spread, spreadOf, watchFault } from "./availability.ts";
import { ComparisonFailed, roundTripMicros, Stage } from "./stage.ts";
import { rounded } from "./steady.ts";

export interface CrashFigures {
  readonly runs: number;
  /** The process dies, its machine closes the connections. */
  readonly killGapMs: Spread;
  /** Until the puts that were under way at the others were answered, with whatever outcome. */
  readonly killStrandedMs: Spread;
  /** The machine is gone without a word. */
  readonly powerGapMs: Spread;
  /** Idle cluster: all that is sent from a silent crash until all that are left follow a new leader. */
  readonly electionMessages: Spread;
  readonly electionBytes: Spread;
  readonly electionMs: Spread;
}

export interface CatchUpFigures {
  /** Puts that a follower missed, and their payload. */
  readonly missed: number;
  readonly missedBytes: number;
  readonly messages: number;
  readonly bytes: number;
  /** From its connection until it has applied everything. */
  readonly roundTrips: number;
}

const windowMs = 12_000;

export function measureCrash(
  protocol: ProtocolName,
  members: number,
  seeds: readonly number[],
): CrashFigures {
  const crashed = (power: boolean) => (seed: number) => {
    const stage = new Stage({ protocol, members, seed });
    const leader = stage.settle();
    // At another point of the heartbeats' rhythm for every seed.
    stage.run((seed * 37_000) % 100_000);
    const strike = () => stage.cluster.kill(leader, "crash", power);
    return watchFault(stage, strike, windowMs);
  };
  const killed = seeds.map(crashed(false));
  const elections = seeds.map((seed) => election(protocol, members, seed));
  return {
    runs: seeds.length,
    killGapMs: spreadOf(killed.map((one) => one.gapMs)),
    killStrandedMs: spreadOf(killed.map((one) => one.strandedMs)),
    powerGapMs: spreadOf(seeds.map(crashed(true)).map((one) => one.gapMs)),
    electionMessages: spreadOf(elections.map((one) => one.messages)),
    electionBytes: spreadOf(elections.map((one) => one.bytes)),
    electionMs: spreadOf(elections.map((one) => one.ms)),
  };
}

function election(protocol: ProtocolName, members: number, seed: number) {
  const stage = new Stage({ protocol, members, seed });
  const old = stage.settle();
  stage.run((seed * 37_000) % 100_000);
  stage.meter.take();
  stage.cluster.kill(old, "crash", true);
  const since = stage.world.now;
  const isOver = (): boolean => {
    const leader = stage.cluster.leader()?.process?.member.status();
    if (leader === undefined) return false;
    return stage.cluster.machines.every((machine) => {
      const status = machine.process?.member.status();
      if (status === undefined) return true;
      return status.leader === leader.id && status.appliedIndex === leader.lastIndex;
    });
  };
  stage.run(60_000_000, isOver);
  if (!isOver()) throw new ComparisonFailed(`${protocol}: no leader after a crash`);
  const { messages, bytes } = stage.meter.take();
  return { messages, bytes, ms: (stage.world.now - since) / 1000 };
}

export function measureCatchUp(
  protocol: ProtocolName,
  members: number,
  seed: number,
  missed: number,
): CatchUpFigures {
  const valueBytes = 256;
  const stage = new Stage({ protocol, members, seed, valueBytes });
  const leader = stage.settle();
  const away = stage.followers()[0] as Machine;
  stage.cluster.kill(away, "away", false);
  stage.run(1_000_000);
  let answered = 0;
  for (let put = 0; put < missed; put++) {
    stage.put(leader, (outcome) => {
      if (outcome?.kind === "applied") answered++;
    });
  }
  stage.run(20_000_000, () => answered === missed);
  if (answered < missed) throw new ComparisonFailed(`${protocol}: puts in a calm world failed`);
  stage.run(1_000_000);
  const target = leader.process?.member.status().appliedIndex as number;
  stage.cluster.start(away);
  stage.run(10_000_000, () => stage.cluster.network.isConnected(leader.ordinal, away.ordinal));
  const since = stage.world.now;
  stage.meter.take();
  const isBack = () => (away.process?.member.status().appliedIndex ?? 0) >= target;
  stage.run(60_000_000, isBack);
  if (!isBack()) throw new ComparisonFailed(`${protocol}: a member did not catch up`);
  const traffic = stage.meter.take();
  return {
    missed,
    missedBytes: missed * valueBytes,
    messages: traffic.messages - traffic.heartbeatMessages,
    bytes: traffic.bytes - traffic.heartbeatBytes,
    roundTrips: rounded((stage.world.now - since) / roundTripMicros),
  };
}
