// Mutants of the write-ahead log.

import type { Mutant } from "./mutant.ts";

const log = "packages/log/src";
const diskFlags = ["--faults", "crash,disk"];

export const logMutants: readonly Mutant[] = [
  {
    name: "lazy-fsync",
    about: "a write is acknowledged without a sync",
    edits: [
      {
        file: `${log}/open-log.ts`,
        find: "this.#file.sync((error) => {",
        replace: "((done: (error: DiskError | undefined) => void) => done(undefined))((error) => {",
      },
    ],
    flags: diskFlags,
  },
  {
    name: "sync-fails-once-then-ok",
    about: "a failed sync is ignored; the next one seems to work",
    edits: [
      {
        file: `${log}/open-log.ts`,
        find: "if (error !== undefined) {\n        this.#fail(error, requests, offset);\n        return;\n      }\n      this.#isBusy = false;",
        replace: "void error; void offset;\n      this.#isBusy = false;",
      },
    ],
    flags: diskFlags,
  },
  {
    name: "write-error-ignored",
    about: "a failed write is followed by a sync and acknowledged",
    edits: [
      {
        file: `${log}/open-log.ts`,
        find: "if (error !== undefined) this.#fail(error, requests, offset);\n      else this.#sync(requests, offset);",
        replace: "void error;\n      this.#sync(requests, offset);",
      },
    ],
    flags: diskFlags,
  },
  {
    name: "state-not-carried",
    about: "a new segment does not repeat the protocol state of the ones that go",
    edits: [
      {
        file: `${log}/open-log.ts`,
        find: "if (this.#state !== undefined) this.#writer.putState(this.#state);",
        replace: "",
      },
    ],
    seedsMax: 600,
  },
  {
    name: "truncate-not-durable-but-vote-is",
    about: "a truncation is not written to the log",
    edits: [
      {
        file: `${log}/open-log.ts`,
        find: "this.#writer.putTruncate(write.truncateFrom);",
        replace: "",
      },
    ],
    flags: ["--faults", "crash,partition"],
    seedsMax: 600,
  },
  {
    name: "segment-removed-too-early",
    about: "compaction removes a segment that holds entries still needed",
    edits: [
      {
        file: `${log}/segment-ledger.ts`,
        find: "(segment) => segment.lastLive > base.index);",
        replace: "(segment) => segment.lastLive > base.index + 3);",
      },
    ],
    seedsMax: 600,
  },
  {
    name: "fsync-eio-then-restart",
    about: "what the page cache shows after a failed sync is believed without writing it again",
    edits: [
      {
        file: `${log}/recovery.ts`,
        find: "file.writeNow(unproven.offset, unproven.bytes);",
        replace: "",
      },
    ],
    flags: diskFlags,
    seedsMax: 1500,
  },
  {
    name: "damage-cut-silently",
    about: "a damaged record in the middle is taken for the end of the log",
    edits: [
      {
        file: `${log}/recovery.ts`,
        find: 'this.#refuse(segment, at, "the record does not verify, and no crash leaves it like that");',
        replace: "return ending();",
      },
      {
        file: `${log}/recovery.ts`,
        find: "if (header.sequence <= place.sequence) continue;",
        replace: "if (header.sequence >= 0) continue;",
      },
    ],
    flags: ["--faults", "damage,crash"],
    seedsMax: 1000,
  },
  {
    name: "segment-named-before-durable",
    about: "a segment gets its name before its zeros are on disk",
    edits: [
      {
        file: `${log}/prepare-segment.ts`,
        find: "if (from === bytes || unsynced >= stepBytes) {",
        replace:
          "if (from === bytes) {\n      finish(bytes);\n      return;\n    }\n    if (unsynced >= stepBytes) {",
      },
    ],
    flags: ["--faults", "crash"],
    seedsMax: 600,
  },
  {
    name: "directory-not-synced",
    about: "a new segment's name is not made durable",
    edits: [
      {
        file: `${log}/prepare-segment.ts`,
        find: "disk.syncDirectory((error) => {",
        replace: "((done: (error: DiskError | undefined) => void) => done(undefined))((error) => {",
      },
    ],
    flags: ["--faults", "crash"],
    seedsMax: 600,
  },
];
