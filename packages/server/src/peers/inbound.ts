// One connection that somebody opened to this member, from its first byte to its end. Before its caller is
// proved to be a member nothing of what it says reaches the member. Whatever goes wrong while it is served, an
// exception of ours included, ends the connection, is logged and counted, and harms nothing else.

import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { Answering, type Knock } from "./answering.ts";
import { Channel } from "./channel.ts";
import { encodeFrame, FrameError, frameType } from "./frame.ts";
import {
  decodePreamble,
  describeJunk,
  encodePreamble,
  type Hello,
  handshakeFrameBytesMax,
  isJunk,
  peerProtocolVersion,
  preambleBytes,
  type Refusal,
} from "./handshake.ts";
import type { Introduction } from "./introduction.ts";
import type { PeerLimits, PeersOptions } from "./options.ts";
import { encodeRosterAnswer } from "./roster.ts";
import { crowded, type StrangerPlace } from "./strangers.ts";
import { bindingOf, certificateFault, certificateNamesFault } from "./tls.ts";
import type { TurnByTurn } from "./turn-by-turn.ts";

/** A connection whose caller is known. */
export interface Accepted {
  readonly hello: Hello;
  readonly channel: Channel;
  readonly address: string;
}

export interface InboundEvents {
  /** Is this a member, and may it, with this disk, speak under its name? */
  judge(
    knock: Knock,
  ): { readonly refusal: Refusal } | { readonly introduction: Introduction | undefined };
  accepted(connection: Accepted): void;
  /** Every frame after the handshake. Throws FrameError to end the connection. */
  frame(connection: Accepted, type: number, payload: Buffer): void;
  heard(connection: Accepted): void;
  lost(connection: Accepted, reason: string): void;
  turnedAway(address: string, code: string, reason: string): void;
}

export interface InboundParts {
  readonly address: string;
  /** The same socket, where it is TLS. */
  readonly secured: TLSSocket | undefined;
  readonly options: PeersOptions<never>;
  readonly limits: PeerLimits;
  readonly place: StrangerPlace;
  /** Signatures are made and checked there. */
  readonly pace: TurnByTurn;
  readonly events: InboundEvents;
  /** It is a member: called once. */
  readonly proved?: () => void;
}

/** A hello, a proof, and a refusal from one that does not want to talk after all. */
const waitingMax = 3;

export class Inbound {
  readonly #socket: Socket;
  readonly #parts: InboundParts;
  readonly #channel: Channel;
  readonly #answering: Answering;
  readonly #timer: NodeJS.Timeout;
  #connection: Accepted | undefined;
  #hasSpoken = false;
  /** Frames of the handshake that wait for their turn. */
  #waiting: { readonly type: number; readonly payload: Buffer }[] = [];
  #isOver = false;
  /** Bytes of the preamble; undefined once it is read. */
  #opening: Buffer | undefined = Buffer.alloc(0);

  constructor(socket: Socket, parts: InboundParts) {
    this.#socket = socket;
    this.#parts = parts;
    const { options, limits, secured } = parts;
    this.#answering = new Answering({
      identity: options.identity,
      key: options.key,
      joinSecret: options.joinSecret,
      binding: () => bindingOf(secured),
    });
    this.#channel = new Channel(socket, handshakeFrameBytesMax, (type, payload) =>
      this.#frame(type, payload),
    );
    this.#timer = setTimeout(
      () => this.#leave("silent", "nothing that makes a handshake, in time"),
      limits.handshakeTimeoutMs,
    );
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("end", () => this.#gone("closed by the peer"));
    socket.on("close", () => this.#gone("closed by the peer"));
  }

  evict(): void {
    this.#leave("crowd", crowded);
  }

  #read(chunk: Buffer): void {
    try {
      if (this.#connection !== undefined) this.#parts.events.heard(this.#connection);
      const bytes = this.#opening === undefined ? chunk : this.#readOpening(chunk);
      if (bytes !== undefined) this.#channel.reader.push(bytes);
    } catch (error) {
      if (error instanceof FrameError) this.#leave(error.code, error.message);
      else this.#fail(error);
    }
  }

  #readOpening(chunk: Buffer): Buffer | undefined {
    const bytes = Buffer.concat([this.#opening!, chunk]);
    if (isJunk(bytes)) {
      this.#leave("junk", describeJunk(bytes));
      return undefined;
    }
    if (bytes.length < preambleBytes) {
      this.#opening = bytes;
      return undefined;
    }
    this.#opening = undefined;
    const preamble = decodePreamble(bytes);
    if (preamble.kind === "althing" && preamble.version !== peerProtocolVersion) {
      const reason = `it speaks version ${preamble.version} of the peer protocol, this member version ${peerProtocolVersion}`;
      this.#refuse({ code: "version", reason });
      return undefined;
    }
    return bytes.subarray(preambleBytes);
  }

  #frame(type: number, payload: Buffer): void {
    if (this.#connection !== undefined && this.#waiting.length === 0) {
      this.#parts.events.frame(this.#connection, type, payload);
      return;
    }
    this.#waiting.push({ type, payload });
    if (this.#waiting.length > waitingMax)
      throw new FrameError("flood", "a handshake of many frames");
    if (this.#waiting.length === 1) this.#parts.pace.add(() => this.#takeWaiting());
  }

  /** False: its caller has gone, and there was nothing to do. */
  #takeWaiting(): boolean {
    if (this.#isOver) return false;
    try {
      for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
        if (this.#isOver) break;
        const { type, payload } = next;
        if (this.#connection === undefined) this.#handshake(type, payload);
        else this.#parts.events.frame(this.#connection, type, payload);
        this.#waiting.shift();
      }
    } catch (error) {
      if (error instanceof FrameError) this.#leave(error.code, error.message);
      else this.#fail(error);
    }
    return true;
  }

  #handshake(type: number, payload: Buffer): void {
    if (type === frameType.hello) this.#greeted(payload);
    else if (type === frameType.proof) this.#proved(payload);
    else {
      this.#refuse({ code: "malformed", reason: `a frame of type ${type} instead of a hello` });
    }
  }

  #greeted(payload: Buffer): void {
    const { secured, options } = this.#parts;
    const fault = certificateFault(secured, options.tls);
    if (fault !== undefined) {
      // etcd's words, which operators look for in logs.
      const reason = `client certificate authentication failed: ${fault}`;
      this.#refuse({ code: "certificate", reason });
      return;
    }
    const answer = this.#answering.greeted(payload);
    if ("refusal" in answer) this.#refuse(answer.refusal);
    else this.#say(encodeFrame(frameType.challenge, answer.challenge));
  }

  #proved(payload: Buffer): void {
    const answer = this.#answering.proved(payload);
    if ("refusal" in answer) {
      this.#refuse(answer.refusal);
      return;
    }
    const { secured, options, events, limits, address } = this.#parts;
    const { caller } = answer;
    const knock: Knock = {
      ...caller,
      certificateFault: (urls) => certificateNamesFault(secured, options.tls, urls),
    };
    if (caller.hello.channel === "ask") {
      this.#answer(knock);
      return;
    }
    const judged = events.judge(knock);
    if ("refusal" in judged) {
      this.#refuse(judged.refusal);
      return;
    }
    this.#known();
    const { hello } = caller;
    this.#connection = { hello, channel: this.#channel, address };
    this.#parts.proved?.();
    this.#channel.reader.allow(limits.frameBytesMax);
    if (hello.channel === "bulk") this.#socket.setKeepAlive(true, 5_000);
    const welcome = this.#answering.welcome(judged.introduction);
    this.#say(encodeFrame(frameType.welcome, welcome));
    events.accepted(this.#connection);
  }

  /** One that is about to join, or that was away too long, is told what it needs. */
  #answer(knock: Knock): void {
    const answer = this.#parts.options.answer?.(knock) ?? {
      kind: "refused",
      refusal: { code: "unknownMember", reason: "it tells no members" },
    };
    if (answer.kind === "refused") {
      this.#refuse(answer.refusal);
      return;
    }
    this.#known();
    const frame = encodeRosterAnswer(answer.roster, this.#answering.joinProof());
    this.#end(encodeFrame(frameType.roster, frame));
  }

  #refuse(refusal: Refusal): void {
    const { events, address } = this.#parts;
    this.#known();
    if (refusal.code !== "unmet") events.turnedAway(address, refusal.code, refusal.reason);
    this.#end(encodeFrame(frameType.refusal, this.#answering.refusal(refusal)));
  }

  #say(frame: Buffer): void {
    this.#socket.write(this.#hasSpoken ? frame : Buffer.concat([encodePreamble(), frame]));
    this.#hasSpoken = true;
  }

  #end(lastWords: Buffer): void {
    this.#isOver = true;
    this.#channel.reader.close();
    this.#say(lastWords);
    this.#socket.end();
    setTimeout(() => this.#channel.destroy(), 500).unref();
  }

  #fail(error: unknown): void {
    const { options, address } = this.#parts;
    options.observe({ kind: "peerHandlerFailed", level: "error", address, error });
    this.#leave("failed", `serving it failed: ${String(error)}`);
  }

  #leave(code: string, reason: string): void {
    const { events, address } = this.#parts;
    if (this.#connection === undefined) events.turnedAway(address, code, reason);
    this.#gone(reason);
    this.#channel.destroy();
  }

  #gone(reason: string): void {
    this.#isOver = true;
    this.#waiting = [];
    this.#known();
    const lost = this.#connection;
    this.#connection = undefined;
    if (lost !== undefined) this.#parts.events.lost(lost, reason);
  }

  #known(): void {
    clearTimeout(this.#timer);
    this.#parts.place.leave();
  }
}
