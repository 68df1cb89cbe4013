// The HTTP routes over HTTP/2, for clients that negotiated it by TLS.

import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import {
  answerAtOnce,
  BodyCollector,
  callRoute,
  corsHeaders,
  type Send,
  splitTarget,
  tooLarge,
} from "./http-exchange.ts";
import type { Caller } from "./port.ts";
import type { Router } from "./router.ts";

export function serveHttp2Route(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  router: Router,
  caller: Caller,
): void {
  let answered = false;
  const cancelListeners: (() => void)[] = [];
  const method = (headers[":method"] as string | undefined) ?? "GET";
  const { path, query } = splitTarget((headers[":path"] as string | undefined) ?? "/");
  const send: Send = (status, extra, body) => {
    if (answered || stream.destroyed || stream.closed) return;
    answered = true;
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    const lower: Record<string, string | number> = { ":status": status };
    for (const [name, value] of Object.entries({ ...corsHeaders, ...extra })) {
      lower[name.toLowerCase()] = value;
    }
    lower["content-length"] = bytes.length;
    stream.respond(lower);
    stream.end(method === "HEAD" ? undefined : bytes);
  };
  stream.on("close", () => {
    if (!answered) for (const listener of cancelListeners) listener();
    answered = true;
  });
  const route = answerAtOnce(router, method, path, send);
  if (route === undefined) {
    stream.resume();
    return;
  }
  const body = new BodyCollector();
  stream.on("data", (chunk: Buffer) => {
    if (!body.push(chunk)) tooLarge(send);
  });
  stream.on("end", () => {
    if (answered) return;
    const header = (name: string) => {
      const value = headers[name];
      return Array.isArray(value) ? value[0] : value;
    };
    callRoute(
      route,
      { method, path, query, body: body.bytes(), caller, header },
      {
        get cancelled() {
          return stream.destroyed;
        },
        onCancel: (listener) => void cancelListeners.push(listener),
        respond: send,
      },
    );
  });
}
