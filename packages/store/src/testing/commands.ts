// Short ways to write requests in tests: everything not said is what a client leaves out.

import type { Compare, DeleteRangeCommand, PutCommand, RangeOp, TxnCommand } from "../contract.ts";
import { plainRange } from "../mvcc/plain-range.ts";

export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (unit) => unit.charCodeAt(0));
}

export function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

export function put(key: string, value = "", more: Partial<PutCommand> = {}): PutCommand {
  return {
    kind: "put",
    key,
    value: bytesOf(value),
    lease: 0n,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
    ...more,
  };
}

export function del(key: string, rangeEnd = "", prevKv = false): DeleteRangeCommand {
  return { kind: "deleteRange", key, rangeEnd, prevKv };
}

export function range(key: string, rangeEnd = "", more: Partial<RangeOp> = {}): RangeOp {
  return {
    kind: "range",
    ...plainRange(key, rangeEnd),
    ...more,
  };
}

export function txn(
  compares: TxnCommand["compares"],
  success: TxnCommand["success"],
  failure: TxnCommand["failure"] = [],
): TxnCommand {
  return { kind: "txn", compares, success, failure };
}

export function compare(
  key: string,
  target: "version" | "create" | "mod",
  result: Compare["result"],
  value: number | bigint,
  rangeEnd = "",
): Compare {
  return { key, rangeEnd, target, result, value };
}

export function compareValue(
  key: string,
  result: Compare["result"],
  value: string,
  rangeEnd = "",
): Compare {
  return { key, rangeEnd, target: "value", result, value: bytesOf(value) };
}
