// One outgoing connection to one peer: dial, handshake, keep alive, and again. After a hang-up the
// first try comes at once, because a peer that restarted answers and one that is dead refuses, and
// either is news; then the waits grow, with jitter, so that a returning peer is not stampeded.

import type { Socket } from "node:net";
import { Calling } from "./calling.ts";
import { Channel } from "./channel.ts";
import { encodeFrame, FrameError, frameType } from "./frame.ts";
import {
  type ChannelName,
  decodePreamble,
  decodeRefusal,
  encodeMessage,
  encodePreamble,
  handshakeFrameBytesMax,
  type PeerIdentity,
  peerProtocolVersion,
  preambleBytes,
  type Refusal,
} from "./handshake.ts";
import type { Introduction } from "./introduction.ts";
import type { PeerAddress, PeerLimits } from "./options.ts";
import type { PeerUrl } from "./peer-url.ts";
import type { DiskKey } from "./proof.ts";
import { bindingOf, dial, type PeerTls } from "./tls.ts";

export interface DialerEvents {
  ready(): void;
  /** A connection that was ready is gone. The next try is already under way. */
  lost(reason: string): void;
  /** One try failed. `isAnswered`: somebody was there, and it was told as a refusal. */
  failed(reason: string, isAnswered: boolean): void;
  /** The other side turned us away, or (`byUs`) we it. `isProved`: it is who it says it is. */
  refused(refusal: Refusal, by: { readonly us: boolean; readonly isProved: boolean }): void;
  /** Something of ours failed while a frame was taken in. */
  broken(error: unknown): void;
  pong(roundTripMs: number): void;
  /** May the peer, with this disk, speak under its name? */
  admit(identity: string): string | undefined;
  /** The peer has vouched for this member. */
  introduced(introduction: Introduction): void;
}

export interface DialerOptions {
  readonly identity: PeerIdentity;
  readonly key: DiskKey;
  readonly joinSecret: string | undefined;
  /** What the peer is held to; undefined: it was never met. */
  readonly held: () => string | undefined;
  readonly introductions: () => readonly Introduction[];
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
  #calling: Calling | undefined;
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
    const { limits } = this.#options;
    clearTimeout(this.#timer);
    if (this.#address.leaving) {
      this.#state = "idle";
      return;
    }
    this.#state = "dialing";
    const urls = this.#address.urls;
    const url = urls[this.#urlIndex++ % urls.length];
    if (url === undefined) {
      this.#wait();
      return;
    }
    try {
      this.#open(url);
    } catch (error) {
      this.#events.broken(error);
      this.#drop(`${url.text}: ${String(error)}`);
      return;
    }
    const channel = this.#channel;
    this.#timer = setTimeout(() => {
      if (this.#channel === channel) this.#drop(`no handshake with ${url.text} in time`);
    }, limits.handshakeTimeoutMs);
  }

  #open(url: PeerUrl): void {
    let reason = "closed by the peer";
    let binding = "";
    const calling = this.#newCalling(() => binding);
    const socket: Socket = dial(url, this.#options.tls, (secured) => {
      guarded(() => {
        binding = bindingOf(secured);
        const hello = encodeFrame(frameType.hello, calling.hello());
        socket.write(Buffer.concat([encodePreamble(), hello]));
      });
    });
    const channel = new Channel(socket, handshakeFrameBytesMax, (type, payload) => {
      if (this.#channel === channel) this.#receive(type, payload);
    });
    /** What fails here costs this connection and nothing else. */
    const guarded = (run: () => void) => {
      try {
        run();
      } catch (error) {
        if (!(error instanceof FrameError)) this.#events.broken(error);
        if (this.#channel === channel) this.#drop(String(error));
        else channel.destroy();
      }
    };
    this.#calling = calling;
    this.#channel = channel;

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
        const problem = this.#checkPreamble(bytes, url.text);
        if (problem !== undefined) {
          this.#drop(problem);
          return;
        }
        bytes = bytes.subarray(preambleBytes);
      }
      guarded(() => channel.reader.push(bytes));
    });
    const gone = () => {
      if (this.#channel === channel) this.#drop(reason);
      else channel.destroy();
    };
    socket.on("error", (error) => {
      reason = `${url.text}: ${error.message}`;
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

  #newCalling(binding: () => string): Calling {
    const { identity, key, joinSecret, held, introductions, peer, channel } = this.#options;
    return new Calling({
      identity,
      key,
      to: peer.id,
      channel,
      joinSecret,
      binding,
      held,
      admit: (_member, shown) => this.#events.admit(shown),
      introductions: introductions(),
    });
  }

  #receive(type: number, payload: Buffer): void {
    if (type === frameType.refusal) this.#refuse(decodeRefusal(payload), false);
    else if (type === frameType.challenge && this.#state === "dialing") this.#prove(payload);
    else if (type === frameType.welcome && this.#state === "dialing") this.#welcome(payload);
    else if (type === frameType.pong && this.#state === "ready") {
      const sent = this.#pingSentMs;
      this.#pingSentMs = 0;
      this.#events.pong(this.#options.nowMs() - sent);
    } else this.#drop(`a frame of type ${type} that does not belong here`);
  }

  #prove(payload: Buffer): void {
    const { proof, refusal } = this.#calling!.challenged(payload);
    // Also before a refusal: it is worth something only from one that is proved.
    if (proof !== undefined) this.#channel!.send(frameType.proof, proof);
    if (refusal !== undefined) this.#refuse(refusal, true);
  }

  #welcome(payload: Buffer): void {
    const { refusal, introduction } = this.#calling!.welcomed(payload);
    if (refusal !== undefined) {
      this.#refuse(refusal, true);
      return;
    }
    clearTimeout(this.#timer);
    this.#state = "ready";
    this.#attempts = 0;
    this.#silentIntervals = 0;
    this.#pingSentMs = 0;
    if (this.#options.channel === "bulk") this.#channel!.socket.setKeepAlive(true, 5_000);
    if (introduction !== undefined) this.#events.introduced(introduction);
    this.#events.ready();
  }

  #refuse(refusal: Refusal, byUs: boolean): void {
    const channel = this.#channel;
    const isProved = this.#calling?.believes(refusal) ?? false;
    if (byUs) {
      // The refusal has to arrive: end, and let the other side close.
      this.#channel = undefined;
      channel?.send(frameType.refusal, encodeMessage(refusal));
      channel?.reader.close();
      channel?.end();
      setTimeout(() => channel?.destroy(), 500).unref();
    }
    // One that has not met this member calls it at once, and is called again as soon as it does.
    if (refusal.code !== "unmet") this.#attempts = Math.max(this.#attempts, 5);
    this.#events.refused(refusal, { us: byUs, isProved });
    this.#drop(refusal.reason, true);
  }

  #drop(reason: string, isAnswered = false): void {
    if (this.#state === "closed") return;
    const wasReady = this.#state === "ready";
    const channel = this.#channel;
    this.#channel = undefined;
    clearTimeout(this.#timer);
    channel?.destroy();
    if (!this.#options.reconnect) {
      this.#state = "idle";
      if (wasReady) this.#events.lost(reason);
      else this.#events.failed(reason, isAnswered);
      return;
    }
    this.#state = "waiting";
    if (wasReady) {
      // Before the callback, so that it sees the next try under way.
      this.#timer = setTimeout(() => this.#dial(), 0);
      this.#events.lost(reason);
    } else {
      this.#wait();
      this.#events.failed(reason, isAnswered);
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
