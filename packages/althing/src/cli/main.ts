// The `althing` command: finds the command that is meant, runs it, and turns whatever went wrong into
// one message that says what to do and an exit code.

import { closest } from "@althing/server/flags";
import { version } from "../version.ts";
import type { Command } from "./command.ts";
import { CliError, exitCode } from "./exit-codes.ts";
import { GrpcFailure } from "./grpc-failure.ts";
import { describeCommand, describeProgram } from "./help.ts";
import { startCommand } from "./start-command.ts";

export async function main(args: readonly string[]): Promise<number> {
  try {
    return await dispatch(args);
  } catch (error) {
    return report(error);
  }
}

async function dispatch(args: readonly string[]): Promise<number> {
  const [first] = args;
  // A member does not wait for the other commands to be loaded.
  if (first === startCommand.name) return await startCommand.run(args.slice(1));
  const { commandGroups, commands } = await import("./commands.ts");
  const wantsOverview =
    first === "--help" || first === "-h" || (first === "help" && args.length === 1);
  if (first === undefined || wantsOverview) {
    process.stdout.write(describeProgram(commandGroups));
    return first === undefined ? exitCode.usage : exitCode.ok;
  }
  if (first === "--version" || first === "-v") {
    process.stdout.write(`althing ${version}\n`);
    return exitCode.ok;
  }
  if (first === "help") return help(commands, args.slice(1));
  const found = findCommand(commands, args);
  if (found === undefined) throw unknownCommand(commands, args);
  const rest = args.slice(found.name.split(" ").length);
  const end = rest.indexOf("--");
  const own = end < 0 ? rest : rest.slice(0, end);
  if (found.raw !== true && (own.includes("--help") || own.includes("-h"))) {
    process.stdout.write(describeCommand(found));
    return exitCode.ok;
  }
  return await found.run(rest);
}

function help(commands: readonly Command[], words: readonly string[]): number {
  const found = findCommand(commands, words);
  if (found === undefined) throw unknownCommand(commands, words);
  process.stdout.write(describeCommand(found));
  return exitCode.ok;
}

function findCommand(commands: readonly Command[], args: readonly string[]): Command | undefined {
  return commands.find((command) => command.name.split(" ").every((word, i) => args[i] === word));
}

function unknownCommand(commands: readonly Command[], args: readonly string[]): CliError {
  const [first = ""] = args;
  const below = commands.filter((command) => command.name.startsWith(`${first} `));
  if (below.length > 0) {
    return new CliError(
      exitCode.usage,
      `\`althing ${first}\` needs one more word`,
      below.map((command) => `althing ${command.name}   ${command.summary}`),
    );
  }
  // `members` means one of `member list` and its like.
  const names = commands.flatMap(({ name }) => [name, ...name.split(" ").slice(0, 1)]);
  const meant = closest(first, names);
  const hint =
    meant === undefined ? "`althing --help` lists them." : `Did you mean \`althing ${meant}\`?`;
  return new CliError(exitCode.usage, `there is no command "${first}"`, [hint]);
}

function report(error: unknown): number {
  if (error instanceof CliError) {
    process.stderr.write(`althing: ${error.message}\n`);
    for (const hint of error.hints) process.stderr.write(`  ${hint}\n`);
    return error.exitCode;
  }
  if (error instanceof GrpcFailure) {
    process.stderr.write(`althing: ${error.message}\n`);
    return exitCode.failed;
  }
  process.stderr.write(`althing: ${error instanceof Error ? error.stack : String(error)}\n`);
  return exitCode.failed;
}
