// Mutants of watching: the hub that hands out events and the reading of history beneath it. Names are the
// corpus's where there is one.

import type { Mutant } from "./mutant.ts";

const hub = "packages/store/src/watch/watch-hub.ts";
const events = "packages/store/src/watch/events.ts";
const flags = ["--actors", "watcher"];
const compacting = ["--actors", "watcher,compactor"];

export const watchMutants: readonly Mutant[] = [
  {
    name: "watch-resumes-one-late",
    about: "whoever catches up begins one revision after the one that is due",
    edits: [
      {
        file: hub,
        find: "fromRevision: watcher.next,",
        replace: "fromRevision: watcher.next + 1,",
      },
    ],
    flags,
  },
  {
    name: "watch-revision-torn",
    about: "a piece of history may end within a revision",
    edits: [
      {
        file: events,
        find: "if (main !== revision) {\n",
        replace: "if (main !== revision || events.length >= request.eventsMax) {\n",
      },
      {
        file: events,
        find: "nextRevision = main;",
        replace: "nextRevision = main === revision ? main + 1 : main;",
      },
    ],
    flags,
  },
  {
    name: "dup-event-after-falling-behind",
    about: "a follower that falls behind begins again where it began to follow",
    edits: [
      {
        file: hub,
        find: "    watcher.next = Math.max(watcher.next, next);\n",
        replace: "    void next;\n",
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
        find: "        this.fallBehind(watcher, revision);\n        continue;",
        replace: "        watcher.next = revision + 1;\n        continue;",
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
    edits: [
      { file: hub, find: "if (watcher.next <= revision) yield", replace: "yield" },
      { file: hub, find: "if (watcher.next > revision) continue;\n", replace: "\n" },
    ],
    flags,
  },
  {
    name: "progress-not-synced",
    about: "progress is told while events are still to be handed out",
    edits: [
      { file: hub, find: "this.followed > this.store.revision &&", replace: "" },
      {
        file: hub,
        find: "      this.following.has(watcher) &&\n",
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
        find: "for (const watcher of [...this.following]) this.fallBehind(watcher, this.followed);",
        replace: "this.followed = this.store.revision + 1;",
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
        find: "    if (watcher.next <= this.store.revision) return true;\n",
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
];
