// gRPC over HTTP/2: takes connections that speak it, finds the method of each request, and leaves what is not
// gRPC to the HTTP routes.

import type { Socket } from "node:net";
import { callerOf } from "./caller.ts";
import type { MethodCounters, TransportCounters } from "./counters.ts";
import type { Entrance } from "./entrance.ts";
import { type CallEnvironment, GrpcCall, trailersOnly } from "./grpc-call.ts";
import { isGrpcContentType, parseGrpcTimeout } from "./grpc-headers.ts";
import type { Guest } from "./guests.ts";
import { splitTarget } from "./http-exchange.ts";
import { Connection, type ConnectionHost } from "./http2/connection.ts";
import { encodeBlock } from "./http2/hpack/encoder.ts";
import type { LivenessRules } from "./http2/liveness.ts";
import type { RequestHead } from "./http2/request-head.ts";
import type { Stream } from "./http2/stream.ts";
import { Http2Exchange } from "./http2-route.ts";
import {
  type GrpcMethod,
  type GrpcStatus,
  grpcStatus,
  overloaded,
  type TransportEvent,
  type TransportLimits,
} from "./port.ts";
import type { Router } from "./router.ts";

export interface Http2Options extends LivenessRules {
  readonly router: Router;
  readonly entrance: Entrance;
  readonly counters: TransportCounters;
  readonly limits: TransportLimits;
  readonly isProbe: (path: string) => boolean;
  readonly observe: (event: TransportEvent) => void;
}

/** What is to be done with requests of one head. */
type Plan =
  | {
      readonly kind: "call";
      readonly method: GrpcMethod;
      readonly counted: MethodCounters;
      readonly timeoutMs: number | undefined;
    }
  | RefusalPlan
  | { readonly kind: "other" };

interface RefusalPlan {
  readonly kind: "refuse";
  readonly block: Uint8Array;
  /** Why, where it is for what no program sends. */
  readonly visitorRefused?: string;
}

const watchMsMax = 5000;
const longCallsEnd = "etcdserver: server stopped";

export class GrpcHttp2Server {
  private readonly options: Http2Options;
  private readonly connections = new Set<ServedConnection>();
  private readonly watch: NodeJS.Timeout;
  private isClosing = false;

  constructor(options: Http2Options) {
    this.options = options;
    const { stallMs, silenceMs, requestMs, keepalive } = options;
    const { intervalMs, timeoutMs } = keepalive;
    const shortest = Math.min(stallMs, silenceMs, requestMs, intervalMs, timeoutMs);
    this.watch = setInterval(
      () => {
        const now = performance.now();
        for (const { connection } of this.connections) connection.watch(now);
      },
      Math.min(watchMsMax, shortest / 2),
    );
    this.watch.unref();
  }

  /** `first`: bytes that were read from it already. */
  take(socket: Socket, guest: Guest, first?: Buffer): void {
    const served = new ServedConnection(socket, guest, this.options, () =>
      this.connections.delete(served),
    );
    this.connections.add(served);
    if (first !== undefined) served.connection.receive(first);
    if (this.isClosing) served.connection.leave();
  }

  /** No new streams; calls that would never end by themselves are failed; the rest may finish. */
  beginClose(): void {
    this.isClosing = true;
    clearInterval(this.watch);
    for (const served of [...this.connections]) served.beginClose();
  }

  destroy(): void {
    for (const { connection } of [...this.connections]) connection.destroy();
  }
}

class ServedConnection implements ConnectionHost {
  readonly connection: Connection;
  readonly closed: () => void;
  private readonly options: Http2Options;
  private readonly environment: CallEnvironment;
  private readonly isReserved: boolean;

  constructor(socket: Socket, guest: Guest, options: Http2Options, closed: () => void) {
    this.options = options;
    this.isReserved = guest.isReserved;
    this.closed = closed;
    const { counters, limits, observe } = options;
    this.connection = new Connection(socket, guest.account, { ...options, ...limits }, this);
    this.environment = {
      counters,
      messageBytesMax: limits.messageBytesMax,
      caller: callerOf(socket, guest.address),
      internalError: (error, method) => {
        const rpc = `/${method.service}/${method.method}`;
        observe({ kind: "grpcHandlerFailed", level: "error", method: rpc, error });
      },
    };
  }

  beginClose(): void {
    for (const { consumer } of [...this.connection.streams.values()]) {
      if (consumer instanceof GrpcCall && consumer.isLong) {
        consumer.fail(grpcStatus.unavailable, longCallsEnd);
      } else if (consumer instanceof Http2Exchange) consumer.closing();
    }
    this.connection.leave();
  }

  request(stream: Stream): void {
    const { head } = stream;
    if (this.isReserved && !this.options.isProbe(splitTarget(head.path).path)) {
      turnAway(stream);
      return;
    }
    head.plan ??= this.plan(head);
    const plan = head.plan as Plan;
    if (plan.kind === "call") {
      const call = new GrpcCall(stream, plan.method, plan.counted, this.environment);
      stream.consumer = call;
      call.start(plan.timeoutMs);
    } else if (plan.kind === "refuse") {
      const { block, visitorRefused } = plan;
      if (visitorRefused !== undefined) this.options.entrance.refused(visitorRefused);
      stream.begin(block, true);
    } else {
      stream.consumer = new Http2Exchange(stream, this.options.entrance, this.environment.caller);
    }
  }

  refused(reason: Parameters<ConnectionHost["refused"]>[0]): void {
    this.options.counters.refused[reason]++;
  }

  aborted(reason: string, detail: string): void {
    this.options.counters.connectionsAborted++;
    this.options.observe({ kind: "clientAborted", level: "debug", reason, detail });
  }

  failed(error: unknown): void {
    this.options.observe({ kind: "transportFailed", level: "error", error });
  }

  private plan(head: RequestHead): Plan {
    const { router, counters, entrance } = this.options;
    if (!isGrpcContentType(head.header("content-type")) || head.method !== "POST") {
      return { kind: "other" };
    }
    const judged = entrance.rules.judgeCall({
      encrypted: this.environment.caller.encrypted,
      header: (name) => head.header(name),
    });
    if (!judged.admitted) {
      return {
        ...refusal(grpcStatus.permissionDenied, judged.reason),
        visitorRefused: judged.reason,
      };
    }
    const encoding = head.header("grpc-encoding");
    if (encoding !== undefined && encoding !== "identity") {
      const text = `grpc: Decompressor is not installed for grpc-encoding "${encoding}"`;
      return refusal(grpcStatus.unimplemented, text);
    }
    const method = router.method(head.path);
    if (method === undefined) {
      return refusal(grpcStatus.unimplemented, router.describeMissing(head.path));
    }
    const timeout = head.header("grpc-timeout");
    const timeoutMs = timeout === undefined ? undefined : parseGrpcTimeout(timeout);
    if (timeout !== undefined && timeoutMs === undefined) {
      const text = `malformed grpc-timeout: ${timeout.slice(0, 32)}`;
      return refusal(grpcStatus.internal, text);
    }
    return { kind: "call", method, counted: counters.methods.get(method)!, timeoutMs };
  }
}

/** Where there is no place for it. */
function turnAway(stream: Stream): void {
  const isCall = isGrpcContentType(stream.head.header("content-type"));
  const block = isCall
    ? trailersOnly(grpcStatus.unavailable, overloaded)
    : encodeBlock([":status", "503", "retry-after", "1"]);
  stream.begin(block, true);
}

function refusal(status: GrpcStatus, message: string): RefusalPlan {
  return { kind: "refuse", block: trailersOnly(status, message) };
}
