// Reads commands. What no version wrote has the same effect on every member, which is none:
// `decodeCommand` returns undefined for it and never throws. What a later version may have written (a number,
// a flag, a place in a list that is not known here) has an effect on the others: `isOfLaterVersion` tells it.

import { ByteReader, LaterVersion, MalformedBytes } from "@althing/bytes";
import { readAuthChange } from "../auth/change-codec.ts";
import type {
  Command,
  Compare,
  DeleteRangeCommand,
  LeaseId,
  PutCommand,
  RangeOp,
  TxnCommand,
  TxnOp,
} from "../contract.ts";
import {
  alarmNumbers,
  commandNumbers,
  compareResults,
  compareTargets,
  putFlags,
  putFlagsAll,
  rangeFlags,
  rangeNumberFields,
  sortOrders,
  sortTargets,
  txnDepthMax,
} from "./numbers.ts";

/** Undefined when the bytes are no command that this version knows. */
export function decodeCommand(bytes: Uint8Array): Command | undefined {
  try {
    const reader = new ByteReader(bytes);
    const command = readCommand(reader);
    return reader.atEnd ? command : undefined;
  } catch (error) {
    if (error instanceof MalformedBytes) return undefined;
    throw error;
  }
}

/** Of what `decodeCommand` cannot read. */
export function isOfLaterVersion(bytes: Uint8Array): boolean {
  try {
    readCommand(new ByteReader(bytes));
    return false;
  } catch (error) {
    if (error instanceof MalformedBytes) return error instanceof LaterVersion;
    throw error;
  }
}

/**
 * Where the key of a put without flags ends and its value begins; 0 for every other command, and for
 * what `decodeCommand` would refuse or the store would.
 */
export function plainPutKeyEnd(bytes: Uint8Array): number {
  if (bytes.length < 4 || bytes[0] !== commandNumbers.put || bytes[1] !== 0) return 0;
  const low = bytes[2]!;
  const high = low < 0x80 ? 0 : bytes[3]!;
  if (high >= 0x80 || (low >= 0x80 && high === 0)) return 0;
  const length = (low & 0x7f) | (high << 7);
  const end = plainPutKeyStart(bytes) + length;
  return length === 0 || end > bytes.length ? 0 : end;
}

export function plainPutKeyStart(bytes: Uint8Array): number {
  return bytes[2]! < 0x80 ? 3 : 4;
}

function readCommand(reader: ByteReader): Command {
  const number = reader.u8();
  switch (number) {
    case commandNumbers.put:
      return readPut(reader);
    case commandNumbers.deleteRange:
      return readDeleteRange(reader);
    case commandNumbers.txn:
      return readTxn(reader, 1);
    case commandNumbers.bounded:
      return readBounded(reader);
    case commandNumbers.compact:
      return { kind: "compact", revision: readInteger(reader) };
    case commandNumbers.alarm: {
      const action = pick(["deactivate", "activate"] as const, reader.u8());
      const alarm = pick(alarmNumbers, reader.u8());
      return { kind: "alarm", action, member: reader.text(), alarm };
    }
    case commandNumbers.publishMember:
    case commandNumbers.publishFutureVoter:
      return {
        kind: "publishMember",
        member: reader.text(),
        name: reader.text(),
        peerUrls: readTexts(reader),
        clientUrls: readTexts(reader),
        incarnation: reader.text(),
        ...(number === commandNumbers.publishFutureVoter && { votesWhenReady: true as const }),
      };
    case commandNumbers.removeMember:
      return { kind: "removeMember", member: reader.text() };
    case commandNumbers.leaseGrant:
      return { kind: "leaseGrant", lease: readLease(reader), ttlSeconds: reader.varint() };
    case commandNumbers.leaseRevoke:
      return { kind: "leaseRevoke", lease: readLease(reader) };
    case commandNumbers.leaseCheckpoint:
      return {
        kind: "leaseCheckpoint",
        leases: readList(reader, () => ({
          lease: readLease(reader),
          remainingSeconds: reader.varint(),
        })),
      };
    case commandNumbers.auth:
      return { kind: "auth", change: readAuthChange(reader) };
    default:
      throw new LaterVersion(`unknown command ${number}`);
  }
}

function readBounded(reader: ByteReader): Command {
  const workMax = reader.varint();
  const number = reader.u8();
  if (number === commandNumbers.deleteRange) return { ...readDeleteRange(reader), workMax };
  if (number === commandNumbers.txn) return { ...readTxn(reader, 1), workMax };
  throw new LaterVersion(`command ${number} has no bound`);
}

function readPut(reader: ByteReader): PutCommand {
  const flags = reader.u8();
  if (flags > putFlagsAll) throw new LaterVersion("unknown flags");
  const key = reader.byteString();
  const lease = (flags & putFlags.lease) === 0 ? 0n : reader.i64();
  return {
    kind: "put",
    key,
    value: reader.raw(reader.end - reader.at),
    lease,
    prevKv: (flags & putFlags.prevKv) !== 0,
    ignoreValue: (flags & putFlags.ignoreValue) !== 0,
    ignoreLease: (flags & putFlags.ignoreLease) !== 0,
  };
}

function readDeleteRange(reader: ByteReader): DeleteRangeCommand {
  const prevKv = readBoolean(reader);
  return { kind: "deleteRange", key: reader.byteString(), rangeEnd: reader.byteString(), prevKv };
}

function readTxn(reader: ByteReader, depth: number): TxnCommand {
  if (depth > txnDepthMax) throw new MalformedBytes("txns nested too deep");
  return {
    kind: "txn",
    compares: readList(reader, () => readCompare(reader)),
    success: readList(reader, () => readOp(reader, depth)),
    failure: readList(reader, () => readOp(reader, depth)),
  };
}

function readOp(outer: ByteReader, depth: number): TxnOp {
  const length = outer.varint();
  const start = outer.at;
  outer.raw(length);
  const reader = new ByteReader(outer.bytes, start, start + length);
  const op = readOpBody(reader, depth);
  if (!reader.atEnd) throw new MalformedBytes("bytes left over");
  return op;
}

function readOpBody(reader: ByteReader, depth: number): TxnOp {
  const number = reader.u8();
  switch (number) {
    case commandNumbers.put:
      return readPut(reader);
    case commandNumbers.deleteRange:
      return readDeleteRange(reader);
    case commandNumbers.range:
      return readRange(reader);
    case commandNumbers.txn:
      return readTxn(reader, depth + 1);
    default:
      throw new LaterVersion(`unknown operation ${number}`);
  }
}

function readCompare(reader: ByteReader): Compare {
  const target = pick(compareTargets, reader.u8());
  const result = pick(compareResults, reader.u8());
  const about = { key: reader.byteString(), rangeEnd: reader.byteString(), result };
  if (target === "value") return { ...about, target, value: reader.block() };
  const value = reader.i64();
  if (target === "lease") return { ...about, target, value };
  const number = Number(value);
  return { ...about, target, value: Number.isSafeInteger(number) ? number : value };
}

function readRange(reader: ByteReader): RangeOp {
  const flags = reader.u8();
  const sort = reader.u8();
  const sortOrder = pick(sortOrders, sort >>> 4);
  const sortTarget = pick(sortTargets, sort & 15);
  const key = reader.byteString();
  const rangeEnd = reader.byteString();
  const numbers = rangeNumberFields.map((_field, i) =>
    (flags & (rangeFlags.firstNumber << i)) === 0 ? 0 : readInteger(reader),
  );
  return {
    kind: "range",
    key,
    rangeEnd,
    limit: numbers[0]!,
    revision: numbers[1]!,
    sortOrder,
    sortTarget,
    keysOnly: (flags & rangeFlags.keysOnly) !== 0,
    countOnly: (flags & rangeFlags.countOnly) !== 0,
    minModRevision: numbers[2]!,
    maxModRevision: numbers[3]!,
    minCreateRevision: numbers[4]!,
    maxCreateRevision: numbers[5]!,
  };
}

function readList<T>(reader: ByteReader, readItem: () => T): T[] {
  const length = reader.varint();
  // Every item takes a byte at least: a length beyond that would only exhaust memory.
  if (length > reader.end - reader.at) throw new MalformedBytes("list too long");
  const items: T[] = [];
  for (let i = 0; i < length; i++) items.push(readItem());
  return items;
}

function readLease(reader: ByteReader): LeaseId {
  const lease = reader.i64();
  if (lease === 0n) throw new MalformedBytes("0 is no lease");
  return lease;
}

function readTexts(reader: ByteReader): string[] {
  return readList(reader, () => reader.text());
}

function readBoolean(reader: ByteReader): boolean {
  return pick([false, true], reader.u8());
}

function readInteger(reader: ByteReader): number {
  const value = reader.f64();
  if (!Number.isInteger(value)) throw new MalformedBytes("not an integer");
  return value;
}

function pick<T>(list: readonly T[], index: number): T {
  if (index >= list.length) throw new LaterVersion("number out of range");
  return list[index]!;
}
