// Mutants of the member runtime: the seams between core, log and store.

import type { Mutant } from "./mutant.ts";

const member = "packages/member/src";

export const memberMutants: readonly Mutant[] = [
  {
    name: "send-before-persist",
    about: "what must wait for the disk is sent at once",
    edits: [
      {
        file: `${member}/log-writer.ts`,
        find: "this.#newest = write;\n",
        replace:
          'this.#newest = write;\n    for (const { to, message } of effect.thenSend) this.#turn.send(to, { kind: "protocol", message });\n',
      },
    ],
    flags: ["--faults", "crash,disk"],
    seedsMax: 1000,
  },
  {
    name: "persisted-before-sync",
    about: "the core is told that a write is durable when it was only handed over",
    edits: [
      {
        file: `${member}/log-writer.ts`,
        find: "this.#log.append(this.#logWrite(effect), (error) => this.#done(write, error));",
        replace:
          "this.#log.append(this.#logWrite(effect), () => {});\n    this.#turn.ports.clock.soon(() => this.#done(write, undefined));",
      },
    ],
    flags: ["--faults", "crash"],
  },
  {
    name: "state-not-written",
    about: "the protocol state of a persist effect is left out of the log write",
    edits: [
      {
        file: `${member}/log-writer.ts`,
        find: "if (state !== undefined) write.state = this.#protocol.encodeState(state);",
        replace: "",
      },
    ],
  },
  {
    name: "read-before-replay",
    about: "a confirmed read is answered before its index is applied",
    edits: [
      {
        file: `${member}/reads.ts`,
        find: "return index <= appliedIndex && this",
        replace: "return index <= appliedIndex + 1e9 && this",
      },
    ],
  },
  {
    name: "old-leader-speaks-late",
    about: "what an older leader left takes effect when a later one finds it (found: it did)",
    edits: [
      {
        file: `${member}/fences.ts`,
        find: "return stamp === 0 || stamp === this.#inForce.index;",
        replace: "return true;",
      },
    ],
    scenario: "old-leader-speaks-late.json",
  },
  {
    name: "log-compacted-above-store",
    about: "the log is dropped beyond what a restart finds in the store",
    edits: [
      {
        file: `${member}/compaction.ts`,
        find: "const index = Math.min(this.#droppable(), this.#machine.durable().index);",
        replace: "const index = this.#droppable();",
      },
      {
        file: `${member}/compaction.ts`,
        find: "this.#machine.flush((error) => {",
        replace: "((done: (error: Error | undefined) => void) => done(undefined))((error) => {",
      },
    ],
  },
  {
    name: "membership-lost-in-compaction",
    about: "the base of a compacted log names the founding membership",
    edits: [
      {
        file: `${member}/compaction.ts`,
        find: "meta: this.#track.metaAt(index),",
        replace: "meta: this.#founding,",
      },
      {
        file: `${member}/compaction.ts`,
        find: "this.#options = options;",
        replace:
          "this.#options = options;\n    this.#founding = parts.track.metaAt(Number.MAX_SAFE_INTEGER);",
      },
      {
        file: `${member}/compaction.ts`,
        find: "#underWay = false;\n\n",
        replace: "#underWay = false;\n  #founding: Uint8Array;\n\n",
      },
    ],
    flags: ["--faults", "crash,membership", "--seconds", "60"],
    seedsMax: 600,
  },
  {
    name: "log-not-reset-after-snapshot",
    about: "the log does not follow an installed snapshot",
    edits: [
      {
        file: `${member}/snapshots/installer.ts`,
        find: "else this.#log.reset(base, done);",
        replace: "else done(undefined);",
      },
    ],
    seedsMax: 600,
  },
  {
    name: "retry-of-unknown-outcome",
    about: "a proposal whose outcome is unknown is proposed again",
    edits: [
      {
        file: `${member}/proposals.ts`,
        find: 'if (reason === "leadershipLost" || reason === "timedOut") this.#orphan(pending);',
        replace: 'if (reason === "leadershipLost" || reason === "timedOut") this.#park(pending);',
      },
      {
        file: `${member}/proposals.ts`,
        find: 'if (pending.state === "proposed" && !stillOurs) this.#orphan(pending);\n      else if (pending.state === "forwarded" && !stillTheirs) this.#orphan(pending);',
        replace:
          'if (pending.state === "proposed" && !stillOurs) this.#park(pending);\n      else if (pending.state === "forwarded" && !stillTheirs) this.#park(pending);',
      },
    ],
  },
  {
    name: "unknown-reported-as-not-executed",
    about: "a proposal that may have taken effect is answered as if it had not",
    edits: [
      {
        file: `${member}/proposals.ts`,
        find: 'this.#fail(pending, "leaderChanged", "unknown", message);',
        replace: 'this.#fail(pending, "leaderChanged", "notExecuted", message);',
      },
      {
        file: `${member}/proposals.ts`,
        find: 'this.#fail(pending, "timedOut", "unknown", "no answer in time; it may have taken effect");',
        replace: 'this.#fail(pending, "timedOut", "notExecuted", "no answer in time");',
      },
    ],
    seedsMax: 600,
  },
  {
    name: "reformatted-node-forgets-promise",
    about: "a member that lost its disk is let in under its old name",
    edits: [
      {
        file: `${member}/publish.ts`,
        find: "if (published !== undefined && published !== incarnation) return wiped(peer);",
        replace: "",
      },
      {
        file: `${member}/publish.ts`,
        find: "if (met !== undefined && met !== incarnation) return wiped(peer);",
        replace: "",
      },
      {
        file: `${member}/publish.ts`,
        find: "if (claimed && !this.#isOwn(own.incarnation)) {",
        replace: "if (claimed && own.incarnation === undefined) {",
      },
    ],
    flags: ["--faults", "damage,crash,partition"],
    seedsMax: 3000,
  },
  {
    name: "reapply-last-entry-on-restart",
    about: "a restart takes the last applied entry for one not yet applied",
    edits: [
      {
        file: `${member}/recovery.ts`,
        find: "const restored = { state, base: logBase, entries, applied: point.index };",
        replace:
          "const restored = { state, base: logBase, entries, applied: Math.max(base.index, point.index - 1) };",
      },
    ],
  },
  {
    name: "streams-that-ended-untold",
    about: "a core is not told of the streams that end with its lead (found by reading)",
    edits: [
      {
        file: `${member}/snapshots/sender.ts`,
        find: 'for (const stream of [...this.#streams.values()]) this.#end(stream, false, "it leads no more");',
        replace: "for (const stream of [...this.#streams.values()]) this.#close(stream);",
      },
    ],
    test: "packages/member/src/snapshots/sender.test.ts",
  },
  {
    name: "snapshot-thrown-away-in-its-turn",
    about: "a stream that begins throws away what the core is about to ask for (found by reading)",
    edits: [
      {
        file: `${member}/snapshots/receiver.ts`,
        find: "if (this.#installing || stage?.finished) {",
        replace: "if (this.#installing) {",
      },
    ],
    test: "packages/member/src/snapshots/receiver.test.ts",
  },
];
