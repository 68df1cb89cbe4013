// What HTTP/1.1 and HTTP/2 requests outside gRPC have in common: a bounded body, an answer when a handler
// throws, the parts of a target.

import { ByteCollector } from "./byte-collector.ts";
import { plainText } from "./entrance.ts";
import type { HttpReply, HttpWholeRoute, TransportEvent } from "./port.ts";

/** A body in JSON is larger than the message it stands for: base64 and escapes. */
export const httpBodyBytesMax = 8 * 1024 * 1024;

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
  return { path: route.path, handle };
}

export function tooLarge(send: Send): void {
  send(413, plainText, "request body too large\n");
}

export class BodyCollector {
  private readonly collected = new ByteCollector();
  private isOver = false;

  /** False: beyond the limit. */
  push(bytes: Uint8Array): boolean {
    if (this.isOver || this.collected.size + bytes.length > httpBodyBytesMax) {
      this.isOver = true;
      this.collected.clear();
      return false;
    }
    this.collected.push(bytes, httpBodyBytesMax);
    return true;
  }

  bytes(): Uint8Array {
    return this.collected.bytes();
  }
}

export function splitTarget(target: string): { path: string; query: URLSearchParams } {
  const mark = target.indexOf("?");
  if (mark < 0) return { path: target, query: new URLSearchParams() };
  return { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) };
}
