// Flow control of RFC 9113 section 5.2, both ways. What arrives is credited back in batches of half a window.
// What is to be sent and finds no room waits in its stream; streams that wait take turns, a frame each.

import {
  ConnectionFault,
  errorCode,
  flag,
  frameBytesMax,
  frameType,
  windowInitial,
  windowMax,
} from "./codes.ts";
import type { Output } from "./output.ts";

/** How much may be on its way to us on one stream, and on all of a connection. */
export const streamWindowBytes = 1 << 20;
export const connectionWindowBytes = 4 << 20;

/** Frames of a connection in a turn: windows of a byte each make thousands of them out of one SETTINGS. */
const pumpedMax = 256;

/** Everything is taken in as it arrives, so a window is never full, and nobody can be seen to exceed it. */
export class ReceiveWindow {
  private readonly batchBytes: number;
  private uncredited = 0;

  constructor(size: number) {
    this.batchBytes = size / 2;
  }

  /** What to credit now, mostly 0. */
  take(bytes: number): number {
    this.uncredited += bytes;
    if (this.uncredited < this.batchBytes) return 0;
    const credit = this.uncredited;
    this.uncredited = 0;
    return credit;
  }
}

/** The part of a stream that waits for room. */
export interface WaitingStream {
  readonly id: number;
  /** What its window is beyond the initial one, which is the same for all: below it once something was sent. */
  windowDelta: number;
  readonly dequeuedBytes: number;
  readonly queuedBytes: number;
  /** The next bytes; `frameBytes` of them leave. */
  readonly next: Uint8Array;
  advance(frameBytes: number): void;
  /** Everything has left: closes the stream if it was only waiting for that. */
  emptied(): void;
}

export class SendFlow {
  /** In frames of DATA, of all time. */
  sentBytes = 0;
  private streamWindowInitial = windowInitial;
  /** No stream's delta is above it. */
  private widestDelta = 0;
  private readonly output: Output;
  private window = windowInitial;
  /** Streams with something to send: those whose own window is open, and those whose window is closed. */
  private readonly ready = new Set<WaitingStream>();
  private readonly shut = new Set<WaitingStream>();

  constructor(output: Output) {
    this.output = output;
  }

  /** Sends what has room now, nothing if the stream already waits. How many bytes that were. */
  sendNow(stream: WaitingStream, bytes: Uint8Array, start: number, end: number): number {
    if (stream.queuedBytes > 0) return 0;
    let at = start;
    while (at < end) {
      const size = this.room(stream, end - at);
      if (size <= 0) break;
      this.sendFrame(stream, bytes, at, at + size);
      at += size;
    }
    return at - start;
  }

  get waitingCount(): number {
    return this.ready.size + this.shut.size;
  }

  *waiting(): Iterable<WaitingStream> {
    yield* this.ready;
    yield* this.shut;
  }

  /** Something could be sent now. */
  get canPump(): boolean {
    return this.ready.size > 0 && this.window > 0 && !this.output.isBlocked;
  }

  /** Frames of all streams that wait, in turn, as far as there is room, and so many at a time. */
  pump(): void {
    let left = pumpedMax;
    // Whoever has had its turn is put behind the others, where the loop finds it again.
    for (const stream of this.ready) {
      if (left-- === 0) return;
      const { next } = stream;
      const size = this.room(stream, next.length);
      if (size <= 0 && this.isOpen(stream)) return;
      this.ready.delete(stream);
      if (size <= 0) {
        this.shut.add(stream);
        continue;
      }
      this.sendFrame(stream, next, 0, size);
      stream.advance(size);
      if (stream.queuedBytes > 0) this.ready.add(stream);
      else stream.emptied();
    }
  }

  enqueued(stream: WaitingStream): void {
    if (!this.shut.has(stream)) this.ready.add(stream);
  }

  /** The stream is gone, with what it had queued. */
  forget(stream: WaitingStream): void {
    this.ready.delete(stream);
    this.shut.delete(stream);
  }

  widenConnection(by: number): void {
    this.window += by;
    if (this.window > windowMax) {
      throw new ConnectionFault(errorCode.flowControlError, "the connection's window overflows");
    }
  }

  /** False: its window would overflow. */
  widenStream(stream: WaitingStream, by: number): boolean {
    stream.windowDelta += by;
    if (this.streamWindowInitial + stream.windowDelta > windowMax) return false;
    this.widestDelta = Math.max(this.widestDelta, stream.windowDelta);
    if (this.isOpen(stream) && this.shut.delete(stream)) this.ready.add(stream);
    return true;
  }

  /**
   * SETTINGS_INITIAL_WINDOW_SIZE moves the windows of all streams, below zero if need be. It costs the same
   * however many there are: one frame may say it thousands of times. The streams are looked at only where
   * one of them seems to overflow, which ends the connection or does not happen again before some stream
   * is widened as far.
   */
  resizeStreams(streams: Iterable<WaitingStream>, size: number): void {
    this.streamWindowInitial = size;
    if (size + this.widestDelta <= windowMax) return;
    this.widestDelta = 0;
    for (const stream of streams) {
      this.widestDelta = Math.max(this.widestDelta, stream.windowDelta);
    }
    if (size + this.widestDelta > windowMax) {
      throw new ConnectionFault(errorCode.flowControlError, "a stream's window overflows");
    }
  }

  /** After all that a SETTINGS frame said: streams whose window has opened by it go on. */
  resized(): void {
    for (const stream of this.shut) {
      if (!this.isOpen(stream)) continue;
      this.shut.delete(stream);
      this.ready.add(stream);
    }
  }

  private isOpen(stream: WaitingStream): boolean {
    return this.streamWindowInitial + stream.windowDelta > 0;
  }

  private room(stream: WaitingStream, wanted: number): number {
    if (this.output.isBlocked) return 0;
    const streamWindow = this.streamWindowInitial + stream.windowDelta;
    return Math.min(wanted, frameBytesMax, this.window, streamWindow);
  }

  private sendFrame(stream: WaitingStream, bytes: Uint8Array, start: number, end: number): void {
    const size = end - start;
    this.window -= size;
    this.sentBytes += size;
    stream.windowDelta -= size;
    this.output.frameHeader(size, frameType.data, 0, stream.id);
    this.output.copy(bytes, start, end);
  }
}

export function sendEmptyLast(output: Output, streamId: number): void {
  output.frameHeader(0, frameType.data, flag.endStream, streamId);
}
