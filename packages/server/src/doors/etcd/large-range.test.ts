// A range larger than one step: whole, in order, as of one revision, and others are served meanwhile.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { EtcdClient, serveDoor } from "./testing/served-door.ts";

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
