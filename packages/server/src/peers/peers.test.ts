// The transport over real loopback sockets. Long, because each of the ways in and out of it has its test.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { after, afterEach, test } from "node:test";
import type { MemberEvent, PeerMessage } from "@althing/member";
import { makeDiskKey, openDiskKey } from "../identity/disk-key.ts";
import { Answering } from "./answering.ts";
import { encodeFrame, FrameReader, frameType } from "./frame.ts";
import { encodeMessage, encodePreamble, type Hello, preambleBytes } from "./handshake.ts";
import { introduce } from "./introduction.ts";
import { parsePeerUrl } from "./peer-url.ts";
import { helloOf as newHello, Stranger } from "./testing/stranger.ts";
import {
  connectedTo,
  createTestMember,
  disconnectedFrom,
  ids,
  keyOf,
  observed,
  type TestMember,
  type TestMemberOptions,
  testClusterId,
} from "./testing/two-members.ts";

let port = 26000;
const open: TestMember[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(open.splice(0).map((member) => member.transport.close()));
});
after(() => assert.ok(port <= 26100, "the tests keep to their ports"));

/** Distinguishable, small, and as the codec gives it back. */
function note(index: number): PeerMessage {
  return { kind: "stateHash", index, hash: index * 7 };
}

function chunk(sequence: number, bytes: number): PeerMessage {
  const content = new Uint8Array(bytes).fill(sequence);
  return { kind: "snapshotChunk", stream: 1, sequence, bytes: content, last: false };
}

function member(id: string, at: number, others: Record<string, number>, o?: TestMemberOptions) {
  const made = createTestMember(id, at, others, o);
  open.push(made);
  return made;
}

async function pair(
  options: { a?: TestMemberOptions; b?: TestMemberOptions } = {},
): Promise<[TestMember, TestMember]> {
  const [portA, portB] = [port++, port++];
  const a = member(ids.a, portA, { [ids.b]: portB }, options.a);
  const b = member(ids.b, portB, { [ids.a]: portA }, options.b);
  await Promise.all([a.start(), b.start()]);
  await Promise.all([a.until(connectedTo(ids.b), 0), b.until(connectedTo(ids.a), 0)]);
  return [a, b];
}

function received(by: TestMember): unknown[] {
  return by.told.filter((told) => told.kind === "receive").map((told) => told.detail);
}

/** Opens a bare connection and resolves with what came back once the other side closed it. */
async function speak(to: number, bytes: Uint8Array): Promise<Buffer> {
  const socket = connect({ host: "127.0.0.1", port: to });
  sockets.push(socket);
  const answer: Buffer[] = [];
  socket.on("data", (data: Buffer) => answer.push(data));
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(bytes);
  if (!socket.destroyed) await new Promise((closed) => socket.once("close", closed));
  return Buffer.concat(answer);
}

function helloOf(change: object = {}): Hello {
  return newHello({
    clusterId: testClusterId,
    member: ids.b,
    identity: keyOf(ids.b).identity,
    consensus: "raft",
    to: ids.a,
    channel: "main" as const,
    ...change,
  });
}

async function stranger(to: number): Promise<Stranger> {
  const made = await Stranger.connect(to);
  sockets.push(made.socket);
  return made;
}

function turnedAway(by: TestMember): { code: unknown; reason: unknown }[] {
  return by.told
    .filter(observed("peerTurnedAway"))
    .map((told) => told.detail as MemberEvent)
    .map((event) => ({ code: event["code"], reason: event["reason"] }));
}

test("messages arrive in order, both ways, small and large", async () => {
  const [a, b] = await pair();
  const sent = Array.from({ length: 200 }, (_, i) => note(i));
  const large: PeerMessage = { kind: "forward", payloads: [new Uint8Array(3_000_000).fill(9)] };
  for (const message of sent) a.transport.send(ids.b, message);
  a.transport.send(ids.b, large);
  b.transport.send(ids.a, note(1));
  await b.until((told) => (told.detail as PeerMessage)?.kind === "forward", 0);
  await a.until((told) => told.kind === "receive", 0);
  assert.deepEqual(received(b), [...sent, large]);
  assert.deepEqual(received(a), [note(1)]);
});

test("the end of a peer is noticed at once, and so is its return", async () => {
  const [a, b] = await pair();
  const portB = b.port;
  const lost = a.until(disconnectedFrom(ids.b));
  const start = performance.now();
  await open.splice(open.indexOf(b), 1)[0]!.transport.close();
  await lost;
  assert.ok(performance.now() - start < 150, "well under any election timeout");

  a.transport.send(ids.b, note(1));
  await a.until((told) => told.kind === "unreachable" && told.peer === ids.b, 0);

  const again = member(ids.b, portB, { [ids.a]: a.port });
  const back = a.until(connectedTo(ids.b));
  await again.start();
  await back;
  a.transport.send(ids.b, note(2));
  await again.until((told) => told.kind === "receive", 0);
  assert.deepEqual(received(again), [note(2)]);
});

test("a connection that breaks while its peer lives is made again", async () => {
  const [portA, portB, portProxy] = [port++, port++, port++];
  const through: Socket[] = [];
  const proxy = createServer((socket) => {
    const onward = connect({ host: "127.0.0.1", port: portB });
    through.push(socket, onward);
    socket.on("error", () => {});
    onward.on("error", () => {});
    socket.pipe(onward).pipe(socket);
  }).listen(portProxy, "127.0.0.1");
  try {
    const a = member(ids.a, portA, { [ids.b]: portProxy });
    const b = member(ids.b, portB, { [ids.a]: portA });
    await Promise.all([a.start(), b.start()]);
    await a.until(connectedTo(ids.b), 0);
    const lost = a.until(disconnectedFrom(ids.b));
    const back = a.until(connectedTo(ids.b), a.told.length);
    for (const socket of through.splice(0)) socket.destroy();
    await lost;
    await back;
    a.transport.send(ids.b, note(3));
    await b.until((told) => told.kind === "receive", 0);
  } finally {
    for (const socket of through) socket.destroy();
    proxy.close();
  }
});

test("junk on the port costs one log line per address and harms nothing", async () => {
  const [a, b] = await pair();
  const junk = Buffer.alloc(100_000, 0x5a);
  for (let i = 0; i < 5; i++) assert.deepEqual(await speak(a.port, junk), Buffer.alloc(0));
  assert.deepEqual(turnedAway(a), [
    { code: "junk", reason: "bytes that are not the Althing peer protocol" },
  ]);
  b.transport.send(ids.a, note(1));
  await a.until((told) => told.kind === "receive", 0);
});

test("the usual mistakes are named", async () => {
  for (const [bytes, reason] of [
    ["GET /health HTTP/1.1\r\n\r\n", /clients belong on the client port/],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", /clients belong on the client port/],
    ["\x16\x03\x01\x02\x00\x01\x00", /TLS on a cleartext peer port/],
  ] as const) {
    const a = member(ids.a, port++, {});
    await a.start();
    await speak(a.port, Buffer.from(bytes, "latin1"));
    assert.match(String(turnedAway(a)[0]?.reason), reason);
  }
});

test("a caller that is not what it should be is told why", async () => {
  const cases: [object, string, RegExp][] = [
    [{ clusterId: "00000000000000c2" }, "cluster", /belongs to cluster 0+c2, this is cluster 0+c1/],
    [{ consensus: "zab" }, "consensus", /runs zab/],
    [{ to: ids.c }, "wrongMember", /looks for member c+, but this is member a+/],
    [{ member: ids.c }, "unknownMember", /not a member of cluster 0+c1/],
    [{ channel: "side" }, "malformed", /cannot be read/],
    [{ member: "bbbbbbbbbbbbbbbg" }, "malformed", /cannot be read/],
    [{ member: `${ids.b}\n` }, "malformed", /cannot be read/],
  ];
  for (const [change, code, reason] of cases) {
    const a = member(ids.a, port++, { [ids.b]: 26199 });
    await a.start();
    const caller = await stranger(a.port);
    const hello = helloOf(change);
    const answer = await caller.greet(hello);
    assert.ok(answer !== undefined);
    if (!("code" in answer)) caller.prove(hello, answer, keyOf(ids.b));
    const refusal = "code" in answer ? answer : await caller.hearRefusal();
    assert.equal(refusal?.code, code);
    assert.match(refusal.reason, reason);
    assert.deepEqual(
      turnedAway(a).map((line) => line.code),
      [code],
    );
    await open.pop()!.transport.close();
  }
});

test("a caller is known by its key alone, on this connection alone", async () => {
  const [a, b] = await pair();
  const other = openDiskKey(makeDiskKey())!;
  const identity = { identity: other.identity };

  const wiped = await (await stranger(a.port)).enter(helloOf(identity), other);
  assert.match(String(wiped?.payload), /"identity".*another disk/);

  const forger = await stranger(a.port);
  const claimed = helloOf();
  const challenge = await forger.greet(claimed);
  assert.ok(challenge !== undefined && !("code" in challenge));
  forger.prove(claimed, challenge, other);
  assert.equal((await forger.hearRefusal())?.code, "unproved");

  // What b signed for one connection, word for word, on another.
  const first = await stranger(a.port);
  const hello = helloOf();
  const seen = await first.greet(hello);
  assert.ok(seen !== undefined && !("code" in seen));
  const second = await stranger(a.port);
  await second.greet(hello);
  second.prove(hello, seen, keyOf(ids.b));
  assert.equal((await second.hearRefusal())?.code, "unproved");

  assert.deepEqual(received(a), []);
  a.transport.send(ids.b, note(4));
  await b.until((told) => told.kind === "receive", 0);
});

test("nothing is heard of a caller before it is proved, and nothing is called that it names", async () => {
  const a = member(ids.a, port++, { [ids.b]: 26199 });
  a.held.set(ids.b, keyOf(ids.b).identity);
  await a.start();
  const caller = await stranger(a.port);
  await caller.greet(helloOf());
  caller.send(frameType.message, Buffer.from(JSON.stringify(note(1))));
  assert.equal((await caller.hearRefusal())?.code, "malformed");
  assert.deepEqual(received(a), []);

  // A stranger with a key of its own, and somebody at the address that it names.
  let called = 0;
  const trap = createServer(() => called++).listen(port, "127.0.0.1");
  await once(trap, "listening");
  const key = openDiskKey(makeDiskKey())!;
  const urls = [`http://127.0.0.1:${port++}`];
  const self = { member: ids.c, identity: key.identity };
  const asOf = 1;
  const own = introduce(testClusterId, ids.c, key, { ...self, urls, asOf });
  const forged = {
    ...introduce(testClusterId, ids.b, key, { ...self, urls, asOf }),
    introducer: ids.b,
  };
  const answer = await (await stranger(a.port)).enter(helloOf(self), key, {
    urls,
    introductions: [own, forged],
  });
  assert.match(String(answer?.payload), /unknownMember/);
  assert.deepEqual(
    a.transport.stats().map(({ id }) => id),
    [ids.b],
  );
  trap.close();
  assert.equal(called, 0);
});

test("whom a member has not met it meets at the address that it was given for it", async () => {
  const [portA, portB] = [port++, port++];
  const a = member(ids.a, portA, { [ids.b]: portB });
  await a.start();
  // Somebody comes as b before b does, with a key of its own.
  const key = openDiskKey(makeDiskKey())!;
  const hello = helloOf({ identity: key.identity });
  const answer = await (await stranger(portA)).enter(hello, key);
  assert.match(String(answer?.payload), /"unmet"/);
  assert.equal(a.held.get(ids.b), undefined);
  const b = member(ids.b, portB, { [ids.a]: portA });
  await b.start();
  await Promise.all([a.until(connectedTo(ids.b), 0), b.until(connectedTo(ids.a), 0)]);
  assert.equal(a.held.get(ids.b), keyOf(ids.b).identity);
});

test("under a join secret nobody is met who does not know it, and who is known needs none", async () => {
  const joinSecret = "a secret of some length";
  const [portA, portB] = [port++, port++];
  const a = member(ids.a, portA, { [ids.b]: portB }, { joinSecret });
  const b = member(ids.b, portB, { [ids.a]: portA }, { joinSecret: "another one, just as long" });
  await Promise.all([a.start(), b.start()]);
  const refusal = await b.until(observed("peerRefusedUs"), 0);
  assert.equal((refusal.detail as MemberEvent)["code"], "joinSecret");
  assert.equal(a.told.some(connectedTo(ids.b)), false);
  await open.pop()!.transport.close();

  const again = member(ids.b, portB, { [ids.a]: portA }, { joinSecret });
  await again.start();
  await Promise.all([a.until(connectedTo(ids.b), 0), again.until(connectedTo(ids.a), 0)]);
  await open.pop()!.transport.close();

  const without = member(ids.b, portB, { [ids.a]: portA });
  without.held.set(ids.a, keyOf(ids.a).identity);
  const back = a.until(connectedTo(ids.b));
  await without.start();
  await Promise.all([back, without.until(connectedTo(ids.a), 0)]);
});

test("a refusal counts from the member that was called, and not from somebody at its address", async () => {
  const joinSecret = "a secret of some length";
  const former = "0123456789abcdef";
  const key = openDiskKey(makeDiskKey(former))!;
  const strangers = openDiskKey(makeDiskKey())!;
  // Not met before: known by the join secret. Known from before there were keys: by what it was known as.
  for (const [held, proper, stranger] of [
    [undefined, { joinSecret }, { joinSecret: "another one, just as long" }],
    [former, { key }, { key: strangers }],
  ] as const) {
    for (const options of [stranger, proper]) {
      const [portA, portB] = [port++, port++];
      const a = member(ids.a, portA, { [ids.b]: portB }, { joinSecret });
      if (held !== undefined) a.held.set(ids.b, held);
      // It says that a is no member, as of an index that nobody has reached.
      const b = member(ids.b, portB, {}, { ...options, knownWithout: () => 2 ** 50 });
      await b.start();
      await a.start();
      const isHeard = await a.until(observed("peerRefusedUs"), 0);
      assert.match(String((isHeard.detail as MemberEvent)["code"]), /unknownMember/);
      assert.equal(
        a.told.some(({ kind }) => kind === "refused"),
        options === proper,
      );
      await open.pop()!.transport.close();
      await open.pop()!.transport.close();
    }
  }
});

test("a member that was given very many addresses is let in like any other", async () => {
  const [portA, portB] = [port++, port++];
  const a = member(ids.a, portA, {});
  a.held.set(ids.b, keyOf(ids.b).identity);
  await a.start();
  const others = Array.from({ length: 1_000 }, (_, i) => `http://127.0.0.1:${i + 50_000}`);
  const urls = [`http://127.0.0.1:${portB}`, ...others];
  a.transport.update([{ id: ids.b, urls: urls.map((url) => parsePeerUrl(url)!) }]);
  const b = member(ids.b, portB, { [ids.a]: portA });
  await b.start();
  await b.until(connectedTo(ids.a), 0);
});

test("a disk from before there were keys shows that it knows what it was published as", async () => {
  const stored = makeDiskKey("0123456789abcdef");
  const key = openDiskKey(stored)!;
  const [portA, portB] = [port++, port++];
  const a = member(ids.a, portA, { [ids.b]: portB });
  a.held.set(ids.b, "0123456789abcdef");
  a.refuse = (_peer, identity) => (identity === "0123456789abcdef" ? undefined : "not that disk");
  const b = member(ids.b, portB, { [ids.a]: portA }, { key });
  await Promise.all([a.start(), b.start()]);
  await Promise.all([a.until(connectedTo(ids.b), 0), b.until(connectedTo(ids.a), 0)]);

  const other = openDiskKey(makeDiskKey("fedcba9876543210"))!;
  const hello = helloOf({ identity: other.identity });
  const answer = await (await stranger(portA)).enter(hello, other, { former: "fedcba9876543210" });
  assert.match(String(answer?.payload), /"identity".*not that disk/);

  // Nor is one at its address taken for it.
  await open.splice(open.indexOf(b), 1)[0]!.transport.close();
  const since = a.told.length;
  const impostor = member(ids.b, portB, { [ids.a]: portA }, { key: other });
  await impostor.start();
  await a.until(observed("peerRefusedByUs"), since);
  assert.equal(a.told.slice(since).some(connectedTo(ids.b)), false);
});

test("a member that was away lets in whom a member that it can verify has introduced", async () => {
  const [portA, portB, portC] = [port++, port++, port++];
  // c has joined while b was away: a knows both, b knows a alone, and that c left at index 5.
  const knows = { memberAsOf: () => 6 };
  const a = member(ids.a, portA, { [ids.b]: portB, [ids.c]: portC }, knows);
  const c = member(ids.c, portC, { [ids.a]: portA, [ids.b]: portB });
  await Promise.all([a.start(), c.start()]);
  await Promise.all([a.until(connectedTo(ids.c), 0), c.until(connectedTo(ids.a), 0)]);
  // a is gone before b is back: its word is enough.
  await open.splice(open.indexOf(a), 1)[0]!.transport.close();
  const b = member(ids.b, portB, { [ids.a]: portA });
  b.held.set(ids.a, keyOf(ids.a).identity);
  b.refuse = (peer, _identity, asOf = 0) => (peer !== ids.c || asOf > 5 ? undefined : "it left");
  await b.start();
  await Promise.all([b.until(connectedTo(ids.c), 0), c.until(connectedTo(ids.b), 0)]);
  b.transport.send(ids.c, note(7));
  await c.until((told) => told.kind === "receive", 0);

  // Until it knows better.
  b.transport.update([]);
  assert.deepEqual(
    b.transport.stats().map(({ id }) => id),
    [ids.c],
  );
  b.refuse = () => "it is no member";
  const told = c.until((one) => one.kind === "refused");
  b.transport.update([]);
  assert.deepEqual(b.transport.stats(), []);
  assert.equal(((await told).detail as { code: string }).code, "unknownMember");
});

test("an exception while a connection is served costs that connection", async () => {
  const [a, b] = await pair();
  a.onReceive = () => {
    throw new Error("a bug of ours");
  };
  const lost = b.until(disconnectedFrom(ids.a));
  b.transport.send(ids.a, note(1));
  await lost;
  const failure = a.told.find(observed("peerHandlerFailed"));
  assert.match(String((failure!.detail as MemberEvent)["error"]), /a bug of ours/);
  a.onReceive = () => {};
  await b.until(connectedTo(ids.a));
});

test("a flood of pings ends the connection, at once and whether or not the answers are read", async () => {
  // One limit of the two at a time.
  for (const limits of [{ pongBacklogBytesMax: 2 ** 30 }, { pingsPerIntervalMax: 2 ** 30 }]) {
    const a = member(ids.a, port++, { [ids.b]: 26199 }, { limits });
    a.held.set(ids.b, keyOf(ids.b).identity);
    await a.start();
    const flooder = await stranger(a.port);
    const entered = await flooder.enter(helloOf(), keyOf(ids.b));
    assert.equal(entered?.type, frameType.welcome);
    flooder.socket.pause();
    const ping = encodeFrame(frameType.ping, new Uint8Array(0));
    const pings = Buffer.concat(Array.from({ length: 5_000 }, () => ping));
    let sent = 0;
    const started = performance.now();
    const pour = () => {
      while (!flooder.socket.destroyed) {
        sent += pings.length;
        if (sent > 12 * 2 ** 20) flooder.socket.destroy(new Error("it is still listened to"));
        if (!flooder.socket.write(pings)) break;
      }
    };
    flooder.socket.on("drain", pour);
    pour();
    await new Promise((closed) => flooder.socket.once("close", closed));
    assert.ok(sent <= 12 * 2 ** 20, "it is still listened to");
    // Not by the silence of a connection that is choked, five seconds later.
    assert.ok(performance.now() - started < 2_500);
  }
});

test("another version of the protocol is told so, and not taken for junk", async () => {
  const a = member(ids.a, port++, {});
  await a.start();
  const answer = (await speak(a.port, encodePreamble(9))).toString("latin1");
  assert.match(answer, /"code":"version"/);
  assert.match(answer, /version 9 of the peer protocol/);
});

test("who says nothing, half a hello, or too much, is turned away", async () => {
  const limits = { handshakeTimeoutMs: 60 };
  const a = member(ids.a, port++, { [ids.b]: 26199 }, { limits });
  await a.start();
  await speak(a.port, Buffer.alloc(0));
  await speak(a.port, encodePreamble());
  await speak(
    a.port,
    Buffer.concat([
      encodePreamble(),
      encodeFrame(frameType.hello, encodeMessage(helloOf())).subarray(0, 40),
    ]),
  );
  const header = encodeFrame(frameType.hello, new Uint8Array(17_000)).subarray(0, 9);
  await speak(a.port, Buffer.concat([encodePreamble(), header]));
  assert.deepEqual(
    turnedAway(a).map((line) => line.code),
    ["silent", "oversized"],
  );
});

test("a crowd of strangers that say nothing cannot keep a member out", async () => {
  const [portA, portB] = [port++, port++];
  const limits = { strangersMax: 4 };
  const a = member(ids.a, portA, { [ids.b]: portB }, { limits });
  await a.start();
  const crowd = Array.from({ length: 30 }, () => connect({ host: "127.0.0.1", port: portA }));
  sockets.push(...crowd);
  for (const socket of crowd) socket.on("error", () => {});
  await a.until(observed("peerTurnedAway"), 0);
  const b = member(ids.b, portB, { [ids.a]: portA });
  await b.start();
  await b.until(connectedTo(ids.a), 0);
  b.transport.send(ids.a, note(1));
  await a.until((told) => told.kind === "receive", 0);
  assert.deepEqual(
    turnedAway(a).map((line) => line.code),
    ["crowd"],
  );
});

test("an oversized or damaged frame of a member ends its connection and nothing else", async () => {
  const [a, b] = await pair({ a: { limits: { frameBytesMax: 10_000 } } });
  const huge = encodeFrame(frameType.message, new Uint8Array(10_001)).subarray(0, 9);
  const damaged = encodeFrame(frameType.message, new Uint8Array(100));
  damaged[50] = 1;
  const malformed = encodeFrame(frameType.message, Buffer.from("not a message"));
  for (const bytes of [huge, damaged, malformed]) {
    const caller = await stranger(a.port);
    assert.equal((await caller.enter(helloOf(), keyOf(ids.b)))?.type, frameType.welcome);
    caller.socket.write(bytes);
    assert.equal(await caller.hear(), undefined);
  }
  assert.deepEqual(received(a), []);
  a.transport.send(ids.b, note(4));
  await b.until((told) => told.kind === "receive", 0);
});

test("a message larger than a frame may be is refused before it is sent", async () => {
  const [a, b] = await pair({ a: { limits: { frameBytesMax: 1_000 } } });
  const unreachable = a.until((told) => told.kind === "unreachable");
  a.transport.send(ids.b, { kind: "forward", payloads: [new Uint8Array(2_000)] });
  await unreachable;
  assert.equal(a.told.filter(observed("peerMessageTooLarge")).length, 1);
  a.transport.send(ids.b, note(5));
  await b.until((told) => told.kind === "receive", 0);
  assert.deepEqual(received(b), [note(5)]);
});

test("both sides check: an answer under the wrong name or from a lost disk is refused", async () => {
  const [portA, portB] = [port++, port++];
  const a = member(ids.a, portA, { [ids.b]: portB });
  const b = member(ids.b, portB, {});
  a.refuse = (peer) => `${peer} has lost its votes: remove and add it`;
  a.held.set(ids.b, keyOf(ids.b).identity);
  // Where a looks for b there is one that a turns away; another calls a under b's name.
  const c = member(ids.b, port++, { [ids.a]: portA });
  await Promise.all([a.start(), b.start(), c.start()]);
  const refusal = await c.until((told) => told.kind === "refused", 0);
  assert.deepEqual(refusal, {
    kind: "refused",
    peer: ids.a,
    detail: { code: "identity", reason: `${ids.b} has lost its votes: remove and add it` },
  });
  await a.until(observed("peerRefusedByUs"), 0);
});

test("a refusal reaches a member that only listens", async () => {
  const [portA, portB] = [port++, port++];
  const a = member(ids.a, portA, { [ids.b]: portB });
  // Nobody listens where b believes a to be: b can learn of the refusal from a's call alone.
  const b = member(ids.b, portB, { [ids.a]: 26198 });
  a.refuse = () => "wiped";
  b.held.set(ids.a, keyOf(ids.a).identity);
  await Promise.all([a.start(), b.start()]);
  const refusal = await b.until((told) => told.kind === "refused", 0);
  assert.deepEqual(refusal.detail, { code: "identity", reason: "wiped" });
  assert.equal(a.told.some(connectedTo(ids.b)), false);
});

test("a peer that does not read meets a bound, not memory, and hears the rest later", async () => {
  const [own, slowPort] = [port++, port++];
  let heard = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    const key = keyOf(ids.b);
    const identity = { clusterId: testClusterId, member: ids.b, identity: key.identity };
    const answering = new Answering({
      identity: { ...identity, consensus: "raft" },
      key,
      joinSecret: undefined,
      binding: () => "",
    });
    const reader = new FrameReader(2 ** 20, (type, payload) => {
      if (type === frameType.hello) {
        const answer = answering.greeted(payload);
        assert.ok("challenge" in answer);
        socket.write(encodePreamble());
        socket.write(encodeFrame(frameType.challenge, answer.challenge));
        return;
      }
      assert.ok("caller" in answering.proved(payload));
      reader.close();
      socket.pause();
      socket.write(encodeFrame(frameType.welcome, answering.welcome(undefined)));
      socket.on("data", (data: Buffer) => {
        heard += data.length;
      });
    });
    let opening = true;
    socket.on("data", (data: Buffer) => {
      reader.push(opening ? data.subarray(preambleBytes) : data);
      opening = false;
    });
  }).listen(slowPort, "127.0.0.1");
  await once(server, "listening");
  const limits = { mainQueueBytesMax: 4_000_000 };
  const a = member(ids.a, own, { [ids.b]: slowPort }, { limits });
  try {
    await a.start();
    await a.until(connectedTo(ids.b), 0);
    const message: PeerMessage = { kind: "forward", payloads: [new Uint8Array(600_000)] };
    const unreachable = a.until((told) => told.kind === "unreachable");
    for (let i = 0; i < 100; i++) a.transport.send(ids.b, message);
    await unreachable;
    const { droppedMessages, sentBytes } = a.transport.stats()[0]!;
    assert.ok(sentBytes <= 4_000_000);
    assert.ok(droppedMessages >= 90);

    const slow = sockets.find((socket) => socket.localPort === slowPort)!;
    slow.resume();
    while (heard < sentBytes) await once(slow, "data", { signal: AbortSignal.timeout(4_000) });
    assert.equal(a.told.some(disconnectedFrom(ids.b)), false);
  } finally {
    server.close();
  }
});

test("bulk travels beside the main connection and tells its backlog", async () => {
  const [a, b] = await pair();
  for (let i = 0; i < 20; i++) a.transport.send(ids.b, chunk(i, 500_000));
  assert.ok(a.transport.bulkBacklog(ids.b) > 5_000_000);
  a.transport.send(ids.b, note(1));
  await b.until((told) => (told.detail as { sequence?: number })?.sequence === 19, 0);
  const order = received(b).map((message) => (message as PeerMessage).kind);
  assert.ok(
    order.indexOf("stateHash") < order.lastIndexOf("snapshotChunk"),
    "a heartbeat does not wait for the snapshot before it",
  );
  assert.equal(a.transport.bulkBacklog(ids.b), 0);
  assert.deepEqual(
    received(b)
      .filter((message) => (message as PeerMessage).kind === "snapshotChunk")
      .map((message) => (message as { sequence: number }).sequence),
    Array.from({ length: 20 }, (_, i) => i),
  );
});

test("a peer that went silent without a goodbye is given up", async () => {
  const [portA, portB, portProxy] = [port++, port++, port++];
  let frozen = false;
  const through: Socket[] = [];
  const proxy = createServer((socket) => {
    const onward = connect({ host: "127.0.0.1", port: portB });
    through.push(socket, onward);
    socket.on("error", () => {});
    onward.on("error", () => {});
    socket.on("data", (data) => frozen || onward.write(data));
    onward.on("data", (data) => frozen || socket.write(data));
  }).listen(portProxy, "127.0.0.1");
  try {
    const limits = { pingIntervalMs: 20, silentIntervalsMax: 4 };
    const a = member(ids.a, portA, { [ids.b]: portProxy }, { limits });
    const b = member(ids.b, portB, { [ids.a]: portA }, { limits });
    await Promise.all([a.start(), b.start()]);
    await a.until(connectedTo(ids.b), 0);
    frozen = true;
    await a.until(disconnectedFrom(ids.b));
    frozen = false;
    await a.until(connectedTo(ids.b));
  } finally {
    for (const socket of through) socket.destroy();
    proxy.close();
  }
});

test("a member that left is not listened to and not called", async () => {
  const [a, b] = await pair();
  const lost = b.until(disconnectedFrom(ids.a));
  a.transport.update([]);
  await lost;
  const refusal = await b.until((told) => told.kind === "refused", 0);
  assert.equal((refusal.detail as { code: string }).code, "unknownMember");
  assert.deepEqual(a.transport.stats(), []);
});

test("who is about to leave the list is told that it is no member, and is not called", async () => {
  const [portA, portB] = [port++, port++];
  const a = member(ids.a, portA, { [ids.b]: portB });
  const b = member(ids.b, portB, { [ids.a]: portA });
  const urls = [parsePeerUrl(`http://127.0.0.1:${portA}`)!];
  b.transport.update([{ id: ids.a, urls, leaving: true }]);
  await Promise.all([a.start(), b.start()]);
  const refusal = await a.until(observed("peerRefusedUs"), 0);
  assert.equal((refusal.detail as MemberEvent)["code"], "unknownMember");
  assert.deepEqual(
    b.told.filter(({ kind }) => kind === "connected"),
    [],
  );
});
