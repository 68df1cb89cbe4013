// One gRPC call over a stream. It answers once, whatever the handler, the client, the deadline and the
// connection do and in whichever order; later answers are dropped.
//
// It is over 150 lines because all of these share the one question whether the call has ended.

import { WireError } from "@althing/wire";
import type { MethodCounters, TransportCounters } from "./counters.ts";
import { armDeadline } from "./deadline.ts";
import { encodeGrpcMessage } from "./grpc-headers.ts";
import { errorCode } from "./http2/codes.ts";
import { encodeBlock } from "./http2/hpack/encoder.ts";
import { type Stream, type StreamConsumer, streamBytes } from "./http2/stream.ts";
import { MessageAssembler, type MessageSink, messagePrefixBytes } from "./message-assembler.ts";
import { encodeMessage, keepRest } from "./message-encoder.ts";
import {
  type BidiReceiver,
  type Caller,
  type GrpcMethod,
  type GrpcStatus,
  grpcStatus,
  type MessageInParts,
  overloaded,
  type StreamCall,
  type UnaryCall,
} from "./port.ts";

/** A reader that leaves more than this unread on one stream is cut off. */
export const backlogBytesMax = 64 * 1024 * 1024;
/** It must be known beforehand that there is room for an answer of this size, so that it can be refused whole. */
const largeBytes = 256 * 1024;

const headFields = [":status", "200", "content-type", "application/grpc"];
const headBlock = encodeBlock(headFields);
const trailersOk = encodeBlock(["grpc-status", "0"]);

/** What the calls of one connection share. */
export interface CallEnvironment {
  readonly counters: TransportCounters;
  readonly messageBytesMax: number;
  readonly caller: Caller;
  internalError(error: unknown, method: GrpcMethod): void;
}

export function trailersOnly(status: GrpcStatus, message: string): Uint8Array {
  return encodeBlock([...headFields, ...statusFields(status, message)]);
}

function statusFields(status: GrpcStatus, message: string): string[] {
  return ["grpc-status", String(status), "grpc-message", encodeGrpcMessage(message)];
}

export class GrpcCall
  implements UnaryCall<unknown>, StreamCall<unknown>, MessageSink, StreamConsumer
{
  cancelled = false;
  private readonly stream: Stream;
  private readonly method: GrpcMethod;
  private readonly counted: MethodCounters;
  private readonly environment: CallEnvironment;
  private assembler: MessageAssembler | undefined;
  private receiver: BidiReceiver<unknown> | undefined;
  private hasReceived = false;
  private begun = false;
  private ended = false;
  /** Charged by the handler for its work, and for a message that is not complete. */
  private workBytes = 0;
  private partialBytes = 0;
  private partialSinceMs = 0;
  private deadline: NodeJS.Timeout | undefined;
  private cancelListeners: (() => void)[] | undefined;
  private drainListeners: (() => void)[] | undefined;

  constructor(
    stream: Stream,
    method: GrpcMethod,
    counted: MethodCounters,
    environment: CallEnvironment,
  ) {
    this.stream = stream;
    this.method = method;
    this.counted = counted;
    this.environment = environment;
    counted.started++;
  }

  start(timeoutMs: number | undefined): void {
    if (this.method.kind === "bidi") this.open(this.method.open.bind(this.method));
    if (timeoutMs === undefined || this.ended) return;
    this.deadline = armDeadline(timeoutMs, () => {
      this.fail(grpcStatus.deadlineExceeded, "context deadline exceeded");
      this.cancel();
    });
  }

  get caller(): Caller {
    return this.environment.caller;
  }

  /** A stream ends only when somebody ends it: at shutdown that is the transport. */
  get isLong(): boolean {
    return this.method.kind !== "unary" && !this.ended;
  }

  charge(bytes: number): boolean {
    if (!this.stream.charge(bytes)) return false;
    this.workBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    const released = Math.min(bytes, this.workBytes);
    this.workBytes -= released;
    this.stream.release(released);
  }

  metadata(name: string): string | undefined {
    return this.stream.head.header(name);
  }

  onCancel(listener: () => void): void {
    if (this.cancelled) listener();
    else if (this.cancelListeners === undefined) this.cancelListeners = [listener];
    else this.cancelListeners.push(listener);
  }

  respond(response: unknown): void {
    if (this.ended) return;
    this.release(this.workBytes);
    if (!this.transmit(response)) return;
    this.finish(grpcStatus.ok);
    this.stream.end(trailersOk);
  }

  respondEncoded(parts: readonly Uint8Array[]): void {
    if (this.ended) return;
    this.release(this.workBytes);
    if (!this.transmitParts(parts)) return;
    this.finish(grpcStatus.ok);
    this.stream.end(trailersOk);
  }

  send(response: unknown): boolean {
    if (this.ended || !this.transmit(response)) return false;
    return this.stream.queuedBytes === 0;
  }

  beginMessage(): MessageInParts {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    const drop = () => {
      this.release(bytes);
      bytes = 0;
    };
    return {
      add: (part) => {
        if (this.ended) return false;
        if (!this.charge(part.length)) {
          this.overflow(overloaded);
          return false;
        }
        parts.push(part);
        bytes += part.length;
        return true;
      },
      send: () => {
        if (this.ended) return false;
        drop();
        return this.transmitParts(parts) && this.stream.queuedBytes === 0;
      },
      drop,
    };
  }

  onDrain(listener: () => void): void {
    if (this.drainListeners === undefined) this.drainListeners = [listener];
    else this.drainListeners.push(listener);
  }

  get backlogBytes(): number {
    return this.stream.queuedBytes;
  }

  end(): void {
    if (this.ended) return;
    this.finish(grpcStatus.ok);
    this.begin();
    this.stream.end(trailersOk);
  }

  fail(status: GrpcStatus, message: string): void {
    if (this.ended) return;
    this.finish(status);
    this.letGo();
    if (this.begun) this.stream.end(encodeBlock(statusFields(status, message)));
    else this.stream.begin(trailersOnly(status, message), true);
  }

  // -------------------------------------------------------------------------- stream

  data(bytes: Buffer, start: number, end: number): void {
    const { environment } = this;
    environment.counters.bytesReceived += end - start;
    if (this.ended) return;
    if (this.assembler === undefined) {
      // Nearly always one message lies in one frame.
      const size = end - start - messagePrefixBytes;
      if (
        size >= 0 &&
        size <= environment.messageBytesMax &&
        bytes[start] === 0 &&
        bytes.readUInt32BE(start + 1) === size
      ) {
        this.message(bytes.subarray(start + messagePrefixBytes, end));
        return;
      }
      this.assembler = new MessageAssembler(environment.messageBytesMax, this);
    }
    this.assembler.push(bytes, start, end);
    if (this.partialBytes === 0) this.partialSinceMs = performance.now();
    const grown = this.assembler.heldBytes - this.partialBytes;
    if (grown > 0 && !this.stream.charge(grown)) {
      this.fail(grpcStatus.resourceExhausted, overloaded);
      return;
    }
    if (grown < 0) this.stream.release(-grown);
    this.partialBytes += grown;
  }

  remoteEnded(): void {
    if (this.ended) return;
    if (this.assembler !== undefined && this.assembler.heldBytes > 0) {
      this.fail(grpcStatus.internal, "unexpected EOF");
    } else if (this.receiver !== undefined) this.receiver.halfClosed();
    else if (!this.hasReceived) {
      this.fail(grpcStatus.internal, "grpc: a request message is missing");
    }
  }

  unfinishedSinceMs(openedAtMs: number): number | undefined {
    if (this.ended) return undefined;
    if (this.method.kind !== "bidi") return openedAtMs;
    return this.partialBytes > 0 ? this.partialSinceMs : undefined;
  }

  tooLate(): void {
    this.fail(grpcStatus.deadlineExceeded, "the request took too long to arrive");
    this.cancel();
  }

  drained(): void {
    const listeners = this.drainListeners;
    this.drainListeners = undefined;
    for (const listener of listeners ?? []) listener();
  }

  closed(isComplete: boolean): void {
    this.letGo();
    if (!this.ended) this.finish(grpcStatus.cancelled);
    if (!isComplete) this.cancel();
  }

  // ------------------------------------------------------------------------- messages

  message(bytes: Uint8Array): void {
    this.counted.received++;
    if (this.ended) return;
    try {
      const { method } = this;
      if (method.kind === "bidi") {
        this.receiver!.message(method.decode(bytes));
        return;
      }
      if (this.hasReceived) {
        this.fail(grpcStatus.internal, "grpc: more than one message for a single request");
        return;
      }
      this.hasReceived = true;
      // It may have to wait, and whoever serves it keeps what it brought for as long.
      if (bytes.length > streamBytes && !this.stream.charge(bytes.length)) {
        this.fail(grpcStatus.resourceExhausted, overloaded);
        return;
      }
      // The decoded request fits this very method's handler: both come from one object.
      if (method.kind === "unary") method.handle(method.decode(bytes), this);
      else method.handle(method.decode(bytes), this);
    } catch (error) {
      this.refuse(error);
    }
  }

  refused(status: GrpcStatus, message: string): void {
    this.fail(status, message);
  }

  private open(open: (call: StreamCall<unknown>) => BidiReceiver<unknown>): void {
    try {
      this.receiver = open(this);
    } catch (error) {
      this.refuse(error);
    }
  }

  private refuse(error: unknown): void {
    if (error instanceof WireError) {
      this.fail(grpcStatus.internal, `grpc: error unmarshalling request: ${error.message}`);
      return;
    }
    this.environment.internalError(error, this.method);
    this.fail(grpcStatus.internal, "internal error");
  }

  /** False: there was no room for it, and the call has ended. */
  private transmit(response: unknown): boolean {
    const { stream } = this;
    const { bytes, at, size } = encodeMessage(this.method.encode, response);
    if (!this.admits(size)) return false;
    this.begin();
    const sent = stream.write(bytes, at, at + size);
    if (sent === size || stream.enqueue(keepRest(sent))) return true;
    this.overflow(overloaded);
    return false;
  }

  /** As `transmit`, of a message that is encoded. */
  private transmitParts(parts: readonly Uint8Array[]): boolean {
    let size = 0;
    for (const part of parts) size += part.length;
    const prefix = Buffer.alloc(messagePrefixBytes);
    prefix.writeUInt32BE(size, 1);
    if (!this.admits(size + messagePrefixBytes)) return false;
    this.begin();
    for (const part of [prefix, ...parts]) {
      const sent = this.stream.write(part, 0, part.length);
      if (sent === part.length || this.stream.enqueue(part.subarray(sent))) continue;
      this.overflow(overloaded);
      return false;
    }
    return true;
  }

  /** Counts what is about to be sent. False: there is no room for it, and the call has ended. */
  private admits(size: number): boolean {
    const { stream } = this;
    this.counted.sent++;
    this.environment.counters.bytesSent += size - messagePrefixBytes;
    const isAlone = stream.queuedBytes === 0 && this.method.kind === "unary";
    if (!isAlone && stream.queuedBytes + size > backlogBytesMax) {
      this.overflow("the reader is too slow: its backlog is full");
      return false;
    }
    if (size < largeBytes) return true;
    if (!stream.charge(size)) {
      this.overflow(overloaded);
      return false;
    }
    stream.release(size);
    return true;
  }

  private overflow(text: string): void {
    this.fail(grpcStatus.resourceExhausted, text);
    this.stream.reset(errorCode.enhanceYourCalm);
  }

  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    this.stream.begin(headBlock, false);
  }

  private finish(status: GrpcStatus): void {
    this.ended = true;
    this.counted.handled[status]!++;
    if (this.deadline !== undefined) clearTimeout(this.deadline);
  }

  private letGo(): void {
    this.release(this.workBytes);
    this.assembler?.stop();
    this.stream.release(this.partialBytes);
    this.partialBytes = 0;
  }

  private cancel(): void {
    if (this.cancelled) return;
    this.cancelled = true;
    const listeners = this.cancelListeners;
    this.cancelListeners = undefined;
    for (const listener of listeners ?? []) listener();
  }
}
