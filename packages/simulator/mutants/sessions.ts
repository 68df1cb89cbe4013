// Mutants of leases in the store, and of the line for locks and elections. Names are the corpus's where
// there is one.

import type { Mutant } from "./mutant.ts";

const store = "packages/store/src";
const succession = "packages/service/src/locks/succession.ts";
const leasing = ["--actors", "holder"];
const contending = ["--actors", "contender"];

export const sessionMutants: readonly Mutant[] = [
  {
    name: "ephemeral-survives-session",
    about: "the end of a lease leaves one of its keys",
    edits: [
      {
        file: `${store}/mvcc/keyspace.ts`,
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of the source
        find: "const end = `${last}\\0`;",
        replace: "const end = last;",
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
        find: 'if (!this.#exists(place)) fail("sessionExpired");\n      // Whoever',
        replace: "if (settled) return;\n      // Whoever",
      },
      {
        file: succession,
        find: 'else if (!this.#exists(place)) fail("sessionExpired");\n      else {',
        replace: "else {",
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
        find: "const older = this.#older(name, place.createRevision);",
        replace:
          "const [older] = store.range({ ...prefixOf(name), rangeEnd: place.key }).kvs.map((kv) => kv.key);",
      },
      {
        file: succession,
        find: "const isFirst = this.#older(name, createRevision) === undefined;",
        replace:
          "const isFirst = this.#parts.store.range({ ...prefixOf(name), rangeEnd: key }).count === 0;",
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
        find: "else if (older !== undefined) predecessor = watch(older);",
        replace: 'else if (older === "") predecessor = watch(older);',
      },
    ],
    flags: contending,
  },
  {
    name: "predecessor-gone-means-first",
    about: "whoever sees the one before it leave the line owns, even in the middle of it",
    edits: [
      {
        file: succession,
        find: "events: () => {\n        look();",
        replace: "events: () => {\n        member.read(claimNow);",
      },
    ],
    flags: contending,
    seedsMax: 600,
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
        find: 'return { kind: "txn", compares: [{ ...compare, value: createRevision }], success',
        replace:
          'void compare;\n  void createRevision;\n  return { kind: "txn", compares: [], success',
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
