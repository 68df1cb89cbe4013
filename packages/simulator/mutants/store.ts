// Mutants of the replicated store and of its engines.

import type { Mutant } from "./mutant.ts";

const store = "packages/store/src";

export const storeMutants: readonly Mutant[] = [
  {
    name: "applied-index-not-atomic",
    about: "a checkpoint holds effects beyond the index that it names",
    edits: [
      {
        file: `${store}/memory/memory-engine.ts`,
        find: "const head = engine.head;",
        replace:
          "const shown = engine.head.point;\n    const head = { ...engine.head, point: { ...shown, index: Math.max(0, shown.index - 1) } };",
      },
    ],
    flags: ["--engine", "memory"],
    seedsMax: 600,
  },
  {
    name: "torn-snapshot-file",
    about: "a checkpoint gets its name before its bytes are on disk",
    edits: [
      {
        file: `${store}/memory/checkpoint.ts`,
        find: "file.sync((error) => {",
        replace: "((done: (error: Error | undefined) => void) => done(undefined))((error) => {",
      },
    ],
    flags: ["--engine", "memory", "--faults", "crash"],
    seedsMax: 600,
  },
  {
    name: "old-snapshot-after-recovery",
    about: "a restart takes the oldest checkpoint instead of the newest",
    edits: [
      {
        file: `${store}/memory/checkpoint.ts`,
        find: "for (const name of checkpointNames(storage).reverse()) {",
        replace: "for (const name of checkpointNames(storage)) {",
      },
    ],
    flags: ["--engine", "memory"],
  },
  {
    name: "compare-ignored",
    about: "a transaction succeeds whatever its compares say",
    edits: [
      {
        file: `${store}/txn/txn.ts`,
        find: "succeeded = holds === true;",
        replace: "succeeded = holds !== undefined;",
      },
    ],
  },
  {
    name: "previous-value-after-write",
    about: "a put answers with its own value as the previous one",
    edits: [
      {
        file: `${store}/mvcc/put.ts`,
        find: "const prevKv = command.prevKv ? keyspace.newest(command.key) : undefined;\n  keyspace.put(command);",
        replace:
          "keyspace.put(command);\n  const prevKv = command.prevKv ? keyspace.newest(command.key) : undefined;",
      },
    ],
  },
  {
    name: "restore-keeps-old-revision",
    about: "an installed snapshot does not bring its revision and hash",
    edits: [
      {
        file: `${store}/store.ts`,
        find: "this.#adopt(state.head);\n    this.#alarms = state.alarms;",
        replace: "this.#alarms = state.alarms;",
      },
    ],
    seedsMax: 600,
  },
  {
    name: "restore-keeps-old-index",
    about: "reads after an installed snapshot go through the index of before",
    edits: [
      {
        file: `${store}/mvcc/keyspace.ts`,
        find: "replaceBy(index: KeyIndex): void {\n    this.index = index;",
        replace: "replaceBy(_index: KeyIndex): void {",
      },
    ],
    seedsMax: 600,
  },
  {
    name: "applied-unevenly",
    about: "whether a command takes effect depends on how long this process has lived",
    edits: [
      {
        file: `${store}/store.ts`,
        find: "const refused = this.#alarms.refuses(command);",
        replace:
          'const refused = this.#alarms.refuses(command) ?? (++this.#sinceStart % 64 === 0 ? "noSpace" : undefined);',
      },
      {
        file: `${store}/store.ts`,
        find: "\n  #restoring = false;\n",
        replace: "\n  #restoring = false;\n  #sinceStart = 0;\n",
      },
    ],
    seedsMax: 600,
  },
  {
    name: "snapshot-misses-tombstones",
    about: "a snapshot leaves out the newest record",
    edits: [
      {
        file: `${store}/snapshot/reader.ts`,
        find: "if (main > head.revision) return false;",
        replace: "if (main >= head.revision) return false;",
      },
    ],
    seedsMax: 600,
  },
  {
    name: "revision-shared-by-two-commands",
    about: "a delete does not take a revision of its own",
    edits: [
      {
        file: `${store}/mvcc/keyspace.ts`,
        find: "if (this.#sub === 0) return;\n    this.revision++;",
        replace: "if (this.#sub === 0) return;\n    if (!this.#deleted) this.revision++;",
      },
    ],
  },
  {
    name: "told-durable-before-committed",
    about: "the disk engine calls durable what it has not committed yet, and the log is shortened",
    edits: [
      {
        file: `${store}/blocks/block-engine.ts`,
        find: "    return this.#written.point;",
        replace: "    return this.#head.point;",
      },
    ],
    flags: ["--engine", "disk"],
  },
  {
    name: "head-in-a-commit-of-its-own",
    about: "the disk engine commits the head of a batch apart from what leads to it",
    edits: [
      {
        file: `${store}/blocks/draft.ts`,
        find: "    environment.putHead(head);\n",
        replace: "",
      },
      {
        file: `${store}/blocks/draft.ts`,
        find: "const { entries, removals, head } = this.batch;",
        replace: "const { entries, removals } = this.batch;",
      },
      {
        file: `${store}/blocks/block-engine.ts`,
        find: "      environment.space.commit(\n        () => draft.put(),",
        replace:
          "      environment.space.commit(() => environment.putHead(draft.batch.head), () => {});\n      environment.space.commit(\n        () => draft.put(),",
      },
    ],
    flags: ["--engine", "disk"],
  },
  {
    name: "removals-wait-for-a-commit",
    about: "what compaction removed after the last command is never written",
    edits: [
      {
        file: `${store}/blocks/block-engine.ts`,
        find: "    this.#behind.addRemoval(main, sub);\n    this.#writeSoon();",
        replace: "    this.#behind.addRemoval(main, sub);",
      },
    ],
    flags: ["--engine", "disk", "--actors", "compactor"],
  },
  {
    name: "space-freed-by-the-next-write-alone",
    about: "blocks that became sparse with the last commit are not rewritten before another one",
    edits: [
      {
        file: `${store}/blocks/block-engine.ts`,
        find: "      this.#flush(true, 0, () => {});",
        replace: "      void 0;",
      },
    ],
    flags: ["--engine", "disk", "--actors", "compactor"],
  },
  {
    name: "replaced-state-left-on-the-disk",
    about: "the state that an installed snapshot replaced keeps its space until a restart",
    edits: [
      {
        file: `${store}/blocks/block-engine.ts`,
        find: "      this.#remove(old.name, old.environment, () => this.#changing.end());",
        replace: "      this.#changing.end();",
      },
    ],
    flags: ["--engine", "disk"],
  },
  {
    name: "read-over-a-state-replaced",
    about: "who reads a state in steps goes on over the one that took its place (found by reading)",
    edits: [
      {
        file: "packages/store/src/engine/pins.ts",
        find: "if (state !== this.#state) throw new StateReplaced();",
        replace: "void state;",
      },
    ],
    test: "packages/store/src/snapshot/state-replaced.test.ts",
  },
];
