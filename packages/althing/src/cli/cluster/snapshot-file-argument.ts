// What the commands about snapshots share: the file that they are given, and how a file that cannot be
// used is told.

import { existsSync } from "node:fs";
import type { Command, Parsed } from "../command.ts";
import { usageError } from "../command.ts";
import { CliError, exitCode } from "../exit-codes.ts";

export function fileArgument(command: Command, parsed: Parsed): string {
  const [path, ...more] = parsed.words;
  if (path === undefined || path === "") throw usageError(command, "the file is missing");
  if (more.length > 0) throw usageError(command, `too many words: ${more.join(" ")}`);
  return path;
}

export function existingFile(command: Command, parsed: Parsed): string {
  const path = fileArgument(command, parsed);
  if (!existsSync(path)) throw new CliError(exitCode.usage, `there is no file ${path}`);
  return path;
}

/** Turns the server's errors about files and directories into those of the command line. */
export async function orUnusable<T>(run: () => T | Promise<T>): Promise<T> {
  const { DataDirectoryError, SnapshotFileError, ConfigError } = await import("@althing/server");
  try {
    return await run();
  } catch (error) {
    if (error instanceof SnapshotFileError) {
      throw new CliError(exitCode.dataUnusable, error.message, [
        "Use another copy, or save a new one with `althing snapshot save`.",
      ]);
    }
    if (error instanceof DataDirectoryError) {
      throw new CliError(exitCode.dataUnusable, error.message);
    }
    if (error instanceof ConfigError) throw new CliError(exitCode.usage, error.message);
    throw error;
  }
}
