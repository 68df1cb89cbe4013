// The network between members. Two manners, drawn per run. "stream" behaves as TCP does: in order,
// nothing lost within a connection, a connection that breaks loses what was under way, and a block
// that ends in time delivers everything late. "datagram" loses, doubles and reorders the cores' own
// messages one by one within a session that only admission begins and death ends, because a core may not lean on the transport for safety (Raft §5, "Paxos made
// simple" §2.1). Zab assumes ordered channels (Zab §III), so it runs in streams only.

import type { PeerMessage } from "@althing/member";
import type { Prng } from "../random/prng.ts";
import type { Micros, Turns, World } from "../world/world.ts";
import { Channel } from "./channel.ts";

export interface NetworkOptions {
  readonly manner: "stream" | "datagram";
  /** One way, microseconds: the least, and the mean of what is added. */
  readonly latencyMin: Micros;
  readonly latencyMean: Micros;
  /** Datagrams: how often one is lost, doubled, or kept back for a long while. */
  readonly lossRate: number;
  readonly duplicateRate: number;
  readonly delayRate: number;
  readonly delayMax: Micros;
  /** Streams: how long a blocked connection lives. */
  readonly breakAfter: Micros;
  /** Streams: the longest wait before the next attempt to connect. */
  readonly reconnectMax: Micros;
  /** Bytes per second of a bulk connection. */
  readonly bulkBytesPerSecond: number;
  /** How often a single chunk of a snapshot is lost, or comes twice; never when left out. */
  readonly chunkLossRate?: number;
  readonly chunkDuplicateRate?: number;
}

/** A member's end of the network while its process lives. */
export interface Endpoint {
  readonly turns: Turns;
  receive(from: number, message: PeerMessage): void;
  connected(peer: number): void;
  disconnected(peer: number): void;
  unreachable(peer: number): void;
  /** The handshake of the production transport. */
  admits(peer: number): boolean;
}

export interface NetworkTrace {
  sent(from: number, to: number, serial: number, message: PeerMessage): void;
  delivered(from: number, to: number, serial: number): void;
  lost(from: number, to: number, serial: number, why: LossReason): void;
}
export type LossReason = "blocked" | "noConnection" | "broken" | "chance" | "down";

interface Packet {
  readonly serial: number;
  readonly session: number;
  readonly message: PeerMessage;
}

export class Network {
  readonly #world: World;
  readonly #options: NetworkOptions;
  readonly #prng: Prng;
  readonly #trace: NetworkTrace;
  readonly #endpoints: (Endpoint | undefined)[] = [];
  /** Channels by from * width + to; made when first used. */
  readonly #channels = new Map<number, Channel<Packet>>();
  #nextSerial = 1;
  #nextSession = 1;
  /** Set while the world heals: chance no longer harms datagrams. */
  calm = false;

  constructor(world: World, options: NetworkOptions, prng: Prng, trace: NetworkTrace) {
    this.#world = world;
    this.#options = options;
    this.#prng = prng;
    this.#trace = trace;
  }

  /** A process came up: it listens, and it begins to connect. */
  attach(member: number, endpoint: Endpoint): void {
    this.#endpoints[member] = endpoint;
    for (let peer = 0; peer < this.#endpoints.length; peer++) {
      if (peer === member || this.#endpoints[peer] === undefined) continue;
      this.#connectSoon(member, peer);
    }
  }

  /**
   * A process is gone. With `hangUp` its machine lives and closes the sockets, which peers notice;
   * without, peers find out only when nothing comes any more.
   */
  detach(member: number, hangUp: boolean): void {
    this.#endpoints[member] = undefined;
    for (let peer = 0; peer < this.#endpoints.length; peer++) {
      if (peer === member) continue;
      const channel = this.channel(member, peer);
      const back = this.channel(peer, member);
      this.#dropUnderWay(channel, "down");
      this.#dropUnderWay(back, "down");
      channel.session = 0;
      if (this.#options.manner === "datagram") continue;
      if (back.session === 0) continue;
      const session = back.session;
      const notice =
        hangUp && !channel.blocked
          ? this.#latency(channel)
          : this.#options.breakAfter + this.#prng.below(this.#options.breakAfter);
      this.#world.after(notice, undefined, () => this.#breakSide(peer, member, session));
    }
  }

  /** In order per channel, or dropped with `unreachable`. */
  send(from: number, to: number, message: PeerMessage): void {
    const channel = this.channel(from, to);
    const serial = this.#nextSerial++;
    this.#trace.sent(from, to, serial, message);
    if (this.#options.manner === "datagram") {
      if (channel.session === 0) {
        this.#lose(channel, serial, "noConnection");
        return;
      }
      if (message.kind === "protocol") {
        this.#sendDatagram(channel, serial, message);
        return;
      }
      if (channel.blocked || this.#endpoints[to] === undefined) {
        this.#lose(channel, serial, channel.blocked ? "blocked" : "down");
        return;
      }
      this.#deliverInOrder(channel, { serial, session: 0, message });
      return;
    }
    if (channel.session === 0) {
      this.#lose(channel, serial, "noConnection");
      return;
    }
    const packet: Packet = { serial, session: channel.session, message };
    if (channel.blocked) channel.parked.push(packet);
    else this.#deliverInOrder(channel, packet);
  }

  /** Bytes that wait on the bulk connection. */
  bulkBacklog(from: number, to: number): number {
    const channel = this.channel(from, to);
    const rate = this.#options.bulkBytesPerSecond / 1_000_000;
    return Math.max(0, Math.floor((channel.bulkFreeAt - this.#world.now) * rate));
  }

  /** Nothing passes from one to the other until `unblock`. */
  block(from: number, to: number): void {
    const channel = this.channel(from, to);
    if (channel.blocked) return;
    channel.blocked = true;
    // What was under way is caught by the block as well.
    if (this.#options.manner === "stream") {
      const session = channel.session;
      if (session !== 0) {
        const wait = this.#options.breakAfter + this.#prng.below(this.#options.breakAfter);
        const since = ++channel.blockCount;
        this.#world.after(wait, undefined, () => {
          if (!channel.blocked || channel.blockCount !== since) return;
          this.#breakSide(from, to, session);
          this.#breakSide(to, from, session);
        });
      }
    }
  }

  unblock(from: number, to: number): void {
    const channel = this.channel(from, to);
    if (!channel.blocked) return;
    channel.blocked = false;
    for (const packet of channel.parked.splice(0)) {
      if (packet.session === channel.session) this.#deliverInOrder(channel, packet);
    }
  }

  /** Every message on this channel takes so much longer. */
  clog(from: number, to: number, extra: Micros): void {
    this.channel(from, to).clogged = extra;
  }

  isConnected(from: number, to: number): boolean {
    return this.channel(from, to).session !== 0;
  }

  channel(from: number, to: number): Channel<Packet> {
    const key = from * 64 + to;
    let channel = this.#channels.get(key);
    if (channel === undefined) {
      channel = new Channel(from, to);
      this.#channels.set(key, channel);
    }
    return channel;
  }

  #sendDatagram(channel: Channel<Packet>, serial: number, message: PeerMessage): void {
    const options = this.#options;
    if (channel.blocked) {
      this.#trace.lost(channel.from, channel.to, serial, "blocked");
      return;
    }
    if (!this.calm && this.#prng.chance(options.lossRate)) {
      this.#trace.lost(channel.from, channel.to, serial, "chance");
      return;
    }
    const copies = !this.calm && this.#prng.chance(options.duplicateRate) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      let delay = this.#latency(channel);
      if (!this.calm && this.#prng.chance(options.delayRate)) {
        delay += this.#prng.below(options.delayMax);
      }
      const endpoint = this.#endpoints[channel.to];
      this.#world.after(delay, undefined, () => {
        // A datagram may outlive its receiver and reach the next life of it.
        const receiver = this.#endpoints[channel.to];
        if (receiver === undefined || (receiver !== endpoint && endpoint === undefined)) {
          this.#trace.lost(channel.from, channel.to, serial, "down");
          return;
        }
        this.#hand(receiver, channel, serial, message);
      });
    }
  }

  #deliverInOrder(channel: Channel<Packet>, packet: Packet): void {
    const now = this.#world.now;
    let at = now + this.#latency(channel);
    if (isBulk(packet.message)) {
      const bytes = packet.message.kind === "snapshotChunk" ? packet.message.bytes.length : 64;
      const start = Math.max(now, channel.bulkFreeAt);
      channel.bulkFreeAt = start + Math.ceil((bytes * 1e6) / this.#options.bulkBytesPerSecond);
      at = Math.max(channel.bulkFreeAt + (at - now), channel.bulkLastArrival);
      channel.bulkLastArrival = at;
    } else {
      if (at < channel.lastArrival) at = channel.lastArrival;
      channel.lastArrival = at;
    }
    const copies = packet.message.kind === "snapshotChunk" ? this.#chunkCopies() : 1;
    if (copies === 0) this.#trace.lost(channel.from, channel.to, packet.serial, "chance");
    for (let copy = 0; copy < copies; copy++) {
      const own = copy === 0 ? packet : { ...packet };
      channel.underWay.add(own);
      this.#world.at(at, undefined, () => this.#arrive(channel, own));
    }
  }

  #chunkCopies(): number {
    const { chunkLossRate = 0, chunkDuplicateRate = 0 } = this.#options;
    if (this.calm) return 1;
    if (chunkLossRate > 0 && this.#prng.chance(chunkLossRate)) return 0;
    return chunkDuplicateRate > 0 && this.#prng.chance(chunkDuplicateRate) ? 2 : 1;
  }

  #arrive(channel: Channel<Packet>, packet: Packet): void {
    if (!channel.underWay.delete(packet)) return;
    if (channel.blocked) {
      if (this.#options.manner === "datagram") this.#lose(channel, packet.serial, "blocked");
      else channel.parked.push(packet);
      return;
    }
    const receiver = this.#endpoints[channel.to];
    const current =
      packet.session === 0 || packet.session === this.channel(channel.to, channel.from).session;
    if (receiver === undefined || !current) {
      this.#trace.lost(channel.from, channel.to, packet.serial, "broken");
      return;
    }
    this.#hand(receiver, channel, packet.serial, packet.message);
  }

  /** In the receiver's turn: a paused process finds it in its inbox afterwards. */
  #hand(receiver: Endpoint, channel: Channel<Packet>, serial: number, message: PeerMessage): void {
    this.#world.enter(receiver.turns, () => {
      this.#trace.delivered(channel.from, channel.to, serial);
      receiver.receive(channel.from, message);
    });
  }

  #lose(channel: Channel<Packet>, serial: number, why: LossReason): void {
    this.#trace.lost(channel.from, channel.to, serial, why);
    const sender = this.#endpoints[channel.from];
    if (sender === undefined || channel.unreachableTold) return;
    // Told once per turn of the loop, and never from inside `send`.
    channel.unreachableTold = true;
    this.#world.after(1, undefined, () => {
      channel.unreachableTold = false;
    });
    this.#world.at(this.#world.now, sender.turns, () => sender.unreachable(channel.to));
  }

  #dropUnderWay(channel: Channel<Packet>, why: LossReason): void {
    for (const packet of channel.underWay) {
      this.#trace.lost(channel.from, channel.to, packet.serial, why);
    }
    channel.underWay.clear();
    for (const packet of channel.parked.splice(0)) {
      this.#trace.lost(channel.from, channel.to, packet.serial, why);
    }
    channel.bulkFreeAt = 0;
    channel.bulkLastArrival = 0;
    channel.lastArrival = 0;
  }

  /** One side of a connection ends, if it is still that connection. */
  #breakSide(from: number, to: number, session: number): void {
    const channel = this.channel(from, to);
    if (channel.session !== session) return;
    channel.session = 0;
    this.#dropUnderWay(channel, "broken");
    const endpoint = this.#endpoints[from];
    if (endpoint === undefined) return;
    this.#world.at(this.#world.now, endpoint.turns, () => endpoint.disconnected(to));
    this.#connectSoon(from, to);
  }

  #connectSoon(from: number, to: number): void {
    const channel = this.channel(from, to);
    const back = this.channel(to, from);
    if (channel.connecting || back.connecting) return;
    channel.connecting = true;
    const wait = 200 + this.#prng.below(this.#options.reconnectMax);
    this.#world.after(wait, undefined, () => {
      channel.connecting = false;
      this.#connect(from, to);
    });
  }

  #connect(from: number, to: number): void {
    const near = this.#endpoints[from];
    const far = this.#endpoints[to];
    // Whoever comes up next begins anew.
    if (near === undefined || far === undefined) return;
    const out = this.channel(from, to);
    const back = this.channel(to, from);
    if (out.session !== 0 && out.session === back.session) return;
    const now = this.#world.now;
    const possible =
      !out.blocked &&
      !back.blocked &&
      near.turns.stalledUntil <= now &&
      far.turns.stalledUntil <= now &&
      near.admits(to) &&
      far.admits(from);
    if (!possible) {
      this.#connectSoon(from, to);
      return;
    }
    if (out.session !== 0) this.#breakSide(from, to, out.session);
    if (back.session !== 0) this.#breakSide(to, from, back.session);
    const session = this.#nextSession++;
    out.session = session;
    back.session = session;
    this.#world.at(now, near.turns, () => near.connected(to));
    this.#world.at(now, far.turns, () => far.connected(from));
  }

  #latency(channel: Channel<Packet>): Micros {
    const { latencyMin, latencyMean } = this.#options;
    return latencyMin + Math.floor(this.#prng.exponential(latencyMean)) + channel.clogged;
  }
}

function isBulk(message: PeerMessage): boolean {
  return message.kind === "snapshotBegin" || message.kind === "snapshotChunk";
}
