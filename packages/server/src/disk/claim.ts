// What a data directory is for. The log of a key-value member says nothing to a state machine of somebody's own,
// and the other way round: a directory is opened by what it was made for, and by nothing else.

import { type DataDirectory, DataDirectoryError } from "./data-directory.ts";

export type DirectoryUse = "keyValue" | "stateMachine";

const noteName = "use.json";

/** Throws `DataDirectoryError`. A directory that says nothing is a key-value member's, if it has a log. */
export function claimDirectory(directory: DataDirectory, use: DirectoryUse): void {
  const note = directory.readNote(noteName) as { readonly use?: unknown } | undefined;
  const hasLog = directory.disk.list().some((name) => name !== "acquaintances");
  const found = note?.use ?? (hasLog ? "keyValue" : undefined);
  if (found !== undefined && found !== use) {
    throw new DataDirectoryError(
      "usedOtherwise",
      directory.path,
      `${directory.path} is the data directory of ${words(found)}: give another one to ${words(use)}`,
    );
  }
  if (note === undefined && use !== "keyValue") directory.writeNote(noteName, { use });
}

function words(use: unknown): string {
  return use === "keyValue" ? "a key-value member" : "a state machine of your own";
}
