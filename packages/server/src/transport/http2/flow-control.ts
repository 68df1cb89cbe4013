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
  sendWindow: number;
  readonly queuedBytes: number;
  /** The next bytes; `frameBytes` of them leave. */
  readonly next: Uint8Array;
  advance(frameBytes: number): void;
  /** Everything has left: closes the stream if it was only waiting for that. */
  emptied(): void;
}

export class SendFlow {
  readonly waiting = new Set<WaitingStream>();
  streamWindowInitial = windowInitial;
  private readonly output: Output;
  private window = windowInitial;

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

  /** Frames of all streams that wait, in turn, as far as there is room. */
  pump(): void {
    if (this.waiting.size === 0) return;
    let isStuck = false;
    while (!isStuck && this.window > 0 && !this.output.isBlocked) {
      isStuck = true;
      for (const stream of this.waiting) {
        const { next } = stream;
        const size = this.room(stream, next.length);
        if (size <= 0) continue;
        isStuck = false;
        this.sendFrame(stream, next, 0, size);
        stream.advance(size);
        if (stream.queuedBytes > 0) continue;
        this.waiting.delete(stream);
        stream.emptied();
      }
    }
  }

  enqueued(stream: WaitingStream): void {
    this.waiting.add(stream);
  }

  /** The stream is gone, with what it had queued. */
  forget(stream: WaitingStream): void {
    this.waiting.delete(stream);
  }

  widenConnection(by: number): void {
    this.window += by;
    if (this.window > windowMax) {
      throw new ConnectionFault(errorCode.flowControlError, "the connection's window overflows");
    }
  }

  /** SETTINGS_INITIAL_WINDOW_SIZE moves the windows of all streams, below zero if need be. */
  resizeStreams(streams: Iterable<WaitingStream>, size: number): void {
    const difference = size - this.streamWindowInitial;
    this.streamWindowInitial = size;
    if (difference === 0) return;
    for (const stream of streams) {
      stream.sendWindow += difference;
      if (stream.sendWindow > windowMax) {
        throw new ConnectionFault(errorCode.flowControlError, "a stream's window overflows");
      }
    }
  }

  private room(stream: WaitingStream, wanted: number): number {
    if (this.output.isBlocked) return 0;
    return Math.min(wanted, frameBytesMax, this.window, stream.sendWindow);
  }

  private sendFrame(stream: WaitingStream, bytes: Uint8Array, start: number, end: number): void {
    const size = end - start;
    this.window -= size;
    stream.sendWindow -= size;
    this.output.frameHeader(size, frameType.data, 0, stream.id);
    this.output.copy(bytes, start, end);
  }
}

export function sendEmptyLast(output: Output, streamId: number): void {
  output.frameHeader(0, frameType.data, flag.endStream, streamId);
}
