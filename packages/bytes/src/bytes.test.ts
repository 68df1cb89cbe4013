import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteReader, ByteWriter, MalformedBytes, varintSize } from "./index.ts";

const latin1 = fc
  .array(fc.nat(255))
  .map((codes) => codes.map((code) => String.fromCharCode(code)).join(""));

test("a varint comes back, and takes the bytes it was said to", () => {
  const edges = [0, 1, 127, 128, 16383, 16384, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1];
  const check = (value: number) => {
    const writer = new ByteWriter(varintSize(value));
    writer.varint(value);
    const bytes = writer.written();
    assert.equal(bytes.length, varintSize(value));
    const reader = new ByteReader(bytes);
    assert.equal(reader.varint(), value);
    reader.expectEnd();
  };
  edges.forEach(check);
  fc.assert(fc.property(fc.maxSafeNat(), check));
});

test("what no varint can hold is a mistake of the caller", () => {
  for (const value of [-1, 0.5, Number.NaN, 2 ** 53]) {
    assert.throws(() => new ByteWriter(9).varint(value), RangeError);
  }
});

test("every number has one encoding, and none is too large", () => {
  const read =
    (...bytes: number[]) =>
    () =>
      new ByteReader(new Uint8Array(bytes)).varint();
  assert.throws(read(0x80, 0x00), MalformedBytes);
  assert.throws(read(0x80), MalformedBytes);
  assert.throws(read(255, 255, 255, 255, 255, 255, 255, 0x7f), MalformedBytes);
  assert.throws(read(255, 255, 255, 255, 255, 255, 255, 255, 1), MalformedBytes);
});

test("a writer grows as it has to, and what it wrote is read back", () => {
  fc.assert(
    fc.property(
      latin1,
      fc.uint8Array(),
      fc.boolean(),
      fc.array(latin1),
      (id, bytes, flag, list) => {
        const writer = new ByteWriter(1);
        writer.byteString(id);
        writer.block(bytes);
        writer.boolean(flag);
        writer.byteStrings(list);
        writer.raw(bytes);
        const reader = new ByteReader(writer.written());
        assert.equal(reader.byteString(), id);
        assert.deepEqual([...reader.block()], [...bytes]);
        assert.equal(reader.boolean(), flag);
        assert.deepEqual(reader.byteStrings(), list);
        assert.deepEqual([...reader.rest()], [...bytes]);
        reader.expectEnd();
      },
    ),
  );
});

test("a length that is not there asks for no memory and is malformed", () => {
  const writer = new ByteWriter(8);
  writer.varint(2 ** 40);
  const bytes = writer.written();
  assert.throws(() => new ByteReader(bytes).block(), MalformedBytes);
  assert.throws(() => new ByteReader(bytes).byteStrings(), MalformedBytes);
  assert.throws(() => new ByteReader(bytes).count(1), MalformedBytes);
  assert.throws(() => new ByteReader(new Uint8Array([2])).boolean(), MalformedBytes);
  assert.throws(() => new ByteReader(new Uint8Array([2])).expectEnd(), MalformedBytes);
});
