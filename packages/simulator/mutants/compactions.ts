// Mutants of compaction of revisions. Names are the corpus's where there is one.

import type { Mutant } from "./mutant.ts";

const store = "packages/store/src";
const compaction = `${store}/mvcc/compaction.ts`;
const flags = ["--actors", "compactor"];
const watched = ["--actors", "watcher,compactor"];

export const compactionMutants: readonly Mutant[] = [
  {
    name: "compaction-loses-live-version",
    about: "what the floor itself still shows is removed",
    edits: [
      {
        file: compaction,
        find: "index.superseders.frontMain() <= floor ||",
        replace: "index.superseders.frontMain() <= floor + 1 ||",
      },
      {
        file: compaction,
        find: "if (index.superseders.frontMain() <= floor) {",
        replace: "if (index.superseders.frontMain() <= floor + 1) {",
      },
    ],
    flags,
  },
  {
    name: "compaction-keeps-deleted-key",
    about: "a tombstone is removed without its key",
    edits: [{ file: compaction, find: "  tree.delete(key);\n", replace: "  void key;\n" }],
    flags,
    seedsMax: 600,
  },
  {
    name: "tombstone-at-floor-removed",
    about: "the delete at the floor goes, which a watch from there must still see",
    edits: [
      {
        file: compaction,
        find: "index.tombstones.frontMain() < floor",
        replace: "index.tombstones.frontMain() <= floor",
      },
      {
        file: `${store}/mvcc/obsolete.ts`,
        find: "if (create === 0 && main < floor) return false;",
        replace: "if (create === 0 && main <= floor) return false;",
      },
    ],
    flags: watched,
    seedsMax: 1500,
  },
  {
    name: "txn-reads-compacted-rev",
    about: "a transaction may read below the floor, as long as what it reads is still there",
    edits: [
      {
        file: `${store}/txn/checks.ts`,
        find: "revisionFault(range.revision, keyspace.revision, keyspace.compactRevision);",
        replace:
          "revisionFault(range.revision, keyspace.revision, keyspace.index.superseders.frontMain() > keyspace.compactRevision ? keyspace.compactRevision : Number.NEGATIVE_INFINITY);",
      },
      {
        file: `${store}/mvcc/range.ts`,
        find: 'return revision < keyspace.compactRevision ? "compacted" : undefined;',
        replace:
          'return revision < keyspace.compactRevision && keyspace.index.superseders.frontMain() > keyspace.compactRevision ? "compacted" : undefined;',
      },
    ],
    flags,
  },
  {
    name: "floor-forgotten-by-restart",
    about: "a restart finds the keys and not the floor beneath which they are gone",
    edits: [
      {
        file: `${store}/store.ts`,
        find: "    this.#keyspace.compactRevision = head.compactRevision;\n",
        replace: "",
      },
    ],
    flags: [...flags, "--faults", "crash"],
  },
  {
    name: "revision-goes-back-after-compaction-crash",
    about: "a restart takes the newest record that is left for the newest revision",
    edits: [
      {
        file: `${store}/store.ts`,
        find: "index.load(main, sub, handle, bytes, start, end);\n    });",
        replace:
          "index.load(main, sub, handle, bytes, start, end);\n    });\n    this.#keyspace.revision = Math.max(1, index.versions.count === 0 ? 1 : index.newestMain);\n    if (this.#keyspace.compactRevision === this.#keyspace.revision) this.#keyspace.revision--;",
      },
    ],
    flags: [...flags, "--faults", "crash"],
    seedsMax: 600,
  },
  {
    name: "snapshot-cuts-above-floor",
    about: "a snapshot leaves out what is obsolete only one revision above the floor",
    edits: [
      {
        file: `${store}/store.ts`,
        find: "keep: keepsRecord(this.#keyspace, pin.floor),",
        replace: "keep: keepsRecord(this.#keyspace, pin.floor + 1),",
      },
    ],
    flags,
    seedsMax: 600,
  },
  {
    name: "read-at-floor-refused",
    about: "the floor itself counts as compacted",
    edits: [
      {
        file: `${store}/mvcc/range.ts`,
        find: 'return revision < keyspace.compactRevision ? "compacted" : undefined;',
        replace: 'return revision <= keyspace.compactRevision ? "compacted" : undefined;',
      },
    ],
    flags,
  },
];
