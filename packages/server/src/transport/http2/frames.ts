// Cuts the bytes of a connection into frames. Frames that lie whole in one chunk are handed out in place;
// one that is split over chunks is put together in memory of its own. A frame over the limit is refused
// before any of it is collected, so a connection never holds more than one frame here.

import { ConnectionFault, errorCode, frameBytesMax, frameHeaderBytes } from "./codes.ts";

export interface FrameSink {
  /** The payload is `bytes` from `start` to `end`, which stay as they are after the call. */
  frame(
    type: number,
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void;
  /** True: take no more frames. */
  readonly isDeaf: boolean;
  /** True: take the rest of this chunk later. */
  readonly isToPause: boolean;
}

export class FrameReader {
  private readonly sink: FrameSink;
  /** The beginning of a frame that is not complete; its length is the frame's once that is known. */
  private split: Buffer | undefined;
  private splitBytes = 0;
  /** Frames that came in pieces, of all time. */
  splitFrames = 0;

  constructor(sink: FrameSink) {
    this.sink = sink;
  }

  get isSplit(): boolean {
    return this.split !== undefined;
  }

  /** How many bytes it took: all of them, unless the sink had to pause after a frame. */
  push(chunk: Buffer): number {
    const { sink } = this;
    let at = this.split === undefined ? 0 : this.complete(chunk);
    const end = chunk.length;
    while (end - at >= frameHeaderBytes && !sink.isDeaf) {
      const next = at + frameHeaderBytes + payloadLength(chunk, at);
      if (next > end) break;
      if (at > 0 && sink.isToPause) return at;
      this.emit(chunk, at, next);
      at = next;
    }
    if (at < end && this.split === undefined && !sink.isDeaf) this.begin(chunk, at);
    return end;
  }

  private emit(bytes: Buffer, at: number, end: number): void {
    const streamId =
      ((bytes[at + 5]! & 0x7f) << 24) |
      (bytes[at + 6]! << 16) |
      (bytes[at + 7]! << 8) |
      bytes[at + 8]!;
    this.sink.frame(bytes[at + 3]!, bytes[at + 4]!, streamId, bytes, at + frameHeaderBytes, end);
  }

  private begin(chunk: Buffer, at: number): void {
    this.splitFrames++;
    const isHeaderWhole = chunk.length - at >= frameHeaderBytes;
    const size = frameHeaderBytes + (isHeaderWhole ? payloadLength(chunk, at) : 0);
    this.split = Buffer.allocUnsafe(size);
    this.splitBytes = chunk.copy(this.split, 0, at);
  }

  /** Adds to the split frame; where the rest of the chunk begins. */
  private complete(chunk: Buffer): number {
    let at = 0;
    if (this.splitBytes < frameHeaderBytes) {
      at = this.fill(chunk, 0);
      if (this.splitBytes < frameHeaderBytes) return at;
      const header = this.split!;
      this.split = Buffer.allocUnsafe(frameHeaderBytes + payloadLength(header, 0));
      header.copy(this.split);
    }
    at = this.fill(chunk, at);
    const frame = this.split!;
    if (this.splitBytes < frame.length) return at;
    this.split = undefined;
    this.emit(frame, 0, frame.length);
    return at;
  }

  private fill(chunk: Buffer, at: number): number {
    const missing = Math.min(chunk.length - at, this.split!.length - this.splitBytes);
    chunk.copy(this.split!, this.splitBytes, at, at + missing);
    this.splitBytes += missing;
    return at + missing;
  }
}

function payloadLength(bytes: Buffer, at: number): number {
  const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
  if (length > frameBytesMax) {
    throw new ConnectionFault(errorCode.frameSizeError, `a frame of ${length} bytes`);
  }
  return length;
}
