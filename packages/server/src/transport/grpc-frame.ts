// gRPC's length-prefixed messages over a byte stream: one flag byte, four of length, the message. Messages
// that lie whole in one chunk are handed out as views; only split ones are copied together.

import { type GrpcStatus, grpcStatus } from "./port.ts";

export const framePrefixBytes = 5;

export interface FrameSink {
  message(bytes: Uint8Array): void;
  refused(status: GrpcStatus, message: string): void;
}

export class FrameAssembler {
  private readonly messageBytesMax: number;
  private readonly sink: FrameSink;
  private pieces: Uint8Array[] = [];
  private held = 0;
  /** Of the whole frame that is being collected; 0 while its prefix is not complete. */
  private wanted = 0;
  private stopped = false;

  constructor(messageBytesMax: number, sink: FrameSink) {
    this.messageBytesMax = messageBytesMax;
    this.sink = sink;
  }

  /** Bytes of a message that is not complete yet. */
  get heldBytes(): number {
    return this.held;
  }

  stop(): void {
    this.stopped = true;
    this.pieces = [];
    this.held = 0;
  }

  push(chunk: Uint8Array): void {
    if (this.stopped) return;
    let rest = chunk;
    if (this.held > 0) {
      this.pieces.push(chunk);
      this.held += chunk.length;
      if (this.held < (this.wanted === 0 ? framePrefixBytes : this.wanted)) return;
      rest = Buffer.concat(this.pieces, this.held);
      this.pieces = [];
      this.held = 0;
      this.wanted = 0;
    }
    while (rest.length >= framePrefixBytes) {
      const length = this.frameLength(rest);
      if (length === undefined) return;
      const end = framePrefixBytes + length;
      if (rest.length < end) {
        this.wanted = end;
        break;
      }
      this.sink.message(rest.subarray(framePrefixBytes, end));
      if (this.stopped) return;
      rest = rest.subarray(end);
    }
    if (rest.length > 0) {
      this.pieces.push(rest);
      this.held = rest.length;
    }
  }

  private frameLength(frame: Uint8Array): number | undefined {
    const length = frame[1]! * 0x100_0000 + ((frame[2]! << 16) | (frame[3]! << 8) | frame[4]!);
    if (frame[0] === 0 && length <= this.messageBytesMax) return length;
    this.stop();
    if (frame[0] === 0) {
      const text = `grpc: received message larger than max (${length} vs. ${this.messageBytesMax})`;
      this.sink.refused(grpcStatus.resourceExhausted, text);
    } else if (frame[0] === 1) {
      const text = "grpc: compressed flag set with identity or empty encoding";
      this.sink.refused(grpcStatus.internal, text);
    } else {
      const text = `grpc: received unexpected payload format ${frame[0]}`;
      this.sink.refused(grpcStatus.internal, text);
    }
    return undefined;
  }
}
