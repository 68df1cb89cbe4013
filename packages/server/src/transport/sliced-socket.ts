// A connection as node:http, `ws` and node:tls see it. Their parsers take whatever they are given in one go, and one
// chunk may hold two thousand requests, ten thousand frames, or as many changes of keys: so what comes in is handed on in slices, as long as this
// turn of the loop has a share left for them (turn-share.ts).

import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Account } from "./budget.ts";
import { awaitShare, isShareSpent, type Sharer } from "./turn-share.ts";

/** Who pays for what waits here. */
type Payer = Pick<Account, "take" | "release">;

/** Some eighty requests at most. */
const sliceBytes = 2048;
const nothing: Buffer = Buffer.alloc(0);

export class SlicedSocket extends Duplex implements Sharer {
  readonly #socket: Socket;
  readonly #account: Payer;
  /** What came and was not handed on; charged. */
  #rest = nothing;
  #isWanted = false;
  #isHeld = false;
  #isTrusted = false;
  #isWaiting = false;
  #hasEnded = false;

  /** `first`: what was read from it already. */
  constructor(socket: Socket, account: Payer, first?: Buffer) {
    // Not a slice more is kept than the reader takes.
    super({ allowHalfOpen: false, readableHighWaterMark: 1 });
    // What the client said before it stopped speaking is still to be handed on, and answered.
    socket.allowHalfOpen = true;
    this.#socket = socket;
    this.#account = account;
    // A connection that breaks is no fault of anybody here: that it closes tells all.
    this.on("error", () => {});
    socket.on("data", (chunk: Buffer) => this.#arrived(chunk));
    socket.on("end", () => {
      this.#hasEnded = true;
      this.#handOn();
    });
    socket.on("close", () => this.destroy());
    socket.on("timeout", () => this.emit("timeout"));
    if (first !== undefined) this.#arrived(first);
  }

  setTimeout(milliseconds: number, listener?: () => void): this {
    this.#socket.setTimeout(milliseconds);
    if (listener !== undefined) this.once("timeout", listener);
    return this;
  }

  /** As node:net has it: once everything is written. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  /** While true nothing is handed on. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    if (!isHeld && this.#rest.length > 0) this.#handOn();
  }

  /** From here on all that comes is handed on as it comes. */
  trust(): void {
    this.#isTrusted = true;
  }

  catchUp(): boolean {
    this.#isWaiting = false;
    while (this.#rest.length > 0) {
      if (!this.#isWanted || this.#isHeld) return true;
      if (!this.#isTrusted && isShareSpent(performance.now())) {
        this.#isWaiting = true;
        return false;
      }
      const slice = this.#isTrusted ? this.#rest : this.#rest.subarray(0, sliceBytes);
      this.#rest = this.#rest.subarray(slice.length);
      this.#account.release(slice.length);
      this.#isWanted = this.push(slice);
    }
    if (this.#hasEnded) this.#ended();
    else if (this.#isWanted) this.#socket.resume();
    return true;
  }

  override _read(): void {
    this.#isWanted = true;
    this.#handOn();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#pass(chunk, done);
  }

  override _writev(
    chunks: readonly { readonly chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#socket.cork();
    const last = chunks.length - 1;
    for (const { chunk } of chunks.slice(0, last)) this.#socket.write(chunk);
    this.#pass(chunks[last]!.chunk, done);
    this.#socket.uncork();
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#account.release(this.#rest.length);
    this.#rest = nothing;
    this.#socket.destroy();
    done(error);
  }

  #arrived(chunk: Buffer): void {
    if (this.destroyed) return;
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#account.take(chunk.length);
    this.#socket.pause();
    this.#handOn();
  }

  /** What the system takes at once is not seen to wait. */
  #pass(chunk: Buffer, done: (error?: Error | null) => void): void {
    let isTold = false;
    const tell = (error?: Error | null) => {
      if (!isTold) done(error);
      isTold = true;
    };
    this.#socket.write(chunk, tell);
    if (this.#socket.writableLength === 0) tell();
  }

  /** Also where nobody reads any more. */
  #ended(): void {
    this.push(null);
    this.end();
  }

  #handOn(): void {
    if (this.#isWaiting || this.destroyed) return;
    if (!this.catchUp()) awaitShare(this);
  }
}
