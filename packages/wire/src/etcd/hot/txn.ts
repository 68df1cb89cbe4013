// TxnRequest and TxnResponse. A compare's target_union that is unset, or set for another target, counts as
// zero; enum numbers that the API does not know are kept as "unknown" for the door to judge.

import { Reader } from "../../protobuf/reader.ts";
import type { Writer } from "../../protobuf/writer.ts";
import {
  type DeleteRangeMessage,
  readDeleteRange,
  type WireDeleteRangeResult,
  writeDeleteRangeOp,
} from "./delete-range.ts";
import { writeHeader } from "./header.ts";
import { type PutMessage, readPut, type WirePutResult, writePutOp } from "./put.ts";
import { type RangeMessage, readRange, type WireRangeResult, writeRangeOp } from "./range.ts";

const compareResults = ["equal", "greater", "less", "notEqual"] as const;
const compareTargets = ["version", "create", "mod", "value", "lease"] as const;

export type CompareMessage = {
  readonly key: string;
  readonly rangeEnd: string;
  readonly result: (typeof compareResults)[number] | "unknown";
} & (
  | { readonly target: "version" | "create" | "mod" | "unknown"; readonly value: number }
  | { readonly target: "value"; readonly value: Uint8Array }
  | { readonly target: "lease"; readonly value: bigint }
);

export type OpMessage =
  | Readonly<RangeMessage>
  | PutMessage
  | DeleteRangeMessage
  | TxnMessage
  /** The oneof was not set. */
  | { readonly kind: "none" };

export interface TxnMessage {
  readonly kind: "txn";
  readonly compares: readonly CompareMessage[];
  readonly success: readonly OpMessage[];
  readonly failure: readonly OpMessage[];
}

export interface WireTxnResult {
  readonly kind: "txn";
  readonly revision: number;
  readonly succeeded: boolean;
  readonly responses: readonly WireOpResult[];
}

export type WireOpResult =
  | ({ readonly kind: "range" } & WireRangeResult)
  | ({ readonly kind: "put" } & WirePutResult)
  | ({ readonly kind: "deleteRange" } & WireDeleteRangeResult)
  | WireTxnResult;

export function decodeTxnRequest(bytes: Uint8Array): TxnMessage {
  return readTxn(new Reader(bytes));
}

function readTxn(reader: Reader): TxnMessage {
  const compares: CompareMessage[] = [];
  const success: OpMessage[] = [];
  const failure: OpMessage[] = [];
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag !== 0x0a && tag !== 0x12 && tag !== 0x1a) {
      reader.skip(tag);
      continue;
    }
    const outer = reader.enter();
    if (tag === 0x0a) compares.push(readCompare(reader));
    else (tag === 0x12 ? success : failure).push(readOp(reader));
    reader.leave(outer);
  }
  return { kind: "txn", compares, success, failure };
}

/** The last member of the oneof wins, also over an earlier one of its own kind: nothing is merged, as with etcd. */
function readOp(reader: Reader): OpMessage {
  let op: OpMessage = { kind: "none" };
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if ((tag & 7) !== 2 || tag >>> 3 > 4) {
      reader.skip(tag);
      continue;
    }
    const outer = reader.enter();
    if (tag === 0x0a) op = readRange(reader);
    else if (tag === 0x12) op = readPut(reader);
    else if (tag === 0x1a) op = readDeleteRange(reader);
    else op = readTxn(reader);
    reader.leave(outer);
  }
  return op;
}

const emptyBytes = new Uint8Array(0);

function readCompare(reader: Reader): CompareMessage {
  let result = 0;
  let target = 0;
  let key = "";
  let rangeEnd = "";
  /** Which field of the oneof came last, and its value. */
  let union = 0;
  let number = 0;
  let bytes = emptyBytes as Uint8Array;
  let lease = 0n;
  while (reader.at < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 0x08:
        result = reader.uint32();
        break;
      case 0x10:
        target = reader.uint32();
        break;
      case 0x1a:
        key = reader.latin1();
        break;
      case 0x20:
      case 0x28:
      case 0x30:
        union = tag >>> 3;
        number = reader.int64();
        break;
      case 0x3a:
        union = 7;
        bytes = reader.view();
        break;
      case 0x40:
        union = 8;
        lease = reader.bigInt64();
        break;
      case 0x202:
        rangeEnd = reader.latin1();
        break;
      default:
        reader.skip(tag);
    }
  }
  const base = { key, rangeEnd, result: compareResults[result] ?? "unknown" } as const;
  const matches = union === target + 4;
  switch (compareTargets[target]) {
    case "value":
      return { ...base, target: "value", value: matches ? bytes : emptyBytes };
    case "lease":
      return { ...base, target: "lease", value: matches ? lease : 0n };
    case "version":
      return { ...base, target: "version", value: matches ? number : 0 };
    case "create":
      return { ...base, target: "create", value: matches ? number : 0 };
    case "mod":
      return { ...base, target: "mod", value: matches ? number : 0 };
    default:
      return { ...base, target: "unknown", value: 0 };
  }
}

export function encodeTxnResponse(
  writer: Writer,
  ids: Uint8Array,
  raftTerm: number,
  result: WireTxnResult,
): void {
  writeTxnFields(writer, result);
  writeHeader(writer, ids, result.revision, raftTerm);
}

/** The parts of a TxnResponse whose ranges are encoded piece by piece: head, then each with its prefix. */
export function encodeTxnHead(
  writer: Writer,
  ids: Uint8Array,
  raftTerm: number,
  revision: number,
  succeeded: boolean,
): void {
  writer.boolField(0x10, succeeded);
  writeHeader(writer, ids, revision, raftTerm);
}

/** What stands before a range of `bodyBytes` among the responses. */
export function encodeRangeOpPrefix(writer: Writer, bodyBytes: number): void {
  writer.uint(bodyBytes);
  writer.tag(0x0a);
  writer.uint(writer.size + bodyBytes);
  writer.tag(0x1a);
}

function writeTxnFields(writer: Writer, result: WireTxnResult): void {
  for (let i = result.responses.length - 1; i >= 0; i--) {
    const mark = writer.mark();
    writeOpResult(writer, result.responses[i]!);
    writer.closeMessage(0x1a, mark);
  }
  writer.boolField(0x10, result.succeeded);
}

function writeOpResult(writer: Writer, result: WireOpResult): void {
  const mark = writer.mark();
  switch (result.kind) {
    case "range":
      writeRangeOp(writer, result);
      writer.closeMessage(0x0a, mark);
      return;
    case "put":
      writePutOp(writer, result);
      writer.closeMessage(0x12, mark);
      return;
    case "deleteRange":
      writeDeleteRangeOp(writer, result);
      writer.closeMessage(0x1a, mark);
      return;
    case "txn":
      writeTxnFields(writer, result);
      // A nested txn's header is there, and all zero.
      writer.closeMessage(0x0a, writer.mark());
      writer.closeMessage(0x22, mark);
  }
}
