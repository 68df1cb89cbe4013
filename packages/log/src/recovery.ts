// Reads a log back after a crash: cuts a torn tail, and refuses damage anywhere else.
//
// How the two are told apart. The log has one record under way at a time: record n + 1 is written
// only after record n was synced. So at any crash
//   (1) at most the last record is not acknowledged; a valid record of a higher sequence, or anything
//       at all in a later segment, proves that everything before it was;
//   (2) the place where the last record goes was zero and durable before (segments are zeroed in
//       advance, and grow only on a full disk; a torn tail is zeroed again before the log is used), and a disk
//       writes a sector whole or not at all. So a torn record consists of its own sectors and of
//       sectors that are still zero (or lie beyond the end of a file that grows): any subset, also
//       one whose later sectors survived.
// Therefore a place where a record should be is
//   - the end of the log, or a record torn in its first sector, if the header's place is unwritten (a
//     header never straddles sectors) and nothing of a higher sequence follows;
//   - a torn record, if its header verifies, its body does not, more of its sectors are blank than
//     the header says it has by right, and nothing of a higher sequence follows;
//   - damage in every other case: a header or body with wrong bits instead of missing sectors is not
//     what a crash leaves behind, even in the very last record, and may have been acknowledged.
// A segment gets its name only when its first sector at least is durable: a shorter file was cut.
// Two cases cannot be told: the last acknowledged record, of which a lying disk kept only some of
// the sectors or nothing; and a newest segment that somebody removed. A clean close appends an empty
// record, which proves even the last one while its own sector is there.
//
// A process that dies after a failed sync leaves pages that look written and are not on the disk
// (and a second sync would not write them). So the one record that nothing proves, the last, is
// written and synced once more before it is believed.

import type { Crc32 } from "@althing/bytes";
import { type LogBase, LogError } from "./contract.ts";
import type { Disk } from "./disk.ts";
import { LogImage } from "./log-image.ts";
import { decodeItems, decodeRecordHeader, recordMagic } from "./record-format.ts";
import {
  countBlankSectors,
  decodeSegmentHeader,
  formatVersion,
  looksUnwritten,
  recordHeaderBytes,
  recordStart,
  sectorBytes,
  segmentHeaderBytes,
  segmentName,
  segmentNumber,
  unfinishedName,
  writtenEnd,
} from "./segment-format.ts";
import { SegmentLedger } from "./segment-ledger.ts";

/** Where the log goes on. */
export interface LogTail {
  readonly segment: number;
  /** End of the last record. */
  readonly end: number;
  /** Of the last record. */
  readonly sequence: number;
  readonly chain: number;
}

export interface RecoveredLog {
  readonly image: LogImage;
  readonly base: LogBase;
  readonly ledger: SegmentLedger;
  readonly tail: LogTail;
  readonly tornBytes: number;
}

/** Undefined when no log was ever begun here. Leaves the disk as a log that can be appended to. */
export function recoverLog(disk: Disk, crc32: Crc32): RecoveredLog | undefined {
  return new Recovery(disk, crc32).run();
}

type Verdict =
  | { readonly kind: "record"; readonly end: number; readonly chain: number }
  /** Nothing acknowledged stands here; `end` is where the written remains, if any, stop. */
  | { readonly kind: "end"; readonly writtenEnd: number };

class Recovery {
  readonly #disk: Disk;
  readonly #crc32: Crc32;
  readonly #ledger = new SegmentLedger();
  readonly #image = new LogImage(this.#ledger);
  #tail: LogTail | undefined;
  #tornBytes = 0;
  /** The last record, with its segment's header if it is the first: to be written once more. */
  #unproven: { segment: number; offset: number; bytes: Uint8Array } | undefined;
  #torn: { segment: number; offset: number; length: number } | undefined;
  /** Of the last segment when free space was cut from it: the next records would look cut off without it. */
  #wholeBytes: number | undefined;

  constructor(disk: Disk, crc32: Crc32) {
    this.#disk = disk;
    this.#crc32 = crc32;
  }

  run(): RecoveredLog | undefined {
    const numbers = this.#numbers();
    const runStart = startOfLastRun(numbers);
    const unused: number[] = [];
    for (const number of numbers.slice(runStart)) {
      const bytes = this.#disk.readAll(segmentName(number));
      if (!this.#replaySegment(number, bytes)) unused.push(number);
      else if (unused.length > 0) {
        this.#refuse(unused[0]!, 0, "the segment is empty, but a later one holds records");
      }
    }
    const first = numbers[runStart] ?? 1;
    if (this.#tail === undefined) {
      if (first !== 1) this.#refuse(first - 1, 0, "the segment is missing");
      this.#remove(unused);
      return undefined;
    }
    if (this.#image.base === undefined) this.#refuse(first, 0, "no record says where it begins");
    if (first > this.#image.firstSegment) {
      this.#refuse(first - 1, 0, "the segment is missing");
    }
    // First what the removals rest on (the last record may hold the base), then the removals.
    this.#settleTail();
    const compacted = this.#ledger.removeBelow(this.#image.firstSegment);
    this.#remove([...numbers.slice(0, runStart), ...compacted, ...unused]);
    return {
      image: this.#image,
      base: this.#image.base,
      ledger: this.#ledger,
      tail: this.#tail,
      tornBytes: this.#tornBytes,
    };
  }

  #numbers(): number[] {
    const numbers: number[] = [];
    for (const name of this.#disk.list()) {
      const number = segmentNumber(name);
      if (number !== undefined) numbers.push(number);
    }
    return numbers.sort((left, right) => left - right);
  }

  /** False when the segment was prepared and never used, or its very first record is torn. */
  #replaySegment(number: number, bytes: Uint8Array): boolean {
    const header = decodeSegmentHeader(bytes, this.#crc32);
    const sequence = (this.#tail?.sequence ?? 0) + 1;
    if (header === "damaged") this.#refuse(number, 0, "the segment's header does not verify");
    if (bytes.length < sectorBytes) {
      this.#refuse(number, bytes.length, `the file was cut to ${bytes.length} bytes`);
    }
    if (header === "unwritten") {
      this.#refuseIfProven(bytes, { segment: number, at: 0, from: segmentHeaderBytes, sequence });
      this.#discard(number, writtenEnd(bytes, 0));
      return false;
    }
    if (header.version !== formatVersion) {
      const message = `${segmentName(number)} has format version ${header.version}; this program reads version ${formatVersion}. Start the program that wrote it, or a newer one.`;
      throw new LogError("formatUnknown", message, { file: segmentName(number), offset: 8 });
    }
    if (header.number !== number) {
      this.#refuse(number, 12, `the file is segment ${header.number} under another name`);
    }
    if (this.#tail !== undefined) this.#expectContinuation(number, header);
    else if (number === 1 && header.firstSequence !== 1) {
      this.#refuse(number, 16, "the first segment does not begin with the first record");
    }
    let next = header.firstSequence;
    let previous = header.previous;
    let end = segmentHeaderBytes;
    this.#ledger.add(number, bytes.length);
    for (;;) {
      const place = { segment: number, at: recordStart(end), sequence: next, previous };
      const verdict = this.#judge(bytes, place, header.allocatedBytes);
      if (verdict.kind === "end") {
        if (next === header.firstSequence) {
          if (this.#tail === undefined && number !== 1) {
            this.#refuse(number, place.at, "the oldest segment's first record does not verify");
          }
          this.#ledger.segments.pop();
          this.#discard(number, verdict.writtenEnd);
          return false;
        }
        const length = verdict.writtenEnd - place.at;
        this.#torn = length > 0 ? { segment: number, offset: place.at, length } : undefined;
        const isCut = bytes.length < header.allocatedBytes;
        this.#wholeBytes = isCut ? header.allocatedBytes : undefined;
        this.#tail = { segment: number, end, sequence: next - 1, chain: previous };
        return true;
      }
      const from = place.at === segmentHeaderBytes ? 0 : place.at;
      this.#unproven = { segment: number, offset: from, bytes: bytes.subarray(from, verdict.end) };
      previous = verdict.chain;
      end = verdict.end;
      next += 1;
    }
  }

  /** What stands where the record of this sequence should be. Applies it when it verifies. */
  #judge(
    bytes: Uint8Array,
    place: { segment: number; at: number; sequence: number; previous: number },
    allocatedBytes: number,
  ): Verdict {
    const { segment, at, sequence } = place;
    const headerEnd = at + recordHeaderBytes;
    const isCut = bytes.length < allocatedBytes;
    if (isCut && bytes.length < Math.ceil(headerEnd / sectorBytes) * sectorBytes) {
      this.#refuse(segment, at, `the file was cut from ${allocatedBytes} to ${bytes.length} bytes`);
    }
    // Not before it is needed: it looks at all that is free, which is much in a new segment.
    const ending = (): Verdict => ({ kind: "end", writtenEnd: writtenEnd(bytes, at) });
    if (bytes.length < headerEnd || looksUnwritten(bytes.subarray(at, headerEnd))) {
      this.#refuseIfProven(bytes, { segment, at, from: at + 8, sequence });
      return ending();
    }
    const header = decodeRecordHeader(bytes, at, this.#crc32);
    if (header === undefined) this.#refuse(segment, at, "the record's header does not verify");
    if (
      header.segment !== segment ||
      header.offset !== at ||
      header.sequence !== sequence ||
      header.previous !== place.previous
    ) {
      this.#refuse(segment, at, "the record does not follow the one before it");
    }
    const end = headerEnd + header.bodyBytes;
    const body = bytes.subarray(headerEnd, end);
    if (end <= bytes.length && this.#crc32(body) === header.bodyCrc) {
      if (!decodeItems(body, (item) => this.#image.apply(item))) {
        this.#refuse(segment, at, "the record verifies but cannot be understood");
      }
      return { kind: "record", end, chain: header.chain };
    }
    const isShort = end > bytes.length && !(isCut && end <= allocatedBytes);
    const blank = countBlankSectors([bytes.subarray(at, end)], at);
    if (!isShort && blank <= header.blankSectors) {
      this.#refuse(segment, at, "the record does not verify, and no crash leaves it like that");
    }
    this.#refuseIfProven(bytes, { segment, at, from: end, sequence });
    return ending();
  }

  /** The next segment must go on where the one before ended; if not, that one lost its end. */
  #expectContinuation(number: number, header: { firstSequence: number; previous: number }): void {
    const tail = this.#tail!;
    if (header.firstSequence !== tail.sequence + 1 || header.previous !== tail.chain) {
      const what = `the record is missing, though ${segmentName(number)} proves that it was written`;
      this.#refuse(tail.segment, recordStart(tail.end), what);
    }
    this.#torn = undefined;
  }

  /** A record of a higher sequence further on proves that the one at `at` was acknowledged. */
  #refuseIfProven(
    bytes: Uint8Array,
    place: { segment: number; at: number; from: number; sequence: number },
  ): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const end = Math.min(writtenEnd(bytes, place.from), bytes.length - recordHeaderBytes + 1);
    for (let at = Math.ceil(place.from / 8) * 8; at < end; at += 8) {
      if (view.getUint32(at, true) !== recordMagic) continue;
      const header = decodeRecordHeader(bytes, at, this.#crc32);
      if (header === undefined || header.segment !== place.segment || header.offset !== at)
        continue;
      if (header.sequence <= place.sequence) continue;
      const what = `the record is missing or damaged, though a later one stands at ${at}`;
      this.#refuse(place.segment, place.at, what);
    }
  }

  /** The segment holds nothing that was acknowledged. What it holds proves all before it. */
  #discard(number: number, written: number): void {
    if (written > 0 && this.#torn !== undefined) {
      this.#refuse(
        this.#torn.segment,
        this.#torn.offset,
        `the record does not verify, though ${segmentName(number)} was begun after it`,
      );
    }
    this.#tornBytes += written;
  }

  #remove(numbers: readonly number[]): void {
    for (const number of numbers) this.#disk.remove(segmentName(number));
    if (this.#disk.list().includes(unfinishedName)) this.#disk.remove(unfinishedName);
    this.#disk.syncDirectoryNow();
  }

  /** Zeroes what is torn and writes the last record once more, so that both are durable; gives cut space back. */
  #settleTail(): void {
    const unproven = this.#unproven!;
    const file = this.#disk.open(segmentName(unproven.segment));
    file.writeNow(unproven.offset, unproven.bytes);
    if (this.#torn !== undefined) {
      file.writeNow(this.#torn.offset, new Uint8Array(this.#torn.length));
      this.#tornBytes += this.#torn.length;
    }
    if (this.#wholeBytes !== undefined) file.truncateNow(this.#wholeBytes);
    file.syncNow();
    file.close();
  }

  #refuse(number: number, offset: number, what: string): never {
    throw damaged(segmentName(number), offset, what);
  }
}

/** Says what is wrong, where, and what a person can do about it. */
function damaged(file: string, offset: number, what: string): LogError {
  const message =
    `The log is damaged in ${file} at byte ${offset}: ${what}. It may have been acknowledged, so ` +
    "nothing was changed and this member does not start. To repair it, keep a copy of its data " +
    "directory, remove the member from the cluster, and add it again with an empty data " +
    "directory: it receives everything from the others. If it is the only member, restore the " +
    "newest snapshot into an empty data directory.";
  return new LogError("damaged", message, { file, offset });
}

/** Index of the first number of the last run without a gap. What lies before it was compacted. */
function startOfLastRun(numbers: readonly number[]): number {
  let start = numbers.length - 1;
  while (start > 0 && numbers[start - 1] === numbers[start]! - 1) start -= 1;
  return Math.max(0, start);
}
