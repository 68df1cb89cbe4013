// Named clusters: where one is and who asks, kept for the user in a file, so that `--context prod` or
// `althing context use prod` stands for a line of options.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { CliError, exitCode } from "../exit-codes.ts";

/** Options of the connection by their names, as they would be written. */
export type Context = Readonly<Partial<Record<ContextOption, string>>>;
export const contextOptions = ["endpoints", "user", "cacert", "cert", "key"] as const;
export type ContextOption = (typeof contextOptions)[number];

export interface Contexts {
  readonly current: string | undefined;
  readonly contexts: Readonly<Record<string, Context>>;
}

export function contextsFile(): string {
  const given = process.env["ALTHING_CONTEXTS"];
  if (given !== undefined && given !== "") return given;
  const config = process.env["XDG_CONFIG_HOME"] || join(homedir(), ".config");
  return join(config, "althing", "contexts.json");
}

export function readContexts(): Contexts {
  const file = contextsFile();
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      return { current: undefined, contexts: {} };
    throw unreadable(file, (error as Error).message);
  }
  try {
    const { current, contexts } = JSON.parse(text);
    if (typeof contexts !== "object" || contexts === null) throw new Error("it has no contexts");
    return { current: typeof current === "string" ? current : undefined, contexts };
  } catch (error) {
    throw unreadable(file, (error as Error).message);
  }
}

/** A password may be among it: nobody else may read it, and it is there whole or as it was. */
export function writeContexts(contexts: Contexts): void {
  const file = contextsFile();
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, `${JSON.stringify(contexts, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(unfinished, file);
}

export function contextNamed({ contexts }: Contexts, name: string): Context {
  if (Object.hasOwn(contexts, name)) return contexts[name]!;
  const known = Object.keys(contexts);
  throw new CliError(exitCode.usage, `there is no context "${name}"`, [
    known.length === 0
      ? "Make one: althing context add NAME --endpoints HOST:PORT,..."
      : `There are: ${known.join(", ")}.`,
  ]);
}

function unreadable(file: string, problem: string): CliError {
  return new CliError(exitCode.usage, `${file} cannot be read: ${problem}`, [
    "Mend it, or remove it and make the contexts anew: althing context add.",
  ]);
}
