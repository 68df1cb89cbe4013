// DeleteRangeRequest and DeleteRangeResponse.

import { Reader } from "../../protobuf/reader.ts";
import type { Writer } from "../../protobuf/writer.ts";
import { writeHeader, writeOpHeader } from "./header.ts";
import { type WireKeyValue, writeKeyValues } from "./key-value.ts";

export interface DeleteRangeMessage {
  readonly kind: "deleteRange";
  readonly key: string;
  readonly rangeEnd: string;
  readonly prevKv: boolean;
}

export interface WireDeleteRangeResult {
  readonly revision: number;
  readonly deleted: number;
  readonly prevKvs: readonly WireKeyValue[];
}

export function decodeDeleteRangeRequest(bytes: Uint8Array): DeleteRangeMessage {
  return readDeleteRange(new Reader(bytes));
}

export function readDeleteRange(reader: Reader): DeleteRangeMessage {
  let key = "";
  let rangeEnd = "";
  let prevKv = false;
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag === 0x0a) key = reader.latin1();
    else if (tag === 0x12) rangeEnd = reader.latin1();
    else if (tag === 0x18) prevKv = reader.bool();
    else reader.skip(tag);
  }
  return { kind: "deleteRange", key, rangeEnd, prevKv };
}

export function encodeDeleteRangeResponse(
  writer: Writer,
  ids: Uint8Array,
  raftTerm: number,
  result: WireDeleteRangeResult,
): void {
  writeKeyValues(writer, 0x1a, result.prevKvs);
  writer.uintField(0x10, result.deleted);
  writeHeader(writer, ids, result.revision, raftTerm);
}

export function writeDeleteRangeOp(writer: Writer, result: WireDeleteRangeResult): void {
  writeKeyValues(writer, 0x1a, result.prevKvs);
  writer.uintField(0x10, result.deleted);
  writeOpHeader(writer, result.revision);
}
