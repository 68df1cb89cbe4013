import assert from "node:assert/strict";
import { test } from "node:test";
import { type Effect, type Input, membershipOf, paxos } from "@althing/consensus";
import type { MembershipTrack } from "../membership-track.ts";
import type { StateMachine } from "../state-machine.ts";
import type { Turn } from "../turn.ts";
import { SnapshotSender } from "./sender.ts";

const membership = membershipOf(["a", "b", "c", "d"]);

function senderOf(step: (input: Input<unknown>) => void): SnapshotSender {
  const point = { index: 50, epoch: 1, proposer: "b", meta: new Uint8Array(0) };
  const reader = { point, next: () => new Uint8Array(1), close: () => {} };
  const turn = {
    ports: { clock: { monotonicMs: () => 0, soon: () => {} }, random: () => 0.5 },
    send: () => {},
    observe: () => {},
    step,
    schedule: () => {},
  } as unknown as Turn;
  const store = { openSnapshot: () => reader } as unknown as StateMachine;
  return new SnapshotSender(turn, store, { applied: membership } as unknown as MembershipTrack);
}

test("the core is told of every stream that ends with the lead, begun or not", () => {
  const ended: string[] = [];
  const sender = senderOf((input) => {
    assert(input.kind === "snapshotSent");
    ended.push(`${input.to} ${input.ok}`);
  });
  for (const to of ["b", "c", "d"]) sender.start(to, 1);
  sender.abortAll();
  assert.deepEqual(ended.sort(), ["b false", "c false", "d false"]);
  assert.equal(sender.heldAt(), Number.POSITIVE_INFINITY);
  sender.abortAll();
  assert.equal(ended.length, 3);
});

test("paxos: who was being streamed to when the lead was lost gets a snapshot when it asks again", () => {
  const core = paxos.create(
    { id: "a", heartbeatTicks: 2, electionTicks: 10, tickMs: 10, random: () => 0.5 },
    {
      state: { round: 1, proposer: "b", commit: 50, prepareQuorum: 0, acceptQuorum: 0 },
      base: { index: 50, epoch: 1, proposer: "b", membership: membershipOf(["a", "b", "c"]) },
      entries: [],
      applied: 50,
    },
  );
  const sender = senderOf((input) => core.step(input as Input<never>, 0));
  const run = (input: unknown): Effect<unknown, unknown>[] => {
    core.step(input as Input<never>, 0);
    const effects: Effect<unknown, unknown>[] = core.effects();
    for (const effect of effects) {
      if (effect.kind !== "persist") continue;
      core.step({ kind: "persisted", sequence: effect.sequence }, 0);
      effects.push(...core.effects());
    }
    for (const effect of effects) {
      if (effect.kind === "sendSnapshot") sender.start(effect.to, effect.epoch);
    }
    return effects;
  };
  const isAsked = (effects: Effect<unknown, unknown>[]) =>
    effects.some(({ kind }) => kind === "sendSnapshot");
  const quorums = { prepare: 0, accept: 0 };
  const prepare = (round: number, extra: object) => {
    const ballot = { round, proposer: "c" };
    const message = { kind: "prepareRequest", ballot, first: 1, quorums, ...extra };
    return run({ kind: "receive", from: "c", message });
  };
  const heard = (from: string, message: object) => run({ kind: "receive", from, message });
  assert.ok(isAsked(prepare(2, {})));
  // It is elected, and loses the lead again: all of its streams end.
  run({ kind: "campaign" });
  const ballot = { round: 3, proposer: "a" };
  const promised = { round: 2, proposer: "c" };
  heard("b", { kind: "canvassResponse", ballot, granted: true, promised });
  const nothing = {
    first: 51,
    last: 51,
    isLast: true,
    commitIndex: 50,
    baseIndex: 50,
    entries: [],
  };
  heard("b", { kind: "promise", ballot, ...nothing });
  assert.equal(core.status().role, "leader");
  run({ kind: "stepDown" });
  for (let i = 0; i < 40 && core.status().role === "leader"; i++) run({ kind: "tick" });
  assert.notEqual(core.status().role, "leader");
  sender.abortAll();
  assert.ok(isAsked(prepare(9, {})), "it asks again and gets nothing");
});

test("a receiver that is silent is asked again, and given up in the end", () => {
  const world = { nowMs: 1000, ended: [] as string[], asked: 0 };
  const reader = {
    point: { index: 50, epoch: 1, proposer: "b", meta: new Uint8Array(0) },
    next: () => new Uint8Array(1),
    close: () => {},
  };
  const turn = {
    ports: { clock: { monotonicMs: () => world.nowMs, soon: () => {} }, random: () => 0.5 },
    waits: { electionMs: 100 },
    send: (_to: string, { kind }: { readonly kind: string }) => {
      if (kind === "snapshotBegin") world.asked++;
    },
    observe: () => {},
    step: ({ to, ok }: { readonly to: string; readonly ok: boolean }) => {
      world.ended.push(`${to} ${ok}`);
    },
    schedule: () => {},
  } as unknown as Turn;
  const store = { openSnapshot: () => reader } as unknown as StateMachine;
  const track = { applied: membership } as unknown as MembershipTrack;
  const sender = new SnapshotSender(turn, store, track);
  sender.start("b", 1);
  const tickAt = (nowMs: number) => {
    world.nowMs = nowMs;
    sender.tick(nowMs);
    return [world.asked, world.ended.join()];
  };
  assert.deepEqual(tickAt(1199), [1, ""]);
  assert.deepEqual(tickAt(1200), [2, ""]);
  assert.deepEqual(tickAt(1000 + giveUpMs - 1), [3, ""]);
  assert.deepEqual(tickAt(1000 + giveUpMs), [3, "b false"]);
});

/** As the sender has it: far longer than any receiver that is there takes to answer. */
const giveUpMs = 20_000;
