// The peer port: who knocks has a short time and few bytes to say a correct hello. Strangers, junk
// and members of other clusters are turned away with one log line and leave nothing behind.

import type { AddressInfo, Server, Socket } from "node:net";
import { Channel } from "./channel.ts";
import { createComplaints } from "./complaints.ts";
import { encodeFrame, FrameError, frameType } from "./frame.ts";
import {
  compareIdentities,
  decodeHello,
  decodePreamble,
  describeJunk,
  encodePreamble,
  encodeRefusal,
  encodeWelcome,
  type Hello,
  isJunk,
  type PeerIdentity,
  peerProtocolVersion,
  preambleBytes,
  type Refusal,
} from "./handshake.ts";
import type { PeerLimits, PeersOptions } from "./options.ts";
import { encodeRoster } from "./roster.ts";
import { createPeerServer, parsePeerUrl, refuseCaller } from "./tls.ts";

const handshakeFrameBytesMax = 8 * 1024;

/** A connection whose caller is known. */
export interface Accepted {
  readonly hello: Hello;
  readonly channel: Channel;
  readonly address: string;
}

export interface AcceptorEvents {
  /** Is this a member, and may it, with this disk, speak under its name? */
  admit(hello: Hello): Refusal | undefined;
  accepted(connection: Accepted): void;
  /** Every frame after the handshake. Throws FrameError to end the connection. */
  frame(connection: Accepted, type: number, payload: Buffer): void;
  heard(connection: Accepted): void;
  lost(connection: Accepted, reason: string): void;
}

export class Acceptor {
  readonly #identity: PeerIdentity;
  readonly #options: PeersOptions<never>;
  readonly #limits: PeerLimits;
  readonly #events: AcceptorEvents;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #complaints;
  /** Of those that have not said who they are: how to send them away. Oldest first. */
  readonly #strangers = new Set<() => void>();

  constructor(options: PeersOptions<never>, limits: PeerLimits, events: AcceptorEvents) {
    this.#identity = options.identity;
    this.#options = options;
    this.#limits = limits;
    this.#events = events;
    this.#complaints = createComplaints(options.nowMs);
  }

  async listen(): Promise<AddressInfo[]> {
    const addresses: AddressInfo[] = [];
    for (const url of this.#options.listenUrls) {
      const { host, port, secure } = parsePeerUrl(url);
      const { tls } = this.#options;
      const made = createPeerServer(secure, tls, this.#limits.handshakeTimeoutMs);
      const { server, connectionEvent } = made;
      server.on(connectionEvent, (socket: Socket) => this.#accept(socket, secure));
      server.on("tlsClientError", (error: Error, socket: Socket) => {
        this.#turnAway(remoteOf(socket), "tls", `TLS handshake failed: ${error.message}`);
      });
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ host: bindHost(host), port }, () => {
          server.off("error", reject);
          resolve();
        });
      });
      server.on("error", (error) =>
        this.#options.observe({ kind: "peerListenerFailed", level: "error", error: String(error) }),
      );
      this.#servers.push(server);
      addresses.push(server.address() as AddressInfo);
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

  #accept(socket: Socket, secure: boolean): void {
    const address = remoteOf(socket);
    socket.on("error", () => socket.destroy());
    this.#sockets.add(socket);
    let connection: Accepted | undefined;
    let greeted = false;
    let opening: Buffer = Buffer.alloc(0);

    const leave = (code: string, reason: string) => {
      if (connection === undefined) this.#turnAway(address, code, reason);
      else lose(reason);
      known();
      channel.destroy();
    };
    const lose = (reason: string) => {
      const lost = connection;
      connection = undefined;
      if (lost !== undefined) this.#events.lost(lost, reason);
    };
    const known = () => {
      clearTimeout(timer);
      this.#strangers.delete(evict);
    };
    // A member says hello at once; it is the oldest that only keeps places taken.
    const evict = () => leave("crowd", "too many connections that do not say who they are");
    this.#strangers.add(evict);
    if (this.#strangers.size > this.#limits.strangersMax) {
      const [oldest] = this.#strangers;
      oldest?.();
    }
    const timer = setTimeout(
      () => leave("silent", "nothing that makes a handshake, in time"),
      this.#limits.handshakeTimeoutMs,
    );

    const channel = new Channel(socket, handshakeFrameBytesMax, (type, payload) => {
      if (connection !== undefined) {
        this.#events.frame(connection, type, payload);
        return;
      }
      if (type === frameType.ask) {
        known();
        this.#tellRoster(channel, secure ? socket : undefined);
        return;
      }
      const checked = this.#checkHello(type, payload, secure ? socket : undefined);
      known();
      if ("code" in checked) {
        this.#turnAway(address, checked.code, checked.reason);
        this.#refuse(channel, checked);
        return;
      }
      connection = { hello: checked, channel, address };
      channel.reader.allow(this.#limits.frameBytesMax);
      if (checked.channel === "bulk") socket.setKeepAlive(true, 5_000);
      const welcome = encodeFrame(frameType.welcome, encodeWelcome(this.#identity));
      socket.write(Buffer.concat([encodePreamble(), welcome]));
      this.#events.accepted(connection);
    });

    socket.on("data", (chunk: Buffer) => {
      if (connection !== undefined) this.#events.heard(connection);
      let bytes = chunk;
      if (!greeted) {
        bytes = Buffer.concat([opening, chunk]);
        if (isJunk(bytes)) return leave("junk", describeJunk(bytes));
        if (bytes.length < preambleBytes) {
          opening = bytes;
          return;
        }
        const preamble = decodePreamble(bytes);
        if (preamble.kind === "althing" && preamble.version !== peerProtocolVersion) {
          const reason = `it speaks version ${preamble.version} of the peer protocol, this member version ${peerProtocolVersion}`;
          known();
          this.#turnAway(address, "version", reason);
          this.#refuse(channel, { code: "version", reason });
          return;
        }
        greeted = true;
        bytes = bytes.subarray(preambleBytes);
      }
      try {
        channel.reader.push(bytes);
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        leave(error.code, error.message);
      }
    });
    const gone = () => {
      known();
      lose("closed by the peer");
    };
    socket.on("end", gone);
    socket.on("close", () => {
      gone();
      this.#sockets.delete(socket);
    });
  }

  #checkHello(type: number, payload: Buffer, secured: Socket | undefined): Hello | Refusal {
    const hello = type === frameType.hello ? decodeHello(payload) : undefined;
    if (hello === undefined) return { code: "malformed", reason: "a hello that cannot be read" };
    const different = compareIdentities(this.#identity, hello);
    if (different !== undefined) return different;
    if (hello.to !== this.#identity.member) {
      return {
        code: "wrongMember",
        reason: `member ${hello.member} looks for member ${hello.to}, but this is member ${this.#identity.member}; check the peer URLs in --initial-cluster`,
      };
    }
    const refused = secured === undefined ? undefined : refuseCaller(secured, this.#options.tls);
    if (refused !== undefined) return { code: "unknownMember", reason: refused };
    return this.#events.admit(hello) ?? hello;
  }

  #tellRoster(channel: Channel, secured: Socket | undefined): void {
    const { roster, tls } = this.#options;
    const reason = secured === undefined ? undefined : refuseCaller(secured, tls);
    if (roster === undefined || reason !== undefined) {
      this.#refuse(channel, { code: "unknownMember", reason: reason ?? "it tells no members" });
      return;
    }
    channel.reader.close();
    const frame = encodeFrame(frameType.roster, encodeRoster(roster()));
    channel.socket.end(Buffer.concat([encodePreamble(), frame]));
    setTimeout(() => channel.destroy(), 500).unref();
  }

  #refuse(channel: Channel, refusal: Refusal): void {
    channel.reader.close();
    const frame = encodeFrame(frameType.refusal, encodeRefusal(refusal));
    channel.socket.end(Buffer.concat([encodePreamble(), frame]));
    setTimeout(() => channel.destroy(), 500).unref();
  }

  #turnAway(address: string, code: string, reason: string): void {
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

/** `localhost` means the IPv4 loopback, as it does to the clients' default endpoint. */
export function bindHost(host: string): string {
  return host === "localhost" ? "127.0.0.1" : host;
}

function remoteOf(socket: Socket): string {
  return socket.remoteAddress ?? "unknown";
}
