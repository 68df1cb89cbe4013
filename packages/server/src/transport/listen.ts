// The client port: one listening socket for gRPC and HTTP/1.1. Cleartext connections are told apart by
// HTTP/2's preface, encrypted ones by ALPN. A connection that says nothing is closed.

import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from "node:tls";
import { limitsOf, MemoryBudget, processBytesDefault } from "./budget.ts";
import { Carriers } from "./carriers.ts";
import { ConnectionGate, gateLimitsOf } from "./connection-gate.ts";
import { createTransportCounters, type TransportCounters } from "./counters.ts";
import { Entrance } from "./entrance.ts";
import { isHelloWhole, isHttp2, tellsProtocol, whenFirstBytes } from "./first-bytes.ts";
import { type Guest, Guests } from "./guests.ts";
import { Handshakes } from "./handshakes.ts";
import { guardedRoute } from "./http-exchange.ts";
import { Http1Server } from "./http1-server.ts";
import type { KeepaliveRules } from "./http2/liveness.ts";
import { GrpcHttp2Server } from "./http2-server.ts";
import type { GrpcService, HttpRoute, TransportEvent, TransportLimits } from "./port.ts";
import { Router } from "./router.ts";
import { SlicedSocket } from "./sliced-socket.ts";
import { VisitorRules, type VisitorRulesOptions } from "./visitor-rules.ts";

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** A socket in the file system, in place of both. */
  readonly path?: string;
  /** As node:tls takes it; `requestCert` and `rejectUnauthorized` make it mutual. */
  readonly tls?: TlsOptions;
  /** Why a client whose certificate was verified is not let in; undefined: it is. */
  readonly refuseClient?: (socket: TLSSocket) => string | undefined;
  readonly services: readonly GrpcService[];
  readonly routes: readonly HttpRoute[];
  readonly limits: TransportLimits;
  /** Who may call by the web; if not given nobody but programs, by an address or as localhost. */
  readonly visitors?: VisitorRulesOptions;
  /** Where somebody reads them, with the methods of `services` among them. */
  readonly counters?: TransportCounters;
  /** Shared by all ports whose clients are to stay within it together. */
  readonly memory?: MemoryBudget;
  /** Likewise. */
  readonly gate?: ConnectionGate;
  readonly observe: (event: TransportEvent) => void;
  readonly keepalive?: KeepaliveRules;
  /** How long a new connection may be silent. */
  readonly silenceMs?: number;
  /** How long a reader may leave everything unread. */
  readonly stallMs?: number;
  /** How long a request may take to arrive. */
  readonly requestMs?: number;
}

export interface ClientListener {
  readonly address: { readonly host: string; readonly port: number };
  /** Stops accepting, lets calls under way finish for `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>;
  /** Cuts it now. */
  cut(): void;
}

const handshakeMsMax = 10_000;
const requestMsDefault = 60_000;
/** etcd's. */
const keepaliveDefault: KeepaliveRules = {
  minTimeMs: 5000,
  intervalMs: 2 * 3_600_000,
  timeoutMs: 20_000,
};

export function listenClients(options: ListenOptions): Promise<ClientListener> {
  const counters = options.counters ?? createTransportCounters(options.services);
  const { limits, observe } = options;
  const routes = options.routes.map((route) =>
    "open" in route ? route : guardedRoute(route, observe),
  );
  const router = new Router(options.services, routes);
  const isProbe = (path: string) => router.isForMonitors(path);
  const stallMs = options.stallMs ?? 60_000;
  const rules = new VisitorRules(options.visitors ?? { hosts: [], origins: [] });
  const entrance = new Entrance(router, rules, counters, observe);
  const requestMs = options.requestMs ?? requestMsDefault;
  const http1 = new Http1Server(entrance, { stallMs, bodyMs: requestMs, isProbe });
  const silenceMs = options.silenceMs ?? 30_000;
  const keepalive = options.keepalive ?? keepaliveDefault;
  const patience = { keepalive, silenceMs, stallMs, requestMs };
  const shared = { router, entrance, counters, limits, isProbe, observe, ...patience };
  const http2 = new GrpcHttp2Server(shared);
  const memory = options.memory ?? new MemoryBudget(limitsOf(processBytesDefault));
  counters.memory = memory;
  const gate = options.gate ?? new ConnectionGate(gateLimitsOf(limits.connectionsMax));
  const guests = new Guests(memory, gate, counters);
  const abandon = (socket: Socket) => guests.abandon(socket);
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 });

  if (options.tls === undefined) {
    server.on("connection", (socket) => {
      const guest = guests.accept(socket);
      const { account } = guest;
      const newcomer = { socket, account, silenceMs, silent: abandon };
      whenFirstBytes(newcomer, tellsProtocol, (first) => {
        socket.resume();
        (isHttp2(first) ? http2 : http1).take(socket, guest, first);
      });
    });
  } else {
    const handshakeMs = Math.min(silenceMs, handshakeMsMax);
    const secure = createTlsServer({
      minVersion: "TLSv1.2",
      ...options.tls,
      ALPNProtocols: ["h2", "http/1.1"],
      handshakeTimeout: handshakeMs,
    });
    const handshakes = new Handshakes();
    const underWay = new Map<Guest, () => void>();
    const over = (guest: Guest) => {
      underWay.get(guest)?.();
      underWay.delete(guest);
    };
    const carriers = new Carriers<Guest>();
    server.on("connection", (socket) => {
      const guest = guests.accept(socket);
      const { account } = guest;
      const late = setTimeout(() => abandon(socket), handshakeMs);
      socket.on("close", () => over(guest));
      underWay.set(guest, () => clearTimeout(late));
      const newcomer = { socket, account, silenceMs: handshakeMs, silent: abandon };
      whenFirstBytes(newcomer, isHelloWhole, (first) => {
        const begin = () => {
          // What node:tls reads by itself it reads by the half megabyte, and one that costs nothing to send may be
          // twenty thousand changes of keys.
          const sliced = new SlicedSocket(socket, account, first);
          carriers.carry(sliced, guest, () => secure.emit("connection", sliced));
        };
        const leave = handshakes.enter(guest.visitor, begin, () => abandon(socket));
        underWay.set(guest, () => {
          clearTimeout(late);
          leave();
        });
      });
    });
    secure.on("secureConnection", (socket: TLSSocket) => {
      socket.on("error", () => socket.destroy());
      const guest = carriers.of(socket);
      if (guest !== undefined) over(guest);
      const refused = options.refuseClient?.(socket);
      if (refused !== undefined) {
        abandon(socket);
        observe({ kind: "clientTlsRefused", level: "info", detail: refused });
        return;
      }
      if (guest === undefined) socket.destroy();
      else (socket.alpnProtocol === "h2" ? http2 : http1).take(socket, guest);
    });
    secure.on("tlsClientError", (error, socket) => {
      abandon(socket);
      observe({ kind: "clientTlsRefused", level: "debug", detail: error.message });
    });
  }

  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const { host, port, path } = options;
    const where = path === undefined ? { host, port } : { path };
    server.listen({ ...where, backlog: 4096 }, () => {
      server.off("error", reject);
      server.on("error", (error) => {
        observe({ kind: "clientPortFailed", level: "error", detail: error.message });
      });
      const bound = server.address() as AddressInfo | string;
      resolve({
        address:
          typeof bound === "string"
            ? { host: bound, port: 0 }
            : { host: bound.address, port: bound.port },
        close: (graceMs) => close(server, [http1, http2], guests.sockets, graceMs),
        cut: () => cut([http1, http2], guests.sockets),
      });
    });
  });
}

interface Closable {
  beginClose(): void;
  destroy(): void;
}

function close(
  server: Server,
  parts: readonly Closable[],
  sockets: ReadonlySet<Socket>,
  graceMs: number,
): Promise<void> {
  return new Promise((resolve) => {
    const graceOver = setTimeout(() => cut(parts, sockets), graceMs);
    server.close(() => {
      clearTimeout(graceOver);
      // The sockets' own "close" may come after the server's.
      let left = sockets.size;
      if (left === 0) resolve();
      for (const socket of sockets) socket.once("close", () => --left === 0 && resolve());
    });
    for (const part of parts) part.beginClose();
  });
}

function cut(parts: readonly Closable[], sockets: ReadonlySet<Socket>): void {
  for (const part of parts) part.destroy();
  for (const socket of sockets) socket.destroy();
}
