// One stored revision of one key, in the protobuf encoding of etcd's KeyValue (a tombstone: the key
// alone). With this encoding HashKV comes out as etcd computes it, and a record is self-describing:
// the index is rebuilt from records and nothing else.

import { byteStringOf } from "@althing/bytes";
import type { Key, KeyValue, LeaseId, Revision } from "../contract.ts";

export const noBytes: Uint8Array = new Uint8Array(0);

const tagKey = 0x0a;
const tagCreate = 0x10;
const tagMod = 0x18;
const tagVersion = 0x20;
const tagValue = 0x2a;
const tagLease = 0x30;

/** Room for tags, lengths and numbers beside key and value. */
const fixedBytesMax = 64;
/** Where a record begins: a value is copied together with what stands before it in its source. */
const origin = 32;
const smallBytes = 4096;

/**
 * Encodes records, each into the same room: what it returns is valid until the next one. Views of
 * short records are made once for each length, for they cost more than the encoding.
 */
export class RecordWriter {
  readonly #small = new Uint8Array(smallBytes);
  readonly #views: (Uint8Array | undefined)[] = [];
  #large = new Uint8Array(0);

  /** Key and value are given as bytes of `keySource` and the end of `valueSource`. */
  put(
    keySource: Uint8Array,
    keyStart: number,
    keyEnd: number,
    create: Revision,
    mod: Revision,
    version: number,
    valueSource: Uint8Array,
    valueStart: number,
    lease: LeaseId,
  ): Uint8Array {
    const keyLength = keyEnd - keyStart;
    const valueLength = valueSource.length - valueStart;
    const bytes = this.#room(origin + fixedBytesMax + keyLength + valueSource.length);
    let end = origin + 4 + varintBytes(keyLength) + keyLength;
    end += varintBytes(create) + varintBytes(mod) + varintBytes(version);
    if (valueLength > 0) {
      end += 1 + varintBytes(valueLength);
      // With its source: a view of the value alone would cost more. The head is written over it.
      if (valueStart <= end) bytes.set(valueSource, end - valueStart);
      else bytes.set(valueSource.subarray(valueStart), end);
    }
    let at = origin;
    bytes[at++] = tagKey;
    at = writeVarint(bytes, at, keyLength);
    for (let i = keyStart; i < keyEnd; i++) bytes[at++] = keySource[i]!;
    bytes[at++] = tagCreate;
    at = writeVarint(bytes, at, create);
    bytes[at++] = tagMod;
    at = writeVarint(bytes, at, mod);
    bytes[at++] = tagVersion;
    at = writeVarint(bytes, at, version);
    if (valueLength > 0) {
      bytes[at++] = tagValue;
      at = writeVarint(bytes, at, valueLength) + valueLength;
    }
    if (lease !== 0n) {
      bytes[at++] = tagLease;
      let rest = BigInt.asUintN(64, lease);
      for (; rest >= 0x80n; rest >>= 7n) bytes[at++] = Number(rest & 0x7fn) | 0x80;
      bytes[at++] = Number(rest);
    }
    return this.#view(bytes, at - origin);
  }

  tombstone(keySource: Uint8Array, keyStart: number, keyEnd: number): Uint8Array {
    const keyLength = keyEnd - keyStart;
    const bytes = this.#room(origin + fixedBytesMax + keyLength);
    bytes[origin] = tagKey;
    let at = writeVarint(bytes, origin + 1, keyLength);
    for (let i = keyStart; i < keyEnd; i++) bytes[at++] = keySource[i]!;
    return this.#view(bytes, at - origin);
  }

  #room(size: number): Uint8Array {
    if (size <= smallBytes) return this.#small;
    if (size > this.#large.length) this.#large = new Uint8Array(size * 2);
    return this.#large;
  }

  #view(bytes: Uint8Array, length: number): Uint8Array {
    if (bytes !== this.#small) return bytes.subarray(origin, origin + length);
    let view = this.#views[length];
    if (view === undefined) {
      view = bytes.subarray(origin, origin + length);
      this.#views[length] = view;
    }
    return view;
  }
}

function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  let bytes = 4;
  for (let limit = 2 ** 28; value >= limit; limit *= 128) bytes++;
  return bytes;
}

function writeVarint(bytes: Uint8Array, start: number, value: number): number {
  let end = start;
  let rest = value;
  for (; rest > 0x7fffffff; rest = Math.floor(rest / 128)) bytes[end++] = (rest % 128) | 0x80;
  for (; rest > 0x7f; rest >>>= 7) bytes[end++] = (rest & 0x7f) | 0x80;
  bytes[end++] = rest;
  return end;
}

/** What the index keeps of a record, and where its key is. `create` is 0 for a tombstone. */
export interface RecordOutline {
  keyStart: number;
  keyEnd: number;
  create: Revision;
  version: number;
  hasLease: boolean;
}

const outline: RecordOutline = { keyStart: 0, keyEnd: 0, create: 0, version: 0, hasLease: false };

/** The value is passed over. Always the same object: a restart asks a million times. */
export function outlineOf(
  record: Uint8Array,
  start = 0,
  end = record.length,
): Readonly<RecordOutline> {
  at = start;
  if (record[at++] !== tagKey) throw new Error("a stored record does not begin with its key");
  const keyLength = readVarint(record);
  outline.keyStart = at;
  at += keyLength;
  outline.keyEnd = at;
  outline.create = 0;
  outline.version = 0;
  outline.hasLease = false;
  while (at < end) {
    const tag = record[at++];
    const number = readVarint(record);
    if (tag === tagCreate) outline.create = number;
    else if (tag === tagVersion) outline.version = number;
    else if (tag === tagValue) at += number;
    else if (tag === tagLease) outline.hasLease = true;
    else if (tag !== tagMod) throw new Error(`a stored record has an unknown field (tag ${tag})`);
  }
  if (at !== end) throw new Error("a stored record ends too early");
  return outline;
}

export type DecodedRecord = KeyValue & { readonly tombstone: boolean };

/** `key` is given where the caller has it already: reading it again would cost the most. */
export function decodeRecord(record: Uint8Array, key?: Key): DecodedRecord {
  return decodeRecordAt(record, 0, record.length, key);
}

/** As above, of a record within larger bytes. */
export function decodeRecordAt(
  bytes: Uint8Array,
  start: number,
  end: number,
  key?: Key,
): DecodedRecord {
  at = start;
  if (bytes[at++] !== tagKey) throw new Error("a stored record does not begin with its key");
  const keyLength = readVarint(bytes);
  const keyStart = at;
  at += keyLength;
  const ownKey = key ?? byteStringOf(bytes, keyStart, at);
  let createRevision = 0;
  let modRevision = 0;
  let version = 0;
  let value = noBytes;
  let lease = 0n;
  const tombstone = at === end;
  while (at < end) {
    const tag = bytes[at++];
    if (tag === tagCreate) createRevision = readVarint(bytes);
    else if (tag === tagMod) modRevision = readVarint(bytes);
    else if (tag === tagVersion) version = readVarint(bytes);
    else if (tag === tagValue) {
      const length = readVarint(bytes);
      value = bytes.subarray(at, at + length);
      at += length;
    } else if (tag === tagLease) lease = readLease(bytes);
    else throw new Error(`a stored record has an unknown field (tag ${tag})`);
  }
  if (at !== end) throw new Error("a stored record ends too early");
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
