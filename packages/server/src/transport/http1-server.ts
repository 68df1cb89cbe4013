// The HTTP routes over HTTP/1.1, by node:http, which brings its own bounds on headers and slow senders.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { callerOf } from "./caller.ts";
import {
  answerAtOnce,
  BodyCollector,
  callRoute,
  corsHeaders,
  type Send,
  splitTarget,
  tooLarge,
} from "./http-exchange.ts";
import type { Router } from "./router.ts";

export class Http1Server {
  private readonly server: Server;
  private readonly router: Router;

  constructor(router: Router) {
    this.router = router;
    this.server = createServer(
      { headersTimeout: 20_000, requestTimeout: 60_000, keepAliveTimeout: 30_000 },
      (request, response) => this.serve(request, response),
    );
    // It never listens itself: this is what makes it track its connections, without which neither its
    // timeouts nor closing the idle ones would work.
    this.server.emit("listening");
    this.server.on("clientError", (_error, socket) => {
      if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
      else socket.destroy();
    });
  }

  take(socket: Socket): void {
    this.server.emit("connection", socket);
  }

  beginClose(): void {
    // Never listening itself, it only stops its timers and the connections between two requests.
    this.server.close();
    this.server.closeIdleConnections();
  }

  destroy(): void {
    this.server.closeAllConnections();
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    let answered = false;
    const method = request.method ?? "GET";
    const { path, query } = splitTarget(request.url ?? "/");
    const send: Send = (status, extra, body) => {
      if (answered || response.destroyed) return;
      answered = true;
      const bytes = typeof body === "string" ? Buffer.from(body) : body;
      response.writeHead(status, { ...corsHeaders, ...extra, "Content-Length": bytes.length });
      response.end(method === "HEAD" ? undefined : bytes);
    };
    const route = answerAtOnce(this.router, method, path, send);
    if (route === undefined) {
      request.resume();
      return;
    }
    const body = new BodyCollector();
    request.on("data", (chunk: Buffer) => {
      if (body.push(chunk)) return;
      response.shouldKeepAlive = false;
      tooLarge(send);
    });
    request.on("end", () => {
      if (answered) return;
      const header = (name: string) => {
        const value = request.headers[name];
        return Array.isArray(value) ? value[0] : value;
      };
      const caller = callerOf(request.socket);
      callRoute(
        route,
        { method, path, query, body: body.bytes(), caller, header },
        {
          get cancelled() {
            return response.destroyed;
          },
          onCancel: (listener) => {
            response.on("close", () => {
              if (!answered) listener();
            });
          },
          respond: send,
        },
      );
    });
  }
}
