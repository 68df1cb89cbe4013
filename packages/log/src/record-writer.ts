// Builds one record in a buffer that is used again for the next one. Small payloads are copied into
// it once, so that the checksum and the write see one run of memory; large ones go to the disk from
// where they are. The parts it returns are valid until `begin` is called again.

import type { Crc32 } from "@althing/bytes";
import type { LogBase, LogEntry, LogWrite } from "./contract.ts";
import {
  type BaseMode,
  baseItemBytes,
  baseModes,
  encodeName,
  encodeRecordHeader,
  entryItemBytes,
  entryKinds,
  itemType,
  nameLength,
  nameTag,
  recordMagic,
  stateItemBytes,
  truncateItemBytes,
} from "./record-format.ts";
import {
  countBlankSectors,
  encodeSegmentHeader,
  recordHeaderBytes,
  type SegmentHeader,
  segmentHeaderBytes,
  setSafeInteger,
} from "./segment-format.ts";

/** From this size on a payload is not copied. */
const largePayloadBytes = 4096;
const scratchBytesMin = 64 * 1024;
/** A scratch buffer that one huge record made larger than this is not kept. */
const scratchBytesMax = 4 * 1024 * 1024;

export interface WrittenRecord {
  /** Bytes before the record: 0, or a segment header. */
  readonly prefixBytes: number;
  readonly bytes: number;
  readonly parts: readonly Uint8Array[];
  readonly chain: number;
}

/** Bytes of body, and how many of them go through the scratch buffer. */
export interface BodySize {
  readonly body: number;
  readonly scratch: number;
}

export function sizeOfWrite(write: LogWrite): BodySize {
  let body = 0;
  let large = 0;
  if (write.state !== undefined) body += stateItemBytes + write.state.length;
  if (write.truncateFrom !== undefined) body += truncateItemBytes;
  for (const entry of write.entries) {
    const payload = entry.payload.length;
    const proposer = entry.proposer === "" ? 0 : nameLength(nameTag(entry.proposer));
    body += entryItemBytes + proposer + payload;
    if (payload >= largePayloadBytes) large += payload;
  }
  return { body, scratch: body - large };
}

export function sizeOfBase(base: LogBase): BodySize {
  const body = baseItemBytes + nameLength(nameTag(base.proposer)) + base.meta.length;
  return { body, scratch: body };
}

export function sizeOfState(state: Uint8Array | undefined): BodySize {
  const body = state === undefined ? 0 : stateItemBytes + state.length;
  return { body, scratch: body };
}

export class RecordWriter {
  readonly #crc32: Crc32;
  #scratch = new Uint8Array(scratchBytesMin);
  #view = new DataView(this.#scratch.buffer);
  #at = 0;
  #partStart = 0;
  #prefixBytes = 0;
  #parts: Uint8Array[] = [];

  constructor(crc32: Crc32) {
    this.#crc32 = crc32;
  }

  /** `scratchBytes` as the sizes of everything that will be put say. */
  begin(scratchBytes: number, segment: SegmentHeader | undefined): void {
    const needed = segmentHeaderBytes + recordHeaderBytes + scratchBytes;
    const isOversized = this.#scratch.length > scratchBytesMax && needed <= scratchBytesMax;
    if (this.#scratch.length < needed || isOversized) {
      let size = scratchBytesMin;
      while (size < needed) size *= 2;
      this.#scratch = new Uint8Array(size);
      this.#view = new DataView(this.#scratch.buffer);
    }
    this.#prefixBytes = segment === undefined ? 0 : segmentHeaderBytes;
    if (segment !== undefined) encodeSegmentHeader(this.#scratch, segment, this.#crc32);
    this.#at = this.#prefixBytes + recordHeaderBytes;
    this.#partStart = 0;
    this.#parts = [];
  }

  putState(state: Uint8Array): void {
    this.#putTag(itemType.state, 0, 0, state.length);
    this.#at += stateItemBytes;
    this.#putBytes(state);
  }

  putTruncate(from: number): void {
    this.#putTag(itemType.truncate, 0, 0, 0);
    setSafeInteger(this.#view, this.#at + 8, from);
    this.#at += truncateItemBytes;
  }

  putEntry(entry: LogEntry): void {
    const tag = entry.proposer === "" ? 0 : nameTag(entry.proposer);
    this.#putTag(itemType.entry, entryKinds.indexOf(entry.kind), tag, entry.payload.length);
    setSafeInteger(this.#view, this.#at + 8, entry.index);
    setSafeInteger(this.#view, this.#at + 16, entry.epoch);
    this.#at += entryItemBytes;
    this.#putName(entry.proposer, tag);
    if (entry.payload.length < largePayloadBytes) this.#putBytes(entry.payload);
    else {
      this.#closePart();
      this.#parts.push(entry.payload);
    }
  }

  putBase(mode: BaseMode, base: LogBase, firstSegment: number): void {
    const tag = nameTag(base.proposer);
    this.#putTag(itemType.base, baseModes.indexOf(mode), tag, base.meta.length);
    setSafeInteger(this.#view, this.#at + 8, base.index);
    setSafeInteger(this.#view, this.#at + 16, base.epoch);
    setSafeInteger(this.#view, this.#at + 24, firstSegment);
    this.#at += baseItemBytes;
    this.#putName(base.proposer, tag);
    this.#putBytes(base.meta);
  }

  finish(place: {
    segment: number;
    offset: number;
    sequence: number;
    previous: number;
  }): WrittenRecord {
    this.#closePart();
    const head = this.#parts[0]!;
    const at = this.#prefixBytes;
    this.#view.setUint32(at, recordMagic, true);
    const record = [head.subarray(at), ...this.#parts.slice(1)];
    let bodyCrc = this.#crc32(head.subarray(at + recordHeaderBytes));
    let bytes = head.length - at;
    for (const part of record.slice(1)) {
      bodyCrc = this.#crc32(part, bodyCrc);
      bytes += part.length;
    }
    const header = {
      ...place,
      bodyBytes: bytes - recordHeaderBytes,
      bodyCrc,
      blankSectors: countBlankSectors(record, place.offset),
    };
    const chain = encodeRecordHeader(this.#scratch, at, header, this.#crc32);
    return { prefixBytes: at, bytes, parts: this.#parts, chain };
  }

  #putTag(type: number, kind: number, tag: number, length: number): void {
    this.#scratch[this.#at] = type;
    this.#scratch[this.#at + 1] = kind;
    this.#scratch[this.#at + 2] = tag;
    this.#scratch[this.#at + 3] = 0;
    this.#view.setUint32(this.#at + 4, length, true);
  }

  #putName(name: string, tag: number): void {
    if (tag === 0) return;
    encodeName(this.#scratch, this.#at, name, tag);
    this.#at += nameLength(tag);
  }

  #putBytes(bytes: Uint8Array): void {
    this.#scratch.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #closePart(): void {
    if (this.#at === this.#partStart) return;
    this.#parts.push(this.#scratch.subarray(this.#partStart, this.#at));
    this.#partStart = this.#at;
  }
}
