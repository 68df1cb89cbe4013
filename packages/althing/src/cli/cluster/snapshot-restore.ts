// `althing snapshot restore`: the data directory of one member of a new cluster, from a snapshot. It takes
// the flags of `althing start` that say who the member will be, and judges them by the same rules.

import { findFlag } from "@althing/server/flags";
import {
  type Command,
  type Option,
  type Parsed,
  parseOptions,
  usageError,
  wholeNumber,
} from "../command.ts";
import { outputForm, outputOption } from "../connection.ts";
import { exitCode } from "../exit-codes.ts";
import { writeAnswer, writeLine } from "../print.ts";
import { createProgress, quietOption } from "../progress.ts";
import { existingFile, orUnusable } from "./snapshot-file-argument.ts";

/** As in `althing start`. */
const memberFlags = [
  "name",
  "data-dir",
  "initial-cluster",
  "initial-cluster-token",
  "initial-advertise-peer-urls",
  "engine",
  "protocol",
  "paxos-quorums",
] as const;

export const snapshotRestoreCommand: Command = {
  name: "snapshot restore",
  summary: "Make a member of a new cluster from a saved snapshot",
  usage: "snapshot restore FILE --data-dir=DIR [options]",
  about: `Makes the data directory of one member of a new cluster, with the keys, their history, the leases and the
users of the snapshot. Run it once for each member, with the same file and the same --initial-cluster, and
start the members with the same flags. The directory must be empty; until all of it is on the disk, no
member starts from it. The new cluster has an id of its own, made of its members and the snapshot: members
that were restored from another file, or begin with nothing, cannot mix with these. Leases begin anew with
their whole time. Clients that remember a revision of the old cluster (watches, caches) need
--bump-revision and --mark-compacted: they are told then to read again.`,
  options: [
    ...memberFlags.map(startFlag),
    {
      name: "bump-revision",
      kind: "text",
      value: "N",
      help: "Add N to the revision: more than the old cluster wrote after the snapshot",
    },
    {
      name: "mark-compacted",
      kind: "boolean",
      help: "The history ends at the new revision; belongs to --bump-revision",
    },
    {
      name: "skip-hash-check",
      kind: "boolean",
      help: "Do not compare the checksum of the file; that of each piece is still compared",
    },
    quietOption,
    outputOption,
    { name: "help", short: "h", kind: "boolean", help: "This text" },
  ],
  examples: [
    {
      command: "althing snapshot restore backup.db --data-dir=/var/lib/althing",
      what: "a cluster of one",
    },
    {
      command:
        "althing snapshot restore backup.db --name=m1 --data-dir=/var/lib/althing --initial-cluster=m1=http://10.0.0.1:2380,m2=http://10.0.0.2:2380,m3=http://10.0.0.3:2380 --initial-advertise-peer-urls=http://10.0.0.1:2380",
      what: "the first of three",
    },
  ],
  async run(args) {
    const parsed = parseOptions(snapshotRestoreCommand, args);
    const path = existingFile(snapshotRestoreCommand, parsed);
    const revisionsSkipped = readBump(parsed);
    const { resolveConfig, restoreSnapshot } = await import("@althing/server");
    const progress = createProgress(parsed);
    const { identity, revision, records } = await orUnusable(() =>
      restoreSnapshot({
        path,
        config: resolveConfig(settingsOf(parsed)).config,
        revisionsSkipped,
        compacted: parsed.flag("mark-compacted"),
        skipHashCheck: parsed.flag("skip-hash-check"),
        tell: progress.tell,
      }),
    ).finally(() => progress.end());
    const { clusterId, memberId, foundingMembers } = identity;
    writeAnswer(outputForm(parsed), {
      value: { clusterId, memberId, revision, totalKey: records, members: foundingMembers },
      table: [
        ["cluster", "member", "revision", "total keys"],
        [[clusterId, memberId, String(revision), String(records)]],
      ],
      plain: () =>
        writeLine(`Restored revision ${revision} for member ${memberId} of cluster ${clusterId}`),
    });
    return exitCode.ok;
  },
};

function startFlag(name: (typeof memberFlags)[number]): Option {
  const flag = findFlag(name);
  if (flag === undefined) throw new Error(`no flag --${name}`);
  return {
    name,
    kind: "text",
    value: flag.choices === undefined ? "TEXT" : flag.choices.join("|"),
    help: flag.fallback === "" ? flag.help : `${flag.help}; ${flag.fallback} if not given`,
    ...(flag.choices === undefined ? {} : { choices: flag.choices }),
  };
}

function settingsOf(parsed: Parsed): Map<string, { value: string; origin: string }> {
  const settings = new Map<string, { value: string; origin: string }>();
  for (const name of memberFlags) {
    const value = parsed.text(name);
    if (value !== undefined) settings.set(name, { value, origin: `--${name}=${value}` });
  }
  return settings;
}

function readBump(parsed: Parsed): number {
  const bump = wholeNumber(snapshotRestoreCommand, parsed, "bump-revision");
  if (bump < 0) throw usageError(snapshotRestoreCommand, "--bump-revision must not be negative");
  if (bump > 0 !== parsed.flag("mark-compacted")) {
    throw usageError(
      snapshotRestoreCommand,
      "--bump-revision and --mark-compacted belong together: a revision that nobody wrote has no history",
    );
  }
  return bump;
}
