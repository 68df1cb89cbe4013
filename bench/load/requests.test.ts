// What the generator encodes by hand, read by the codecs of the door.

import assert from "node:assert/strict";
import { test } from "node:test";
import { etcdCodecs } from "@althing/wire";
import {
  encodeLeaseGrant,
  encodeLeaseKeepAlive,
  encodePuts,
  encodeWatch,
  Swap,
  swapSucceeded,
} from "./requests.ts";
import { eachField } from "./responses.ts";

const key = Buffer.from("key");
const value = Buffer.alloc(300, 1);

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString("latin1");
}

test("a swap asks for the version that it was given, small or large", () => {
  const swap = new Swap(key, value);
  for (const version of [0, 1, 127, 128, 300, 2 ** 28 + 5]) {
    const { compare, success, failure } = etcdCodecs.TxnRequest.decode(swap.from(version));
    const [first] = compare;
    assert.equal(compare.length, 1);
    assert.equal(text(first?.key), "key");
    assert.equal(Number(first?.version), version);
    assert.deepEqual([Number(first?.result), Number(first?.target)], [0, 0]);
    assert.deepEqual([success.length, failure.length], [1, 0]);
    assert.deepEqual(Buffer.from(success[0]?.request_put?.value ?? []), value);
  }
});

test("whether a swap succeeded is read off the answer", () => {
  const header = { cluster_id: 1n, member_id: 2n, revision: 300, raft_term: 4 };
  for (const succeeded of [true, false]) {
    const answer = etcdCodecs.TxnResponse.encode({ header, succeeded, responses: [] } as never);
    assert.equal(swapSucceeded(answer), succeeded);
  }
});

test("puts of one transaction, watches and leases are what they say", () => {
  const { success } = etcdCodecs.TxnRequest.decode(encodePuts([key, Buffer.from("k2")], value));
  assert.deepEqual(
    success.map(({ request_put }) => text(request_put?.key)),
    ["key", "k2"],
  );
  assert.equal(text(etcdCodecs.WatchRequest.decode(encodeWatch(key)).create_request?.key), "key");
  const lease = 1_763_000_000_000 * 1024 + 9_999;
  const grant = etcdCodecs.LeaseGrantRequest.decode(encodeLeaseGrant(lease, 120));
  assert.deepEqual([Number(grant.ID), Number(grant.TTL)], [lease, 120]);
  const renewal = encodeLeaseKeepAlive(lease);
  assert.equal(Number(etcdCodecs.LeaseKeepAliveRequest.decode(renewal).ID), lease);
  const fields: [number, number][] = [];
  eachField(renewal, (field, number) => fields.push([field, number]));
  assert.deepEqual(fields, [[1, lease]]);
});
