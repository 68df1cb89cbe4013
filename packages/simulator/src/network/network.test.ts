// Streams keep order and lose only what a broken connection loses; datagrams keep nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { PeerMessage } from "@althing/member";
import { Prng } from "../random/prng.ts";
import { Turns, World } from "../world/world.ts";
import { type Endpoint, Network, type NetworkOptions } from "./network.ts";

const plain: NetworkOptions = {
  manner: "stream",
  latencyMin: 10,
  latencyMean: 1000,
  lossRate: 0,
  duplicateRate: 0,
  delayRate: 0,
  delayMax: 0,
  breakAfter: 100_000,
  reconnectMax: 1000,
  bulkBytesPerSecond: 1_000_000,
};

function setUp(options: Partial<NetworkOptions> = {}, admits = true) {
  const world = new World();
  const lost: string[] = [];
  const network = new Network(world, { ...plain, ...options }, new Prng(8, 8), {
    sent() {},
    delivered() {},
    lost: (_from, _to, _serial, why) => lost.push(why),
  });
  const logs: string[][] = [[], []];
  const endpoint = (member: number): Endpoint => ({
    turns: new Turns(),
    receive: (_from, message) =>
      logs[member]?.push(`got ${message.kind === "stateHash" ? message.index : number(message)}`),
    connected: () => logs[member]?.push("connected"),
    disconnected: () => logs[member]?.push("disconnected"),
    unreachable: () => logs[member]?.push("unreachable"),
    admits: () => admits,
  });
  const settle = (micros = 50_000): void => world.runUntil(world.now + micros, () => false);
  const send = (index: number): void => network.send(0, 1, { kind: "stateHash", index, hash: 0 });
  network.attach(0, endpoint(0));
  network.attach(1, endpoint(1));
  settle();
  return { world, network, logs, lost, settle, send, endpoint };
}

const number = (message: PeerMessage): unknown =>
  message.kind === "protocol" ? message.message : message.kind;

test("a stream delivers everything in order", () => {
  const { logs, send, settle } = setUp();
  const sent = Array.from({ length: 200 }, (_, i) => i);
  for (const index of sent) send(index);
  settle();
  assert.deepEqual(logs[1], ["connected", ...sent.map((index) => `got ${index}`)]);
});

test("a short block delays a stream, a long one breaks it and both sides are told", () => {
  const { network, logs, lost, send, settle } = setUp();
  network.block(0, 1);
  send(1);
  settle(20_000);
  network.unblock(0, 1);
  settle(20_000);
  assert.deepEqual(logs[1], ["connected", "got 1"]);
  network.block(0, 1);
  send(2);
  settle(500_000);
  assert.deepEqual(logs, [
    ["connected", "disconnected"],
    ["connected", "got 1", "disconnected"],
  ]);
  assert.deepEqual(lost, ["broken"]);
  send(3);
  network.unblock(0, 1);
  settle();
  send(4);
  settle();
  assert.deepEqual(logs[0], ["connected", "disconnected", "unreachable", "connected"]);
  assert.equal(logs[1]?.at(-1), "got 4");
});

test("a one-way block lets the other way through", () => {
  const { network, logs, settle } = setUp();
  network.block(0, 1);
  network.send(1, 0, { kind: "stateHash", index: 5, hash: 0 });
  settle(20_000);
  assert.deepEqual(logs[0], ["connected", "got 5"]);
});

test("a process that dies with its machine alive hangs up; one without power does not", () => {
  for (const hangUp of [true, false]) {
    const { network, logs, settle } = setUp();
    network.detach(1, hangUp);
    settle(50_000);
    assert.deepEqual(logs[0], hangUp ? ["connected", "disconnected"] : ["connected"]);
  }
});

test("who is not admitted gets no connection and no message", () => {
  for (const manner of ["stream", "datagram"] as const) {
    const { logs, lost, send, settle } = setUp({ manner }, false);
    send(1);
    settle();
    assert.deepEqual([logs, lost], [[["unreachable"], []], ["noConnection"]]);
  }
});

test("datagrams are lost, doubled and reordered", () => {
  const options = { lossRate: 0.2, duplicateRate: 0.2, delayRate: 0.2, delayMax: 5000 };
  const { network, logs, settle } = setUp({ manner: "datagram", ...options });
  for (let i = 0; i < 500; i++) network.send(0, 1, { kind: "protocol", message: i });
  settle();
  const got = (logs[1] ?? []).slice(1).map((line) => Number(line.slice(4)));
  const distinct = new Set(got);
  assert.ok(distinct.size < 450 && distinct.size > 350, `${distinct.size} arrived`);
  assert.ok(got.length > distinct.size + 30, "some came twice");
  assert.ok(
    got.some((index, at) => at > 0 && index < (got[at - 1] ?? 0)),
    "some came late",
  );
});
