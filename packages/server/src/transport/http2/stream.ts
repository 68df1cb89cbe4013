// One stream of a connection (RFC 9113 section 5.1) as its server sees it: open from the request's HEADERS
// on, until both sides have ended or either resets it. It tells its consumer what comes in and exactly once
// that it is closed; what a consumer does to a closed stream does nothing. What is kept for it is charged to its
// connection and released with it, whatever anybody forgets.

import type { Chargeable } from "../budget.ts";
import type { ErrorCode } from "./codes.ts";
import { sendReset } from "./control-frames.ts";
import {
  type ReceiveWindow,
  type SendFlow,
  sendEmptyLast,
  type WaitingStream,
} from "./flow-control.ts";
import type { Output } from "./output.ts";
import type { RequestHead } from "./request-head.ts";
import { memoryOf, SendQueue } from "./send-queue.ts";

export interface StreamConsumer {
  /** Bytes that stay as they are, but whose memory is a whole chunk of the connection's. */
  data(bytes: Buffer, start: number, end: number): void;
  remoteEnded(): void;
  /** What was queued has left; more is welcome. */
  drained(): void;
  /**
   * Since when the request has lacked something that it must bring; undefined: nothing, it may stay open for
   * as long as it likes.
   */
  unfinishedSinceMs(openedAtMs: number): number | undefined;
  /** The request took too long to arrive. */
  tooLate(): void;
  /** `isComplete`: both sides had ended, and everything that was to be sent was sent. */
  closed(isComplete: boolean): void;
}

export interface StreamOwner {
  readonly output: Output;
  readonly sending: SendFlow;
  readonly account: Chargeable;
  /** There is something to write at the end of this turn. */
  touch(): void;
  /** Answered in full although the request has not ended. */
  answeredEarly(stream: Stream): void;
  streamClosed(stream: Stream, wasReset: boolean): void;
}

/** What a stream is charged with its call: ten thousand watches that wait took 2.1 KiB each. */
export const streamBytes = 4096;

export class Stream implements WaitingStream, Chargeable {
  readonly id: number;
  readonly head: RequestHead;
  readonly openedAtMs: number;
  consumer: StreamConsumer = ignoring;
  windowDelta = 0;
  isRemoteEnded = false;
  isLocalEnded = false;
  isClosed = false;
  /** Made when a body has more than one frame. */
  receiveWindow: ReceiveWindow | undefined;
  bodyBytes = 0;
  /** Charged for it. */
  heldBytes: number;
  private readonly owner: StreamOwner;
  private queue: SendQueue | undefined;
  /** What ends the stream once the queue is empty. */
  private last: { readonly trailers: Uint8Array | undefined } | undefined;

  /** `heldBytes`: charged already. */
  constructor(
    owner: StreamOwner,
    id: number,
    head: RequestHead,
    openedAtMs: number,
    heldBytes: number,
  ) {
    this.owner = owner;
    this.heldBytes = heldBytes;
    this.id = id;
    this.head = head;
    this.openedAtMs = openedAtMs;
  }

  charge(bytes: number): boolean {
    if (this.isClosed || !this.owner.account.charge(bytes)) return false;
    this.heldBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    if (this.isClosed) return;
    this.owner.account.release(bytes);
    this.heldBytes -= bytes;
  }

  get dequeuedBytes(): number {
    return this.queue === undefined ? 0 : this.queue.dequeuedBytes;
  }

  get queuedBytes(): number {
    return this.queue === undefined ? 0 : this.queue.bytes;
  }

  /** HEADERS of the answer; `isLast`: it has nothing else. */
  begin(block: Uint8Array, isLast: boolean): void {
    if (this.isClosed) return;
    this.owner.output.headers(this.id, block, isLast);
    this.owner.touch();
    if (isLast) this.localEnded();
  }

  /** Sends as many of the bytes as there is room for; the rest must be given to `enqueue` at once. */
  write(bytes: Uint8Array, start: number, end: number): number {
    if (this.isClosed) return end - start;
    this.owner.touch();
    return this.owner.sending.sendNow(this, bytes, start, end);
  }

  /** The bytes belong to the stream from now on. False: there is no room for them. */
  enqueue(bytes: Uint8Array): boolean {
    if (this.isClosed || bytes.length === 0) return true;
    if (!this.charge(memoryOf(bytes))) return false;
    this.queue ??= new SendQueue();
    this.queue.push(bytes);
    this.owner.sending.enqueued(this);
    return true;
  }

  /** After everything that was written. Without trailers the last frame is an empty one of data. */
  end(trailers: Uint8Array | undefined): void {
    if (this.isClosed || this.isLocalEnded || this.last !== undefined) return;
    if (this.queuedBytes > 0) {
      this.last = { trailers };
      return;
    }
    if (trailers === undefined) sendEmptyLast(this.owner.output, this.id);
    else this.owner.output.headers(this.id, trailers, true);
    this.owner.touch();
    this.localEnded();
  }

  reset(code: ErrorCode): void {
    if (this.isClosed) return;
    sendReset(this.owner.output, this.id, code);
    this.owner.touch();
    this.close(true);
  }

  // ------------------------------------------------------------- for the connection

  remoteEnded(): void {
    this.isRemoteEnded = true;
    this.consumer.remoteEnded();
    if (this.isLocalEnded) this.close(false);
  }

  /** `wasReset`: by us, while the peer may still be sending. */
  close(wasReset: boolean): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.owner.sending.forget(this);
    this.queue = undefined;
    this.owner.account.release(this.heldBytes);
    this.heldBytes = 0;
    this.owner.streamClosed(this, wasReset);
    this.consumer.closed(this.isLocalEnded);
  }

  get next(): Uint8Array {
    return this.queue!.next;
  }

  advance(frameBytes: number): void {
    const freed = this.queue!.advance(frameBytes);
    if (freed > 0) this.release(freed);
  }

  emptied(): void {
    const { last } = this;
    if (last === undefined) {
      this.consumer.drained();
      return;
    }
    this.last = undefined;
    this.end(last.trailers);
  }

  private localEnded(): void {
    this.isLocalEnded = true;
    if (this.isRemoteEnded) this.close(false);
    else this.owner.answeredEarly(this);
  }
}

/** Of requests that are refused at once. */
const ignoring: StreamConsumer = {
  data() {},
  remoteEnded() {},
  drained() {},
  unfinishedSinceMs: (openedAtMs) => openedAtMs,
  tooLate() {},
  closed() {},
};
