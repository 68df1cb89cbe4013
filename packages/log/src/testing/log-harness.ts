// Drives a log over a memory disk in tests, and holds what each step promised.

import { deepEqual, fail } from "node:assert/strict";
import { crc32 } from "node:zlib";
import {
  type Log,
  type LogBase,
  type LogEntry,
  LogError,
  type LogOptions,
  type LogWrite,
  type MemoryDisk,
  openLog,
} from "../index.ts";

export const emptyBase: LogBase = { index: 0, epoch: 0, proposer: "", meta: Uint8Array.of(7) };

export function baseAt(index: number): LogBase {
  return { index, epoch: 1, proposer: "", meta: Uint8Array.of(index & 255, 9) };
}

export function entryAt(index: number, epoch = 1, bytes = 40): LogEntry {
  const payload = new Uint8Array(bytes).fill((index * 7 + epoch) | 1);
  return { index, epoch, proposer: "", kind: "command", payload };
}

/** What a log holds, as data to compare. */
export interface Contents {
  readonly state: readonly number[] | undefined;
  readonly base: number;
  readonly entries: readonly string[];
}

export function contentsOf(recovered: {
  state: Uint8Array | undefined;
  base: LogBase;
  entries: readonly LogEntry[];
}): Contents {
  return {
    state: recovered.state === undefined ? undefined : [...recovered.state],
    base: recovered.base.index,
    entries: recovered.entries.map(describeEntry),
  };
}

export function describeEntry({ index, epoch, proposer, kind, payload }: LogEntry): string {
  return `${index}/${epoch}/${proposer}/${kind}/${payload.join(",")}`;
}

/** Opens, closes nothing: the disk is the test's own copy. */
export function recover(disk: MemoryDisk, options: Partial<LogOptions> = {}): Log {
  return openLog(disk, { base: emptyBase, segmentBytes: 2048, crc32, ...options });
}

/** The contents, or the error of a refusal. Any other exception is a failure of the test. */
export function tryRecover(
  disk: MemoryDisk,
  options: Partial<LogOptions> = {},
): Contents | LogError {
  try {
    return contentsOf(recover(disk, options).recovered);
  } catch (error) {
    if (error instanceof LogError) return error;
    throw error;
  }
}

/** Appends and waits until it is durable. */
export function appendNow(disk: MemoryDisk, log: Log, write: LogWrite): void {
  let outcome: unknown = "not called";
  log.append(write, (error) => {
    outcome = error;
  });
  disk.run();
  deepEqual(outcome, undefined);
}

export function closeNow(disk: MemoryDisk, log: Log): void {
  let isClosed = false;
  log.close(() => {
    isClosed = true;
  });
  disk.run();
  if (!isClosed) fail("the log did not close");
}
