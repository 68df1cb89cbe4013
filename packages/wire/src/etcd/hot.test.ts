import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { latin1ToBytes } from "../protobuf/text.ts";
import { Writer } from "../protobuf/writer.ts";
import { etcdCodecs as codecs } from "./codecs.ts";
import * as hot from "./hot.ts";
import type { EtcdInit } from "./schema.ts";

// The hot codecs against the generic one, which is the oracle: the same message both ways.

const clusterId = 0xcdf818194e3a8c32n;
const memberId = 0x8e9e05c52164694dn;
const ids = hot.encodeHeaderIds(clusterId, memberId);
const term = 7;

const bytes = fc.uint8Array({ maxLength: 200 });
const revision = fc.oneof(fc.nat(300), fc.maxSafeNat());
const signed = fc.oneof(revision, fc.maxSafeInteger(), fc.constant(-1));
const lease = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const small = fc.integer({ min: 0, max: 6 });

const keyValue = fc.record({
  key: bytes.map(latin1),
  createRevision: revision,
  modRevision: revision,
  version: revision,
  lease: fc.oneof(fc.constant(0n), lease),
  value: bytes,
});
const maybeKeyValue = fc.option(keyValue, { nil: undefined });

function latin1(from: Uint8Array): string {
  return Buffer.from(from).toString("latin1");
}

function generic(kv: hot.WireKeyValue): EtcdInit<"KeyValue"> {
  return {
    key: latin1ToBytes(kv.key),
    create_revision: kv.createRevision,
    mod_revision: kv.modRevision,
    version: kv.version,
    lease: kv.lease,
    value: kv.value,
  };
}

const header = (at: number) => ({
  cluster_id: clusterId,
  member_id: memberId,
  revision: at,
  raft_term: term,
});

function written(write: (writer: Writer) => void): Buffer {
  const writer = new Writer(16);
  write(writer);
  return Buffer.from(writer.take());
}

test("a PutRequest decodes to the same fields as by the generic codec", () => {
  const requests = fc.record({
    key: bytes,
    value: bytes,
    lease,
    prev_kv: fc.boolean(),
    ignore_value: fc.boolean(),
    ignore_lease: fc.boolean(),
  });
  fc.assert(
    fc.property(requests, (request) => {
      assert.deepEqual(hot.decodePutRequest(codecs.PutRequest.encode(request)), {
        kind: "put",
        key: latin1(request.key),
        value: request.value,
        lease: request.lease,
        prevKv: request.prev_kv,
        ignoreValue: request.ignore_value,
        ignoreLease: request.ignore_lease,
      });
    }),
  );
});

const rangeRequest = fc.record({
  key: bytes,
  range_end: bytes,
  limit: signed,
  revision: signed,
  sort_order: small,
  sort_target: small,
  serializable: fc.boolean(),
  keys_only: fc.boolean(),
  count_only: fc.boolean(),
  min_mod_revision: signed,
  max_mod_revision: signed,
  min_create_revision: signed,
  max_create_revision: signed,
});

function expectedRange(request: EtcdInit<"RangeRequest">): hot.OpMessage {
  return {
    kind: "range",
    key: latin1(request.key!),
    rangeEnd: latin1(request.range_end!),
    limit: request.limit!,
    revision: request.revision!,
    sortOrder: (["none", "ascend", "descend"] as const)[request.sort_order!] ?? "unknown",
    sortTarget:
      (["key", "version", "create", "mod", "value"] as const)[request.sort_target!] ?? "unknown",
    serializable: request.serializable!,
    keysOnly: request.keys_only!,
    countOnly: request.count_only!,
    minModRevision: request.min_mod_revision!,
    maxModRevision: request.max_mod_revision!,
    minCreateRevision: request.min_create_revision!,
    maxCreateRevision: request.max_create_revision!,
  };
}

test("a RangeRequest decodes to the same fields as by the generic codec", () => {
  fc.assert(
    fc.property(rangeRequest, (request) => {
      const decoded = hot.decodeRangeRequest(codecs.RangeRequest.encode(request));
      assert.deepEqual(decoded, expectedRange(request));
    }),
  );
});

test("PutResponse, RangeResponse and DeleteRangeResponse encode to the generic codec's bytes", () => {
  const results = fc.record({
    revision,
    prevKv: maybeKeyValue,
    kvs: fc.array(keyValue, { maxLength: 4 }),
    more: fc.boolean(),
    count: revision,
  });
  fc.assert(
    fc.property(results, (result) => {
      const { kvs, more, count, prevKv } = result;
      assert.deepEqual(
        written((writer) => hot.encodePutResponse(writer, ids, term, result)),
        Buffer.from(
          codecs.PutResponse.encode({
            header: header(result.revision),
            prev_kv: prevKv === undefined ? undefined : generic(prevKv),
          }),
        ),
      );
      assert.deepEqual(
        written((writer) => hot.encodeRangeResponse(writer, ids, term, result)),
        Buffer.from(
          codecs.RangeResponse.encode({
            header: header(result.revision),
            kvs: kvs.map(generic),
            more,
            count,
          }),
        ),
      );
      assert.deepEqual(
        written((writer) =>
          hot.encodeDeleteRangeResponse(writer, ids, term, {
            revision: result.revision,
            deleted: count,
            prevKvs: kvs,
          }),
        ),
        Buffer.from(
          codecs.DeleteRangeResponse.encode({
            header: header(result.revision),
            deleted: count,
            prev_kvs: kvs.map(generic),
          }),
        ),
      );
    }),
  );
});

test("a WatchResponse encodes to the generic codec's bytes", () => {
  const event = fc.record({
    type: fc.constantFrom("put", "delete"),
    kv: keyValue,
    prevKv: maybeKeyValue,
  });
  const messages = fc.record({
    revision,
    watchId: lease,
    created: fc.boolean(),
    canceled: fc.boolean(),
    compactRevision: revision,
    cancelReason: fc.string({ unit: "grapheme" }),
    fragment: fc.boolean(),
    events: fc.array(event, { maxLength: 4 }),
  });
  fc.assert(
    fc.property(messages, (message) => {
      assert.deepEqual(
        written((writer) => hot.encodeWatchResponse(writer, ids, term, message)),
        Buffer.from(
          codecs.WatchResponse.encode({
            header: header(message.revision),
            watch_id: message.watchId,
            created: message.created,
            canceled: message.canceled,
            compact_revision: message.compactRevision,
            cancel_reason: message.cancelReason,
            fragment: message.fragment,
            events: message.events.map((one) => ({
              type: one.type === "put" ? 0 : 1,
              kv: generic(one.kv),
              prev_kv: one.prevKv === undefined ? undefined : generic(one.prevKv),
            })),
          }),
        ),
      );
    }),
  );
});

const compare: fc.Arbitrary<EtcdInit<"Compare">> = fc
  .record({
    result: small,
    target: small,
    key: bytes,
    range_end: bytes,
    union: fc.oneof(
      fc.record({ version: signed }),
      fc.record({ create_revision: signed }),
      fc.record({ mod_revision: signed }),
      fc.record({ value: bytes }),
      fc.record({ lease }),
      fc.constant({}),
    ),
  })
  .map(({ union, ...rest }) => ({ ...rest, ...union }));

function expectedCompare(from: EtcdInit<"Compare">): hot.CompareMessage {
  const base = {
    key: latin1(from.key!),
    rangeEnd: latin1(from.range_end!),
    result: (["equal", "greater", "less", "notEqual"] as const)[from.result!] ?? "unknown",
  } as const;
  switch (from.target) {
    case 0:
      return { ...base, target: "version", value: from.version ?? 0 };
    case 1:
      return { ...base, target: "create", value: from.create_revision ?? 0 };
    case 2:
      return { ...base, target: "mod", value: from.mod_revision ?? 0 };
    case 3:
      return { ...base, target: "value", value: from.value ?? new Uint8Array(0) };
    case 4:
      return { ...base, target: "lease", value: from.lease ?? 0n };
    default:
      return { ...base, target: "unknown", value: 0 };
  }
}

function expectedOp(op: EtcdInit<"RequestOp">): hot.OpMessage {
  if (op.request_range !== undefined) return expectedRange(op.request_range);
  if (op.request_put !== undefined) {
    return hot.decodePutRequest(codecs.PutRequest.encode(op.request_put));
  }
  if (op.request_delete_range !== undefined) {
    const { key, range_end, prev_kv } = op.request_delete_range;
    return {
      kind: "deleteRange",
      key: latin1(key!),
      rangeEnd: latin1(range_end!),
      prevKv: prev_kv!,
    };
  }
  return op.request_txn === undefined ? { kind: "none" } : expectedTxn(op.request_txn);
}

function expectedTxn(txn: EtcdInit<"TxnRequest">): hot.TxnMessage {
  return {
    kind: "txn",
    compares: (txn.compare ?? []).map(expectedCompare),
    success: (txn.success ?? []).map(expectedOp),
    failure: (txn.failure ?? []).map(expectedOp),
  };
}

const { txn: txnRequest } = fc.letrec<{
  txn: EtcdInit<"TxnRequest">;
  op: EtcdInit<"RequestOp">;
}>((tie) => ({
  txn: fc.record({
    compare: fc.array(compare, { maxLength: 3 }),
    success: fc.array(tie("op"), { maxLength: 3 }),
    failure: fc.array(tie("op"), { maxLength: 2 }),
  }),
  op: fc.oneof(
    { depthSize: "small" },
    fc.record({ request_range: rangeRequest }),
    fc.record({ request_put: fc.record({ key: bytes, value: bytes }) }),
    fc.record({
      request_delete_range: fc.record({ key: bytes, range_end: bytes, prev_kv: fc.boolean() }),
    }),
    fc.constant({}),
    fc.record({ request_txn: tie("txn") }),
  ),
}));

test("a TxnRequest, however nested, decodes to the same tree as by the generic codec", () => {
  fc.assert(
    fc.property(txnRequest, (request) => {
      const encoded = codecs.TxnRequest.encode(request);
      assert.deepEqual(hot.decodeTxnRequest(encoded), expectedTxn(request));
      assert.deepEqual(codecs.TxnRequest.encode(codecs.TxnRequest.decode(encoded)), encoded);
    }),
  );
});

test("a TxnResponse carries revision-only headers inside and an all-zero one when nested", () => {
  const kv = {
    key: "k\xff",
    createRevision: 2,
    modRevision: 3,
    version: 2,
    lease: 0n,
    value: new Uint8Array([1]),
  };
  const put = { kind: "put", revision: 9, prevKv: kv } as const;
  const nested = { kind: "txn", revision: 9, succeeded: true, responses: [put] } as const;
  const result = {
    kind: "txn",
    revision: 9,
    succeeded: true,
    responses: [
      put,
      { kind: "range", revision: 8, kvs: [kv], more: true, count: 2 },
      { kind: "deleteRange", revision: 9, deleted: 1, prevKvs: [kv] },
      nested,
    ],
  } as const;
  const opPut = { response_put: { header: { revision: 9 }, prev_kv: generic(kv) } };
  assert.deepEqual(
    written((writer) => hot.encodeTxnResponse(writer, ids, term, result)),
    Buffer.from(
      codecs.TxnResponse.encode({
        header: header(9),
        succeeded: true,
        responses: [
          opPut,
          { response_range: { header: { revision: 8 }, kvs: [generic(kv)], more: true, count: 2 } },
          {
            response_delete_range: { header: { revision: 9 }, deleted: 1, prev_kvs: [generic(kv)] },
          },
          { response_txn: { header: {}, succeeded: true, responses: [opPut] } },
        ],
      }),
    ),
  );
});
