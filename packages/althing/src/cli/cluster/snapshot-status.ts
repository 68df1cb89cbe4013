// `althing snapshot status`: what a file holds, once every byte of it has been verified.

import { type Command, parseOptions } from "../command.ts";
import { outputForm, outputOption } from "../connection.ts";
import { exitCode } from "../exit-codes.ts";
import { formatBytes, writeAnswer } from "../print.ts";
import { createProgress, quietOption } from "../progress.ts";
import { existingFile, orUnusable } from "./snapshot-file-argument.ts";

export const snapshotStatusCommand: Command = {
  name: "snapshot status",
  summary: "Verify a saved snapshot and tell what it holds",
  usage: "snapshot status FILE [options]",
  about: `Reads a snapshot to its end and tells its hash, its revision, how many keys with how much history it
holds, and its size. One that is damaged or cut short is refused, and the command ends with ${exitCode.dataUnusable}.`,
  options: [
    quietOption,
    outputOption,
    { name: "help", short: "h", kind: "boolean", help: "This text" },
  ],
  examples: [
    { command: "althing snapshot status backup.db -o table", what: "is the backup whole?" },
  ],
  async run(args) {
    const parsed = parseOptions(snapshotStatusCommand, args);
    const path = existingFile(snapshotStatusCommand, parsed);
    const { readSnapshotStatus } = await import("@althing/server");
    const progress = createProgress(parsed);
    const status = await orUnusable(() => readSnapshotStatus(path, progress.tell)).finally(() =>
      progress.end(),
    );
    const { revision, compactRevision, records: totalKey, bytes: totalSize, sha256 } = status;
    const hash = sha256.slice(0, 8);
    const cells = [hash, String(revision), String(totalKey), formatBytes(totalSize)];
    writeAnswer(outputForm(parsed), {
      value: { hash, revision, totalKey, totalSize, compactRevision, sha256 },
      table: [titles, [cells]],
    });
    return exitCode.ok;
  },
};

const titles = ["hash", "revision", "total keys", "total size"];
