import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { etcdCodecs } from "@althing/wire";
import { ConnectionGate, gateLimitsOf } from "./connection-gate.ts";
import { type EchoServer, startEcho } from "./testing/echo-service.ts";
import { GrpcClient } from "./testing/grpc-client.ts";

const put = etcdCodecs.PutRequest.encode({ key: Buffer.from("k") });
const ignore = () => {};

test("one address has three quarters of the places, if nobody says otherwise", () => {
  assert.deepEqual(gateLimitsOf(10_000), { connectionsMax: 10_000, perAddressMax: 7500 });
  assert.deepEqual(gateLimitsOf(1), { connectionsMax: 1, perAddressMax: 1 });
  assert.deepEqual(gateLimitsOf(100, 7), { connectionsMax: 100, perAddressMax: 7 });
});

test("beyond its share an address, beyond the whole everybody gets reserved places, and real ones when some leave", () => {
  const gate = new ConnectionGate({ connectionsMax: 4, perAddressMax: 3 });
  const enter = (address: string) => gate.enter(address, ignore);
  const greedy = ["a", "a", "a", "a"].map(enter);
  assert.deepEqual(
    greedy.map(({ isReserved }) => isReserved),
    [false, false, false, true],
  );
  const other = enter("b");
  assert.deepEqual([other.isReserved, enter("c").isReserved], [false, true]);
  greedy[0]!.leave();
  greedy[0]!.leave();
  assert.deepEqual([enter("c").isReserved, enter("a").isReserved], [false, true]);
});

test("a reserved place is lost to who comes later, by the oldest of the address that has most of them", () => {
  const gate = new ConnectionGate({ connectionsMax: 0, perAddressMax: 0 });
  const evicted: string[] = [];
  const probe = gate.enter("quiet", () => evicted.push("quiet"));
  for (let i = 0; i < 300; i++) gate.enter("loud", () => evicted.push(`loud ${i}`));
  assert.deepEqual(evicted.length, 45);
  assert.deepEqual([evicted[0], evicted[44]], ["loud 0", "loud 44"]);
  probe.leave();
  gate.enter("loud", ignore);
  assert.equal(evicted.length, 45);
});

async function serve(t: TestContext, connectionsMax: number): Promise<EchoServer> {
  const limits = { messageBytesMax: 1000, concurrentStreamsMax: 10, connectionsMax };
  const server = await startEcho({ limits });
  t.after(() => server.close(0));
  return server;
}

async function fill(t: TestContext, server: EchoServer, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (let i = 0; i < count; i++) {
    const socket = connect(server.address.port, "127.0.0.1");
    socket.on("error", ignore);
    sockets.push(socket);
    await new Promise((resolve) => socket.once("connect", resolve));
  }
  while (server.counters.connectionsAccepted < count) await new Promise(setImmediate);
  return sockets;
}

test("when one address has taken all that it may have, probes are answered and the rest is not", async (t) => {
  const server = await serve(t, 20);
  const { port } = server.address;
  await fill(t, server, 15);

  const probe = await fetch(`http://127.0.0.1:${port}/here`);
  assert.deepEqual([probe.status, probe.headers.get("connection")], [200, "close"]);
  const other = await fetch(`http://127.0.0.1:${port}/echo`, { method: "POST", body: "x" });
  assert.deepEqual([other.status, other.headers.get("retry-after")], [503, "1"]);

  const client = new GrpcClient(port);
  t.after(() => client.close());
  assert.equal((await client.call("/test.Echo/Echo", put)).status, 0);
  const { status, message } = await client.call("/test.Echo/Repeat", put);
  assert.deepEqual([status, message], [14, "etcdserver: too many requests"]);

  const session = connectHttp2(`http://127.0.0.1:${port}`);
  t.after(() => session.destroy());
  const stream = session.request({ ":path": "/throws" });
  const headers = await new Promise<{ ":status"?: number }>((resolve) =>
    stream.on("response", resolve),
  );
  assert.equal(headers[":status"], 503);
  assert.ok(server.counters.refused.connections >= 4);
});
