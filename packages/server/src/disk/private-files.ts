// What is in a data directory is for the member's own user alone: the log and the store hold every value and
// the hashes of passwords, the identity is what the member proves itself by. What is made here is private
// from the beginning; what an earlier version or somebody's hand left open is closed when the directory
// is opened. The directory itself is its operator's: it is left as it is, and he is told.

import { chmodSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Read, write and search for the group and for others. */
const openBits = 0o077;
/** What does no harm there, or is none of ours. */
const notOurs = new Set(["lost+found"]);

/** What its operator should know. Windows has no such bits. */
export function keepPrivate(root: string): string[] {
  if (process.platform === "win32") return [];
  const warnings: string[] = [];
  const { mode } = lstatSync(root);
  if ((mode & openBits) !== 0) {
    const told = (mode & 0o777).toString(8).padStart(4, "0");
    warnings.push(
      `other users of this machine have access to the data directory ${root} (mode ${told}): chmod 700 it`,
    );
  }
  closeAll(root, warnings);
  return warnings;
}

function closeAll(directory: string, warnings: string[]): void {
  for (const name of readdirSync(directory)) {
    if (notOurs.has(name)) continue;
    const path = join(directory, name);
    const entry = lstatSync(path, { throwIfNoEntry: false });
    // Where a link leads is not ours to change.
    if (entry === undefined || !(entry.isFile() || entry.isDirectory())) continue;
    if ((entry.mode & openBits) !== 0) {
      try {
        chmodSync(path, entry.mode & 0o700);
      } catch (error) {
        warnings.push(`other users have access to ${path}, and that cannot be changed: ${error}`);
      }
    }
    if (entry.isDirectory()) closeAll(path, warnings);
  }
}
