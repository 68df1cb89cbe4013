// One outgoing connection to one peer: dial, handshake, keep alive, and again. After a hang-up the
// first try comes at once, because a peer that restarted answers and one that is dead refuses, and
// either is news; then the waits grow, with jitter, so that a returning peer is not stampeded.

import type { Socket } from "node:net";
import { Channel } from "./channel.ts";
import { encodeFrame, frameType } from "./frame.ts";
import {
  type ChannelName,
  compareIdentities,
  decodePreamble,
  decodeRefusal,
  decodeWelcome,
  encodeHello,
  encodePreamble,
  encodeRefusal,
  type PeerIdentity,
  peerProtocolVersion,
  preambleBytes,
  type Refusal,
} from "./handshake.ts";
import type { PeerAddress, PeerLimits } from "./options.ts";
import { dial, type PeerTls, parsePeerUrl } from "./tls.ts";

const handshakeFrameBytesMax = 8 * 1024;

export interface DialerEvents {
  ready(): void;
  /** A connection that was ready is gone. The next try is already under way. */
  lost(reason: string): void;
  /** One try failed. */
  failed(reason: string): void;
  /** The other side turned us away, or (`byUs`) we it. */
  refused(refusal: Refusal, byUs: boolean): void;
  pong(roundTripMs: number): void;
  /** May the peer, with this disk, speak under its name? */
  admit(incarnation: string): string | undefined;
}

export interface DialerOptions {
  readonly identity: PeerIdentity;
  readonly ownUrls: readonly string[];
  readonly peer: PeerAddress;
  readonly channel: ChannelName;
  readonly tls?: PeerTls;
  readonly limits: PeerLimits;
  readonly random: () => number;
  readonly nowMs: () => number;
  /** Dial again by itself. The bulk connection does not: it is dialled when there is need. */
  readonly reconnect: boolean;
}

export class Dialer {
  readonly #options: DialerOptions;
  readonly #events: DialerEvents;
  #state: "idle" | "dialing" | "ready" | "waiting" | "closed" = "idle";
  #channel: Channel | undefined;
  #address: PeerAddress;
  #attempts = 0;
  #urlIndex = 0;
  #timer: NodeJS.Timeout | undefined;
  #silentIntervals = 0;
  #pingSentMs = 0;

  constructor(options: DialerOptions, events: DialerEvents) {
    this.#options = options;
    this.#events = events;
    this.#address = options.peer;
  }

  get ready(): Channel | undefined {
    return this.#state === "ready" ? this.#channel : undefined;
  }

  get bytesSent(): number {
    return this.#channel?.bytesSent ?? 0;
  }

  readdress(address: PeerAddress): void {
    this.#address = address;
  }

  /** Dials unless that is under way or done. Also called when the peer itself turns up. */
  dialNow(): void {
    if (this.#state === "idle" || this.#state === "waiting") this.#dial();
  }

  ping(): void {
    if (this.#state !== "ready" || this.#pingSentMs !== 0) return;
    this.#pingSentMs = this.#options.nowMs();
    this.#channel!.send(frameType.ping, new Uint8Array(0));
  }

  /**
   * Counts our own intervals and not elapsed time: when this process stood still, the peer's bytes
   * wait in the socket, and they must be read before silence is held against it.
   */
  interval(): void {
    if (this.#state !== "ready") return;
    this.#silentIntervals++;
    if (this.#silentIntervals > this.#options.limits.silentIntervalsMax) {
      this.#drop("no answer for too long");
      return;
    }
    this.ping();
  }

  close(): void {
    const channel = this.#channel;
    clearTimeout(this.#timer);
    this.#state = "closed";
    this.#channel = undefined;
    if (channel === undefined) return;
    channel.end();
    // A peer that does not close its side must not keep this process alive.
    setTimeout(() => channel.destroy(), 200).unref();
  }

  #dial(): void {
    const { limits, identity, ownUrls, peer, channel: name } = this.#options;
    clearTimeout(this.#timer);
    this.#state = "dialing";
    const urls = this.#address.urls;
    const url = urls[this.#urlIndex++ % urls.length];
    if (url === undefined) {
      this.#wait();
      return;
    }
    let reason = "closed by the peer";
    const opened = () => {
      const hello = encodeHello({
        ...identity,
        to: peer.id,
        channel: name,
        urls: ownUrls.join(","),
      });
      socket.write(Buffer.concat([encodePreamble(), encodeFrame(frameType.hello, hello)]));
    };
    const socket: Socket = dial(parsePeerUrl(url), this.#options.tls, opened);
    const channel = new Channel(socket, handshakeFrameBytesMax, (type, payload) => {
      if (this.#channel === channel) this.#receive(type, payload);
    });
    this.#channel = channel;
    this.#timer = setTimeout(() => {
      if (this.#channel === channel) this.#drop(`no handshake with ${url} in time`);
    }, limits.handshakeTimeoutMs);

    let preamble: Buffer | undefined = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      this.#silentIntervals = 0;
      let bytes = chunk;
      if (preamble !== undefined) {
        bytes = Buffer.concat([preamble, chunk]);
        if (bytes.length < preambleBytes) {
          preamble = bytes;
          return;
        }
        preamble = undefined;
        const problem = this.#checkPreamble(bytes, url);
        if (problem !== undefined) {
          this.#drop(problem);
          return;
        }
        bytes = bytes.subarray(preambleBytes);
      }
      try {
        channel.reader.push(bytes);
      } catch (error) {
        if (this.#channel === channel) this.#drop(String(error));
      }
    });
    const gone = () => {
      if (this.#channel === channel) this.#drop(reason);
      else channel.destroy();
    };
    socket.on("error", (error) => {
      reason = `${url}: ${error.message}`;
      gone();
    });
    socket.on("end", gone);
    socket.on("close", gone);
  }

  #checkPreamble(bytes: Buffer, url: string): string | undefined {
    const preamble = decodePreamble(bytes);
    if (preamble.kind === "junk") return `${url} does not speak the Althing peer protocol`;
    if (preamble.version === peerProtocolVersion) return undefined;
    return `${url} speaks version ${preamble.version} of the peer protocol, this member version ${peerProtocolVersion}`;
  }

  #receive(type: number, payload: Buffer): void {
    if (type === frameType.welcome && this.#state === "dialing") this.#welcome(payload);
    else if (type === frameType.refusal) this.#refuse(decodeRefusal(payload), false);
    else if (type === frameType.pong && this.#state === "ready") {
      const sent = this.#pingSentMs;
      this.#pingSentMs = 0;
      this.#events.pong(this.#options.nowMs() - sent);
    } else this.#drop(`a frame of type ${type} that does not belong here`);
  }

  #welcome(payload: Buffer): void {
    const other = decodeWelcome(payload);
    const refusal = this.#checkWelcome(other);
    if (refusal !== undefined) {
      this.#channel!.send(frameType.refusal, encodeRefusal(refusal));
      this.#refuse(refusal, true);
      return;
    }
    clearTimeout(this.#timer);
    this.#state = "ready";
    this.#attempts = 0;
    this.#silentIntervals = 0;
    this.#pingSentMs = 0;
    if (this.#options.channel === "bulk") this.#channel!.socket.setKeepAlive(true, 5_000);
    this.#events.ready();
  }

  #checkWelcome(other: PeerIdentity | undefined): Refusal | undefined {
    const { identity, peer } = this.#options;
    if (other === undefined) return { code: "malformed", reason: "a welcome that cannot be read" };
    const different = compareIdentities(identity, other);
    if (different !== undefined) return different;
    if (other.member !== peer.id) {
      return {
        code: "wrongMember",
        reason: `member ${other.member} answers at the address of member ${peer.id}`,
      };
    }
    const reason = this.#events.admit(other.incarnation);
    return reason === undefined ? undefined : { code: "identity", reason };
  }

  #refuse(refusal: Refusal, byUs: boolean): void {
    const channel = this.#channel;
    if (byUs) {
      // The refusal has to arrive: end, and let the other side close.
      this.#channel = undefined;
      channel?.reader.close();
      channel?.end();
      setTimeout(() => channel?.destroy(), 500).unref();
    }
    this.#attempts = Math.max(this.#attempts, 5);
    this.#events.refused(refusal, byUs);
    this.#drop(refusal.reason);
  }

  #drop(reason: string): void {
    if (this.#state === "closed") return;
    const wasReady = this.#state === "ready";
    const channel = this.#channel;
    this.#channel = undefined;
    clearTimeout(this.#timer);
    channel?.destroy();
    if (!this.#options.reconnect) {
      this.#state = "idle";
      this.#events[wasReady ? "lost" : "failed"](reason);
      return;
    }
    this.#state = "waiting";
    if (wasReady) {
      // Before the callback, so that it sees the next try under way.
      this.#timer = setTimeout(() => this.#dial(), 0);
      this.#events.lost(reason);
    } else {
      this.#wait();
      this.#events.failed(reason);
    }
  }

  #wait(): void {
    const { reconnectMsMin, reconnectMsMax } = this.#options.limits;
    const full = Math.min(reconnectMsMax, reconnectMsMin * 2 ** Math.min(this.#attempts, 20));
    this.#attempts++;
    this.#state = "waiting";
    const delay = full * (0.5 + this.#options.random() / 2);
    this.#timer = setTimeout(() => this.#dial(), delay);
  }
}
