// One run as one line of JSON, and one run told to people.

import { writeFileSync } from "node:fs";
import {
  describeTrace,
  drawSpaceTime,
  type RunResult,
  type Seed,
  seedForJson,
  type TraceHeader,
} from "@althing/simulator";
import type { SimulatorArguments } from "./arguments.ts";

export function runForJson(
  args: { readonly protocol: string },
  seed: Seed,
  result: RunResult,
): string {
  return JSON.stringify({
    protocol: args.protocol,
    seed: seedForJson(seed),
    result: result.result,
    traceHash: result.traceHash,
    simulatedMs: result.simulatedMs,
    steps: result.steps,
    operations: result.operations,
    answered: result.answered,
    progressDemanded: result.progressDemanded,
    applied: result.applied,
    faults: result.faults,
    windows: result.windows,
    crashesAsked: result.crashesAsked,
    linearizabilitySteps: result.linearizabilitySteps,
    ...(result.violation === undefined ? {} : { violation: result.violation }),
  });
}

/** The trace as asked for, readable or as data. */
export function writeTrace(args: SimulatorArguments, seed: Seed, result: RunResult): void {
  if (args.svg !== undefined) {
    writeFileSync(args.svg, drawSpaceTime(result.events, result.members));
  }
  if (!args.trace) return;
  const lines: string[] = [];
  if (args.json) {
    const header: TraceHeader = {
      format: "althing-trace",
      version: 1,
      protocol: args.protocol,
      seed: seed.toString(),
      members: result.members,
    };
    lines.push(JSON.stringify(header));
    for (const event of result.events) lines.push(JSON.stringify(event));
  } else {
    for (const line of describeTrace(result.events, result.members)) lines.push(line);
  }
  process.stdout.write(`${lines.join("\n")}\n`);
}

export function describeRun(seed: Seed, protocol: string, result: RunResult): string {
  const faults = Object.entries(result.faults)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(", ");
  const windows = Object.entries(result.windows)
    .filter(([, { struck }]) => struck > 0)
    .map(([kind, { struck, opened }]) => `${struck} of ${opened} ${kind}`)
    .join(", ");
  return [
    `${result.result}  ${protocol} seed ${seed}`,
    `  trace hash   ${result.traceHash} over ${result.traced} events`,
    `  simulated    ${(result.simulatedMs / 1000).toFixed(1)} s in ${result.steps} steps`,
    `  clients      ${result.answered} of ${result.operations} operations answered, log to ${result.applied}, progress ${result.progressDemanded ? "" : "not "}demanded`,
    `  crashes in   ${windows === "" ? "nothing that was under way" : windows}; asked after ${result.crashesAsked} that did not happen`,
    `  faults       ${faults === "" ? "none" : faults}`,
    "",
  ].join("\n");
}
