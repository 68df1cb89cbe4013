import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { etcdCodecs as codecs } from "../etcd/codecs.ts";
import { decodeTxnRequest } from "../etcd/hot.ts";
import { type EtcdMessageName, etcdSchema } from "../etcd/schema.ts";
import { etcdRpcs } from "../etcd/services.ts";
import { WireError } from "./errors.ts";

const names = Object.keys(etcdSchema.messages) as EtcdMessageName[];

test("every RPC names messages that exist, and every field a type that exists", () => {
  for (const rpc of etcdRpcs) {
    assert.ok(names.includes(rpc.request), `${rpc.method}: ${rpc.request}`);
    assert.ok(names.includes(rpc.response), `${rpc.method}: ${rpc.response}`);
  }
  for (const name of names) assert.deepEqual(codecs[name].encode({}), new Uint8Array(0));
});

test("no message uses a field number twice", () => {
  for (const name of names) {
    const numbers = Object.values(etcdSchema.messages[name]).map(([number]) => number);
    assert.equal(new Set(numbers).size, numbers.length, name);
  }
});

test("integers come back as they were, at every size and sign", () => {
  const id = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  const lease = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  fc.assert(
    fc.property(id, lease, fc.maxSafeInteger(), fc.nat(), (ID, signed, number, hash) => {
      assert.equal(
        codecs.MemberRemoveRequest.decode(codecs.MemberRemoveRequest.encode({ ID })).ID,
        ID,
      );
      const grant = codecs.LeaseGrantRequest.encode({ ID: signed, TTL: number });
      assert.deepEqual({ ...codecs.LeaseGrantRequest.decode(grant) }, { ID: signed, TTL: number });
      assert.equal(codecs.HashResponse.decode(codecs.HashResponse.encode({ hash })).hash, hash);
    }),
  );
});

test("every power of two keeps its bits on both sides of each varint boundary", () => {
  for (let bits = 0n; bits < 64n; bits++) {
    for (const ID of [2n ** bits - 1n, 2n ** bits, 2n ** bits + 1n]) {
      const bytes = codecs.MemberRemoveRequest.encode({ ID });
      assert.equal(codecs.MemberRemoveRequest.decode(bytes).ID, ID);
      if (ID > 2n ** 53n || ID === 0n) continue;
      const asNumber = codecs.CompactionRequest.encode({ revision: Number(ID) });
      assert.deepEqual(asNumber, bytes, `${ID}`);
      assert.equal(codecs.CompactionRequest.decode(asNumber).revision, Number(ID));
    }
  }
});

test("known encodings: a golden PutRequest and a negative lease", () => {
  assert.equal(
    Buffer.from(
      codecs.PutRequest.encode({ key: Buffer.from("k"), value: Buffer.from("v"), lease: -2n }),
    ).toString("hex"),
    "0a016b12017618feffffffffffffffff01",
  );
});

test("unknown fields of every wire type are skipped", () => {
  const unknown = Buffer.from(
    "e80701" + "e1070102030405060708" + "ea07020102" + "ed0701020304",
    "hex",
  );
  const group = Buffer.from("eb07" + "0801" + "ec07", "hex");
  const known = Buffer.from(codecs.CompactionRequest.encode({ revision: 5, physical: true }));
  const bytes = Buffer.concat([unknown, known, group]);
  assert.deepEqual({ ...codecs.CompactionRequest.decode(bytes) }, { revision: 5, physical: true });
});

test("a repeated enum is read packed and unpacked, and written packed", () => {
  const packed = Buffer.from("2a020001", "hex");
  assert.deepEqual(Buffer.from(codecs.WatchCreateRequest.encode({ filters: [0, 1] })), packed);
  assert.deepEqual(codecs.WatchCreateRequest.decode(packed).filters, [0, 1]);
  const unpacked = Buffer.from("28002801", "hex");
  assert.deepEqual(codecs.WatchCreateRequest.decode(unpacked).filters, [0, 1]);
});

test("of a oneof the last member wins and a zero is kept", () => {
  const both = Buffer.from("200030003a00", "hex");
  const compare = codecs.Compare.decode(both);
  assert.deepEqual(
    [compare.version, compare.mod_revision, compare.value],
    [undefined, undefined, Buffer.alloc(0)],
  );
  assert.deepEqual(Buffer.from(codecs.Compare.encode({ version: 0 })), Buffer.from("2000", "hex"));
});

test("random bytes are decoded or refused with a code, never anything else", () => {
  const decoders = [
    ...names.map((name) => (bytes: Uint8Array) => codecs[name].decode(bytes)),
    decodeTxnRequest,
  ];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      for (const decode of decoders) {
        try {
          decode(bytes);
        } catch (error) {
          assert.ok(error instanceof WireError, String(error));
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("damage in a real message is decoded or refused with a code", () => {
  const message = codecs.TxnRequest.encode({
    compare: [{ key: Buffer.from("a"), version: 3 }],
    success: [{ request_txn: { success: [{ request_put: { key: Buffer.from("k") } }] } }],
  });
  for (let at = 0; at < message.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const damaged = Buffer.from(message);
      damaged[at] = damaged[at]! ^ (1 << bit);
      for (const decode of [decodeTxnRequest, codecs.TxnRequest.decode]) {
        try {
          decode(damaged);
        } catch (error) {
          assert.ok(error instanceof WireError, String(error));
        }
      }
    }
    assert.throws(() => {
      codecs.TxnRequest.decode(message.subarray(0, message.length - 1));
    }, WireError);
  }
});

test("messages nested without end are refused before the stack is", () => {
  let bytes = Buffer.alloc(0);
  for (let depth = 0; depth < 5000; depth++) {
    const op = Buffer.concat([Buffer.from([0x22]), varint(bytes.length), bytes]);
    bytes = Buffer.concat([Buffer.from([0x12]), varint(op.length), op]);
  }
  for (const decode of [decodeTxnRequest, codecs.TxnRequest.decode]) {
    assert.throws(() => decode(bytes), { code: "nestingTooDeep" });
  }
});

test("a string that is not UTF-8 is refused", () => {
  for (const bad of ["ff", "c080", "e28228", "eda080", "f4908080", "c3"]) {
    const content = Buffer.from(bad, "hex");
    const bytes = Buffer.concat([Buffer.from([0x0a, content.length]), content]);
    assert.throws(() => codecs.AuthRoleAddRequest.decode(bytes), { code: "utf8Invalid" }, bad);
  }
});

test("strings of any characters come back as they were", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (name) => {
      const bytes = codecs.AuthRoleAddRequest.encode({ name });
      assert.deepEqual(
        Buffer.from(bytes).subarray(-Buffer.byteLength(name)),
        Buffer.from(name).subarray(-Buffer.byteLength(name)),
      );
      assert.equal(codecs.AuthRoleAddRequest.decode(bytes).name, name);
    }),
  );
});

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

test("of two messages of one oneof's member the last one counts, by either codec", () => {
  const twice = Uint8Array.from([
    ...codecs.RequestOp.encode({ request_delete_range: { key: new Uint8Array([97]) } }),
    ...codecs.RequestOp.encode({ request_delete_range: {} }),
  ]);
  const op = codecs.RequestOp.decode(twice);
  assert.equal(op.request_delete_range?.key.length, 0);
  const txn = Uint8Array.from([0x12, twice.length, ...twice]);
  assert.deepEqual(
    decodeTxnRequest(codecs.TxnRequest.encode(codecs.TxnRequest.decode(txn))),
    decodeTxnRequest(txn),
  );
});
