// A record is what one group commit writes: a header and a body of items, under one checksum, so it
// counts as a whole or not at all. The header is bound to its place (segment, offset), to its turn
// (sequence) and to the record before (chain): a stale record can never pass for a current one.

import type { Crc32 } from "@althing/bytes";
import type { LogBase, LogEntry, LogEntryKind } from "./contract.ts";
import { getSafeInteger, recordHeaderBytes, setSafeInteger } from "./segment-format.ts";

export interface RecordHeader {
  readonly bodyBytes: number;
  /** Rises by one per record. A record is written only after the one before it was synced. */
  readonly sequence: number;
  readonly segment: number;
  readonly offset: number;
  /** The chain value (header checksum) of the record before. */
  readonly previous: number;
  readonly bodyCrc: number;
  /** Sectors of this record that are all zero by right; more of them on disk means torn. */
  readonly blankSectors: number;
}

/** "carry" repeats what is in force at the start of a segment, so that older ones can go. */
export type BaseMode = "compact" | "reset" | "carry";

export type Item =
  | { readonly kind: "state"; readonly state: Uint8Array }
  | { readonly kind: "truncate"; readonly from: number }
  | { readonly kind: "entry"; readonly entry: LogEntry }
  | {
      readonly kind: "base";
      readonly mode: BaseMode;
      readonly base: LogBase;
      /** Segments below this one hold nothing that is still needed. */
      readonly firstSegment: number;
    };

export const recordMagic = 0x524c5441;
export const itemType = { state: 1, truncate: 2, entry: 3, base: 4 } as const;
export const entryKinds: readonly LogEntryKind[] = ["noop", "command", "membership"];
export const baseModes: readonly BaseMode[] = ["compact", "reset", "carry"];
export const stateItemBytes = 8;
export const truncateItemBytes = 16;
export const entryItemBytes = 24;
export const baseItemBytes = 32;

/** Returns the chain value. The caller has room for `recordHeaderBytes` at `at`. */
export function encodeRecordHeader(
  bytes: Uint8Array,
  at: number,
  header: RecordHeader,
  crc32: Crc32,
): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, recordHeaderBytes);
  view.setUint32(0, recordMagic, true);
  view.setUint32(4, header.bodyBytes, true);
  setSafeInteger(view, 8, header.sequence);
  view.setUint32(16, header.segment, true);
  view.setUint32(20, header.offset, true);
  view.setUint32(24, header.previous, true);
  view.setUint32(28, header.bodyCrc, true);
  view.setUint32(32, header.blankSectors, true);
  const chain = crc32(bytes.subarray(at, at + 36));
  view.setUint32(36, chain, true);
  return chain;
}

/** The header at `at` and its chain value, or undefined when it does not verify. */
export function decodeRecordHeader(
  bytes: Uint8Array,
  at: number,
  crc32: Crc32,
): (RecordHeader & { readonly chain: number }) | undefined {
  if (at + recordHeaderBytes > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, recordHeaderBytes);
  if (view.getUint32(0, true) !== recordMagic) return undefined;
  const chain = view.getUint32(36, true);
  if (chain !== crc32(bytes.subarray(at, at + 36))) return undefined;
  return {
    bodyBytes: view.getUint32(4, true),
    sequence: getSafeInteger(view, 8),
    segment: view.getUint32(16, true),
    offset: view.getUint32(20, true),
    previous: view.getUint32(24, true),
    bodyCrc: view.getUint32(28, true),
    blankSectors: view.getUint32(32, true),
    chain,
  };
}

/** Gives each item of a verified body, in order. False when the body is not well formed. */
export function decodeItems(body: Uint8Array, visit: (item: Item) => void): boolean {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  let at = 0;
  const take = (length: number): Uint8Array | undefined => {
    if (at + length > body.length) return undefined;
    at += length;
    return body.subarray(at - length, at);
  };
  while (at < body.length) {
    const start = at;
    if (take(8) === undefined) return false;
    const type = body[start];
    const length = view.getUint32(start + 4, true);
    if (type === itemType.state) {
      const state = take(length);
      if (state === undefined) return false;
      visit({ kind: "state", state });
    } else if (type === itemType.truncate) {
      if (take(truncateItemBytes - 8) === undefined) return false;
      visit({ kind: "truncate", from: getSafeInteger(view, start + 8) });
    } else if (type === itemType.entry) {
      if (take(entryItemBytes - 8) === undefined) return false;
      const kind = entryKinds[body[start + 1]!];
      const proposer = decodeName(take(nameLength(body[start + 2]!)), body[start + 2]!);
      const payload = take(length);
      if (kind === undefined || proposer === undefined || payload === undefined) return false;
      const index = getSafeInteger(view, start + 8);
      const epoch = getSafeInteger(view, start + 16);
      visit({ kind: "entry", entry: { index, epoch, proposer, kind, payload } });
    } else if (type === itemType.base) {
      if (take(baseItemBytes - 8) === undefined) return false;
      const mode = baseModes[body[start + 1]!];
      const proposer = decodeName(take(nameLength(body[start + 2]!)), body[start + 2]!);
      const meta = take(length);
      if (mode === undefined || proposer === undefined || meta === undefined) return false;
      const index = getSafeInteger(view, start + 8);
      const epoch = getSafeInteger(view, start + 16);
      const firstSegment = getSafeInteger(view, start + 24);
      visit({ kind: "base", mode, base: { index, epoch, proposer, meta }, firstSegment });
    } else return false;
  }
  return true;
}

/**
 * A member's name takes one byte per character, or two (marked by the high bit of its length byte)
 * when it has a character beyond ASCII.
 */
export function nameTag(name: string): number {
  if (name.length > 127) throw new RangeError("a member's name has more than 127 characters");
  for (let at = 0; at < name.length; at += 1) {
    if (name.charCodeAt(at) > 127) return name.length | 128;
  }
  return name.length;
}

export function nameLength(tag: number): number {
  return tag & 128 ? (tag & 127) * 2 : tag;
}

export function encodeName(to: Uint8Array, at: number, name: string, tag: number): void {
  for (let character = 0; character < name.length; character += 1) {
    const code = name.charCodeAt(character);
    if (tag & 128) {
      to[at + 2 * character] = code & 255;
      to[at + 2 * character + 1] = code >>> 8;
    } else to[at + character] = code;
  }
}

function decodeName(bytes: Uint8Array | undefined, tag: number): string | undefined {
  if (bytes === undefined) return undefined;
  let name = "";
  const step = tag & 128 ? 2 : 1;
  for (let at = 0; at < bytes.length; at += step) {
    name += String.fromCharCode(step === 2 ? bytes[at]! | (bytes[at + 1]! << 8) : bytes[at]!);
  }
  return name;
}
