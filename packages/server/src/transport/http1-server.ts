// The HTTP routes over HTTP/1.1, by node:http, which brings its own bounds on headers and slow senders.

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { callerOf } from "./caller.ts";
import type { Entrance } from "./entrance.ts";
import type { Guest } from "./guests.ts";
import { refuseOverload } from "./http-exchange.ts";
import {
  exchangeBytes,
  Http1Exchange,
  type Http1Limits,
  headOf,
  type Turns,
} from "./http1-exchange.ts";
import { http } from "./node-http.ts";
import type { Caller, HttpStreamRoute } from "./port.ts";
import { SlicedSocket } from "./sliced-socket.ts";
import { awaitShare, isShareSpent, type Sharer } from "./turn-share.ts";
import { asksForWebSocket, WebSockets } from "./websocket.ts";

export interface Http1ServerLimits extends Http1Limits {
  readonly isProbe: (path: string) => boolean;
}

/** What one client asked for, one thing after the other: a slice of it may hold dozens of costly requests. */
class Pipeline implements Sharer, Turns {
  private readonly putOff: (() => void)[] = [];

  get mustWait(): boolean {
    return this.putOff.length > 0 || isShareSpent(performance.now());
  }

  add(serve: () => void): void {
    if (this.putOff.push(serve) === 1) awaitShare(this);
  }

  catchUp(): boolean {
    for (let serve = this.putOff[0]; serve !== undefined; serve = this.putOff[0]) {
      if (isShareSpent(performance.now())) return false;
      this.putOff.shift();
      serve();
    }
    return true;
  }
}

/** Requests of one connection that are not answered: beyond it nothing more of it is looked at. */
const unansweredMax = 32;

interface Visitor {
  readonly guest: Guest;
  readonly caller: Caller;
  readonly socket: SlicedSocket;
  readonly turns: Turns;
  unanswered: number;
}

export class Http1Server {
  private readonly server: Server;
  private readonly entrance: Entrance;
  private readonly limits: Http1ServerLimits;
  private readonly exchanges = new Set<Http1Exchange>();
  private readonly webSockets: WebSockets;
  /** By what node:http takes for their sockets. */
  private readonly visitors = new WeakMap<Duplex, Visitor>();

  constructor(entrance: Entrance, limits: Http1ServerLimits) {
    this.entrance = entrance;
    this.limits = limits;
    this.webSockets = new WebSockets(limits);
    this.server = http.createServer(
      {
        headersTimeout: Math.min(20_000, limits.bodyMs),
        connectionsCheckingInterval: Math.min(5000, limits.bodyMs / 2),
        // A request may be a stream that never ends; the others are bounded by the exchange.
        requestTimeout: 0,
        // Two hosts, origins or tokens are none: whoever stands in between may have believed the other one.
        joinDuplicateHeaders: true,
        keepAliveTimeout: 30_000,
        // Any other request that offers to speak something else is served as it is.
        shouldUpgradeCallback: (request) => this.webSocketRoute(request) !== undefined,
      },
      (request, response) => this.serve(request, response),
    );
    this.server.on("upgrade", (request, _socket, first) => {
      const route = this.webSocketRoute(request);
      const { guest, caller, socket, turns } = this.visitorOf(request);
      const { account, isReserved } = guest;
      if (route !== undefined && !isReserved && account.charge(exchangeBytes)) {
        const head = headOf(request, caller);
        this.webSockets.take(request, first, { head, socket, route, account, turns });
        return;
      }
      socket.write("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n");
      socket.destroySoon();
    });
    // Whoever asks whether to send its body learns first whether it will be read.
    this.server.on("checkContinue", (request, response) => {
      const head = headOf(request, this.visitorOf(request).caller);
      if (this.entrance.enter(head).kind === "route") response.writeContinue();
      this.serve(request, response);
    });
    // It never listens itself: this is what makes it track its connections, without which neither its
    // timeouts nor closing the idle ones would work.
    this.server.emit("listening");
    this.server.on("clientError", (_error, socket) => {
      // Whoever speaks like this need not be waited for.
      if (socket.writable) socket.write("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
      (socket as SlicedSocket).destroySoon();
    });
  }

  /** `first`: bytes that were read from it already. */
  take(connection: Socket, guest: Guest, first?: Buffer): void {
    const caller = callerOf(connection, guest.address);
    const socket = new SlicedSocket(connection, guest.account, first);
    this.visitors.set(socket, { guest, caller, socket, turns: new Pipeline(), unanswered: 0 });
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

  private visitorOf(request: IncomingMessage): Visitor {
    return this.visitors.get(request.socket)!;
  }

  private webSocketRoute(request: IncomingMessage): HttpStreamRoute | undefined {
    if (!asksForWebSocket(request)) return undefined;
    const entry = this.entrance.enter(headOf(request, this.visitorOf(request).caller));
    return entry.kind === "route" && "open" in entry.route ? entry.route : undefined;
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    const visitor = this.visitorOf(request);
    const { guest, caller, socket, turns } = visitor;
    if (++visitor.unanswered >= unansweredMax) socket.hold(true);
    response.on("close", () => {
      if (--visitor.unanswered < unansweredMax) socket.hold(false);
    });
    const { account, isReserved } = guest;
    const head = headOf(request, caller);
    const entry = this.entrance.enter(head);
    const { headers } = entry;
    const exchange = new Http1Exchange(request, response, {
      account,
      turns,
      limits: this.limits,
      headers,
    });
    if (isReserved) response.shouldKeepAlive = false;
    const isTurnedAway = isReserved && !this.limits.isProbe(head.path);
    if (isTurnedAway || !exchange.charge(exchangeBytes)) {
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
