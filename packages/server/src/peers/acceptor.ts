// The peer port: who knocks has a short time and few bytes to prove who it is, from the first packet on, TLS
// included. Strangers, junk and members of other clusters are turned away with one log line and leave nothing
// behind.

import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Carriers } from "../transport/carriers.ts";
import { SlicedSocket } from "../transport/sliced-socket.ts";
import { createComplaints } from "./complaints.ts";
import { type Accepted, Inbound, type InboundEvents } from "./inbound.ts";
import type { PeerLimits, PeersOptions } from "./options.ts";
import type { PeerPlace } from "./peer-url.ts";
import { crowded, type StrangerPlace, Strangers } from "./strangers.ts";
import { createTlsAcceptor } from "./tls.ts";
import { TurnByTurn } from "./turn-by-turn.ts";
import { claimSocketPath } from "./unix-socket.ts";

export interface AcceptorEvents extends Omit<InboundEvents, "turnedAway"> {
  lost(connection: Accepted, reason: string): void;
}

/** What a TLS socket comes over. */
interface Carried {
  readonly socket: Socket;
  readonly sliced: SlicedSocket;
  readonly address: string;
  readonly place: StrangerPlace;
  readonly timer: NodeJS.Timeout;
}

/** There are no more strangers than places for them, and what waits of each is one chunk. */
const nobodyPays = { take() {}, release() {} };

export class Acceptor {
  readonly #options: PeersOptions<never>;
  readonly #limits: PeerLimits;
  readonly #events: InboundEvents;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #complaints;
  readonly #strangers: Strangers;
  readonly #pace = new TurnByTurn();

  constructor(options: PeersOptions<never>, limits: PeerLimits, events: AcceptorEvents) {
    this.#options = options;
    this.#limits = limits;
    this.#events = {
      ...events,
      turnedAway: (address, code, reason) => this.#turnAway(address, code, reason),
    };
    this.#complaints = createComplaints(options.nowMs);
    this.#strangers = new Strangers(limits.strangersMax);
  }

  async listen(): Promise<AddressInfo[]> {
    const addresses: AddressInfo[] = [];
    for (const { place, secure } of this.#options.listenUrls) {
      const server = createServer({ noDelay: true });
      if (secure) this.#acceptTls(server, place);
      else server.on("connection", (socket) => this.#accept(socket, place));
      await bind(server, place);
      server.on("error", (error) =>
        this.#options.observe({ kind: "peerListenerFailed", level: "error", error: String(error) }),
      );
      this.#servers.push(server);
      const address = server.address();
      if (address !== null && typeof address === "object") addresses.push(address);
    }
    return addresses;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.end();
    const grace = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, 200);
    await Promise.all(
      this.#servers.map((server) => new Promise<void>((done) => server.close(() => done()))),
    );
    clearTimeout(grace);
  }

  #accept(socket: Socket, at: PeerPlace): void {
    const address = this.#hold(socket, at);
    const place = this.#strangers.enter(address, () => inbound.evict());
    const inbound: Inbound = new Inbound(socket, {
      address,
      secured: undefined,
      options: this.#options,
      limits: this.#limits,
      place,
      pace: this.#pace,
      events: this.#events,
    });
  }

  /** A TLS handshake has no more time than any other, and takes a stranger's place as well. */
  #acceptTls(server: Server, at: PeerPlace): void {
    const carriers = new Carriers<Carried>();
    const tls = createTlsAcceptor(this.#options.tls, this.#limits.handshakeTimeoutMs);
    server.on("connection", (socket) => {
      const address = this.#hold(socket, at);
      const abandon = (code: string, reason: string) => {
        this.#turnAway(address, code, reason);
        socket.destroy();
      };
      const place = this.#strangers.enter(address, () => abandon("crowd", crowded));
      const timer = setTimeout(
        () => abandon("tls", "a TLS handshake that was not finished in time"),
        this.#limits.handshakeTimeoutMs,
      );
      socket.once("close", () => {
        clearTimeout(timer);
        place.leave();
      });
      socket.setKeepAlive(true, 5_000);
      // Who has not proved itself could have node:tls change keys twenty thousand times in one go.
      const sliced = new SlicedSocket(socket, nobodyPays);
      const carried = { socket, sliced, address, place, timer };
      carriers.carry(sliced, carried, () => tls.emit("connection", sliced));
    });
    tls.on("tlsClientError", (error, socket) => {
      const address = carriers.of(socket)?.address ?? remoteOf(socket, at);
      this.#turnAway(address, "tls", `TLS handshake failed: ${error.message}`);
      socket.destroy();
    });
    tls.on("secureConnection", (socket) => {
      const held = carriers.of(socket);
      if (held === undefined) {
        socket.destroy();
        return;
      }
      const { address, place, sliced } = held;
      clearTimeout(held.timer);
      // What is still to be said leaves through this one.
      this.#sockets.delete(held.socket);
      this.#hold(socket, at);
      place.handOver(() => inbound.evict());
      const inbound: Inbound = new Inbound(socket, {
        address,
        secured: socket,
        options: this.#options,
        limits: this.#limits,
        place,
        pace: this.#pace,
        events: this.#events,
        proved: () => sliced.trust(),
      });
    });
  }

  #hold(socket: Socket, at: PeerPlace): string {
    socket.on("error", () => socket.destroy());
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    return remoteOf(socket, at);
  }

  #turnAway(address: string, code: string, reason: string): void {
    this.#options.observe({ kind: "peerTurnedAwayCounted", level: "debug", code });
    const complaint = this.#complaints.admit(address, code);
    if (complaint === undefined) return;
    const { repeated } = complaint;
    this.#options.observe({
      kind: "peerTurnedAway",
      level: "warn",
      address,
      code,
      reason,
      repeated,
    });
  }
}

async function bind(server: Server, place: PeerPlace): Promise<void> {
  if (place.kind === "unix") await claimSocketPath(place.path);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    const where =
      place.kind === "unix"
        ? { path: place.path }
        : { host: bindHost(place.host), port: place.port };
    server.listen(where, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** `localhost` means the IPv4 loopback, as it does to the clients' default endpoint. */
export function bindHost(host: string): string {
  return host === "localhost" ? "127.0.0.1" : host;
}

/** `at`: where it came in. One that has hung up is nowhere any more. */
function remoteOf(socket: Socket, at: PeerPlace): string {
  const nameless = at.kind === "unix" ? "a local socket" : "somebody who has hung up";
  return socket.remoteAddress ?? nameless;
}
