// gRPC over node:http2. It takes connections that speak HTTP/2, turns away what is not gRPC as etcd does
// (cleartext: a reset; TLS: the HTTP routes), and bounds what one connection can make it do: header size,
// streams, resets, pings, unread answers and silence.

import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { callerOf } from "./caller.ts";
import type { TransportCounters } from "./counters.ts";
import { encodeGrpcMessage, isGrpcContentType, parseGrpcTimeout } from "./grpc-headers.ts";
import { type CallEnvironment, Http2Call, trailersOnlyOptions } from "./http2-call.ts";
import { serveHttp2Route } from "./http2-route.ts";
import { grpcStatus, type TransportEvent, type TransportLimits } from "./port.ts";
import type { Router } from "./router.ts";

export interface Http2Options {
  readonly router: Router;
  readonly counters: TransportCounters;
  readonly limits: TransportLimits;
  readonly observe: (event: TransportEvent) => void;
  /** How long a reader may leave everything unread before it is cut off. */
  readonly stallMs: number;
}

interface Connection {
  readonly session: ServerHttp2Session;
  readonly socket: Socket;
  readonly environment: CallEnvironment;
  pings: number;
  pingsSinceMs: number;
  /** For the watch on slow readers. */
  bytesWritten: number;
  stalledSinceMs: number;
}

/** Pings in a row, without other traffic, within a window: far beyond what any keepalive sends. */
const pingsMax = 200;
const pingWindowMs = 10_000;
const sweepMsMax = 5000;
const longCallsEnd = "etcdserver: server stopped";

export class GrpcHttp2Server {
  private readonly options: Http2Options;
  private readonly server: Http2Server;
  private readonly connections = new Map<ServerHttp2Session, Connection>();
  private readonly sweeper: NodeJS.Timeout;
  private closing = false;

  constructor(options: Http2Options) {
    this.options = options;
    this.server = createServer({
      settings: {
        maxConcurrentStreams: Math.min(options.limits.concurrentStreamsMax, 0xffff_ffff),
        maxHeaderListSize: 64 * 1024,
        initialWindowSize: 1 << 20,
        enablePush: false,
      },
      // Answers of several megabytes may wait for the client's window; see `stallMs` for the bound.
      maxSessionMemory: 256,
      maxSessionInvalidFrames: 100,
      maxSessionRejectedStreams: 1000,
      maxSettings: 64,
      streamResetBurst: 2000,
      streamResetRate: 200,
      unknownProtocolTimeout: 10_000,
    });
    this.server.on("session", (session) => this.accept(session));
    this.server.on("stream", (stream, headers) => this.dispatch(stream, headers));
    // Faults of one connection concern that connection; node:http2 has closed it already.
    this.server.on("sessionError", (error) => {
      if (!isHangUp(error)) this.abort("http2Protocol", error);
    });
    this.server.on("error", (error) => this.abort("http2Server", error));
    this.sweeper = setInterval(() => this.sweep(), Math.min(sweepMsMax, options.stallMs / 2));
    this.sweeper.unref();
  }

  take(socket: Socket): void {
    this.server.emit("connection", socket);
  }

  /** No new streams; calls that would never end by themselves are failed; the rest may finish. */
  beginClose(): void {
    this.closing = true;
    clearInterval(this.sweeper);
    for (const { environment, session } of this.connections.values()) {
      for (const call of [...environment.calls]) {
        if (call.isLong) call.fail(grpcStatus.unavailable, longCallsEnd);
      }
      session.close();
    }
  }

  destroy(): void {
    for (const session of [...this.connections.keys()]) session.destroy();
  }

  private accept(session: ServerHttp2Session): void {
    const socket = session.socket as unknown as Socket;
    const { counters, limits, observe } = this.options;
    const environment: CallEnvironment = {
      counters,
      messageBytesMax: limits.messageBytesMax,
      caller: callerOf(socket),
      heldBytes: 0,
      calls: new Set(),
      internalError: (error, method) => {
        const rpc = `/${method.service}/${method.method}`;
        observe({ kind: "grpcHandlerFailed", level: "error", method: rpc, error });
      },
    };
    const connection: Connection = {
      session,
      socket,
      environment,
      pings: 0,
      pingsSinceMs: performance.now(),
      bytesWritten: 0,
      stalledSinceMs: 0,
    };
    this.connections.set(session, connection);
    session.setLocalWindowSize(4 << 20);
    session.on("ping", () => this.countPing(connection));
    session.on("close", () => this.connections.delete(session));
    if (this.closing) session.close();
  }

  private dispatch(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    // The stream's own faults (resets, aborted writes) show as its close.
    stream.on("error", ignore);
    const connection = this.connections.get(stream.session as ServerHttp2Session);
    if (connection === undefined) {
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    connection.pings = 0;
    const path = headers[":path"] as string | undefined;
    if (!isGrpcContentType(headers["content-type"]) || headers[":method"] !== "POST") {
      if (connection.environment.caller.encrypted) {
        serveHttp2Route(stream, headers, this.options.router, connection.environment.caller);
      } else stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
      return;
    }
    const encoding = headers["grpc-encoding"] as string | undefined;
    if (encoding !== undefined && encoding !== "identity") {
      const text = `grpc: Decompressor is not installed for grpc-encoding "${encoding}"`;
      refuse(stream, grpcStatus.unimplemented, text);
      return;
    }
    const method = this.options.router.method(path ?? "");
    if (method === undefined) {
      const text = this.options.router.describeMissing(path ?? "");
      refuse(stream, grpcStatus.unimplemented, text);
      return;
    }
    const timeout = headers["grpc-timeout"] as string | undefined;
    const timeoutMs = timeout === undefined ? undefined : parseGrpcTimeout(timeout);
    if (timeout !== undefined && timeoutMs === undefined) {
      refuse(stream, grpcStatus.internal, `malformed grpc-timeout: ${timeout.slice(0, 32)}`);
      return;
    }
    new Http2Call(stream, headers, method, connection.environment).start(timeoutMs);
  }

  private countPing(connection: Connection): void {
    const now = performance.now();
    if (now - connection.pingsSinceMs > pingWindowMs) {
      connection.pingsSinceMs = now;
      connection.pings = 0;
    }
    if (++connection.pings <= pingsMax) return;
    const reason = Buffer.from("too_many_pings");
    connection.session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, reason);
    connection.session.destroy();
    this.abort("tooManyPings", connection.environment.caller.address);
  }

  /** Cuts off readers that leave answers unread: the memory they pin is ours. */
  private sweep(): void {
    const now = performance.now();
    for (const connection of this.connections.values()) {
      const { session, socket } = connection;
      if (!hasUnread(connection) || socket.bytesWritten !== connection.bytesWritten) {
        connection.bytesWritten = socket.bytesWritten;
        connection.stalledSinceMs = now;
      } else if (now - connection.stalledSinceMs > this.options.stallMs) {
        session.destroy();
        this.abort("readerStalled", connection.environment.caller.address);
      }
    }
  }

  private abort(reason: string, detail: unknown): void {
    this.options.counters.connectionsAborted++;
    const text = detail instanceof Error ? detail.message : String(detail);
    this.options.observe({ kind: "clientAborted", level: "debug", reason, detail: text });
  }
}

/** The client went away without a word, which is its right. */
function isHangUp(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ECONNRESET" || code === "EPIPE";
}

function hasUnread({ environment }: Connection): boolean {
  for (const call of environment.calls) if (call.isUnread) return true;
  return false;
}

function refuse(stream: ServerHttp2Stream, status: number, message: string): void {
  stream.respond(
    {
      ":status": 200,
      "content-type": "application/grpc",
      "grpc-status": String(status),
      "grpc-message": encodeGrpcMessage(message),
    },
    trailersOnlyOptions,
  );
  stream.resume();
  if (!stream.readableEnded) setImmediate(() => stream.destroyed || stream.close());
}

function ignore(): void {}
