// Help that teaches: what a thing is for, then how it is written, then lines one can copy.

import { environmentName, type Flag, flagGroups, flags } from "@althing/server/flags";
import type { Command, CommandGroup } from "./command.ts";

export function describeProgram(groups: readonly CommandGroup[]): string {
  const width = Math.max(
    ...groups.flatMap(({ commands }) => commands.map((command) => command.name.length)),
  );
  const lines = groups.map(
    ({ title, commands }) =>
      `${title}:\n${commands.map((one) => `  ${one.name.padEnd(width)}  ${one.summary}`).join("\n")}`,
  );
  return `Althing is a coordination server: keys and values that survive the loss of machines, ordered by
consensus, served to any etcd client.

Usage: althing <command> [options]

${lines.join("\n\n")}

Begin here:
  althing dev                 a cluster of three members on this machine
  althing put greeting hello  then, in another terminal
  althing get greeting
  althing status              who leads?

More about a command: althing <command> --help
`;
}

export function describeCommand(command: Command): string {
  const parts = [`${command.about.trim()}\n\nUsage: althing ${command.usage}`];
  if (command.options.length > 0) {
    const rows = command.options.map((option): [string, string] => {
      const short = option.short === undefined ? "    " : `-${option.short}, `;
      const value = option.kind === "boolean" ? "" : ` ${option.value ?? "TEXT"}`;
      return [`${short}--${option.name}${value}`, option.help];
    });
    parts.push(`Options:\n${columns(rows)}`);
  }
  if (command.examples.length > 0) {
    const rows = command.examples.map((example): [string, string] => [
      example.command,
      `# ${example.what}`,
    ]);
    parts.push(`Examples:\n${columns(rows)}`);
  }
  return `${parts.join("\n\n")}\n`;
}

/** The options of `althing start`, by group; those without effect only when asked for. */
export function describeFlags(all: boolean): string {
  const lines: string[] = [];
  for (const group of flagGroups) {
    const members = flags.filter((flag) => flag.group === group);
    if (!all && members.every((flag) => flag.effect !== "acts")) continue;
    lines.push(`${group}:`, columns(members.map((flag) => [describeFlag(flag), flag.help])), "");
  }
  const example = environmentName(flags.find((flag) => flag.name === "data-dir")!);
  lines.push(
    `Every option is also an environment variable (${example}=...) or a key of the --config-file.`,
  );
  if (!all)
    lines.push("Options of etcd that are accepted without effect: althing start --help-all");
  return `${lines.join("\n")}\n`;
}

function describeFlag(flag: Flag): string {
  if (flag.kind === "boolean") return `--${flag.name}`;
  return `--${flag.name}=${flag.choices === undefined ? flag.fallback : flag.choices.join("|")}`;
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.min(46, Math.max(...rows.map(([left]) => left.length)));
  return rows
    .map(([left, right]) =>
      left.length > width
        ? `  ${left}\n  ${" ".repeat(width)}  ${right}`
        : `  ${left.padEnd(width)}  ${right}`,
    )
    .join("\n");
}
