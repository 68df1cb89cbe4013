// Mutants of watching: the hub that hands out events, the reading of history beneath it, and the stream of many
// watchers above it. Names are the corpus's where there is one.

import type { Mutant } from "./mutant.ts";

const hub = "packages/store/src/watch/watch-hub.ts";
const reader = "packages/store/src/watch/revision-reader.ts";
const handOut = "packages/store/src/watch/hand-out.ts";
const catchUp = "packages/store/src/watch/catch-up-reads.ts";
const events = "packages/store/src/watch/events.ts";
const session = "packages/service/src/watches/watch-session.ts";
const notices = "packages/service/src/watches/progress-notices.ts";
const flags = ["--actors", "watcher"];
const compacting = ["--actors", "watcher,compactor"];

export const watchMutants: readonly Mutant[] = [
  {
    name: "watch-resumes-one-late",
    about: "whoever catches up begins one revision after the one that is due",
    edits: [
      {
        file: catchUp,
        find: "fromRevision: watcher.next,",
        replace: "fromRevision: watcher.next + 1,",
      },
      { file: catchUp, find: "fromRevision: next,", replace: "fromRevision: next + 1," },
    ],
    flags,
  },
  {
    name: "watch-revision-torn",
    about: "whoever catches up is told a part of a revision as if it were all of it",
    edits: [
      {
        file: hub,
        find: "const more = isDone && isTorn;",
        replace: "const more = isTorn && false;",
      },
    ],
    flags,
  },
  {
    name: "watch-revision-cut-short",
    about:
      "followers are handed what one piece of history brought of a revision, and nothing more of it",
    edits: [
      {
        file: reader,
        find: "return first !== undefined && (this.#part === 0 || first.kv.modRevision < this.#revision);",
        replace: "return first !== undefined;",
      },
    ],
    flags,
  },
  {
    name: "dup-event-after-falling-behind",
    about: "a follower that falls behind begins again with the revision before",
    edits: [
      {
        file: hub,
        find: "    watcher.next = Math.max(watcher.next, next);\n",
        replace: "    watcher.next = Math.max(1, next - 1);\n",
      },
    ],
    flags,
  },
  {
    name: "lost-under-slow-consumer",
    about: "what comes while a client does not read is dropped",
    edits: [
      {
        file: hub,
        find: "    this.fallBehind(watcher, revision);\n    return false;",
        replace: "    watcher.next = revision + 1;\n    return false;",
      },
    ],
    flags,
  },
  {
    name: "lost-on-compaction",
    about: "a watcher from below the floor is told what is left, and not that something is gone",
    edits: [
      { file: events, find: 'if (request.fromRevision < floor) return "compacted";', replace: "" },
    ],
    flags: compacting,
    seedsMax: 600,
  },
  {
    name: "future-rev-gets-old-events",
    about: "a watcher that starts in the future is told of what comes before",
    edits: [{ file: handOut, find: "watcher.next > this.revision || ", replace: "" }],
    flags,
  },
  {
    name: "progress-not-synced",
    about: "progress is told while events are still to be handed out",
    edits: [
      { file: hub, find: "this.followed > this.store.revision &&", replace: "" },
      {
        file: hub,
        find: "      this.followers.has(watcher) &&\n",
        replace: "",
      },
    ],
    flags,
    seedsMax: 600,
  },
  {
    name: "watch-silent-after-snapshot-restore",
    about: "what a snapshot brought past a follower is passed over",
    edits: [
      {
        file: hub,
        find: "    this.followers = new Followers();\n    this.begin();",
        replace: "    this.leftBehind.pop();\n    this.begin();",
      },
    ],
    flags: [...compacting, "--faults", "crash,partition"],
    seedsMax: 1500,
  },
  {
    name: "watch-follows-before-caught-up",
    about: "after one piece of history a watcher counts as having read it all",
    edits: [
      {
        file: hub,
        find: "    else if (watcher.next <= this.store.revision) this.laggards.add(watcher);\n",
        replace: "",
      },
    ],
    flags,
  },
  {
    name: "previous-of-an-event-is-itself",
    about: "the value before an event is the one after it",
    edits: [
      {
        file: events,
        find: "const id = keyspace.index.at(key, main - 1);",
        replace: "const id = keyspace.index.at(key, main);",
      },
    ],
    flags,
  },
  {
    name: "progress-before-its-events",
    about: "progress of a stream is told though one of its watchers has not seen everything",
    edits: [
      {
        file: session,
        find: "    for (const watcher of this.#watchers.values()) if (!hub.isCurrent(watcher)) return;\n",
        replace: "",
      },
    ],
    flags,
  },
  {
    name: "cancelled-watcher-is-still-told",
    about: "a watcher that is cancelled stays with the hub",
    edits: [{ file: session, find: "    this.#ports.hub.remove(watcher);\n", replace: "" }],
    flags,
  },
  {
    name: "id-reused-with-old-events",
    about: "what was begun for a cancelled watcher goes on under the next one of its id",
    edits: [
      {
        file: session,
        find: "    this.#begun.get(id)?.drop();\n    this.#begun.delete(id);\n",
        replace: "",
      },
    ],
    test: "packages/service/src/watches/watch-session.test.ts",
  },
  {
    name: "told-after-the-right-ended",
    about: "a watcher whose right has ended is told until somebody looks",
    edits: [
      {
        file: session,
        find: "    if (!this.#ports.areRightsJudged()) this.#rights.get(id)?.check();\n",
        replace: "",
      },
    ],
    flags,
  },
  {
    name: "notices-outrun-the-reader",
    about: "notices of progress go on while nobody reads them",
    edits: [
      { file: notices, find: "left > 0 && !isReaderSlow(); left--", replace: "left > 0; left--" },
    ],
    flags,
  },
  {
    name: "watchers-charged-for-ever",
    about: "what was charged for a watcher stays charged when it has ended",
    edits: [
      {
        file: session,
        find: "    this.#client.release(chargeOf(watcher.options));\n",
        replace: "",
      },
    ],
    flags,
  },
  {
    name: "followers-hold-nothing",
    about: "what a watcher has not been handed yet is compacted under it (found by reading)",
    edits: [
      {
        file: hub,
        find: "this.followers.size === 0 ? Number.POSITIVE_INFINITY : this.followed;",
        replace: "Number.POSITIVE_INFINITY;",
      },
    ],
    test: "packages/store/src/watch/held-history.test.ts",
  },
];
