// `althing sim`: explore seeds, replay one, shrink a failure, run scenario files.

import { readFileSync, writeFileSync } from "node:fs";
import {
  formatScenario,
  parseScenario,
  parseSeed,
  type RunResult,
  type Scenario,
  ScenarioUnreadable,
  type Seed,
  shrink,
} from "@althing/simulator";
import { parseArguments, replayCommand, type SimulatorArguments, UsageError } from "./arguments.ts";
import { runExhaustive } from "./exhaustive.ts";
import { exitCodes, usageExitCode } from "./exit-codes.ts";
import { describeFailure, explore } from "./explore.ts";
import { help } from "./help.ts";
import { describeRun, runForJson, writeTrace } from "./report.ts";
import { checksum, requireProtocol, runHere, scenarioOf } from "./run-seed.ts";

/** Takes what follows `althing sim` and resolves to the exit code. */
export async function runSimulatorCommand(argv: string[]): Promise<number> {
  try {
    if (argv[0] === "explore" && !argv.includes("--help") && !argv.includes("-h")) {
      return await runExhaustive(argv.slice(1));
    }
    const args = parseArguments(argv.filter((word) => word !== "explore"));
    switch (args.command) {
      case "help":
        process.stdout.write(help);
        return 0;
      case "run":
        return runFiles(args);
      case "shrink":
        return shrinkFailure(args);
      case "explore":
        return args.seed === undefined ? await explore(args) : replayOne(args, args.seed);
    }
  } catch (error) {
    if (error instanceof UsageError || error instanceof ScenarioUnreadable) {
      const [usage, more] = ["  Usage: althing sim [options]", "  Help:  althing sim --help"];
      process.stderr.write(`althing: ${error.message}\n${usage}\n${more}\n`);
      return usageExitCode;
    }
    throw error;
  }
}

function replayOne(args: SimulatorArguments, seed: Seed): number {
  const record = args.trace || args.svg !== undefined;
  return tell(args, seed, runHere(scenarioOf(args, seed), record));
}

function tell(
  args: SimulatorArguments,
  seed: Seed,
  result: RunResult,
  replay: string = replayCommand(args, seed),
): number {
  writeTrace(args, seed, result);
  if (args.json && !args.trace) process.stdout.write(`${runForJson(args, seed, result)}\n`);
  else if (!args.json) process.stderr.write(describeRun(seed, args.protocol, result));
  if (result.result !== "pass" && !args.json) describeFailure(args, seed, result, replay);
  return exitCodes[result.result];
}

function runFiles(args: SimulatorArguments): number {
  if (args.files.length === 0) throw new UsageError("run needs a scenario file");
  let code = 0;
  for (const file of args.files) {
    const scenario = readScenario(file);
    const { protocol } = scenario.options;
    const result = runHere(scenario, args.trace || args.svg !== undefined);
    const own = tell({ ...args, protocol }, seedOf(scenario), result, `althing sim run ${file}`);
    if (code === 0) code = own;
  }
  return code;
}

function shrinkFailure(args: SimulatorArguments): number {
  const [file] = args.files;
  if (file === undefined && args.seed === undefined) {
    throw new UsageError("shrink needs --seed N or a scenario file");
  }
  const scenario = file === undefined ? scenarioOf(args, args.seed as Seed) : readScenario(file);
  const shrunk = shrink(scenario, {
    protocol: requireProtocol(scenario),
    runsMax: args.tries,
    crc32: checksum,
    onProgress: ({ runs, faults, operations }) => {
      if (!process.stderr.isTTY) return;
      process.stderr.write(`\r\x1b[K${runs} runs: ${faults} faults, ${operations} operations`);
    },
  });
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  if (shrunk === undefined) {
    process.stderr.write("this run does not fail: there is nothing to shrink\n");
    return 0;
  }
  const { violation } = shrunk.result;
  const text = formatScenario({
    ...shrunk.scenario,
    about: `${violation?.property}: ${violation?.detail.split("\n")[0]}`,
  });
  const summary = `${violation?.property}: ${shrunk.scenario.faults.length} faults and ${shrunk.scenario.operations.length} operations are left after ${shrunk.runs} runs`;
  if (args.out === undefined) process.stdout.write(text);
  else writeFileSync(args.out, text);
  const where = args.out === undefined ? "" : `\nreplay: althing sim run ${args.out} --trace`;
  const from =
    file ?? replayCommand({ ...args, protocol: scenario.options.protocol }, seedOf(scenario));
  process.stderr.write(`${summary}\nfrom: ${from}${where}\n`);
  return exitCodes[shrunk.result.result];
}

function readScenario(file: string): Scenario {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new UsageError(`${file} cannot be read`, { cause });
  }
  return parseScenario(text);
}

function seedOf(scenario: Scenario): Seed {
  return parseSeed(scenario.seed) as Seed;
}
