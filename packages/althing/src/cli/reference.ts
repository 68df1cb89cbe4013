// The reference parts of docs/cli.md and docs/configuration.md, written from the same tables that the
// parser reads. A test holds the documents to them; `UPDATE=1` writes them anew.

import { type Flag, flagGroups, flags } from "@althing/server/flags";
import type { Command } from "./command.ts";
import { exitCode } from "./exit-codes.ts";

export function referenceOfCommands(commands: readonly Command[]): string {
  return commands.map(describeForDocument).join("\n\n");
}

export function referenceOfFlags(): string {
  return flagGroups
    .map((group) => {
      const rows = flags.filter((flag) => flag.group === group).map(rowOf);
      return `### ${group}\n\n| flag | default | what it does |\n| --- | --- | --- |\n${rows.join("\n")}`;
    })
    .join("\n\n");
}

const meanings: Readonly<Record<keyof typeof exitCode, string>> = {
  ok: "done",
  failed: "the server refused, or the work failed",
  unreachable: "nobody could be reached",
  usage: "the command line, the environment or the config file is wrong",
  timedOut: "no answer in time; a write may have taken effect",
  dataUnusable: "the data directory or the snapshot is in use, damaged, or of something else",
  portInUse: "a port is in use or may not be bound",
  identityRefused: "the other members know this member with another disk, or not any more",
  nodeTooOld: "this Node is too old, and the project's own was not found",
  interrupted: "interrupted twice",
};

export function referenceOfExitCodes(): string {
  const rows = Object.entries(exitCode).map(
    ([name, code]) => `| ${code} | ${meanings[name as keyof typeof exitCode]} |`,
  );
  return `| code | meaning |\n| --- | --- |\n${rows.join("\n")}`;
}

function describeForDocument(command: Command): string {
  const examples = command.examples.map((one) => `${one.command}   # ${one.what}`).join("\n");
  const rows = command.options.map((option) => {
    const short = option.short === undefined ? "" : `-${option.short}, `;
    const value = option.kind === "boolean" ? "" : ` ${option.value ?? "TEXT"}`;
    return `| ${code(`${short}--${option.name}${value}`)} | ${option.help} |`;
  });
  const options =
    rows.length === 0 ? "" : `\n\n| option | what it does |\n| --- | --- |\n${rows.join("\n")}`;
  return `### althing ${command.usage}\n\n${command.about}\n\n\`\`\`sh\n${examples}\n\`\`\`${options}`;
}

function rowOf(flag: Flag): string {
  const choices = flag.choices === undefined ? "" : ` (${flag.choices.map(code).join(", ")})`;
  const fallback = flag.fallback === "" ? "" : code(flag.fallback);
  return `| ${code(`--${flag.name}`)} | ${fallback} | ${flag.help.replaceAll("<", "&lt;")}${choices} |`;
}

/** A bar would end the cell of a table, in code as well. */
function code(text: string): string {
  return `\`${text.replaceAll("|", "\\|")}\``;
}
