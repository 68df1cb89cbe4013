// Mutants of leases in the store, and of the line for locks and elections. Names are the corpus's where
// there is one.

import type { Mutant } from "./mutant.ts";

const store = "packages/store/src";
const succession = "packages/member/src/succession.ts";
const leasing = ["--actors", "holder"];
const contending = ["--actors", "contender"];

export const sessionMutants: readonly Mutant[] = [
  {
    name: "ephemeral-survives-session",
    about: "the end of a lease leaves one of its keys",
    edits: [
      {
        file: `${store}/store.ts`,
        find: "for (const key of this.leaseKeys(command.lease)) keyspace.deleteKey(key);",
        replace:
          "for (const key of this.leaseKeys(command.lease).slice(1)) keyspace.deleteKey(key);",
      },
    ],
    flags: leasing,
  },
  {
    name: "ghost-leases",
    about: "a lease that ended is there again after a restart",
    edits: [
      {
        file: `${store}/lease/leases.ts`,
        find: "    engine.delete(table, nameOf(lease));\n",
        replace: "    void engine;\n",
      },
    ],
    flags: [...leasing, "--faults", "crash"],
  },
  {
    name: "attachment-lost-by-restart",
    about: "a restart does not know which keys hang on a lease",
    edits: [
      {
        file: `${store}/mvcc/key-index.ts`,
        find: "      this.attachments.set(key, lease);\n",
        replace: "      void key;\n      void lease;\n",
      },
    ],
    flags: [...leasing, "--faults", "crash"],
  },
  {
    name: "freed-key-dies-with-lease",
    about: "a key that was put again without a lease still hangs on the old one",
    edits: [
      {
        file: `${store}/mvcc/keyspace.ts`,
        find: "if (lease !== 0n || (head > 0 && index.versions.hasLease(head))) {",
        replace: "if (lease !== 0n) {",
      },
    ],
    flags: leasing,
  },
  {
    name: "put-under-ended-lease",
    about: "a key may be put under a lease that does not exist",
    edits: [
      {
        file: `${store}/mvcc/put.ts`,
        find: 'if (command.lease !== 0n && !leases.exists(command.lease)) return "leaseNotFound";',
        replace: "",
      },
    ],
    flags: leasing,
  },
  {
    name: "lock-granted-to-dead-lease",
    about: "whoever waited is not asked whether it still has its place",
    edits: [
      {
        file: succession,
        find: "if (!this.#holds(place)) {",
        replace: "if (this.#holds(place) === undefined) {",
      },
      {
        file: succession,
        find: "if (error === undefined && !this.#holds(place)) {",
        replace: "if (error === undefined && this.#holds(place) === undefined) {",
      },
    ],
    flags: contending,
  },
  {
    name: "lock-owner-by-smallest-lease",
    about: "the first by name owns, not the first that came",
    edits: [
      {
        file: succession,
        find: "const before = { ...prefixOf(name), maxCreateRevision: place.createRevision - 1, limit: 1 };",
        replace: "const before = { ...prefixOf(name), rangeEnd: place.key, limit: 1 };",
      },
    ],
    flags: contending,
  },
  {
    name: "lock-without-line",
    about: "whoever has a place owns",
    edits: [
      {
        file: succession,
        find: 'if (older.kind === "range" && older.kvs.length > 0) return;',
        replace: "void older;",
      },
    ],
    flags: contending,
  },
  {
    name: "two-ephemerals-one-session",
    about: "whoever comes back to the place that it had gets a new token for it",
    edits: [
      {
        file: succession,
        find: "const createRevision = found?.createRevision ?? result.revision;",
        replace: "const createRevision = result.revision;",
      },
    ],
    flags: contending,
    seedsMax: 600,
  },
  {
    name: "place-outlives-lease",
    about: "a place in the line does not hang on the lease of who takes it",
    edits: [
      {
        file: succession,
        find: "success: [putOf(key, value, lease)],",
        replace: "success: [putOf(key, value, 0n)],",
      },
    ],
    flags: contending,
  },
  {
    name: "guard-without-token",
    about: "what a lock guards is written under any token",
    edits: [
      {
        file: succession,
        find: 'this.propose({ kind: "txn", compares, success, failure: [] }, contender, (result) => {',
        replace:
          'this.propose({ kind: "txn", compares: compares.slice(1), success, failure: [] }, contender, (result) => {',
      },
    ],
    flags: contending,
    seedsMax: 600,
  },
  {
    name: "owner-by-newest",
    about: "the last in the line is shown as the owner",
    edits: [
      {
        file: succession,
        find: 'const sort = { sortOrder: "ascend",',
        replace: 'const sort = { sortOrder: "descend",',
      },
    ],
    flags: contending,
  },
];
