// Somebody at the peer port who says what it likes: a handshake by hand over a bare socket, for tests of what
// is let in and what is not.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TLSSocket, connect as tlsConnect } from "node:tls";
import { encodeFrame, FrameReader, type FrameType, frameType } from "../frame.ts";
import {
  type Challenge,
  decodeChallenge,
  decodePreamble,
  decodeRefusal,
  encodeMessage,
  encodePreamble,
  type Hello,
  type Proof,
  peerProtocolVersion,
  preambleBytes,
  type Refusal,
} from "../handshake.ts";
import { type DiskKey, newNonce, proofOfSecret, statementOf } from "../proof.ts";
import { bindingOf } from "../tls.ts";

export interface Said {
  readonly type: number;
  readonly payload: Buffer;
}

export class Stranger {
  readonly socket: Socket;
  readonly said: Said[] = [];
  #binding = "";
  #opening: Buffer | undefined = Buffer.alloc(0);
  readonly #reader = new FrameReader(2 ** 20, (type, payload) => {
    this.said.push({ type, payload: Buffer.from(payload) });
    this.socket.emit("said");
  });

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      let bytes = chunk;
      if (this.#opening !== undefined) {
        bytes = Buffer.concat([this.#opening, chunk]);
        if (bytes.length < preambleBytes) {
          this.#opening = bytes;
          return;
        }
        this.#opening = undefined;
        if (decodePreamble(bytes).kind === "junk") throw new Error("no peer protocol");
        bytes = bytes.subarray(preambleBytes);
      }
      this.#reader.push(bytes);
    });
  }

  static async connect(port: number, tls?: object): Promise<Stranger> {
    const where = { host: "127.0.0.1", port };
    const socket = tls === undefined ? connect(where) : tlsConnect({ ...where, ...tls });
    const stranger = new Stranger(socket);
    await once(socket, tls === undefined ? "connect" : "secureConnect");
    if (tls !== undefined) stranger.#binding = bindingOf(socket as TLSSocket);
    return stranger;
  }

  send(type: FrameType, payload: Uint8Array): void {
    this.socket.write(encodeFrame(type, payload));
  }

  /** The next thing said that was not asked for yet; undefined: the connection ended instead. */
  async hear(): Promise<Said | undefined> {
    while (this.said.length === 0) {
      if (this.socket.destroyed || this.socket.readableEnded) return undefined;
      await new Promise<void>((done) => {
        const wake = () => {
          for (const event of ["said", "end", "close"]) this.socket.off(event, wake);
          done();
        };
        for (const event of ["said", "end", "close"]) this.socket.once(event, wake);
      });
    }
    return this.said.shift();
  }

  async hearRefusal(): Promise<Refusal | undefined> {
    const said = await this.hear();
    return said?.type === frameType.refusal ? decodeRefusal(said.payload) : undefined;
  }

  /** Says hello; the challenge, or the refusal that came instead. */
  async greet(hello: Hello): Promise<Challenge | Refusal | undefined> {
    this.socket.write(
      Buffer.concat([encodePreamble(), encodeFrame(frameType.hello, encodeMessage(hello))]),
    );
    const said = await this.hear();
    if (said?.type === frameType.refusal) return decodeRefusal(said.payload);
    return said?.type === frameType.challenge ? decodeChallenge(said.payload) : undefined;
  }

  /** Proves what it can; `more` replaces parts of the proof. */
  prove(hello: Hello, challenge: Challenge, key: DiskKey, more: ProofMade = {}): void {
    const statement = statementOf("caller", {
      version: peerProtocolVersion,
      binding: this.#binding,
      clusterId: challenge.clusterId,
      consensus: challenge.consensus,
      channel: hello.channel,
      caller: hello,
      callee: challenge,
    });
    const { joinSecret, former, ...given } = more;
    const proof: Proof = {
      signature: key.sign(statement),
      joinProof: joinSecret === undefined ? "" : proofOfSecret(joinSecret, statement),
      formerProof: former === undefined ? "" : proofOfSecret(former, statement),
      urls: [],
      introductions: [],
      ...given,
    };
    this.send(frameType.proof, encodeMessage(proof));
  }

  /** A whole handshake; what it came to. */
  async enter(hello: Hello, key: DiskKey, more: ProofMade = {}): Promise<Said | undefined> {
    const challenge = await this.greet(hello);
    if (challenge === undefined || "code" in challenge) throw new Error(JSON.stringify(challenge));
    this.prove(hello, challenge, key, more);
    return await this.hear();
  }
}

export type ProofMade = Partial<Proof> & { readonly joinSecret?: string; readonly former?: string };

export function helloOf(hello: Omit<Hello, "nonce">): Hello {
  return { ...hello, nonce: newNonce() };
}
