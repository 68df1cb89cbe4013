// The transport port: what a front door offers (gRPC methods and HTTP routes, as data) and what a transport
// gives each of its calls. Nothing here knows how HTTP/2 is spoken, so that the implementation can be
// replaced and both be measured. Everything is callbacks: a promise per request is measurable.

import type { Writer } from "@althing/wire";

/** gRPC status codes by their names on the wire. */
export const grpcStatus = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;
export type GrpcStatus = (typeof grpcStatus)[keyof typeof grpcStatus];

export interface Caller {
  readonly address: string;
  readonly encrypted: boolean;
  /** Of a client certificate that was verified; "" otherwise. */
  readonly commonName: string;
}

export interface CallContext {
  /** Request metadata by lower-case name. */
  metadata(name: string): string | undefined;
  readonly caller: Caller;
  /** The client is gone or its deadline has passed: no answer will be read. */
  readonly cancelled: boolean;
  onCancel(listener: () => void): void;
}

export interface UnaryCall<Response> extends CallContext {
  /** Encodes before it returns: views of the store's memory are safe in `response`. */
  respond(response: Response): void;
  /**
   * A large response that was encoded piece by piece: the parts, one after the other, are the message.
   * They belong to the call. Absent where answers are not sent as they are encoded (JSON).
   */
  respondEncoded?(parts: readonly Uint8Array[]): void;
  fail(status: GrpcStatus, message: string): void;
}

export interface StreamCall<Response> extends CallContext {
  /** False: the reader is slow; wait for `onDrain`. Beyond `backlogBytesMax` the call is ended. */
  send(response: Response): boolean;
  onDrain(listener: () => void): void;
  readonly backlogBytes: number;
  end(): void;
  fail(status: GrpcStatus, message: string): void;
}

interface MethodBase<Request, Response> {
  readonly service: string;
  readonly method: string;
  /** `bytes` are a view that is valid for this turn only. May throw WireError. */
  decode(bytes: Uint8Array): Request;
  encode(writer: Writer, response: Response): void;
}

export interface UnaryMethod<Request = unknown, Response = unknown>
  extends MethodBase<Request, Response> {
  readonly kind: "unary";
  handle(request: Request, call: UnaryCall<Response>): void;
}

export interface ServerStreamMethod<Request = unknown, Response = unknown>
  extends MethodBase<Request, Response> {
  readonly kind: "serverStream";
  handle(request: Request, call: StreamCall<Response>): void;
}

export interface BidiMethod<Request = unknown, Response = unknown>
  extends MethodBase<Request, Response> {
  readonly kind: "bidi";
  open(call: StreamCall<Response>): BidiReceiver<Request>;
}

export interface BidiReceiver<Request> {
  message(request: Request): void;
  /** The client will send no more; it may go on reading. */
  halfClosed(): void;
}

export type GrpcMethod = UnaryMethod | ServerStreamMethod | BidiMethod;

export interface GrpcService {
  readonly name: string;
  /** A method that is missing here answers UNIMPLEMENTED. */
  readonly methods: readonly GrpcMethod[];
}

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Uint8Array;
  readonly caller: Caller;
  header(name: string): string | undefined;
}

export interface HttpReply {
  readonly cancelled: boolean;
  onCancel(listener: () => void): void;
  respond(
    status: number,
    headers: Readonly<Record<string, string>>,
    body: string | Uint8Array,
  ): void;
}

export interface HttpRoute {
  /** Exact, or with a final "*" everything that begins like it. The longest match wins. */
  readonly path: string;
  handle(request: HttpRequest, reply: HttpReply): void;
}

export interface TransportLimits {
  /** A longer message is refused with ResourceExhausted. */
  readonly messageBytesMax: number;
  readonly concurrentStreamsMax: number;
  readonly connectionsMax: number;
}

export interface TransportEvent {
  readonly kind: string;
  readonly level: "debug" | "info" | "warn" | "error";
  readonly [field: string]: unknown;
}
