// The real transport between members. To each peer there is one outgoing connection for what is
// urgent and, when a snapshot travels, a second one, so that bulk never delays a heartbeat; what the
// peer says comes in over the connections it opened. The end of either is reported at once: the
// hang-up of a dying leader is the fastest failure detector there is. Longer than most files, because
// both directions of every pair are kept and judged in one place.

import type { AddressInfo } from "node:net";
import type { MemberId } from "@althing/consensus";
import type { PeerEvents, PeerMessage, Peers } from "@althing/member";
import { Histogram, roundTripBucketsSeconds } from "../observe/histogram.ts";
import { Acceptor } from "./acceptor.ts";
import type { Knock } from "./answering.ts";
import { Dialer } from "./dialer.ts";
import { FrameError, frameHeaderBytes, frameType } from "./frame.ts";
import { decodeRefusal, encodeMessage, noSecret, type Refusal } from "./handshake.ts";
import type { Accepted } from "./inbound.ts";
import { type Introduction, Introductions, introduce, isIntroduction } from "./introduction.ts";
import {
  defaultPeerLimits,
  isBulk,
  type PeerAddress,
  type PeerLimits,
  type PeersOptions,
  type VouchedPeer,
} from "./options.ts";
import { parsePeerUrls } from "./peer-url.ts";
import { isKeyIdentity } from "./proof.ts";

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
  /** Members that this one has not heard of in the log yet, and was introduced to. */
  readonly #guests = new Map<MemberId, VouchedPeer>();
  readonly #introductions: Introductions;
  /** Given before the start. */
  #initial: readonly PeerAddress[];

  constructor(options: PeersOptions<Message>) {
    this.#options = options;
    this.#initial = options.peers;
    this.#introductions = new Introductions(options.introductions);
    this.#limits = { ...defaultPeerLimits, ...options.limits };
    this.#acceptor = new Acceptor(options as unknown as PeersOptions<never>, this.#limits, {
      judge: (knock) => this.#judge(knock),
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
      else if (guest !== undefined && this.#isWelcome(id, guest)) continue;
      if (wanted.has(id)) continue;
      this.#guests.delete(id);
      // It need not find out by itself that it is no member any more.
      link.dismiss(this.#unknown(id));
      this.#links.delete(id);
    }
    for (const peer of wanted.values()) {
      const known = this.#links.get(peer.id);
      if (known === undefined) this.#open(peer, this.#events);
      else known.readdress(peer);
    }
  }

  #open(peer: PeerAddress, events: PeerEvents<Message>): void {
    const link = new Link(this.#options, this.#limits, peer, {
      events,
      introductions: this.#introductions,
      held: () => this.#held(peer.id),
      admit: (shown) => this.#admit(peer.id, shown, this.#guests.get(peer.id)),
    });
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

  /** Whose key a caller has shown, and whether whoever has that key may speak. */
  #judge(
    knock: Knock,
  ): { readonly refusal: Refusal } | { readonly introduction: Introduction | undefined } {
    const { member, identity } = knock.hello;
    const link = this.#links.get(member);
    if (link === undefined) {
      const refusal = this.#refuseGuest(knock);
      return refusal === undefined ? { introduction: undefined } : { refusal };
    }
    if (link.address.leaving) return { refusal: this.#unknown(member) };
    const misnamed = knock.certificateFault(link.address.urls);
    if (misnamed !== undefined) return { refusal: { code: "certificate", reason: misnamed } };
    const proved = this.#provedIdentity(knock, link);
    if (typeof proved === "object") return { refusal: proved };
    const guest = this.#guests.get(member);
    const reason = this.#admit(member, proved, guest);
    if (reason !== undefined) return { refusal: { code: "identity", reason } };
    if (guest !== undefined) return { introduction: undefined };
    const urls = link.address.urls.map(({ text }) => text);
    const { identity: own, key, memberAsOf } = this.#options;
    const asOf = memberAsOf?.(member) ?? 0;
    return {
      introduction: introduce(own.clusterId, own.member, key, { member, identity, urls, asOf }),
    };
  }

  /** What the caller is to be known by here; a refusal when it has to be met in another way. */
  #provedIdentity(knock: Knock, link: Link<Message>): string | Refusal {
    const { member, identity } = knock.hello;
    const { joinSecret } = this.#options;
    const known = this.#held(member);
    if (known !== undefined) {
      // Published by a version that had no keys yet: the member itself publishes its key next.
      return !isKeyIdentity(known) && knock.knowsFormer(known) ? known : identity;
    }
    if (joinSecret !== undefined) return knock.knowsJoinSecret ? identity : noSecret(member);
    // Nobody is taken at its word: it is called at its own address, and met there.
    link.main.dialNow();
    return {
      code: "unmet",
      reason: `member ${this.#options.identity.member} has not met member ${member} yet, and calls it`,
    };
  }

  /**
   * A member that was away does not know who joined meanwhile: it lets in whom a member that it can verify
   * has introduced, or its operator named, for as long as it cannot know better.
   */
  #refuseGuest(knock: Knock): Refusal | undefined {
    const { member } = knock.hello;
    const events = this.#events;
    const voucher = this.#voucherFor(knock);
    const unknown = this.#unknown(member);
    if (events === undefined || voucher === undefined) return unknown;
    const urls = parsePeerUrls(voucher.urls);
    if (urls.length === 0 || this.#guests.size >= guestsMax) return unknown;
    const misnamed = knock.certificateFault(urls);
    if (misnamed !== undefined) return { code: "certificate", reason: misnamed };
    const { identity } = knock.hello;
    const guest = { identity, urls: voucher.urls, asOf: voucher.asOf };
    if (!this.#isWelcome(member, guest)) return unknown;
    this.#guests.set(member, guest);
    this.#open({ id: member, urls }, events);
    return undefined;
  }

  /** It was a member at that index; is it one now, as far as this member can know? */
  #isWelcome(member: MemberId, guest: VouchedPeer): boolean {
    if (this.#options.hasLeftSince?.(member, guest.asOf) === true) return false;
    return this.#admit(member, guest.identity, guest) === undefined;
  }

  #admit(member: MemberId, identity: string, guest: VouchedPeer | undefined): string | undefined {
    return this.#events?.admit(member, identity, guest?.asOf);
  }

  #voucherFor({ hello, proof }: Knock): VouchedPeer | undefined {
    const { member, identity } = hello;
    const { vouched } = this.#options;
    const named = vouched?.(member);
    if (named?.identity === identity) return named;
    const { clusterId } = this.#options.identity;
    // One of each: a stranger must not have signatures checked for it at will.
    const tried = new Set<MemberId>();
    return proof.introductions.find((one) => {
      if (one.member !== member || one.identity !== identity) return false;
      if (tried.has(one.introducer)) return false;
      tried.add(one.introducer);
      const introducer = this.#links.has(one.introducer) ? this.#held(one.introducer) : undefined;
      return introducer !== undefined && isIntroduction(clusterId, one, introducer);
    });
  }

  /** The identity that a peer has to prove; undefined: it was never met. */
  #held(member: MemberId): string | undefined {
    return this.#guests.get(member)?.identity ?? this.#options.held?.(member);
  }

  #unknown(member: MemberId): Refusal {
    const { clusterId } = this.#options.identity;
    const appliedIndex = this.#options.knownWithout?.(member);
    return {
      code: "unknownMember",
      reason: `member ${member} is not a member of cluster ${clusterId}, or no more; add it first (member add), or check --initial-cluster`,
      ...(appliedIndex === undefined ? {} : { appliedIndex }),
    };
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
    } else if (type === frameType.ping) this.#pong(connection, link);
    else if (type === frameType.refusal) {
      link.refused(decodeRefusal(payload), { us: false, isProved: true });
      connection.channel.end();
    } else throw new FrameError("damaged", `a frame of type ${type} that does not belong here`);
  }

  /** A member sends the next ping when it has read the answer to the last one, and in its own time. */
  #pong({ channel }: Accepted, link: Link<Message>): void {
    const { pingsPerIntervalMax, pongBacklogBytesMax } = this.#limits;
    link.pings++;
    if (link.pings > pingsPerIntervalMax) throw new FrameError("flood", "a flood of pings");
    if (channel.backlog() > pongBacklogBytesMax) {
      throw new FrameError("flood", "pings whose answers are not read");
    }
    channel.send(frameType.pong, new Uint8Array(0));
  }
}

const guestsMax = 16;

interface RefusedBy {
  readonly us: boolean;
  readonly isProved: boolean;
}

/** Everything about one peer. */
class Link<Message> {
  readonly main: Dialer;
  address: PeerAddress;
  readonly #bulk: Dialer;
  received = 0;
  /** Since the last interval. */
  pings = 0;
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
    {
      events,
      introductions,
      held,
      admit,
    }: {
      readonly events: PeerEvents<Message>;
      readonly introductions: Introductions;
      readonly held: () => string | undefined;
      readonly admit: (shown: string) => string | undefined;
    },
  ) {
    this.#options = options;
    this.#limits = limits;
    this.#id = peer.id;
    this.address = peer;
    this.#events = events;
    const { identity, key, joinSecret, tls, random, nowMs } = options;
    const dialer = {
      identity,
      key,
      joinSecret,
      held,
      introductions: () => introductions.all(),
      peer,
      limits,
      random,
      nowMs,
      ...(tls === undefined ? {} : { tls }),
    };
    const shared = {
      admit,
      refused: (refusal: Refusal, by: RefusedBy) => this.refused(refusal, by),
      introduced: (introduction: Introduction) => introductions.keep(introduction),
      broken: (error: unknown) =>
        options.observe({ kind: "peerHandlerFailed", level: "error", peer: peer.id, error }),
    };
    this.main = new Dialer(
      { ...dialer, channel: "main", reconnect: true },
      {
        ...shared,
        ready: () => this.#report(true, ""),
        lost: (reason) => this.#report(false, reason),
        failed: (reason, isAnswered) => {
          if (!isAnswered) this.#problem("peerDialFailed", reason);
        },
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
        ...shared,
        ready: () => this.#bulkReady(),
        lost: () => this.#bulkGone(),
        failed: () => this.#bulkGone(),
        pong: () => {},
      },
    );
  }

  readdress(peer: PeerAddress): void {
    this.address = peer;
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

  refused(refusal: Refusal, by: RefusedBy): void {
    // The peer is calling this moment.
    if (refusal.code === "unmet") return;
    const event = by.us ? "peerRefusedByUs" : "peerRefusedUs";
    this.#problem(event, refusal.reason, by.us ? "info" : "error", refusal.code);
    // What a stranger at the peer's address says decides nothing.
    if (!by.us && by.isProved) this.#options.onRefused?.(this.#id, refusal);
  }

  interval(): void {
    this.pings = 0;
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

  /** Closed for good, and told why. */
  dismiss(refusal: Refusal): void {
    const words = encodeMessage(refusal);
    this.main.ready?.send(frameType.refusal, words);
    this.#inbound?.channel.send(frameType.refusal, words);
    this.close();
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
