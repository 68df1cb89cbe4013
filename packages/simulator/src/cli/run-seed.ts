// One seed with the command line's options, on this platform's fast checksum.

import { crc32 } from "node:zlib";
import {
  drawScenario,
  protocolNamed,
  type RunResult,
  runScenario,
  type Scenario,
  type Seed,
} from "@althing/simulator";
import { type SimulatorArguments, UsageError } from "./arguments.ts";

export function scenarioOf(args: SimulatorArguments, seed: Seed): Scenario {
  return drawScenario({
    protocol: args.protocol,
    seed,
    without: args.without,
    lyingDisks: args.lyingDisks,
    ...(args.reads !== undefined && { reads: args.reads }),
    ...(args.engine !== undefined && { engine: args.engine }),
    ...(args.actors !== undefined && { actors: args.actors }),
    ...(args.paxosQuorums !== undefined && { paxosQuorums: args.paxosQuorums }),
    ...(args.members === undefined ? {} : { members: args.members }),
    ...(args.seconds === undefined ? {} : { safetyMs: Math.round(args.seconds * 1000) }),
  });
}

export function runSeed(args: SimulatorArguments, seed: Seed, record: boolean): RunResult {
  return runHere(scenarioOf(args, seed), record);
}

export function runHere(scenario: Scenario, record: boolean): RunResult {
  return runScenario(scenario, { protocol: requireProtocol(scenario), record, crc32: checksum });
}

export function requireProtocol(scenario: Scenario) {
  const protocol = protocolNamed(scenario.options.protocol);
  if (protocol === undefined) {
    throw new UsageError(`this build has no ${scenario.options.protocol} yet`);
  }
  return protocol;
}

export function checksum(bytes: Uint8Array, seed?: number): number {
  return crc32(bytes, seed ?? 0);
}
