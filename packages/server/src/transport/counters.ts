// What the transport counts: plain numbers, incremented where it happens and read when somebody scrapes.

import type { GrpcMethod, GrpcService } from "./port.ts";

export interface MethodCounters {
  readonly service: string;
  readonly method: string;
  readonly kind: GrpcMethod["kind"];
  started: number;
  received: number;
  sent: number;
  /** By gRPC status code. */
  readonly handled: number[];
}

export interface TransportCounters {
  readonly methods: Map<GrpcMethod, MethodCounters>;
  bytesReceived: number;
  bytesSent: number;
  connectionsOpen: number;
  connectionsAccepted: number;
  /** Closed by us: flood, silence, protocol violation. */
  connectionsAborted: number;
  readonly refused: Refused;
  /** What clients hold of it; undefined before a port is open. */
  memory: MemoryUse | undefined;
  /** Web requests turned away for where they come from or whom they call. */
  visitorsRefused: number;
}

export interface MemoryUse {
  readonly usedBytes: number;
  readonly limitBytes: number;
  /** Charges that found no room, and visitors that had to give something back. */
  readonly refused: number;
  readonly shed: number;
}

/** What was refused or ended to keep within bounds, by the bound. */
export interface Refused {
  /** More streams than a connection may have. */
  streams: number;
  /** More connections than there may be, or than one address may have. */
  connections: number;
  /** A reader that took nothing for too long. */
  readerStalled: number;
  /** A request that did not arrive in time. */
  requestUnfinished: number;
}

const grpcStatusCount = 17;

/** Counts calls of these methods from now on, whichever way they come. */
export function countMethods(
  { methods }: Pick<TransportCounters, "methods">,
  services: readonly GrpcService[],
): void {
  for (const service of services) {
    for (const method of service.methods) {
      methods.set(method, {
        service: method.service,
        method: method.method,
        kind: method.kind,
        started: 0,
        received: 0,
        sent: 0,
        handled: new Array<number>(grpcStatusCount).fill(0),
      });
    }
  }
}

export function createTransportCounters(services: readonly GrpcService[] = []): TransportCounters {
  const methods = new Map<GrpcMethod, MethodCounters>();
  countMethods({ methods }, services);
  return {
    methods,
    bytesReceived: 0,
    bytesSent: 0,
    connectionsOpen: 0,
    connectionsAccepted: 0,
    connectionsAborted: 0,
    memory: undefined,
    refused: { streams: 0, connections: 0, readerStalled: 0, requestUnfinished: 0 },
    visitorsRefused: 0,
  };
}
