// Ranges, and txns of them, larger than one step: whole, in order, as of one revision, and others are served
// meanwhile; beyond what one request may read, a coded refusal before anything is read or written.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type EtcdMessage, etcdCodecs } from "@althing/wire";
import { jsonFromMessage, PiecewiseJson } from "../gateway/json.ts";
import { EtcdClient, serveDoor } from "../testing/served-door.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");
const keys = 3000;
const contentOf = (i: number) => Buffer.alloc(1024, i % 251);
const keyOf = (i: number) => bytes(`large/${String(i).padStart(5, "0")}`);

const served = await serveDoor({ limits: { txnOpsMax: 5000 } });
const client = new EtcdClient(served.port);
after(async () => {
  client.close();
  await served.close();
});

test("what does not fit one step arrives whole, as of the revision at which it was asked", async () => {
  const puts = Array.from({ length: keys }, (_, i) =>
    client.put({ key: keyOf(i), value: contentOf(i) }),
  );
  await Promise.all(puts);
  const everything = { key: bytes("large/"), range_end: bytes("large0") };
  const reading = client.range({ ...everything, serializable: true });
  const writing = Array.from({ length: 50 }, (_, i) =>
    client.put({ key: keyOf(keys - 1 - i), value: bytes("later") }),
  );
  const [range] = await Promise.all([reading, ...writing]);
  assert.ok("response" in range);
  const { kvs, count, more, header } = range.response;
  assert.deepEqual([kvs.length, count, more], [keys, keys, false]);
  assert.equal(header!.revision, 1 + keys);
  kvs.forEach((kv, i) => {
    assert.deepEqual(kv.key, keyOf(i));
    assert.deepEqual(kv.value, contentOf(i));
  });
});

test("a limit beyond one step still says that there is more", async () => {
  const range = await client.range({
    key: bytes("large/"),
    range_end: bytes("large0"),
    limit: keys - 10,
  });
  assert.ok("response" in range);
  const { kvs, count, more } = range.response;
  assert.deepEqual([kvs.length, count, more], [keys - 10, keys, true]);
});

test("the same in JSON, field for field", async () => {
  const request = { key: bytes("large/"), range_end: bytes("large0"), limit: keys - 10 };
  const range = await client.range(request);
  assert.ok("response" in range);
  const text = (key: Uint8Array) => Buffer.from(key).toString("base64");
  const response = await fetch(`http://127.0.0.1:${served.port}/v3/kv/range`, {
    method: "POST",
    body: JSON.stringify({
      ...request,
      key: text(request.key),
      range_end: text(request.range_end),
    }),
  });
  const { header, kvs, more, count, ...rest } = (await response.json()) as Record<string, unknown>;
  assert.deepEqual([response.status, more, count, rest], [200, true, String(keys), {}]);
  assert.equal((header as { revision: string }).revision, String(range.response.header!.revision));
  assert.deepEqual(
    kvs,
    range.response.kvs.map((kv) => ({
      key: text(kv.key),
      create_revision: String(kv.create_revision),
      mod_revision: String(kv.mod_revision),
      version: String(kv.version),
      value: text(kv.value),
    })),
  );
});

test("pieces of an encoded answer are one object of JSON, wherever it is cut", () => {
  const codec = etcdCodecs.RangeResponse;
  const kvs = Array.from({ length: 3 }, (_, i) => ({ key: keyOf(i), version: i }));
  const header = { revision: 7 };
  const whole = jsonFromMessage(
    "RangeResponse",
    (writer) => codec.write({ header, kvs }, writer),
    0,
  );
  for (const pieces of [
    [{ header, kvs }],
    [{ header }, { kvs }],
    [{ header, kvs: kvs.slice(0, 1) }, {}, { kvs: kvs.slice(1) }],
    [{ header }, ...kvs.map((kv) => ({ kvs: [kv] })), {}],
  ]) {
    const json = new PiecewiseJson("RangeResponse");
    for (const piece of pieces) json.push(codec.encode(piece));
    assert.equal(Buffer.concat(json.finish()).toString(), whole);
  }
  assert.equal(Buffer.concat(new PiecewiseJson("RangeResponse").finish()).toString(), "{}");
});

const everything = { key: bytes("large/"), range_end: bytes("large0") };

test("a txn of large ranges arrives as its ranges do, one by one", async () => {
  const requests = [
    everything,
    { key: bytes("nothing") },
    { ...everything, limit: 1200 },
    { ...everything, limit: 3, sort_order: 2, sort_target: 2 },
    { key: keyOf(7) },
    { ...everything, count_only: true },
    { ...everything, keys_only: true },
  ];
  const txn = await client.txn({
    success: requests.map((request) => ({ request_range: request })),
  });
  assert.ok("response" in txn);
  assert.equal(txn.response.succeeded, true);
  assert.equal(txn.response.responses.length, requests.length);
  for (const [i, request] of requests.entries()) {
    const range = await client.range(request);
    assert.ok("response" in range);
    const inTxn: EtcdMessage<"RangeResponse"> = txn.response.responses[i]!.response_range!;
    assert.equal(inTxn.header!.revision, range.response.header!.revision);
    assert.deepEqual({ ...inTxn, header: undefined }, { ...range.response, header: undefined });
  }
});

test("the same txn in JSON", async () => {
  const text = (key: Uint8Array) => Buffer.from(key).toString("base64");
  const request = { key: text(everything.key), range_end: text(everything.range_end) };
  const response = await fetch(`http://127.0.0.1:${served.port}/v3/kv/txn`, {
    method: "POST",
    body: JSON.stringify({
      success: [{ requestRange: request }, { requestRange: { ...request, limit: 2 } }],
    }),
  });
  const { responses } = (await response.json()) as {
    responses: { response_range: { kvs: { key: string }[]; count: string } }[];
  };
  assert.deepEqual(
    responses.map(({ response_range: { kvs, count } }) => [kvs.length, kvs[0]!.key, count]),
    [keys, 2].map((length) => [length, text(keyOf(0)), String(keys)]),
  );
});

const manyRanges = Array.from({ length: 900 }, () => ({ request_range: everything }));
const tooLarge = /^etcdserver: request is too large: .* page by page/;
const noRoom = /^etcdserver: too many requests: there is no room .* page by page/;

test("a txn of ranges that has no room, or reads more than it may, is refused with a code", async () => {
  const asked = [
    [manyRanges, noRoom],
    // Known from the counts alone.
    [Array.from({ length: 3000 }, () => ({ request_range: everything })), tooLarge],
  ] as const;
  for (const [success, text] of asked) {
    const read = await client.txn({ success });
    assert.ok("message" in read);
    assert.equal(read.status, 8);
    assert.match(read.message, text);
  }
});

test("one that writes as well is refused before it is in the log, and writes nothing", async () => {
  const index = served.member.store.appliedIndex;
  const put = { request_put: { key: bytes("written"), value: bytes("x") } };
  for (const success of [
    [put, ...manyRanges],
    [put, { request_txn: { success: manyRanges } }],
  ]) {
    const written = await client.txn({ success });
    assert.ok("message" in written);
    assert.equal(written.status, 8);
    assert.match(written.message, tooLarge);
  }
  assert.equal(served.member.store.appliedIndex, index);
});
