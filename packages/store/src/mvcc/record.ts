// One stored revision of one key, in the protobuf encoding of etcd's KeyValue (a tombstone: the key
// alone). With this encoding HashKV comes out as etcd computes it, and a record is self-describing:
// the index is rebuilt from records and nothing else.

import { byteStringOf, writeByteString } from "../bytes/byte-string.ts";
import type { ByteWriter } from "../bytes/byte-writer.ts";
import type { Key, KeyValue, LeaseId, Revision } from "../contract.ts";

export const noBytes: Uint8Array = new Uint8Array(0);

const tagKey = 0x0a;
const tagCreate = 0x10;
const tagMod = 0x18;
const tagVersion = 0x20;
const tagValue = 0x2a;
const tagLease = 0x30;

export interface PutRecord {
  readonly key: Key;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly version: number;
  readonly value: Uint8Array;
  readonly lease: LeaseId;
}

/** Room for tags, lengths and numbers beside key and value. */
const fixedBytesMax = 64;

/** The hottest encoding of the store: room is made once, then bytes are written in place. */
export function encodePut(out: ByteWriter, record: PutRecord): Uint8Array {
  const { key, value } = record;
  out.reset();
  out.reserve(fixedBytesMax + key.length + value.length);
  const { bytes } = out;
  bytes[0] = tagKey;
  let end = writeByteString(key, bytes, writeVarint(bytes, 1, key.length));
  bytes[end++] = tagCreate;
  end = writeVarint(bytes, end, record.createRevision);
  bytes[end++] = tagMod;
  end = writeVarint(bytes, end, record.modRevision);
  bytes[end++] = tagVersion;
  end = writeVarint(bytes, end, record.version);
  if (value.length > 0) {
    bytes[end++] = tagValue;
    end = writeVarint(bytes, end, value.length);
    bytes.set(value, end);
    end += value.length;
  }
  if (record.lease !== 0n) {
    bytes[end++] = tagLease;
    let rest = BigInt.asUintN(64, record.lease);
    for (; rest >= 0x80n; rest >>= 7n) bytes[end++] = Number(rest & 0x7fn) | 0x80;
    bytes[end++] = Number(rest);
  }
  return bytes.subarray(0, end);
}

function writeVarint(bytes: Uint8Array, start: number, value: number): number {
  let end = start;
  let rest = value;
  for (; rest > 0x7fffffff; rest = Math.floor(rest / 128)) bytes[end++] = (rest % 128) | 0x80;
  for (; rest > 0x7f; rest >>>= 7) bytes[end++] = (rest & 0x7f) | 0x80;
  bytes[end++] = rest;
  return end;
}

export function encodeTombstone(out: ByteWriter, key: Key): Uint8Array {
  out.reset();
  out.u8(tagKey);
  out.byteString(key);
  return out.written();
}

export type DecodedRecord = KeyValue & { readonly tombstone: boolean };

/** `key` is given where the caller has it already: reading it again would cost the most. */
export function decodeRecord(record: Uint8Array, key?: Key): DecodedRecord {
  at = 0;
  if (record[at++] !== tagKey) throw new Error("a stored record does not begin with its key");
  const keyLength = readVarint(record);
  const keyStart = at;
  at += keyLength;
  const ownKey = key ?? byteStringOf(record, keyStart, at);
  let createRevision = 0;
  let modRevision = 0;
  let version = 0;
  let value = noBytes;
  let lease = 0n;
  const tombstone = at === record.length;
  while (at < record.length) {
    const tag = record[at++];
    if (tag === tagCreate) createRevision = readVarint(record);
    else if (tag === tagMod) modRevision = readVarint(record);
    else if (tag === tagVersion) version = readVarint(record);
    else if (tag === tagValue) {
      const length = readVarint(record);
      value = record.subarray(at, at + length);
      at += length;
    } else if (tag === tagLease) lease = readLease(record);
    else throw new Error(`a stored record has an unknown field (tag ${tag})`);
  }
  return { key: ownKey, createRevision, modRevision, version, lease, value, tombstone };
}

// The read position of `decodeRecord`: a variable of the module, because a reader object per record
// is measurable when ranges return thousands.
let at = 0;

function readVarint(bytes: Uint8Array): number {
  let value = bytes[at++]!;
  if (value < 0x80) return value;
  value &= 0x7f;
  let factor = 128;
  for (;;) {
    const byte = bytes[at++];
    if (byte === undefined) throw new Error("a stored record ends too early");
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
    factor *= 128;
  }
}

function readLease(bytes: Uint8Array): LeaseId {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = bytes[at++];
    if (byte === undefined) throw new Error("a stored record ends too early");
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asIntN(64, value);
  }
}
