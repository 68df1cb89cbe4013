// One gRPC call over a stream of node:http2. It answers once, whatever the handler, the client, the deadline
// and the connection do and in whichever order; later answers are dropped.

import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { WireError } from "@althing/wire";
import type { MethodCounters, TransportCounters } from "./counters.ts";
import { FrameAssembler, type FrameSink, framePrefixBytes } from "./grpc-frame.ts";
import { encodeGrpcMessage } from "./grpc-headers.ts";
import { encodeFrame } from "./output.ts";
import {
  type BidiReceiver,
  type Caller,
  type GrpcMethod,
  type GrpcStatus,
  grpcStatus,
  type StreamCall,
  type UnaryCall,
} from "./port.ts";

/** A reader that leaves more than this unread on one stream is cut off. */
export const backlogBytesMax = 64 * 1024 * 1024;

/** What one connection may leave with us in requests that it does not complete. */
export const heldBytesMax = 64 * 1024 * 1024;

const responseHeaders = { ":status": 200, "content-type": "application/grpc" };
// node:http2 honours `sendDate` here as it does for its own compatibility API; gRPC wants no date.
const respondOptions = { waitForTrailers: true, sendDate: false };
export const trailersOnlyOptions = { endStream: true, sendDate: false };
const trailersOk = { "grpc-status": "0" };

export interface CallEnvironment {
  readonly counters: TransportCounters;
  readonly messageBytesMax: number;
  readonly caller: Caller;
  /** Of requests that are not complete yet, over all calls of the connection. */
  heldBytes: number;
  /** Every call whose stream is open. */
  readonly calls: Set<Http2Call>;
  internalError(error: unknown, method: GrpcMethod): void;
}

export class Http2Call implements UnaryCall<unknown>, StreamCall<unknown>, FrameSink {
  readonly caller: Caller;
  cancelled = false;
  private readonly stream: ServerHttp2Stream;
  private readonly headers: IncomingHttpHeaders;
  private readonly method: GrpcMethod;
  private readonly counted: MethodCounters;
  private readonly environment: CallEnvironment;
  private readonly assembler: FrameAssembler;
  private receiver: BidiReceiver<unknown> | undefined;
  private messagesReceived = 0;
  private begun = false;
  private ended = false;
  private status: GrpcStatus = grpcStatus.ok;
  private statusText = "";
  private deadline: NodeJS.Timeout | undefined;
  private cancelListeners: (() => void)[] | undefined;

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    method: GrpcMethod,
    environment: CallEnvironment,
  ) {
    this.stream = stream;
    this.headers = headers;
    this.method = method;
    this.environment = environment;
    this.caller = environment.caller;
    this.counted = environment.counters.methods.get(method)!;
    this.counted.started++;
    this.assembler = new FrameAssembler(environment.messageBytesMax, this);
    environment.calls.add(this);
    stream.on("data", (chunk: Buffer) => this.receive(chunk));
    stream.on("end", () => this.halfClosed());
    stream.on("close", () => this.closed());
  }

  start(timeoutMs: number | undefined): void {
    if (this.method.kind === "bidi") this.receiver = this.method.open(this);
    if (timeoutMs !== undefined && !this.ended) this.armDeadline(timeoutMs);
  }

  /** A stream ends only when somebody ends it: at shutdown that is the transport. */
  get isLong(): boolean {
    return this.method.kind !== "unary" && !this.ended;
  }

  /** Something was answered that the client has not taken yet. */
  get isUnread(): boolean {
    return this.begun && (this.ended || this.stream.writableLength > 0);
  }

  metadata(name: string): string | undefined {
    const value = this.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  onCancel(listener: () => void): void {
    if (this.cancelled) listener();
    else if (this.cancelListeners === undefined) this.cancelListeners = [listener];
    else this.cancelListeners.push(listener);
  }

  respond(response: unknown): void {
    if (this.ended) return;
    const frame = encodeFrame(this.method.encode, response);
    this.finish(grpcStatus.ok);
    this.count(frame);
    this.begin();
    this.stream.end(frame);
  }

  send(response: unknown): boolean {
    if (this.ended) return false;
    const frame = encodeFrame(this.method.encode, response);
    this.count(frame);
    this.begin();
    if (this.stream.writableLength + frame.length > backlogBytesMax) {
      this.fail(grpcStatus.resourceExhausted, "the reader is too slow: its backlog is full");
      this.stream.close();
      return false;
    }
    return this.stream.write(frame);
  }

  onDrain(listener: () => void): void {
    this.stream.once("drain", listener);
  }

  get backlogBytes(): number {
    return this.stream.writableLength;
  }

  end(): void {
    if (this.ended) return;
    this.finish(grpcStatus.ok);
    this.begin();
    this.stream.end();
  }

  fail(status: GrpcStatus, message: string): void {
    if (this.ended) return;
    this.finish(status);
    this.statusText = message;
    if (this.stream.destroyed || this.stream.closed) return;
    if (this.begun) {
      this.stream.end();
      return;
    }
    this.begun = true;
    this.stream.respond({ ...responseHeaders, ...this.trailers() }, trailersOnlyOptions);
    this.stopReading();
  }

  // ------------------------------------------------------------------------- frames

  message(bytes: Uint8Array): void {
    this.counted.received++;
    this.messagesReceived++;
    if (this.ended) return;
    try {
      const method = this.method;
      if (method.kind === "bidi") {
        this.receiver!.message(method.decode(bytes));
        return;
      }
      if (this.messagesReceived > 1) {
        this.fail(grpcStatus.internal, "grpc: more than one message for a single request");
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

  private refuse(error: unknown): void {
    if (error instanceof WireError) {
      this.fail(grpcStatus.internal, `grpc: error unmarshalling request: ${error.message}`);
      return;
    }
    this.environment.internalError(error, this.method);
    this.fail(grpcStatus.internal, "internal error");
  }

  private receive(chunk: Buffer): void {
    this.environment.counters.bytesReceived += chunk.length;
    const before = this.assembler.heldBytes;
    this.assembler.push(chunk);
    const held = this.assembler.heldBytes;
    if (held === before) return;
    this.environment.heldBytes += held - before;
    if (this.environment.heldBytes <= heldBytesMax) return;
    this.release();
    this.fail(grpcStatus.resourceExhausted, "too many incomplete requests on one connection");
  }

  private release(): void {
    this.environment.heldBytes -= this.assembler.heldBytes;
    this.assembler.stop();
  }

  private halfClosed(): void {
    if (this.ended) return;
    if (this.assembler.heldBytes > 0) {
      this.fail(grpcStatus.internal, "unexpected EOF");
      return;
    }
    if (this.receiver !== undefined) this.receiver.halfClosed();
    else if (this.messagesReceived === 0) {
      this.fail(grpcStatus.internal, "grpc: a request message is missing");
    }
  }

  // ------------------------------------------------------------------------- ending

  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    if (this.stream.destroyed || this.stream.closed) return;
    this.stream.on("wantTrailers", () => {
      this.stream.sendTrailers(this.status === grpcStatus.ok ? trailersOk : this.trailers());
      this.stopReading();
    });
    this.stream.respond(responseHeaders, respondOptions);
  }

  private trailers(): Record<string, string> {
    return {
      "grpc-status": String(this.status),
      "grpc-message": encodeGrpcMessage(this.statusText),
    };
  }

  /** The answer is complete although the request is not: the client need not send the rest. */
  private stopReading(): void {
    this.release();
    if (!this.stream.readableEnded && !this.stream.aborted) setImmediate(closeUnread, this.stream);
  }

  private count(frame: Buffer): void {
    this.counted.sent++;
    this.environment.counters.bytesSent += frame.length - framePrefixBytes;
  }

  private finish(status: GrpcStatus): void {
    this.ended = true;
    this.status = status;
    this.counted.handled[status]!++;
    if (this.deadline !== undefined) clearTimeout(this.deadline);
  }

  private armDeadline(timeoutMs: number): void {
    this.deadline = setTimeout(
      () => {
        this.fail(grpcStatus.deadlineExceeded, "context deadline exceeded");
        this.cancel();
      },
      Math.min(timeoutMs, 0x7fff_ffff),
    );
  }

  private closed(): void {
    this.environment.calls.delete(this);
    this.release();
    if (!this.ended) {
      this.finish(grpcStatus.cancelled);
      this.cancel();
    } else if (this.begun && !this.stream.writableFinished) this.cancel();
  }

  private cancel(): void {
    if (this.cancelled) return;
    this.cancelled = true;
    const listeners = this.cancelListeners;
    this.cancelListeners = undefined;
    for (const listener of listeners ?? []) listener();
  }
}

function closeUnread(stream: ServerHttp2Stream): void {
  if (!stream.readableEnded && !stream.destroyed && !stream.closed) stream.close();
}
