// PutRequest and PutResponse.

import { Reader } from "../../protobuf/reader.ts";
import type { Writer } from "../../protobuf/writer.ts";
import { writeHeader, writeOpHeader } from "./header.ts";
import { type WireKeyValue, writeKeyValue } from "./key-value.ts";

export interface PutMessage {
  readonly kind: "put";
  readonly key: string;
  /** A view of the bytes it was decoded from. */
  readonly value: Uint8Array;
  readonly lease: bigint;
  readonly prevKv: boolean;
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
}

export interface WirePutResult {
  readonly revision: number;
  readonly prevKv: WireKeyValue | undefined;
}

const emptyBytes = new Uint8Array(0);

export function decodePutRequest(bytes: Uint8Array): PutMessage {
  return readPut(new Reader(bytes));
}

export function readPut(reader: Reader): PutMessage {
  let key = "";
  let value = emptyBytes as Uint8Array;
  let lease = 0n;
  let prevKv = false;
  let ignoreValue = false;
  let ignoreLease = false;
  while (reader.at < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 0x0a:
        key = reader.latin1();
        break;
      case 0x12:
        value = reader.view();
        break;
      case 0x18:
        lease = reader.bigInt64();
        break;
      case 0x20:
        prevKv = reader.bool();
        break;
      case 0x28:
        ignoreValue = reader.bool();
        break;
      case 0x30:
        ignoreLease = reader.bool();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { kind: "put", key, value, lease, prevKv, ignoreValue, ignoreLease };
}

export function encodePutResponse(
  writer: Writer,
  ids: Uint8Array,
  raftTerm: number,
  result: WirePutResult,
): void {
  if (result.prevKv !== undefined) writeKeyValue(writer, 0x12, result.prevKv);
  writeHeader(writer, ids, result.revision, raftTerm);
}

export function writePutOp(writer: Writer, result: WirePutResult): void {
  if (result.prevKv !== undefined) writeKeyValue(writer, 0x12, result.prevKv);
  writeOpHeader(writer, result.revision);
}
