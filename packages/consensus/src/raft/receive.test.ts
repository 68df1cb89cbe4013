// Whatever well-formed messages come from whomever, a member keeps its invariants. The one thing
// that may stop it is a message that claims to take back what is committed: no member sends that,
// and going on would lose data.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AssertionFailure } from "../assert.ts";
import { membershipOf } from "../membership/membership.ts";
import type { RaftMessage } from "./messages.ts";
import { raft } from "./raft.ts";

const n = fc.nat(6);
const kinds = [
  "preVoteRequest",
  "preVoteResponse",
  "voteRequest",
  "voteResponse",
  "appendRequest",
  "appendResponse",
  "appendRefusal",
  "heartbeatRequest",
  "heartbeatResponse",
  "commitNotice",
  "readRequest",
  "readResponse",
  "readRefusal",
  "timeoutNow",
] as const;

/** Every field that any kind has; the core looks at those of its kind. */
const message = fc
  .record({
    kind: fc.constantFrom(...kinds),
    term: n,
    lastIndex: n,
    lastTerm: n,
    priority: n,
    granted: fc.boolean(),
    transfer: fc.boolean(),
    previousIndex: n,
    previousTerm: n,
    commitIndex: n,
    matchIndex: n,
    hintIndex: n,
    hintTerm: n,
    round: n,
    request: n,
    index: n,
    count: fc.nat(3),
  })
  .map((fields) => {
    const { term, previousIndex } = fields;
    const previousTerm = Math.min(fields.previousTerm, term);
    const entries = Array.from({ length: fields.count }, (_, i) => ({
      index: previousIndex + 1 + i,
      epoch: term,
      proposer: "",
      kind: "command" as const,
      payload: new Uint8Array(1),
    }));
    return { ...fields, previousTerm, entries } as unknown as RaftMessage;
  });

const from = fc.constantFrom("a", "b", "c", "x");
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("receive" as const), from, message }) },
  fc.constant({ kind: "tick" as const }),
  fc.constant({ kind: "campaign" as const }),
  fc.record({ kind: fc.constant("persisted" as const), sequence: n }),
);

test("no message breaks an invariant, in any role", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const core = raft.create(
        { id: "a", heartbeatTicks: 1, electionTicks: 3, tickMs: 10, random: () => 0 },
        {
          state: undefined,
          base: { index: 0, epoch: 0, proposer: "", membership: membershipOf(["a", "b", "c"]) },
          entries: [],
          applied: 0,
        },
      );
      let before = core.inspect();
      for (const input of steps) {
        try {
          core.step(input, 0);
        } catch (error) {
          assert(error instanceof AssertionFailure);
          assert.equal(error.message, "a leader has every committed entry");
          return;
        }
        core.effects();
        const after = core.inspect();
        assert.deepEqual(raft.checkInvariants(after), []);
        const reports = raft.checkDelta(before, after);
        assert.deepEqual(reports, []);
        before = after;
      }
    }),
    { numRuns: 500 },
  );
});
