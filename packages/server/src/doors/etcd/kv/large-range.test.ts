// A range larger than one step: whole, in order, as of one revision, and others are served meanwhile.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { etcdCodecs } from "@althing/wire";
import { jsonFromMessage, PiecewiseJson } from "../gateway/json.ts";
import { EtcdClient, serveDoor } from "../testing/served-door.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");
const keys = 3000;
const contentOf = (i: number) => Buffer.alloc(1024, i % 251);
const keyOf = (i: number) => bytes(`large/${String(i).padStart(5, "0")}`);

const served = await serveDoor();
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
    assert.equal(Buffer.from(json.finish()).toString(), whole);
  }
  assert.equal(Buffer.from(new PiecewiseJson("RangeResponse").finish()).toString(), "{}");
});
