// A few commands that read as much as they may are no piece of a thousand: the loop goes round between them.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry } from "@althing/consensus";
import { type Command, encodeCommand, plainRange, type Result } from "@althing/store";
import { Applier } from "./applier.ts";
import { EnvelopeWriter } from "./envelope.ts";
import { Fences } from "./fences.ts";
import { MembershipTrack } from "./membership-track.ts";
import { decodeRosterChange, encodeRosterChange } from "./roster/records.ts";
import { type KeptRoster, Roster } from "./roster/roster.ts";
import type { StateMachine } from "./state-machine.ts";
import { Cluster } from "./testing/cluster.ts";
import type { Turn } from "./turn.ts";

const put: Command = {
  kind: "put",
  key: "k",
  value: new Uint8Array(1),
  lease: 0n,
  prevKv: false,
  ignoreValue: false,
  ignoreLease: false,
};
const read: Command = {
  kind: "txn",
  compares: [],
  success: [{ kind: "range", ...plainRange("\0", "\0") }],
  failure: [],
};

/** How many entries each piece takes, when a command other than a put takes so long. */
function piecesOf(commands: readonly Command[], txnMs: number): number[] {
  let nowMs = 0;
  let appliedIndex = 0;
  const machine = {
    get appliedIndex() {
      return appliedIndex;
    },
    stateHash: () => ({ index: appliedIndex, hash: 0 }),
    apply(bytes: Uint8Array): Result {
      appliedIndex++;
      if (bytes[0] === encodeCommand(put)[0])
        return { kind: "put", revision: 1, prevKv: undefined };
      nowMs += txnMs;
      return { kind: "txn", revision: 1, succeeded: true, responses: [] };
    },
  } as Partial<StateMachine> as StateMachine;
  const turn = {
    ports: { clock: { monotonicMs: () => nowMs } },
    fail: (reason: string, cause: unknown) => assert.fail(`${reason}: ${cause}`),
  } as unknown as Turn;
  const none = { votersOutgoing: [], learners: [], learnersNext: [] };
  const membership = { voters: ["m"], ...none };
  const applier = new Applier(turn, {
    machine,
    isShort: (result) => (result as Result).kind === "put",
    roster: new Roster(undefined, new Uint8Array(0)),
    proposals: { applied() {}, appliedBatch() {} } as never,
    fences: new Fences(turn, { name: "raft" }, new Uint8Array(0)),
    hashes: { record() {} } as never,
    track: new MembershipTrack([{ index: 0, membership }] as never),
  });
  const writer = new EnvelopeWriter(() => 0.5);
  const entries = commands.map(
    (command, i): Entry => ({
      index: i + 1,
      epoch: 1,
      proposer: "",
      kind: "command",
      payload: writer.wrap(i + 1, encodeCommand(command)),
    }),
  );
  applier.add(entries);
  const pieces: number[] = [];
  while (applier.hasWork) pieces.push(applier.applyPiece()?.count ?? 0);
  assert.equal(appliedIndex, commands.length);
  return pieces;
}

test("commands that take long end the piece, those that do not and puts fill it", () => {
  const reads = Array.from({ length: 40 }, () => read);
  assert.deepEqual(piecesOf(reads, 0), [40]);
  assert.deepEqual(piecesOf(reads, 1), [21, 19]);
  assert.deepEqual(piecesOf(reads.slice(0, 5), 50), [1, 1, 1, 1, 1]);
  assert.deepEqual(piecesOf([put, put, read, put, put, read], 50), [3, 3]);
  assert.deepEqual(piecesOf(Array(2000).fill(put), 0), [1024, 976]);
});

test("who asks for it hears how far the store has come, until it does not want to any more", () => {
  const cluster = new Cluster({ ids: ["a"] });
  cluster.startAll();
  const member = cluster.calm();
  const heard: number[][] = [[], []];
  const [, forget] = heard.map((list) => member.onApplied((index) => list.push(index)));
  cluster.put(member, "k", "1");
  assert.deepEqual(heard[0], [member.stateMachine.appliedIndex]);
  assert.deepEqual(heard[1], heard[0]);
  forget!();
  forget!();
  cluster.put(member, "k", "2");
  assert.equal(heard[0]!.at(-1), member.stateMachine.appliedIndex);
  assert.equal(heard[1]!.length, 1);
});

/** What ends a member that applies this. */
function endOf(payload: Uint8Array, kept: KeptRoster | undefined): string {
  let end = "";
  const turn = {
    ports: { clock: { monotonicMs: () => 0 } },
    observe: () => {},
    fail: (_reason: string, cause: unknown) => {
      end = String(cause);
    },
  } as unknown as Turn;
  const membership = { voters: ["m"], votersOutgoing: [], learners: [], learnersNext: [] };
  const machine = { appliedIndex: 0, applyNothing() {} } as unknown as StateMachine;
  const applier = new Applier(turn, {
    machine,
    isShort: () => false,
    roster: new Roster(kept, new Uint8Array(0)),
    proposals: { applied() {}, appliedBatch() {} } as never,
    fences: new Fences(turn, { name: "raft" }, new Uint8Array(0)),
    hashes: { record() {} } as never,
    track: new MembershipTrack([{ index: 0, membership }] as never),
  });
  applier.add([{ index: 1, epoch: 1, proposer: "", kind: "command", payload }]);
  applier.applyPiece();
  return end;
}

test("a change of the roster that this version cannot read, or does not expect, ends the member", () => {
  const writer = new EnvelopeWriter(() => 0.5);
  const forget = encodeRosterChange({ kind: "removeMember", member: "b" });
  const kept = { members: () => [], encode: encodeRosterChange, decode: decodeRosterChange };
  assert.equal(endOf(writer.wrap(1, forget, true), undefined), "");
  assert.match(endOf(writer.wrap(1, Uint8Array.of(99), true), undefined), /later version: upgrade/);
  assert.match(endOf(writer.wrap(1, forget, true), kept), /later version: upgrade/);
});
