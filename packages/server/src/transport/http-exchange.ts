// What HTTP/1.1 and HTTP/2 requests outside gRPC have in common: a bounded body, an answer when a handler
// throws, the parts of a target.

import type { Chargeable } from "./budget.ts";
import { ByteCollector } from "./byte-collector.ts";
import { plainText } from "./entrance.ts";
import {
  type HttpReply,
  type HttpWholeRoute,
  overloaded,
  type Piece,
  type TransportEvent,
} from "./port.ts";

/** A body in JSON is larger than the message it stands for: base64 and escapes. */
export const httpBodyBytesMax = 8 * 1024 * 1024;

/** What is charged for it while it waits. */
export function lengthOf(piece: Piece): number {
  if (typeof piece === "string") return piece.length;
  return piece.reduce((bytes, part) => bytes + part.length, 0);
}

export type Send = HttpReply["respond"];

/** A route whose handler may throw: the client hears that it did, the log why. */
export function guardedRoute(
  route: HttpWholeRoute,
  observe: (event: TransportEvent) => void,
): HttpWholeRoute {
  const handle: HttpWholeRoute["handle"] = (request, reply) => {
    try {
      route.handle(request, reply);
    } catch (error) {
      observe({ kind: "httpHandlerFailed", level: "error", path: request.path, error });
      reply.respond(500, plainText, "internal error\n");
    }
  };
  return { ...route, handle };
}

export function refuseBody(status: 413 | 503, send: Send): void {
  if (status === 413) send(413, plainText, "request body too large\n");
  else refuseOverload(send);
}

export function refuseOverload(send: Send): void {
  send(503, { ...plainText, "Retry-After": "1" }, `${overloaded}\n`);
}

/** What it collects is charged to the request. */
export class BodyCollector {
  private readonly collected = new ByteCollector();
  private readonly request: Chargeable;
  private refused: 413 | 503 | undefined;

  constructor(request: Chargeable) {
    this.request = request;
  }

  /** Other than 200: no more of it is taken. */
  push(bytes: Uint8Array): 200 | 413 | 503 {
    if (this.refused !== undefined) return this.refused;
    if (this.collected.size + bytes.length > httpBodyBytesMax) return this.refuse(413);
    const before = this.collected.capacity;
    this.collected.push(bytes, httpBodyBytesMax);
    const grown = this.collected.capacity - before;
    return grown === 0 || this.request.charge(grown) ? 200 : this.refuse(503);
  }

  bytes(): Uint8Array {
    return this.collected.bytes();
  }

  private refuse(status: 413 | 503): 413 | 503 {
    this.refused = status;
    this.collected.clear();
    return status;
  }
}

export function splitTarget(target: string): { path: string; query: URLSearchParams } {
  const mark = target.indexOf("?");
  if (mark < 0) return { path: target, query: new URLSearchParams() };
  return { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) };
}
