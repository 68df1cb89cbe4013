// The transport port: what a front door offers (gRPC methods and HTTP routes, as data) and what a transport
// gives each of its calls. Nothing here knows how HTTP/2 is spoken, so that the implementation can be
// replaced and both be measured. Everything is callbacks: a promise per request is measurable.

import type { Writer } from "@althing/wire";
import type { Chargeable } from "./budget.ts";

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

/**
 * What a call keeps in memory, while it works or for as long as it is open, is charged to it: `charge` is false
 * where there is no room, and then the call is to fail with `overloaded`. Released by itself when the call has
 * been answered; what stays with a stream, at its end.
 */
export interface CallContext extends Chargeable {
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
   * They belong to the call. Absent where answers cannot be sent in parts.
   */
  respondEncoded?(parts: readonly Uint8Array[]): void;
  fail(status: GrpcStatus, message: string): void;
}

/** The parts, one after the other, are the message. What is held of it is charged to its call. */
export interface MessageInParts {
  /** The part belongs to the call. False: there is no room for it, and the call has ended. */
  add(part: Uint8Array): boolean;
  /** As the call's `send`. */
  send(): boolean;
  /** It is not to be sent after all. */
  drop(): void;
}

export interface StreamCall<Response> extends CallContext {
  /** False: the reader is slow; wait for `onDrain`. Beyond `backlogBytesMax` the call is ended. */
  send(response: Response): boolean;
  /** For a message that takes many turns to encode. Others may be sent before it. */
  beginMessage(): MessageInParts;
  onDrain(listener: () => void): void;
  readonly backlogBytes: number;
  end(): void;
  fail(status: GrpcStatus, message: string): void;
}

/**
 * Clients come by the client port. Monitors ask how the member is: they are answered when there is no place for
 * another client as well, and on the ports that are for them alone.
 */
export type Audience = "clients" | "monitors";

interface MethodBase<Request, Response> {
  readonly service: string;
  readonly method: string;
  /** Clients, if not given. */
  readonly audience?: Audience;
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

/** What a request says before its body. */
export interface HttpRequestHead {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly caller: Caller;
  header(name: string): string | undefined;
}

export interface HttpRequest extends HttpRequestHead {
  readonly body: Uint8Array;
}

/** What is kept for a request is charged as with a call, and released with its end. */
export interface HttpReply extends Chargeable {
  readonly cancelled: boolean;
  onCancel(listener: () => void): void;
  respond(
    status: number,
    headers: Readonly<Record<string, string>>,
    body: string | Uint8Array,
  ): void;
}

export type Piece = string | readonly Uint8Array[];

/** An answer in pieces: `respond`, or else `begin`, any number of `write` and `end`. */
export interface HttpStreamReply extends HttpReply {
  begin(status: number, headers: Readonly<Record<string, string>>): void;
  /** One piece, be it in parts: they are the reply's then, and nothing comes between them. False: the reader is slow; wait for `onDrain`. Who does not is to mind `backlogBytes`. */
  write(piece: Piece): boolean;
  onDrain(listener: () => void): void;
  readonly backlogBytes: number;
  end(): void;
  /** Cuts off a reader that cannot be told anything any more. */
  abort(): void;
}

export interface HttpReceiver {
  /** `bytes` are a view that is valid for this turn only. */
  data(bytes: Uint8Array): void;
  ended(): void;
  /** The server is about to stop: an answer that would never end by itself is to end now. */
  closing(): void;
}

interface RouteBase {
  /** Exact, or with a final "*" everything that begins like it. The longest match wins. */
  readonly path: string;
  /** Others are answered with 405, but HEAD goes with GET. Any, if not given: the route answers for itself. */
  readonly methods?: readonly string[];
  /** Clients, if not given. */
  readonly audience?: Audience;
}

/** A request that is handled once its body is here. */
export interface HttpWholeRoute extends RouteBase {
  handle(request: HttpRequest, reply: HttpReply): void;
}

/** A request whose body and answer are streams, each at its own pace. */
export interface HttpStreamRoute extends RouteBase {
  open(request: HttpRequestHead, reply: HttpStreamReply): HttpReceiver;
}

export type HttpRoute = HttpWholeRoute | HttpStreamRoute;

/** etcd's words for RESOURCE_EXHAUSTED. */
export const overloaded = "etcdserver: too many requests";

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
