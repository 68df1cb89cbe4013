// RangeRequest and RangeResponse. An enum number that the API does not know becomes "unknown", which the
// door refuses.

import { Reader } from "../../protobuf/reader.ts";
import type { Writer } from "../../protobuf/writer.ts";
import { writeHeader, writeOpHeader } from "./header.ts";
import { type WireKeyValue, writeKeyValues } from "./key-value.ts";

const sortOrders = ["none", "ascend", "descend"] as const;
const sortTargets = ["key", "version", "create", "mod", "value"] as const;
export type WireSortOrder = (typeof sortOrders)[number];
export type WireSortTarget = (typeof sortTargets)[number];

export interface RangeMessage {
  readonly kind: "range";
  key: string;
  rangeEnd: string;
  limit: number;
  revision: number;
  sortOrder: WireSortOrder | "unknown";
  sortTarget: WireSortTarget | "unknown";
  serializable: boolean;
  keysOnly: boolean;
  countOnly: boolean;
  minModRevision: number;
  maxModRevision: number;
  minCreateRevision: number;
  maxCreateRevision: number;
}

export interface WireRangeResult {
  readonly revision: number;
  readonly kvs: readonly WireKeyValue[];
  readonly more: boolean;
  readonly count: number;
}

export function decodeRangeRequest(bytes: Uint8Array): Readonly<RangeMessage> {
  return readRange(new Reader(bytes));
}

export function readRange(reader: Reader): RangeMessage {
  const range: RangeMessage = {
    kind: "range",
    key: "",
    rangeEnd: "",
    limit: 0,
    revision: 0,
    sortOrder: "none",
    sortTarget: "key",
    serializable: false,
    keysOnly: false,
    countOnly: false,
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
  };
  while (reader.at < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 0x0a:
        range.key = reader.latin1();
        break;
      case 0x12:
        range.rangeEnd = reader.latin1();
        break;
      case 0x18:
        range.limit = reader.int64();
        break;
      case 0x20:
        range.revision = reader.int64();
        break;
      case 0x28:
        range.sortOrder = sortOrders[reader.uint32()] ?? "unknown";
        break;
      case 0x30:
        range.sortTarget = sortTargets[reader.uint32()] ?? "unknown";
        break;
      case 0x38:
        range.serializable = reader.bool();
        break;
      case 0x40:
        range.keysOnly = reader.bool();
        break;
      case 0x48:
        range.countOnly = reader.bool();
        break;
      case 0x50:
        range.minModRevision = reader.int64();
        break;
      case 0x58:
        range.maxModRevision = reader.int64();
        break;
      case 0x60:
        range.minCreateRevision = reader.int64();
        break;
      case 0x68:
        range.maxCreateRevision = reader.int64();
        break;
      default:
        reader.skip(tag);
    }
  }
  return range;
}

export function encodeRangeResponse(
  writer: Writer,
  ids: Uint8Array,
  raftTerm: number,
  result: WireRangeResult,
): void {
  writeRangeFields(writer, result);
  writeHeader(writer, ids, result.revision, raftTerm);
}

/** The parts of a RangeResponse whose pairs are encoded piece by piece: head, pieces, tail. */
export function encodeRangeHead(
  writer: Writer,
  ids: Uint8Array,
  raftTerm: number,
  revision: number,
): void {
  writeHeader(writer, ids, revision, raftTerm);
}

export function encodeRangePiece(writer: Writer, kvs: readonly WireKeyValue[]): void {
  writeKeyValues(writer, 0x12, kvs);
}

export function encodeRangeTail(writer: Writer, more: boolean, count: number): void {
  writer.uintField(0x20, count);
  writer.boolField(0x18, more);
}

/** The same parts of a range in a txn begin with the revision alone, and a prefix: see txn.ts. */
export function encodeRangeOpHead(writer: Writer, revision: number): void {
  writeOpHeader(writer, revision);
}

export function writeRangeOp(writer: Writer, result: WireRangeResult): void {
  writeRangeFields(writer, result);
  writeOpHeader(writer, result.revision);
}

function writeRangeFields(writer: Writer, result: WireRangeResult): void {
  writer.uintField(0x20, result.count);
  writer.boolField(0x18, result.more);
  writeKeyValues(writer, 0x12, result.kvs);
}
