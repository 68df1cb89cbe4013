// What a port on a network meets: scanners, broken clients, requests beyond every limit. A coded error or
// success, never a crash, and memory that stays bounded; other clients notice nothing.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import type { EtcdClient } from "../client/etcd-client.ts";
import { methods } from "../client/messages.ts";
import { Cluster } from "../cluster/cluster.ts";
import { Random } from "../differential/random.ts";
import { program, seed, skip } from "./subject.ts";

const timeout = 120_000;
const invalidArgument = 3;
const resourceExhausted = 8;

let cluster: Cluster;
let client: EtcdClient;
let pids: readonly number[];

before(async () => {
  if (skip) return;
  cluster = await Cluster.start({ program });
  client = cluster.member(0).client(30_000);
  pids = cluster.members.map((member) => member.pid);
});

after(async () => {
  if (skip) return;
  client.close();
  await cluster.stop();
});

/** The same processes as at the start, all answering. */
async function assertAllServe(): Promise<void> {
  await cluster.waitUntilReady();
  assert.deepEqual(
    cluster.members.map((member) => member.pid),
    pids,
  );
  assert.equal((await client.put({ key: "alive", value: "yes" })).code, 0);
}

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1");

async function dial(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** Sends and waits until the peer hangs up, or for a moment if it is patient. */
async function throwAt(url: string, bytes: Uint8Array): Promise<void> {
  const socket = await dial(url);
  socket.resume();
  socket.write(bytes);
  await new Promise<void>((resolve) => {
    // A reset is an answer too; its close follows.
    socket.once("close", resolve);
    socket.once("end", resolve);
    setTimeout(resolve, 50);
  });
  socket.destroy();
}

test("garbage on the client port and on the peer port harms nothing", {
  skip,
  timeout,
}, async () => {
  const random = new Random(seed);
  const noise = (length: number) => Uint8Array.from({ length }, () => random.below(256));
  const frame = (type: number, flags: number, stream: number, body: Uint8Array) => {
    const head = Buffer.alloc(9);
    head.writeUIntBE(body.length, 0, 3);
    head.set([type, flags], 3);
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, body]);
  };
  const member = cluster.member(1);
  for (const url of [member.spec.clientUrl, member.spec.peerUrl]) {
    const thrown = [
      Buffer.alloc(0),
      noise(1),
      ...Array.from({ length: 20 }, () => noise(1 + random.below(2000))),
      noise(1_000_000),
      Buffer.alloc(1_000_000),
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      Buffer.from(`GET /${"x".repeat(100_000)} HTTP/1.1\r\n\r\n`),
      Buffer.from("POST /v3/kv/put HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n{"),
      Buffer.from("\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", "latin1"),
      Buffer.concat([preface, noise(5000)]),
      Buffer.concat([preface, frame(0, 1, 1, noise(100))]),
      Buffer.concat([preface, frame(1, 5, 1, noise(100))]),
      Buffer.concat([preface, frame(1, 0, 1, noise(10)), frame(0, 0, 1, noise(10))]),
      Buffer.concat([preface, frame(8, 0, 0, Buffer.alloc(4))]),
      Buffer.concat([preface, frame(4, 0, 0, noise(7))]),
      Buffer.concat([preface, Buffer.from("\xff\xff\xff\x00\x00\0\0\0\x01", "latin1")]),
      // The largest length a peer could announce, with nothing behind it.
      Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
      Buffer.from([0, 0, 0, 0, 0, 0, 0, 0]),
    ];
    for (const bytes of thrown) await throwAt(url, bytes);
  }
  await assertAllServe();
});

test("half-open connections and unfinished requests are only that", { skip, timeout }, async () => {
  const sockets: Socket[] = [];
  for (const url of [cluster.member(1).spec.clientUrl, cluster.member(1).spec.peerUrl]) {
    for (const start of [Buffer.alloc(0), preface.subarray(0, 10), preface]) {
      for (let i = 0; i < 20; i++) {
        const socket = await dial(url);
        socket.write(start);
        if (i % 2 === 0) socket.end();
        sockets.push(socket);
      }
    }
  }
  await assertAllServe();
  for (const socket of sockets) socket.destroy();
});

test("five thousand idle connections cost little and disturb nobody", {
  skip,
  timeout,
}, async () => {
  const member = cluster.member(2);
  const before = member.residentBytes();
  const sockets: Socket[] = [];
  for (let i = 0; i < 50; i++) {
    const some = await Promise.all(Array.from({ length: 100 }, () => dial(member.spec.clientUrl)));
    for (const [n, socket] of some.entries()) {
      socket.resume();
      if (n % 2 === 0) socket.write(preface);
    }
    sockets.push(...some);
  }
  await assertAllServe();
  const local = member.client();
  assert.equal((await local.range({ key: "alive" })).response?.count, 1);
  local.close();
  const perConnection = (member.residentBytes() - before) / sockets.length;
  for (const socket of sockets) socket.destroy();
  assert.ok(perConnection < 100_000, `${perConnection} bytes for each connection`);
  await assertAllServe();
});

test("requests over the limit are refused with the code of their kind", {
  skip,
  timeout,
}, async () => {
  const put = (bytes: number) => client.put({ key: "big", value: new Uint8Array(bytes).fill(98) });
  assert.equal((await put(1_500_000)).code, 0);
  assert.deepEqual(await put(1_600_000), {
    code: invalidArgument,
    message: "etcdserver: request is too large",
  });
  assert.equal((await put(2 * 2 ** 20)).code, resourceExhausted);
  assert.equal((await put(20 * 2 ** 20)).code, resourceExhausted);
  await assertAllServe();
});

test("a transaction of 10,000 operations is refused, not run", { skip, timeout }, async () => {
  const success = Array.from({ length: 10_000 }, (_, i) => {
    return { request_put: { key: `txn/${i}`, value: "1" } };
  });
  assert.deepEqual(await client.txn({ success }), {
    code: invalidArgument,
    message: "etcdserver: too many operations in txn request",
  });
  assert.equal((await client.range({ key: "txn/0" })).response?.count, undefined);
});

test("a range of 10,000 keys comes whole", { skip, timeout }, async () => {
  for (let start = 0; start < 10_000; start += 100) {
    const success = Array.from({ length: 100 }, (_, i) => {
      const key = `many/${String(start + i).padStart(6, "0")}`;
      return { request_put: { key, value: "v".repeat(256) } };
    });
    assert.equal((await client.txn({ success })).code, 0);
  }
  for (const member of cluster.members) {
    const local = member.client(30_000);
    const answer = await local.range({ key: "many/", range_end: "many0" });
    local.close();
    assert.equal(answer.response?.count, 10_000);
    assert.equal(answer.response?.kvs?.length, 10_000);
  }
});

test("bytes that are not UTF-8 are fine in keys and refused or ignored in text", {
  skip,
}, async () => {
  const bytes = "\xff\xfe\x80\xc3\x28\0";
  assert.equal((await client.put({ key: bytes, value: bytes })).code, 0);
  const answer = await client.range({ key: bytes });
  assert.equal(answer.response?.kvs?.[0]?.value, bytes);
  // Names are text. Those of a user that could be added otherwise, with nothing else wrong.
  const userAdd = (name: Buffer): Promise<{ readonly code: number }> => {
    const password = Buffer.from("\x12\x01p");
    const body = Buffer.concat([Buffer.from([0x0a, name.length]), name, password]);
    return client.callRaw("/etcdserverpb.Auth/UserAdd", body);
  };
  assert.equal((await userAdd(Buffer.from("text"))).code, 0);
  assert.notEqual((await userAdd(Buffer.from([0xc3, 0x28]))).code, 0);
  await assertAllServe();
});

test("after all that, memory is bounded", { skip, timeout }, async () => {
  // Large answers, again and again: garbage must be collected, not kept.
  for (let i = 0; i < 30; i++) {
    const answer = await client.callRaw(
      methods.range.path,
      Buffer.from("\x0a\x05many/\x12\x05many0", "latin1"),
    );
    assert.equal(answer.code, 0);
  }
  for (const member of cluster.members) {
    const mebibytes = member.residentBytes() / 2 ** 20;
    assert.ok(mebibytes < 1024, `${member.name} holds ${mebibytes} MiB`);
  }
  await assertAllServe();
});

// Each of these makes a release of etcd crash or its members disagree.
const harmsEtcd = skip || (program === "etcd" && "these requests harm etcd");

test("requests that bring other servers down neither harm nor divide the members", {
  skip: harmsEtcd,
  timeout,
}, async () => {
  assert.equal((await client.put({ key: "fatal/key", value: "1" })).code, 0);
  const revisions = async () => {
    await cluster.waitUntilReady();
    return await Promise.all(
      cluster.members.map(async (member) => {
        const local = member.client();
        const answer = await local.range({ key: "fatal/key" });
        local.close();
        return answer.response?.header?.revision;
      }),
    );
  };
  const unknownTarget = { key: "fatal/", range_end: "fatal0", sort_order: 1, sort_target: 9 };
  assert.deepEqual(await client.range(unknownTarget), {
    code: invalidArgument,
    message: "etcdserver: invalid sort option",
  });
  // The key is there when the request is checked, and gone when the put that needs it runs.
  const success = [
    { request_delete_range: { key: "fatal/", range_end: "\0" } },
    { request_put: { key: "fatal/key", value: "2", ignore_lease: true } },
  ];
  assert.ok([0, invalidArgument].includes((await client.txn({ success })).code));
  const before = await revisions();
  assert.equal(new Set(before).size, 1, "all members are at one revision");
  const future = [
    { request_put: { key: "fatal/other", value: "3" } },
    { request_range: { key: "fatal/key", revision: 2 ** 40 } },
  ];
  assert.deepEqual(await client.txn({ success: future }), {
    code: 11,
    message: "etcdserver: mvcc: required revision is a future revision",
  });
  assert.deepEqual(await revisions(), before);
  assert.equal((await client.range({ key: "fatal/other" })).response?.count, undefined);
});
