// The real transport between members. To each peer there is one outgoing connection for what is
// urgent and, when a snapshot travels, a second one, so that bulk never delays a heartbeat; what the
// peer says comes in over the connections it opened. The end of either is reported at once: the
// hang-up of a dying leader is the fastest failure detector there is. Longer than most files, because
// both directions of every pair are kept and judged in one place.

import type { AddressInfo } from "node:net";
import type { MemberId } from "@althing/consensus";
import type { PeerEvents, PeerMessage, Peers } from "@althing/member";
import { Histogram, roundTripBucketsSeconds } from "../observe/histogram.ts";
import { type Accepted, Acceptor } from "./acceptor.ts";
import { Dialer } from "./dialer.ts";
import { FrameError, frameHeaderBytes, frameType } from "./frame.ts";
import { decodeRefusal, type Hello, type Refusal } from "./handshake.ts";
import {
  defaultPeerLimits,
  isBulk,
  type PeerAddress,
  type PeerLimits,
  type PeersOptions,
} from "./options.ts";

export interface PeerStats {
  readonly id: MemberId;
  readonly connected: boolean;
  readonly roundTripMs: number | undefined;
  /** Of all of them, in seconds. */
  readonly roundTrips: Histogram;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly droppedMessages: number;
  readonly disconnects: number;
}

export interface PeerTransport<Message = unknown> extends Peers<Message> {
  /** Listens, then dials. Resolves with the addresses bound. */
  start(events: PeerEvents<Message>): Promise<readonly AddressInfo[]>;
  /** The other members, after a change of membership or of addresses. */
  update(peers: readonly PeerAddress[]): void;
  stats(): readonly PeerStats[];
  /** Says goodbye to everybody: they notice at once. */
  close(): Promise<void>;
}

export function createPeers<Message>(options: PeersOptions<Message>): PeerTransport<Message> {
  return new Transport(options);
}

class Transport<Message> implements PeerTransport<Message> {
  readonly #options: PeersOptions<Message>;
  readonly #limits: PeerLimits;
  readonly #links = new Map<MemberId, Link<Message>>();
  readonly #acceptor: Acceptor;
  #events: PeerEvents<Message> | undefined;
  #interval: NodeJS.Timeout | undefined;
  #closed = false;
  /** Callers that are not among the known members but may be: their disks, as they told them. */
  readonly #guests = new Map<MemberId, string>();
  /** Given before the start. */
  #initial: readonly PeerAddress[];

  constructor(options: PeersOptions<Message>) {
    this.#options = options;
    this.#initial = options.peers;
    this.#limits = { ...defaultPeerLimits, ...options.limits };
    this.#acceptor = new Acceptor(options as unknown as PeersOptions<never>, this.#limits, {
      admit: (hello) => this.#admit(hello),
      accepted: (connection) => this.#links.get(connection.hello.member)?.accepted(connection),
      frame: (connection, type, payload) => this.#frame(connection, type, payload),
      heard: (connection) => this.#links.get(connection.hello.member)?.heard(connection),
      lost: (connection, reason) =>
        this.#links.get(connection.hello.member)?.inboundLost(connection, reason),
    });
  }

  async start(events: PeerEvents<Message>): Promise<readonly AddressInfo[]> {
    this.#events = events;
    this.update(this.#initial);
    const addresses = await this.#acceptor.listen();
    for (const link of this.#links.values()) link.main.dialNow();
    this.#interval = setInterval(() => {
      for (const link of this.#links.values()) link.interval();
    }, this.#limits.pingIntervalMs);
    return addresses;
  }

  update(peers: readonly PeerAddress[]): void {
    if (this.#closed) return;
    if (this.#events === undefined) {
      this.#initial = peers;
      return;
    }
    const wanted = new Map(peers.map((peer) => [peer.id, peer]));
    wanted.delete(this.#options.identity.member);
    for (const [id, link] of this.#links) {
      const guest = this.#guests.get(id);
      if (wanted.has(id)) this.#guests.delete(id);
      // What this member has learned since decides whether it is still welcome.
      else if (guest !== undefined && this.#events.admit(id, guest) === undefined) continue;
      if (wanted.has(id)) continue;
      this.#guests.delete(id);
      link.close();
      this.#links.delete(id);
    }
    for (const peer of wanted.values()) {
      const known = this.#links.get(peer.id);
      if (known === undefined) this.#open(peer, this.#events);
      else known.readdress(peer);
    }
  }

  #open(peer: PeerAddress, events: PeerEvents<Message>): void {
    const link = new Link(this.#options, this.#limits, peer, events);
    this.#links.set(peer.id, link);
    if (this.#interval !== undefined) link.main.dialNow();
  }

  send(to: MemberId, message: PeerMessage<Message>): void {
    const link = this.#links.get(to);
    if (link !== undefined) link.send(message);
    else queueMicrotask(() => this.#events?.unreachable(to));
  }

  flush(): void {
    for (const link of this.#links.values()) link.main.ready?.flush();
  }

  bulkBacklog(to: MemberId): number {
    return this.#links.get(to)?.bulkBacklog() ?? 0;
  }

  stats(): readonly PeerStats[] {
    return [...this.#links.values()].map((link) => link.stats());
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#interval);
    for (const link of this.#links.values()) link.close();
    await this.#acceptor.close();
  }

  #admit(hello: Hello): Refusal | undefined {
    const { member, incarnation } = hello;
    if (!this.#links.has(member) && !this.#welcomeGuest(hello)) {
      return {
        code: "unknownMember",
        reason: `member ${member} is not a member of cluster ${hello.clusterId}, or no more; add it first (member add), or check --initial-cluster`,
      };
    }
    const reason = this.#events!.admit(member, incarnation);
    return reason === undefined ? undefined : { code: "identity", reason };
  }

  /**
   * A member that was away does not know who joined meanwhile, and one that joins knows hardly anybody:
   * as long as it cannot tell, it talks to whoever names the same cluster (else it could never catch up).
   */
  #welcomeGuest({ member, incarnation, urls }: Hello): boolean {
    const events = this.#events;
    const usable = urls.split(",").filter((url) => /^https?:\/\/[^/]+:\d+\/?$/.test(url));
    if (events === undefined || member === this.#options.identity.member) return false;
    if (usable.length === 0 || this.#guests.size >= guestsMax) return false;
    if (events.admit(member, incarnation) !== undefined) return false;
    this.#guests.set(member, incarnation);
    this.#open({ id: member, urls: usable }, events);
    return true;
  }

  #frame(connection: Accepted, type: number, payload: Buffer): void {
    const link = this.#links.get(connection.hello.member);
    if (link === undefined) throw new FrameError("damaged", "the caller is no member any more");
    link.received += payload.length + frameHeaderBytes;
    if (type === frameType.message) {
      let message: PeerMessage<Message>;
      try {
        message = this.#options.codec.decode(payload);
      } catch (error) {
        throw new FrameError("damaged", `a message that cannot be decoded: ${String(error)}`);
      }
      this.#events!.receive(connection.hello.member, message);
    } else if (type === frameType.ping) connection.channel.send(frameType.pong, payload);
    else if (type === frameType.refusal) {
      link.refused(decodeRefusal(payload), false);
      connection.channel.end();
    } else throw new FrameError("damaged", `a frame of type ${type} that does not belong here`);
  }
}

const guestsMax = 16;

/** Everything about one peer. */
class Link<Message> {
  readonly main: Dialer;
  readonly #bulk: Dialer;
  received = 0;
  readonly #options: PeersOptions<Message>;
  readonly #limits: PeerLimits;
  readonly #id: MemberId;
  readonly #events: PeerEvents<Message>;
  #inbound: Accepted | undefined;
  #inboundSilentIntervals = 0;
  /** What the member was told last. */
  #connected = false;
  #unreachableDue = false;
  #waitingBulk: Uint8Array[] = [];
  #waitingBulkBytes = 0;
  #bulkIdleIntervals = 0;
  #roundTripMs: number | undefined;
  readonly #roundTrips = new Histogram(roundTripBucketsSeconds);
  #sentBefore = 0;
  #dropped = 0;
  #disconnects = 0;
  #lastProblem = "";
  #closed = false;

  constructor(
    options: PeersOptions<Message>,
    limits: PeerLimits,
    peer: PeerAddress,
    events: PeerEvents<Message>,
  ) {
    this.#options = options;
    this.#limits = limits;
    this.#id = peer.id;
    this.#events = events;
    const { identity, tls, random, nowMs } = options;
    const ownUrls = options.ownUrls ?? [];
    const dialer = {
      identity,
      ownUrls,
      peer,
      limits,
      random,
      nowMs,
      ...(tls === undefined ? {} : { tls }),
    };
    const admit = (incarnation: string) => events.admit(peer.id, incarnation);
    const refused = (refusal: Refusal, byUs: boolean) => this.refused(refusal, byUs);
    this.main = new Dialer(
      { ...dialer, channel: "main", reconnect: true },
      {
        admit,
        refused,
        ready: () => this.#report(true, ""),
        lost: (reason) => this.#report(false, reason),
        failed: (reason) => this.#problem("peerDialFailed", reason),
        pong: (roundTripMs) => {
          this.#roundTripMs = roundTripMs;
          this.#roundTrips.observe(roundTripMs / 1000);
          this.#report(true, "");
        },
      },
    );
    this.#bulk = new Dialer(
      { ...dialer, channel: "bulk", reconnect: false },
      {
        admit,
        refused,
        ready: () => this.#bulkReady(),
        lost: () => this.#bulkGone(),
        failed: () => this.#bulkGone(),
        pong: () => {},
      },
    );
  }

  readdress(peer: PeerAddress): void {
    this.main.readdress(peer);
    this.#bulk.readdress(peer);
  }

  send(message: PeerMessage<Message>): void {
    const bytes = this.#options.codec.encode(message);
    if (bytes.length > this.#limits.frameBytesMax) {
      const { frameBytesMax } = this.#limits;
      const { kind } = message;
      this.#options.observe({
        kind: "peerMessageTooLarge",
        level: "error",
        peer: this.#id,
        message: kind,
        bytes: bytes.length,
        frameBytesMax,
      });
      this.#drop();
    } else if (isBulk(message)) this.#sendBulk(bytes);
    else this.#sendMain(bytes);
  }

  bulkBacklog(): number {
    return this.#waitingBulkBytes + (this.#bulk.ready?.backlog() ?? 0);
  }

  accepted(connection: Accepted): void {
    if (connection.hello.channel === "bulk") return;
    const former = this.#inbound;
    this.#inbound = connection;
    this.#inboundSilentIntervals = 0;
    // One that was half open, or whose end has not been read yet; the new one says it is alive.
    former?.channel.destroy();
    this.main.dialNow();
  }

  heard(connection: Accepted): void {
    if (connection === this.#inbound) this.#inboundSilentIntervals = 0;
  }

  inboundLost(connection: Accepted, reason: string): void {
    if (connection !== this.#inbound) return;
    this.#inbound = undefined;
    this.#report(false, reason);
    // If it was the connection and not the peer that died, its answer puts this right.
    this.main.ping();
    this.main.dialNow();
  }

  refused(refusal: Refusal, byUs: boolean): void {
    const event = byUs ? "peerRefusedByUs" : "peerRefusedUs";
    this.#problem(event, refusal.reason, byUs ? "info" : "error", refusal.code);
    if (!byUs) this.#options.onRefused?.(this.#id, refusal);
  }

  interval(): void {
    this.main.interval();
    if (this.#inbound !== undefined) {
      this.#inboundSilentIntervals++;
      if (this.#inboundSilentIntervals > this.#limits.silentIntervalsMax) {
        this.#inbound.channel.destroy();
      }
    }
    if (this.#bulk.ready !== undefined && this.bulkBacklog() === 0) {
      this.#bulkIdleIntervals++;
      if (this.#bulkIdleIntervals > this.#limits.bulkIdleIntervalsMax) {
        this.#bulkIdleIntervals = 0;
        this.#bulk.ready.end();
      }
    }
  }

  stats(): PeerStats {
    return {
      id: this.#id,
      connected: this.#connected,
      roundTripMs: this.#roundTripMs,
      roundTrips: this.#roundTrips,
      sentBytes: this.#sentBefore,
      receivedBytes: this.received,
      droppedMessages: this.#dropped,
      disconnects: this.#disconnects,
    };
  }

  close(): void {
    this.#closed = true;
    this.main.close();
    this.#bulk.close();
    this.#inbound?.channel.end();
    this.#inbound = undefined;
  }

  #sendMain(bytes: Uint8Array): void {
    const channel = this.main.ready;
    if (
      channel === undefined ||
      channel.backlog() + bytes.length > this.#limits.mainQueueBytesMax
    ) {
      this.#drop();
      return;
    }
    this.#sentBefore += bytes.length + frameHeaderBytes;
    channel.send(frameType.message, bytes);
  }

  #sendBulk(bytes: Uint8Array): void {
    if (this.bulkBacklog() + bytes.length > this.#limits.bulkQueueBytesMax) {
      this.#drop();
      return;
    }
    this.#bulkIdleIntervals = 0;
    const channel = this.#bulk.ready;
    if (channel !== undefined) {
      this.#sentBefore += bytes.length + frameHeaderBytes;
      channel.send(frameType.message, bytes);
      return;
    }
    this.#waitingBulk.push(bytes);
    this.#waitingBulkBytes += bytes.length;
    this.#bulk.dialNow();
  }

  #bulkReady(): void {
    const waiting = this.#waitingBulk;
    this.#forgetBulk();
    for (const bytes of waiting) this.#sendBulk(bytes);
  }

  #bulkGone(): void {
    if (this.#waitingBulk.length > 0) this.#drop();
    this.#forgetBulk();
  }

  #forgetBulk(): void {
    this.#waitingBulk = [];
    this.#waitingBulkBytes = 0;
  }

  #drop(): void {
    this.#dropped++;
    if (this.#unreachableDue) return;
    // Not from within `send`: the member is in the middle of its effects. Once per turn is enough.
    this.#unreachableDue = true;
    queueMicrotask(() => {
      this.#unreachableDue = false;
      if (!this.#closed) this.#events.unreachable(this.#id);
    });
  }

  #report(connected: boolean, reason: string): void {
    if (this.#closed || this.#connected === connected) return;
    this.#connected = connected;
    if (connected) this.#lastProblem = "";
    else this.#disconnects++;
    this.#options.observe(
      connected
        ? { kind: "peerConnected", level: "info", peer: this.#id }
        : { kind: "peerDisconnected", level: "warn", peer: this.#id, reason },
    );
    if (connected) this.#events.connected(this.#id);
    else this.#events.disconnected(this.#id);
  }

  /** A trouble that stays the same is said once, until the peer was there again. */
  #problem(kind: string, reason: string, level: "info" | "error" = "info", code?: string): void {
    if (this.#closed || this.#lastProblem === reason) return;
    this.#lastProblem = reason;
    this.#options.observe({ kind, level, peer: this.#id, reason, ...(code ? { code } : {}) });
  }
}
