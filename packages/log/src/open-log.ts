// The running log. One write and one sync are under way at a time; everything handed over meanwhile
// becomes the next ones. Nothing is acknowledged before its sync returned, and the first failure is
// the last: it is kept and every later call gets it, because a disk that failed once cannot be asked
// whether it kept what it was given. Longer than most files, because the order of its few steps is
// the point and is read in one piece.

import { type Crc32, crc32 } from "@althing/bytes";
import {
  type Log,
  type LogBase,
  type LogDone,
  LogError,
  type LogOptions,
  type LogWrite,
  type OpenLog,
  type Recovered,
} from "./contract.ts";
import type { Disk, DiskError, DiskFile } from "./disk.ts";
import {
  asDiskError,
  type PreparedSegment,
  prepareFirstSegment,
  prepareSegment,
} from "./prepare-segment.ts";
import {
  type BodySize,
  RecordWriter,
  sizeOfBase,
  sizeOfState,
  sizeOfWrite,
} from "./record-writer.ts";
import { recoverLog } from "./recovery.ts";
import {
  formatVersion,
  recordHeaderBytes,
  recordStart,
  sectorBytes,
  segmentHeaderBytes,
  segmentName,
} from "./segment-format.ts";
import { SegmentLedger } from "./segment-ledger.ts";

const segmentBytesDefault = 64 * 1024 * 1024;
/** The first segments are smaller, each twice the one before: a small cluster stays small. */
const segmentBytesFirst = 4 * 1024 * 1024;
/** More than this waits for the next record, unless one write alone is larger. */
const recordBytesMax = 1024 * 1024;

type Request =
  | { readonly kind: "write"; readonly write: LogWrite; readonly size: BodySize; done: LogDone }
  | {
      readonly kind: "base";
      readonly mode: "compact" | "reset";
      readonly base: LogBase;
      readonly size: BodySize;
      done: LogDone;
    }
  /** An empty record: it proves that the one before it was acknowledged. */
  | { readonly kind: "mark"; readonly size: BodySize; done: LogDone };

export const openLog: OpenLog = (disk, options) => new RunningLog(disk, options);

class RunningLog implements Log {
  readonly recovered: Recovered;
  readonly #disk: Disk;
  readonly #crc32: Crc32;
  readonly #segmentBytesMax: number;
  readonly #writer: RecordWriter;
  readonly #ledger: SegmentLedger;

  #file: DiskFile;
  #segment: number;
  /** End of the last record handed to the disk; its sequence and chain value. */
  #end: number;
  #sequence: number;
  #chain: number;
  #allocatedBytes: number;

  #base: LogBase;
  #state: Uint8Array | undefined;
  #firstSegment: number;

  #queue: Request[] = [];
  #isBusy = false;
  #calls: { done: LogDone; error: LogError | undefined }[] = [];
  #isCalling = false;
  #closers: (() => void)[] = [];
  #isClosed = false;
  #failure: LogError | undefined;
  /** "noRoom": tried in the background; tried again, for the last time, when it is needed. */
  #next: "none" | "preparing" | "noRoom" | PreparedSegment = "none";
  #isNextNeeded = false;
  /** The current segment has its first record. */
  #hasRecord = true;

  constructor(disk: Disk, options: LogOptions) {
    this.#disk = disk;
    this.#crc32 = options.crc32 ?? crc32;
    this.#segmentBytesMax = Math.max(sectorBytes, options.segmentBytes ?? segmentBytesDefault);
    if (this.#segmentBytesMax >= 0x1_0000_0000) throw new RangeError("segmentBytes below 4 GiB");
    this.#writer = new RecordWriter(this.#crc32);
    try {
      const found = recoverLog(disk, this.#crc32);
      if (found !== undefined) {
        this.#ledger = found.ledger;
        this.#file = disk.open(segmentName(found.tail.segment));
        this.#allocatedBytes = this.#file.size();
        this.#segment = found.tail.segment;
        this.#end = found.tail.end;
        this.#sequence = found.tail.sequence;
        this.#chain = found.tail.chain;
        // Copies, because the segments were read whole and must not stay in memory.
        this.#base = { ...found.base, meta: found.base.meta.slice() };
        this.#state = found.image.state?.slice();
        this.#firstSegment = found.image.firstSegment;
        this.recovered = {
          state: this.#state,
          base: this.#base,
          entries: found.image.entries(),
          tornBytes: found.tornBytes,
        };
        return;
      }
      const first = prepareFirstSegment(disk, this.#segmentBytesAt(1));
      this.#ledger = new SegmentLedger();
      this.#ledger.add(1, first.allocatedBytes);
      this.#file = first.file;
      this.#allocatedBytes = first.allocatedBytes;
      this.#segment = 1;
      this.#end = segmentHeaderBytes;
      this.#sequence = 0;
      this.#chain = 0;
      this.#base = options.base;
      this.#state = undefined;
      this.#firstSegment = 1;
      this.recovered = { state: undefined, base: options.base, entries: [], tornBytes: 0 };
      this.#writeFirstRecordNow();
    } catch (error) {
      if (error instanceof LogError) throw error;
      throw this.#describeFailure(asDiskError(error), segmentName(1), 0);
    }
  }

  get bytes(): number {
    return this.#ledger.bytes + (typeof this.#next === "object" ? this.#next.allocatedBytes : 0);
  }

  get failure(): LogError | undefined {
    return this.#failure;
  }

  append(write: LogWrite, done: LogDone): void {
    this.#request({ kind: "write", write, size: sizeOfWrite(write), done });
  }

  compact(base: LogBase, done: LogDone): void {
    this.#request({ kind: "base", mode: "compact", base, size: sizeOfBase(base), done });
  }

  reset(base: LogBase, done: LogDone): void {
    this.#request({ kind: "base", mode: "reset", base, size: sizeOfBase(base), done });
  }

  close(done: () => void): void {
    if (this.#isClosed) {
      done();
      return;
    }
    this.#closers.push(done);
    if (this.#closers.length > 1) return;
    const size = { body: 0, scratch: 0 };
    this.#queue.push({ kind: "mark", size, done: () => this.#finishClose() });
    if (this.#failure !== undefined) this.#finishClose();
    else this.#advance();
  }

  #finishClose(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#file.close();
    if (typeof this.#next === "object") this.#next.file.close();
    for (const done of this.#closers) done();
  }

  #request(request: Request): void {
    const isClosing = this.#closers.length > 0;
    const refusal = this.#failure ?? (isClosing ? this.#closedError() : undefined);
    if (refusal === undefined) this.#queue.push(request);
    else this.#calls.push({ done: request.done, error: refusal });
    this.#advance();
  }

  /** Starts the next write first and calls back after, so that the disk works meanwhile. */
  #advance(): void {
    if (this.#isCalling) return;
    this.#isCalling = true;
    for (;;) {
      this.#maybeWrite();
      const calls = this.#calls;
      if (calls.length === 0) break;
      this.#calls = [];
      for (const call of calls) call.done(call.error);
    }
    this.#isCalling = false;
  }

  #maybeWrite(): void {
    const first = this.#queue[0];
    if (this.#isBusy || this.#failure !== undefined || first === undefined) return;
    if (!this.#fits(first.size.body)) {
      if (first.kind === "mark") {
        this.#queue = [];
        this.#calls.push({ done: first.done, error: undefined });
        return;
      }
      if (typeof this.#next === "string") {
        this.#isNextNeeded = true;
        if (this.#next !== "preparing") this.#prepareNext();
        return;
      }
      this.#startSegment(this.#next);
    }
    const requests = this.#takeRequests();
    const { parts, offset, bytes } = this.#encode(requests);
    this.#isBusy = true;
    this.#file.write(offset, parts, (error) => {
      if (error !== undefined) this.#fail(error, requests, offset);
      else this.#sync(requests, offset);
    });
    this.#ledger.newest.fileBytes = Math.max(this.#ledger.newest.fileBytes, offset + bytes);
    const isHalfFull = this.#end > this.#allocatedBytes / 2;
    if (isHalfFull && this.#next === "none" && this.#closers.length === 0) this.#prepareNext();
  }

  #sync(requests: readonly Request[], offset: number): void {
    this.#file.sync((error) => {
      if (error !== undefined) {
        this.#fail(error, requests, offset);
        return;
      }
      this.#isBusy = false;
      for (const { done } of requests) this.#calls.push({ done, error: undefined });
      if (requests.some((request) => request.kind === "base")) this.#removeCompacted();
      this.#advance();
    });
  }

  #fits(body: number): boolean {
    if (!this.#hasRecord) return true;
    return recordStart(this.#end) + recordHeaderBytes + body <= this.#segmentBytesAt(this.#segment);
  }

  /** As many as fit into this segment and one record; always the first. */
  #takeRequests(): Request[] {
    let body = 0;
    let count = 0;
    for (const request of this.#queue) {
      const next = body + request.size.body;
      if (count > 0 && (next > recordBytesMax || !this.#fits(next))) break;
      body = next;
      count += 1;
      // What a new segment needs beside its carry is not known to fit: one request is enough.
      if (!this.#hasRecord) break;
    }
    if (count === this.#queue.length) {
      const all = this.#queue;
      this.#queue = [];
      return all;
    }
    return this.#queue.splice(0, count);
  }

  #encode(requests: readonly Request[]): {
    parts: readonly Uint8Array[];
    offset: number;
    bytes: number;
  } {
    let scratch = 0;
    for (const { size } of requests) scratch += size.scratch;
    this.#beginRecord(scratch);
    for (const request of requests) {
      if (request.kind === "write") this.#encodeWrite(request.write);
      else if (request.kind === "base") this.#encodeBase(request.mode, request.base);
    }
    return this.#finishRecord();
  }

  /** The order is the contract's: truncate, entries, state. */
  #encodeWrite(write: LogWrite): void {
    if (write.truncateFrom !== undefined) {
      this.#writer.putTruncate(write.truncateFrom);
      this.#ledger.noteTruncate(write.truncateFrom);
    }
    for (const entry of write.entries) {
      this.#writer.putEntry(entry);
      if (entry.index > this.#base.index) this.#ledger.noteEntry(entry.index);
    }
    if (write.state !== undefined) {
      this.#writer.putState(write.state);
      this.#state = write.state;
    }
  }

  #encodeBase(mode: "compact" | "reset", base: LogBase): void {
    if (mode === "reset") this.#ledger.noteReset();
    if (mode === "reset" || base.index > this.#base.index) this.#base = base;
    this.#firstSegment = this.#ledger.firstNeeded(this.#base);
    this.#writer.putBase(mode, base, this.#firstSegment);
  }

  /** The first record of a segment repeats base and state, so that older segments can go. */
  #beginRecord(scratch: number): void {
    if (this.#hasRecord) {
      this.#writer.begin(scratch, undefined);
      return;
    }
    const carry = sizeOfBase(this.#base).scratch + sizeOfState(this.#state).scratch;
    this.#writer.begin(scratch + carry, {
      version: formatVersion,
      number: this.#segment,
      firstSequence: this.#sequence + 1,
      previous: this.#chain,
      allocatedBytes: this.#allocatedBytes,
      baseIndex: this.#base.index,
      baseEpoch: this.#base.epoch,
    });
    this.#writer.putBase("carry", this.#base, this.#firstSegment);
    if (this.#state !== undefined) this.#writer.putState(this.#state);
    this.#hasRecord = true;
  }

  #finishRecord(): { parts: readonly Uint8Array[]; offset: number; bytes: number } {
    const at = recordStart(this.#end);
    const sequence = this.#sequence + 1;
    const place = { segment: this.#segment, offset: at, sequence, previous: this.#chain };
    const record = this.#writer.finish(place);
    this.#end = at + record.bytes;
    this.#sequence = sequence;
    this.#chain = record.chain;
    const bytes = record.prefixBytes + record.bytes;
    return { parts: record.parts, offset: at - record.prefixBytes, bytes };
  }

  #startSegment(prepared: PreparedSegment): void {
    this.#file.close();
    this.#file = prepared.file;
    this.#segment = prepared.number;
    this.#allocatedBytes = prepared.allocatedBytes;
    this.#end = segmentHeaderBytes;
    this.#hasRecord = false;
    this.#ledger.add(prepared.number, prepared.allocatedBytes);
    this.#next = "none";
    this.#isNextNeeded = false;
  }

  #prepareNext(): void {
    this.#next = "preparing";
    const number = this.#segment + 1;
    prepareSegment(this.#disk, number, this.#segmentBytesAt(number), (error, segment) => {
      if (this.#isClosed) segment?.file.close();
      else if (segment !== undefined) {
        this.#next = segment;
        this.#advance();
      } else if (error?.code === "full" && !this.#isNextNeeded) this.#next = "noRoom";
      else this.#fail(error!, [], 0, segmentName(number));
    });
  }

  #removeCompacted(): void {
    const removed = this.#ledger.removeBelow(this.#firstSegment);
    if (removed.length === 0) return;
    try {
      for (const number of removed) this.#disk.remove(segmentName(number));
    } catch (error) {
      this.#fail(asDiskError(error), [], 0);
      return;
    }
    this.#disk.syncDirectory((error) => {
      if (error !== undefined && !this.#isClosed) this.#fail(error, [], 0);
    });
  }

  #fail(error: DiskError, requests: readonly Request[], offset: number, file?: string): void {
    this.#failure ??= this.#describeFailure(error, file ?? segmentName(this.#segment), offset);
    const failed = [...requests, ...this.#queue];
    this.#queue = [];
    for (const { done } of failed) this.#calls.push({ done, error: this.#failure });
    this.#advance();
  }

  #describeFailure(error: DiskError, file: string, offset: number): LogError {
    const isFull = error.code === "full";
    const message = isFull
      ? `The disk is full: ${file} could not be written. Nothing unwritten was acknowledged. Free some space and start this member again.`
      : `The disk failed on ${file} (${error.message}). What it kept is unknown, so nothing more is written. Start this member again on a disk that works.`;
    const code = isFull ? "diskFull" : "diskFailed";
    return new LogError(code, message, { file, offset }, { cause: error });
  }

  #closedError(): LogError {
    const place = { file: segmentName(this.#segment), offset: this.#end };
    return new LogError("closed", "The log is closed.", place);
  }

  #segmentBytesAt(number: number): number {
    return Math.min(this.#segmentBytesMax, segmentBytesFirst * 2 ** Math.min(number - 1, 10));
  }

  #writeFirstRecordNow(): void {
    this.#hasRecord = false;
    this.#beginRecord(0);
    const { parts, offset } = this.#finishRecord();
    let at = offset;
    for (const part of parts) {
      this.#file.writeNow(at, part);
      at += part.length;
    }
    this.#file.syncNow();
  }
}
