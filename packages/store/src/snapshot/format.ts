// A snapshot is a sequence of chunks, each with its place and a checksum: a head, tables and records
// in order, an end with the totals. It is the same on every engine, so a member may install what a
// member with another engine sent, and the memory engine's checkpoints are nothing else.
//
//   chunk   = magic u32, kind u8, sequence u32, payload length u32, crc u32, payload
//   crc     = CRC-32 of the first 13 bytes and the payload
//   head    = format version, point, revision, compact revision, state hash
//   body    = items: 1 table entry (table, key, value) | 2 record (main, sub, bytes)
//   end     = number of table entries, number of records

import { ByteReader, ByteWriter, type Crc32, crc32, MalformedBytes } from "@althing/bytes";
import type { Key, Revision } from "../contract.ts";
import type { Head } from "../engine/port.ts";

export const chunkBytesAim = 256 * 1024;

const magic = 0x414c5453;
const formatVersion = 1;
const headerBytes = 17;
const crcOffset = 13;

const kinds = ["head", "body", "end"] as const;
type ChunkKind = (typeof kinds)[number];

const itemEntry = 1;
const itemRecord = 2;

/** A chunk that does not verify, comes out of order, or a stream that is not whole. */
export class SnapshotDamaged extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SnapshotDamaged";
  }
}

/** Of an item that came whole, in a chunk that verifies, and that the store cannot read all the same. */
export function unreadable(item: SnapshotItem, cause: unknown): SnapshotDamaged {
  const what =
    item.kind === "record"
      ? `revision ${item.main}.${item.sub}`
      : `the entry ${JSON.stringify(item.key)} of table ${item.table}`;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new SnapshotDamaged(`${what} of the snapshot cannot be read: ${why}`, { cause });
}

export type SnapshotItem =
  | {
      readonly kind: "entry";
      readonly table: string;
      readonly key: Key;
      readonly value: Uint8Array;
    }
  | {
      readonly kind: "record";
      readonly main: Revision;
      readonly sub: number;
      readonly record: Uint8Array;
    };

export type DecodedChunk =
  | { readonly kind: "head"; readonly head: Head }
  | { readonly kind: "body"; readonly items: readonly SnapshotItem[] }
  | { readonly kind: "end"; readonly entries: number; readonly records: number };

/** Builds chunks one after the other; the caller decides when a body is full. */
export class ChunkEncoder {
  readonly #out: ByteWriter;
  readonly #crc32: Crc32;
  #sequence = 0;

  constructor(crc: Crc32 = crc32) {
    this.#crc32 = crc;
    this.#out = new ByteWriter(4096);
    this.#begin();
  }

  get bodyBytes(): number {
    return this.#out.length - headerBytes;
  }

  entry(table: string, key: Key, value: Uint8Array): void {
    this.#out.u8(itemEntry);
    this.#out.text(table);
    this.#out.text(key);
    this.#out.block(value);
  }

  record(main: Revision, sub: number, record: Uint8Array): void {
    this.#out.u8(itemRecord);
    this.#out.varint(main);
    this.#out.varint(sub);
    this.#out.block(record);
  }

  head(head: Head): Uint8Array {
    this.#out.u8(formatVersion);
    writeHead(this.#out, head);
    return this.#finish("head");
  }

  body(): Uint8Array {
    return this.#finish("body");
  }

  end(entries: number, records: number): Uint8Array {
    this.#out.varint(entries);
    this.#out.varint(records);
    return this.#finish("end");
  }

  #begin(): void {
    this.#out.reset();
    this.#out.raw(new Uint8Array(headerBytes));
  }

  #finish(kind: ChunkKind): Uint8Array {
    const chunk = this.#out.copy();
    const view = new DataView(chunk.buffer);
    view.setUint32(0, magic);
    view.setUint8(4, kinds.indexOf(kind));
    view.setUint32(5, this.#sequence++);
    view.setUint32(9, chunk.length - headerBytes);
    view.setUint32(crcOffset, checksum(this.#crc32, chunk));
    this.#begin();
    return chunk;
  }
}

/** Verifies `chunk` as number `sequence` of its stream. Throws `SnapshotDamaged`. */
export function decodeChunk(chunk: Uint8Array, sequence: number, crc: Crc32 = crc32): DecodedChunk {
  const place = `snapshot chunk ${sequence}`;
  if (chunk.length < headerBytes) throw new SnapshotDamaged(`${place} is cut short`);
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (view.getUint32(0) !== magic) throw new SnapshotDamaged(`${place} is not a snapshot chunk`);
  if (view.getUint32(9) !== chunk.length - headerBytes) {
    throw new SnapshotDamaged(`${place} has another length than it says`);
  }
  if (view.getUint32(crcOffset) !== checksum(crc, chunk)) {
    throw new SnapshotDamaged(`${place} does not match its checksum`);
  }
  const found = view.getUint32(5);
  if (found !== sequence) throw new SnapshotDamaged(`${place} came as number ${found}`);
  const kind = kinds[view.getUint8(4)];
  const reader = new ByteReader(chunk, headerBytes);
  try {
    const decoded = decodePayload(kind, reader);
    if (!reader.atEnd) throw new MalformedBytes("bytes left over");
    return decoded;
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    throw new SnapshotDamaged(`${place} cannot be read: ${error.message}`, { cause: error });
  }
}

export function writeHead(out: ByteWriter, head: Head): void {
  out.varint(head.point.index);
  out.varint(head.point.epoch);
  out.text(head.point.proposer);
  out.block(head.point.meta);
  out.varint(head.revision);
  out.f64(head.compactRevision);
  out.u32(head.hash);
}

export function readHead(reader: ByteReader): Head {
  const point = {
    index: reader.varint(),
    epoch: reader.varint(),
    proposer: reader.text(),
    meta: new Uint8Array(reader.block()),
  };
  return {
    point,
    revision: reader.varint(),
    compactRevision: reader.f64(),
    hash: reader.u32(),
  };
}

function decodePayload(kind: ChunkKind | undefined, reader: ByteReader): DecodedChunk {
  switch (kind) {
    case "head": {
      const version = reader.u8();
      if (version !== formatVersion) throw new MalformedBytes(`format version ${version}`);
      return { kind, head: readHead(reader) };
    }
    case "body": {
      const items: SnapshotItem[] = [];
      while (!reader.atEnd) items.push(readItem(reader));
      return { kind, items };
    }
    case "end":
      return { kind, entries: reader.varint(), records: reader.varint() };
    case undefined:
      throw new MalformedBytes("unknown kind of chunk");
  }
}

function readItem(reader: ByteReader): SnapshotItem {
  const tag = reader.u8();
  if (tag === itemRecord) {
    return {
      kind: "record",
      main: reader.varint(),
      sub: reader.varint(),
      record: reader.block(),
    };
  }
  if (tag !== itemEntry) throw new MalformedBytes(`unknown item ${tag}`);
  return { kind: "entry", table: reader.text(), key: reader.text(), value: reader.block() };
}

function checksum(crc: Crc32, chunk: Uint8Array): number {
  return crc(chunk.subarray(headerBytes), crc(chunk.subarray(0, crcOffset)));
}
