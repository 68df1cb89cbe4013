// A command as data: the parser, the help and the completions all read it.

import { parseArgs } from "node:util";
import { closest } from "@althing/server/flags";
import { CliError, exitCode } from "./exit-codes.ts";

export interface Option {
  readonly name: string;
  readonly short?: string;
  readonly kind: "text" | "boolean";
  /** What stands for the value in the help: --limit N. */
  readonly value?: string;
  readonly choices?: readonly string[];
  readonly help: string;
}

export interface Example {
  readonly command: string;
  readonly what: string;
}

export interface Command {
  /** "get", or "member list". */
  readonly name: string;
  readonly summary: string;
  readonly usage: string;
  readonly about: string;
  readonly options: readonly Option[];
  readonly examples: readonly Example[];
  /** Takes its arguments as they are (`start`, `sim`). */
  readonly raw?: boolean;
  run(args: readonly string[]): Promise<number>;
}

/** Commands that are for the same thing, as the help lists them. */
export interface CommandGroup {
  readonly title: string;
  readonly commands: readonly Command[];
}

export interface Parsed {
  readonly words: readonly string[];
  text(name: string): string | undefined;
  flag(name: string): boolean;
}

export function parseOptions(command: Command, args: readonly string[]): Parsed {
  const config: Record<string, { type: "string" | "boolean"; short?: string }> = {};
  for (const option of command.options) {
    const type = option.kind === "boolean" ? "boolean" : "string";
    config[option.name] = { type, ...(option.short === undefined ? {} : { short: option.short }) };
  }
  let values: Record<string, unknown>;
  let positionals: string[];
  try {
    const parsed = parseArgs({ args: [...args], options: config, allowPositionals: true });
    values = parsed.values;
    positionals = parsed.positionals;
  } catch (error) {
    throw usageError(command, explain(error, command));
  }
  for (const option of command.options) {
    const value = values[option.name];
    if (value === undefined || option.choices === undefined) continue;
    if (!option.choices.includes(String(value))) {
      throw usageError(command, `--${option.name} must be one of ${option.choices.join(", ")}`);
    }
  }
  return {
    words: positionals,
    text: (name) => values[name] as string | undefined,
    flag: (name) => values[name] === true,
  };
}

export function usageError(command: Command, message: string): CliError {
  return new CliError(exitCode.usage, message, [
    `Usage: althing ${command.usage}`,
    `Help:  althing ${command.name} --help`,
  ]);
}

export function wholeNumber(command: Command, parsed: Parsed, name: string): number {
  const text = parsed.text(name);
  if (text === undefined) return 0;
  const value = Number(text);
  if (text === "" || !Number.isSafeInteger(value)) {
    throw usageError(command, `--${name} must be a whole number, not "${text}"`);
  }
  return value;
}

function explain(error: unknown, command: Command): string {
  const message = error instanceof Error ? error.message : String(error);
  const valueless = /Option '(?:-\w, )?(--?[\w-]+)[^']*' argument/.exec(message)?.[1];
  if (valueless !== undefined) {
    const dash = message.includes("ambiguous");
    return `${valueless} needs a value${dash ? "; one that begins with a dash is written --option=-..." : ""}`;
  }
  const unknown = /Unknown option '(--?[\w-]+)/.exec(message)?.[1];
  if (unknown === undefined) return message.split(". ")[0]!;
  if (/^-\d/.test(unknown)) {
    return `there is no option ${unknown}; write -- before words that begin with a dash`;
  }
  const meant = closest(
    unknown.replace(/^--?/, ""),
    command.options.map((option) => option.name),
  );
  const hint = meant === undefined ? "" : `; did you mean --${meant}?`;
  return `there is no option ${unknown}${hint}`;
}
