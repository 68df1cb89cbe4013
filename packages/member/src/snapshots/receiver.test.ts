import assert from "node:assert/strict";
import { test } from "node:test";
import { type Input, type LogPoint, membershipOf } from "@althing/consensus";
import type { PeerMessage } from "../ports.ts";
import type { SnapshotWriter, StateMachine } from "../state-machine.ts";
import type { Turn } from "../turn.ts";
import { SnapshotReceiver } from "./receiver.ts";

const point: LogPoint = {
  index: 10,
  epoch: 1,
  proposer: "b",
  membership: membershipOf(["a", "b", "c"]),
};

/** A receiver that stages nothing, in a member that stands at epoch 1 and whose clock stands still. */
function receiverOf(name: "raft" | "paxos" | "zab" = "raft") {
  const steps: Input<unknown>[] = [];
  const answers: string[] = [];
  const world = { nowMs: 0, epoch: 1, dropped: 0 };
  const writer = {
    write: () => {},
    flush: (done: () => void) => done(),
    finish: () => ({ ...point, meta: new Uint8Array(0) }),
    abort: () => world.dropped++,
    install: () => {},
  } as unknown as SnapshotWriter;
  const turn = {
    core: { status: () => ({ epoch: world.epoch }) },
    ports: { clock: { monotonicMs: () => world.nowMs } },
    waits: { electionMs: 100 },
    send: (to: string, message: PeerMessage) => {
      assert(message.kind === "snapshotAck");
      answers.push(`${to} ${message.refused === "" ? message.next : message.refused}`);
    },
    observe: () => {},
    step: (input: Input<unknown>) => steps.push(input),
    schedule: () => {},
  } as unknown as Turn;
  const store = { appliedIndex: 0, beginRestore: () => writer } as unknown as StateMachine;
  return { receiver: new SnapshotReceiver(turn, store, { name }), steps, answers, world };
}

const chunk = new Uint8Array(1);

test("a stream that begins in the turn in which another one ended waits for what the core decides", () => {
  const { receiver, steps, answers } = receiverOf();
  receiver.begin("b", 1, 1, point);
  receiver.chunk("b", 1, 0, chunk, true);
  assert.equal(steps.at(-1)?.kind, "snapshotReceived");
  receiver.begin("c", 2, 1, point);
  receiver.begin("b", 3, 1, point);
  const refused = "another snapshot is being installed";
  assert.deepEqual(answers, ["b 0", "b 1", `c ${refused}`, `b ${refused}`]);
  assert.notEqual(receiver.take(point), undefined, "what the core was told of is there");
  receiver.turnEnded();
  receiver.begin("c", 4, 1, point);
  assert.equal(answers.at(-1), `c ${refused}`);
  receiver.installed();
  receiver.begin("c", 5, 1, point);
  assert.equal(answers.at(-1), "c 0");
});

test("what the core does not ask for is dropped when the turn is over", () => {
  const { receiver, answers, world } = receiverOf();
  receiver.begin("b", 1, 1, point);
  receiver.chunk("b", 1, 0, chunk, true);
  receiver.turnEnded();
  assert.equal(world.dropped, 1);
  assert.equal(receiver.take(point), undefined);
  receiver.begin("c", 2, 1, point);
  assert.equal(answers.at(-1), "c 0");
});

for (const name of ["raft", "paxos", "zab"] as const) {
  test(`${name}: two senders do not throw each other out, and who falls silent gives way`, () => {
    const { receiver, steps, answers, world } = receiverOf(name);
    receiver.begin("b", 1, 1, point);
    for (let i = 0; i < 20; i++) {
      // As often as a sender asks that hears nothing.
      world.nowMs += 200;
      receiver.begin("c", 2 + i, 1, point);
      assert.equal(answers.at(-1), "c another snapshot is being received");
      receiver.chunk("b", 1, i, chunk, i === 19);
    }
    assert.equal(steps.at(-1)?.kind, "snapshotReceived");
    receiver.turnEnded();
    receiver.begin("b", 50, 1, point);
    world.nowMs += 400;
    receiver.begin("c", 51, 1, point);
    assert.equal(answers.at(-1), "c 0");
  });
}

test("a later leader's stream takes the place of an earlier one's, but in Paxos anybody's serves", () => {
  for (const name of ["raft", "zab", "paxos"] as const) {
    const { receiver, answers } = receiverOf(name);
    receiver.begin("b", 1, 1, point);
    receiver.begin("c", 2, 2, point);
    const kept = "c another snapshot is being received";
    assert.equal(answers.at(-1), name === "paxos" ? kept : "c 0", name);
  }
  const { receiver, answers, world } = receiverOf("raft");
  receiver.begin("b", 1, 1, point);
  world.epoch = 2;
  receiver.begin("c", 2, 2, point);
  assert.equal(answers.at(-1), "c 0");
  receiver.begin("b", 3, 1, point);
  assert.equal(answers.at(-1), "b the stream is of an earlier epoch");
});
