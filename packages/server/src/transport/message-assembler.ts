// gRPC's length-prefixed messages over the bytes of a stream: one flag byte, four of length, the message.
// Messages that lie whole in one piece are handed out as views; only split ones are copied together.

import { ByteCollector } from "./byte-collector.ts";
import { type GrpcStatus, grpcStatus } from "./port.ts";

export const messagePrefixBytes = 5;

export interface MessageSink {
  message(bytes: Uint8Array): void;
  refused(status: GrpcStatus, message: string): void;
}

export class MessageAssembler {
  private readonly messageBytesMax: number;
  private readonly sink: MessageSink;
  private partial: ByteCollector | undefined;
  private isStopped = false;

  constructor(messageBytesMax: number, sink: MessageSink) {
    this.messageBytesMax = messageBytesMax;
    this.sink = sink;
  }

  /** Bytes that a message which is not complete yet occupies. */
  get heldBytes(): number {
    return this.partial === undefined ? 0 : this.partial.capacity;
  }

  stop(): void {
    this.isStopped = true;
    this.partial = undefined;
  }

  push(bytes: Buffer, start: number, end: number): void {
    let at = this.partial === undefined ? start : this.complete(bytes, start, end);
    while (end - at >= messagePrefixBytes && !this.isStopped) {
      const length = this.messageLength(bytes, at);
      if (length < 0) return;
      const next = at + messagePrefixBytes + length;
      if (next > end) break;
      this.sink.message(bytes.subarray(at + messagePrefixBytes, next));
      at = next;
    }
    if (at < end && !this.isStopped && this.partial === undefined) {
      this.partial = new ByteCollector();
      this.hold(bytes, at, end);
    }
  }

  /** Adds to the message that is being collected; where the rest begins. */
  private complete(bytes: Buffer, start: number, end: number): number {
    const partial = this.partial!;
    let at = start;
    if (partial.size < messagePrefixBytes) {
      at = Math.min(end, start + messagePrefixBytes - partial.size);
      partial.push(bytes.subarray(start, at), messagePrefixBytes);
      if (partial.size < messagePrefixBytes) return at;
    }
    const length = this.messageLength(partial.bytes(), 0);
    if (length < 0) return end;
    const wanted = messagePrefixBytes + length;
    const next = Math.min(end, at + wanted - partial.size);
    partial.push(bytes.subarray(at, next), wanted);
    if (partial.size < wanted) return next;
    this.partial = undefined;
    this.sink.message(partial.bytes().subarray(messagePrefixBytes));
    return next;
  }

  private hold(bytes: Buffer, at: number, end: number): void {
    const isPrefixWhole = end - at >= messagePrefixBytes;
    const wanted = messagePrefixBytes + (isPrefixWhole ? bytes.readUInt32BE(at + 1) : 0);
    this.partial!.push(bytes.subarray(at, end), wanted);
  }

  /** -1: refused. */
  private messageLength(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32BE(at + 1);
    const format = bytes[at]!;
    if (format === 0 && length <= this.messageBytesMax) return length;
    this.stop();
    if (format === 0) {
      const text = `grpc: received message larger than max (${length} vs. ${this.messageBytesMax})`;
      this.sink.refused(grpcStatus.resourceExhausted, text);
    } else if (format === 1) {
      const text = "grpc: compressed flag set with identity or empty encoding";
      this.sink.refused(grpcStatus.internal, text);
    } else {
      this.sink.refused(grpcStatus.internal, `grpc: received unexpected payload format ${format}`);
    }
    return -1;
  }
}
