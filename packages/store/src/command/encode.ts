// Commands as they travel in log entries. Compact, and the same bytes for the same command, because
// the state hash covers administrative commands as they were encoded. The formats are durable: a new
// command takes a new number, a changed one too.
//
//   put = kind, flags, key, [lease i64], value (the rest)
//   bounded = kind, bound, a txn or deletion (the rest)

import { ByteWriter, writeByteString } from "@althing/bytes";
import { writeAuthChange } from "../auth/change-codec.ts";
import type { Command, Compare, PutCommand, RangeOp, TxnCommand, TxnOp } from "../contract.ts";
import {
  alarmNumbers,
  commandNumbers,
  compareResults,
  compareTargets,
  putFlags,
  rangeFlags,
  rangeNumberFields,
  sortOrders,
  sortTargets,
} from "./numbers.ts";

export function encodeCommand(command: Command): Uint8Array {
  if (command.kind === "put") return encodePutCommand(command);
  const out = new ByteWriter(64);
  switch (command.kind) {
    case "deleteRange":
    case "txn":
      if (command.workMax !== undefined) {
        out.u8(commandNumbers.bounded);
        out.varint(command.workMax);
      }
      writeOp(out, command);
      break;
    case "compact":
      out.u8(commandNumbers.compact);
      out.f64(command.revision);
      break;
    case "alarm":
      out.u8(commandNumbers.alarm);
      out.u8(command.action === "activate" ? 1 : 0);
      out.u8(alarmNumbers.indexOf(command.alarm));
      out.text(command.member);
      break;
    case "publishMember":
      out.u8(
        command.votesWhenReady ? commandNumbers.publishFutureVoter : commandNumbers.publishMember,
      );
      out.text(command.member);
      out.text(command.name);
      writeTexts(out, command.peerUrls);
      writeTexts(out, command.clientUrls);
      out.text(command.incarnation);
      break;
    case "removeMember":
      out.u8(commandNumbers.removeMember);
      out.text(command.member);
      break;
    case "leaseGrant":
      out.u8(commandNumbers.leaseGrant);
      out.i64(command.lease);
      out.varint(command.ttlSeconds);
      break;
    case "leaseRevoke":
      out.u8(commandNumbers.leaseRevoke);
      out.i64(command.lease);
      break;
    case "leaseCheckpoint":
      out.u8(commandNumbers.leaseCheckpoint);
      out.varint(command.leases.length);
      for (const { lease, remainingSeconds } of command.leases) {
        out.i64(lease);
        out.varint(remainingSeconds);
      }
      break;
    case "auth":
      out.u8(commandNumbers.auth);
      writeAuthChange(out, command.change);
      break;
  }
  return out.copy();
}

/** The hot one: sized exactly, written once. */
function encodePutCommand(command: PutCommand): Uint8Array {
  const { key, value, lease } = command;
  const keyLengthBytes = key.length < 0x80 ? 1 : key.length < 0x4000 ? 2 : 4;
  const leaseBytes = lease === 0n ? 0 : 8;
  if (keyLengthBytes === 4) {
    const out = new ByteWriter(key.length + value.length + 32);
    writeOp(out, command);
    return out.copy();
  }
  const bytes = new Uint8Array(2 + keyLengthBytes + key.length + leaseBytes + value.length);
  bytes[0] = commandNumbers.put;
  bytes[1] = flagsOfPut(command);
  let at = 2;
  if (keyLengthBytes === 2) bytes[at++] = (key.length & 0x7f) | 0x80;
  bytes[at++] = keyLengthBytes === 2 ? key.length >>> 7 : key.length;
  at = writeByteString(key, bytes, at);
  if (leaseBytes > 0) {
    new DataView(bytes.buffer).setBigInt64(at, BigInt.asIntN(64, lease));
    at += leaseBytes;
  }
  bytes.set(value, at);
  return bytes;
}

function flagsOfPut(command: PutCommand): number {
  return (
    (command.prevKv ? putFlags.prevKv : 0) |
    (command.ignoreValue ? putFlags.ignoreValue : 0) |
    (command.ignoreLease ? putFlags.ignoreLease : 0) |
    (command.lease !== 0n ? putFlags.lease : 0)
  );
}

function writeOp(out: ByteWriter, op: TxnOp): void {
  switch (op.kind) {
    case "put":
      out.u8(commandNumbers.put);
      out.u8(flagsOfPut(op));
      out.byteString(op.key);
      if (op.lease !== 0n) out.i64(op.lease);
      out.raw(op.value);
      break;
    case "deleteRange":
      out.u8(commandNumbers.deleteRange);
      out.u8(op.prevKv ? 1 : 0);
      out.byteString(op.key);
      out.byteString(op.rangeEnd);
      break;
    case "range":
      writeRange(out, op);
      break;
    case "txn":
      writeTxn(out, op);
      break;
  }
}

function writeTxn(out: ByteWriter, txn: TxnCommand): void {
  out.u8(commandNumbers.txn);
  out.varint(txn.compares.length);
  for (const compare of txn.compares) writeCompare(out, compare);
  for (const branch of [txn.success, txn.failure]) {
    out.varint(branch.length);
    for (const op of branch) {
      const inner = new ByteWriter(64);
      writeOp(inner, op);
      out.block(inner.written());
    }
  }
}

function writeCompare(out: ByteWriter, compare: Compare): void {
  out.u8(compareTargets.indexOf(compare.target));
  out.u8(compareResults.indexOf(compare.result));
  out.byteString(compare.key);
  out.byteString(compare.rangeEnd);
  if (compare.target === "value") out.block(compare.value);
  else out.i64(withinInt64(compare.value));
}

const int64Max = 2n ** 63n - 1n;

/** A door's largest numbers are rounded up to 2^63, which 64 bits would read as the smallest. */
function withinInt64(value: number | bigint): bigint {
  const whole = BigInt(value);
  return whole > int64Max ? int64Max : whole;
}

function writeRange(out: ByteWriter, op: RangeOp): void {
  let flags = (op.keysOnly ? rangeFlags.keysOnly : 0) | (op.countOnly ? rangeFlags.countOnly : 0);
  rangeNumberFields.forEach((field, i) => {
    if (op[field] !== 0) flags |= rangeFlags.firstNumber << i;
  });
  out.u8(commandNumbers.range);
  out.u8(flags);
  out.u8((sortOrders.indexOf(op.sortOrder) << 4) | sortTargets.indexOf(op.sortTarget));
  out.byteString(op.key);
  out.byteString(op.rangeEnd);
  for (const field of rangeNumberFields) if (op[field] !== 0) out.f64(op[field]);
}

function writeTexts(out: ByteWriter, texts: readonly string[]): void {
  out.varint(texts.length);
  for (const text of texts) out.text(text);
}
