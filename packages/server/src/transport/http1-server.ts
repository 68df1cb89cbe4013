// The HTTP routes over HTTP/1.1, by node:http, which brings its own bounds on headers and slow senders.

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Account } from "./budget.ts";
import type { Entrance } from "./entrance.ts";
import { refuseOverload } from "./http-exchange.ts";
import { exchangeBytes, Http1Exchange, type Http1Limits, headOf } from "./http1-exchange.ts";
import { http } from "./node-http.ts";
import type { HttpStreamRoute } from "./port.ts";
import { asksForWebSocket, WebSockets } from "./websocket.ts";

export class Http1Server {
  private readonly server: Server;
  private readonly entrance: Entrance;
  private readonly limits: Http1Limits;
  private readonly exchanges = new Set<Http1Exchange>();
  private readonly webSockets: WebSockets;
  private readonly accounts = new WeakMap<Duplex, Account>();

  constructor(entrance: Entrance, limits: Http1Limits) {
    this.entrance = entrance;
    this.limits = limits;
    this.webSockets = new WebSockets(limits);
    this.server = http.createServer(
      {
        headersTimeout: 20_000,
        // A request may be a stream that never ends; the others are bounded by the exchange.
        requestTimeout: 0,
        keepAliveTimeout: 30_000,
        // Any other request that offers to speak something else is served as it is.
        shouldUpgradeCallback: (request) => this.webSocketRoute(request) !== undefined,
      },
      (request, response) => this.serve(request, response),
    );
    this.server.on("upgrade", (request, socket, first) => {
      const route = this.webSocketRoute(request);
      const account = this.accounts.get(socket);
      if (route === undefined || account === undefined || !account.charge(exchangeBytes)) {
        socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n");
        return;
      }
      this.webSockets.take(request, socket, first, { route, account });
    });
    // Whoever asks whether to send its body learns first whether it will be read.
    this.server.on("checkContinue", (request, response) => {
      if (this.entrance.enter(headOf(request)).kind === "route") response.writeContinue();
      this.serve(request, response);
    });
    // It never listens itself: this is what makes it track its connections, without which neither its
    // timeouts nor closing the idle ones would work.
    this.server.emit("listening");
    this.server.on("clientError", (_error, socket) => {
      if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
      else socket.destroy();
    });
  }

  take(socket: Socket, account: Account): void {
    this.accounts.set(socket, account);
    this.server.emit("connection", socket);
  }

  beginClose(): void {
    // Never listening itself, it only stops its timers and the connections between two requests.
    this.server.close();
    for (const exchange of this.exchanges) exchange.closing();
    this.webSockets.closing();
    this.server.closeIdleConnections();
  }

  destroy(): void {
    this.server.closeAllConnections();
  }

  private webSocketRoute(request: IncomingMessage): HttpStreamRoute | undefined {
    if (!asksForWebSocket(request)) return undefined;
    const entry = this.entrance.enter(headOf(request));
    return entry.kind === "route" && "open" in entry.route ? entry.route : undefined;
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    const head = headOf(request);
    const entry = this.entrance.enter(head);
    const account = this.accounts.get(request.socket)!;
    const { headers } = entry;
    const exchange = new Http1Exchange(request, response, {
      account,
      limits: this.limits,
      headers,
    });
    if (!exchange.charge(exchangeBytes)) {
      response.shouldKeepAlive = false;
      refuseOverload((...answer) => exchange.respond(...answer));
      return;
    }
    if (entry.kind === "answer") {
      // What a visitor that is turned away still has to say is not read.
      if (entry.isRefusal) response.shouldKeepAlive = false;
      else request.resume();
      this.entrance.answer(entry, (...answer) => exchange.respond(...answer));
      return;
    }
    this.exchanges.add(exchange);
    response.on("close", () => this.exchanges.delete(exchange));
    exchange.serve(entry.route, head);
  }
}
