import type { Crc32 } from "@althing/bytes";
// How a segment looks on disk: its name, its 64-byte header, and where a record may begin. The first
// 64 bytes keep this shape (magic, version, checksum at 60) in every future format version, so that
// an old program can always tell "not mine" from "damaged". All numbers are little-endian.

/** What a disk writes whole or not at all. Recovery's reasoning rests on it. */
export const sectorBytes = 512;
export const segmentHeaderBytes = 64;
export const recordHeaderBytes = 40;
export const formatVersion = 1;

/** "ALTHLOG" and a newline: no byte of it is zero, which `looksUnwritten` relies on. */
const magic = Uint8Array.of(0x41, 0x4c, 0x54, 0x48, 0x4c, 0x4f, 0x47, 0x0a);

export interface SegmentHeader {
  readonly version: number;
  readonly number: number;
  /** Sequence of its first record, and the chain value of the record before that one. */
  readonly firstSequence: number;
  readonly previous: number;
  /** Bytes that were zeroed and durable before its first use; a shorter file has been cut. */
  readonly allocatedBytes: number;
  /** The base in force when the segment began, for people; the first record holds it in full. */
  readonly baseIndex: number;
  readonly baseEpoch: number;
}

/** A segment in preparation; it gets its number when it is durable. */
export const unfinishedName = "log-unfinished";

export function segmentName(number: number): string {
  return `log-${String(number).padStart(16, "0")}`;
}

export function segmentNumber(name: string): number | undefined {
  const match = /^log-(\d{16})$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}

export function encodeSegmentHeader(to: Uint8Array, header: SegmentHeader, crc32: Crc32): void {
  const view = new DataView(to.buffer, to.byteOffset, segmentHeaderBytes);
  to.fill(0, 0, segmentHeaderBytes);
  to.set(magic, 0);
  view.setUint32(8, header.version, true);
  view.setUint32(12, header.number, true);
  setSafeInteger(view, 16, header.firstSequence);
  view.setUint32(24, header.previous, true);
  view.setUint32(28, header.allocatedBytes, true);
  setSafeInteger(view, 32, header.baseIndex);
  setSafeInteger(view, 40, header.baseEpoch);
  view.setUint32(60, crc32(to.subarray(0, 60)), true);
}

/** "unwritten": nothing was ever written here. */
export function decodeSegmentHeader(
  bytes: Uint8Array,
  crc32: Crc32,
): SegmentHeader | "unwritten" | "damaged" {
  if (looksUnwritten(bytes.subarray(0, segmentHeaderBytes))) return "unwritten";
  if (bytes.length < segmentHeaderBytes) return "damaged";
  const view = new DataView(bytes.buffer, bytes.byteOffset, segmentHeaderBytes);
  if (magic.some((byte, at) => bytes[at] !== byte)) return "damaged";
  if (view.getUint32(60, true) !== crc32(bytes.subarray(0, 60))) return "damaged";
  return {
    version: view.getUint32(8, true),
    number: view.getUint32(12, true),
    firstSequence: getSafeInteger(view, 16),
    previous: view.getUint32(24, true),
    allocatedBytes: view.getUint32(28, true),
    baseIndex: getSafeInteger(view, 32),
    baseEpoch: getSafeInteger(view, 40),
  };
}

/**
 * Where the next record begins, given the end of the one before: at a multiple of eight, and so that
 * its header lies within one sector. A header is therefore persisted whole or not at all.
 */
export function recordStart(end: number): number {
  const aligned = Math.ceil(end / 8) * 8;
  const inSector = aligned % sectorBytes;
  return inSector + recordHeaderBytes > sectorBytes ? aligned + sectorBytes - inSector : aligned;
}

/**
 * True when no header was ever written here. Both magics have at least four bytes, none zero, so a
 * written header keeps more than three non-zero bytes under any small damage; a flipped bit in free
 * space stays below.
 */
export function looksUnwritten(header: Uint8Array): boolean {
  let written = 0;
  for (const byte of header) if (byte !== 0) written += 1;
  return written < 4;
}

/** Index after the last non-zero byte at or after `from`; `from` when there is none. */
export function writtenEnd(bytes: Uint8Array, from: number): number {
  let end = bytes.length;
  // Most of a segment is zeros: they are passed by four at a time, down from where words are aligned.
  while (end > from && (bytes.byteOffset + end) % 4 !== 0 && bytes[end - 1] === 0) end -= 1;
  if ((bytes.byteOffset + end) % 4 === 0) {
    const count = Math.max(0, Math.floor((end - from) / 4));
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + end - 4 * count, count);
    let zeros = 0;
    while (zeros < count && words[count - 1 - zeros] === 0) zeros += 1;
    end -= 4 * zeros;
  }
  while (end > from && bytes[end - 1] === 0) end -= 1;
  return Math.max(end, from);
}

/** Sectors, counted within the extent that begins at `start`, of which every byte is zero. */
export function countBlankSectors(parts: readonly Uint8Array[], start: number): number {
  let count = 0;
  let position = start;
  let isBlank = true;
  for (const part of parts) {
    let at = 0;
    while (at < part.length) {
      const end = Math.min(part.length, at + sectorBytes - (position % sectorBytes));
      position += end - at;
      if (isBlank) while (at < end && part[at] === 0) at += 1;
      if (at < end) isBlank = false;
      at = end;
      if (position % sectorBytes === 0) {
        if (isBlank) count += 1;
        isBlank = true;
      }
    }
  }
  return isBlank && position % sectorBytes !== 0 ? count + 1 : count;
}

export function setSafeInteger(view: DataView, at: number, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not an index: ${value}`);
  view.setUint32(at, value % 0x1_0000_0000, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

export function getSafeInteger(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
}
