// What one connection has to say, collected over a turn of the event loop and handed to the socket at once.
// The buffers are shared by all connections and used again once the socket has let go of them: a fresh one
// per write costs more than everything else that happens to a small answer. A socket that is stuck gets few
// buffers at a time, however little is in each: the rest is collected and fills them.

import type { Socket } from "node:net";
import type { Account } from "../budget.ts";
import { flag, frameBytesMax, frameHeaderBytes, frameType } from "./codes.ts";

const bufferBytes = 32 * 1024;
const spareBuffersMax = 256;
/** Beyond this, data waits in its stream; what is small goes on being accepted. */
const blockedBytes = 256 * 1024;
/** Beyond this, the peer is not listened to until it has read. */
const congestedBytes = 1024 * 1024;
/** Handed to the socket and not yet taken: beyond this, what follows is collected. */
const inFlightMax = 4;
/** What any connection has to write now and then is not worth an account. */
const freeBytes = 64 * 1024;

const spare: OutputBuffer[] = [];

class OutputBuffer {
  readonly bytes = Buffer.allocUnsafeSlow(bufferBytes);
  used = 0;
  owner: Output | undefined;
  /** Made once, and not for every write. */
  readonly written = (): void => {
    const { owner, used } = this;
    this.owner = undefined;
    this.used = 0;
    if (spare.length < spareBuffersMax) spare.push(this);
    owner?.released(used);
  };
}

export class Output {
  /** Not yet taken by the operating system. */
  backlogBytes = 0;
  /** Of all time: a reader that stands still shows as this standing still. */
  writtenBytes = 0;
  private readonly socket: Socket;
  private readonly account: Account;
  private readonly onReleased: () => void;
  private current: OutputBuffer | undefined;
  private readonly full: OutputBuffer[] = [];
  private inFlight = 0;
  private chargedBytes = 0;

  constructor(socket: Socket, account: Account, onReleased: () => void) {
    this.socket = socket;
    this.account = account;
    this.onReleased = onReleased;
  }

  get isBlocked(): boolean {
    return this.backlogBytes >= blockedBytes;
  }

  get isCongested(): boolean {
    return this.backlogBytes >= congestedBytes;
  }

  frameHeader(length: number, type: number, flags: number, streamId: number): void {
    const buffer = this.room(frameHeaderBytes);
    const { bytes } = buffer;
    let at = buffer.used;
    bytes[at++] = length >>> 16;
    bytes[at++] = length >>> 8;
    bytes[at++] = length;
    bytes[at++] = type;
    bytes[at++] = flags;
    bytes[at++] = streamId >>> 24;
    bytes[at++] = streamId >>> 16;
    bytes[at++] = streamId >>> 8;
    bytes[at++] = streamId;
    buffer.used = at;
    this.backlogBytes += frameHeaderBytes;
  }

  uint32(value: number): void {
    const buffer = this.room(4);
    buffer.used = buffer.bytes.writeUInt32BE(value >>> 0, buffer.used);
    this.backlogBytes += 4;
  }

  uint16(value: number): void {
    const buffer = this.room(2);
    buffer.used = buffer.bytes.writeUInt16BE(value, buffer.used);
    this.backlogBytes += 2;
  }

  copy(source: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; ) {
      const buffer = this.room(1);
      const size = Math.min(end - at, bufferBytes - buffer.used);
      const isWhole = size === source.length;
      buffer.bytes.set(isWhole ? source : source.subarray(at, at + size), buffer.used);
      buffer.used += size;
      at += size;
    }
    this.backlogBytes += end - start;
  }

  /** HEADERS, and CONTINUATION for what does not fit into one frame. */
  headers(streamId: number, block: Uint8Array, isLast: boolean): void {
    let type: number = frameType.headers;
    let flags: number = isLast ? flag.endStream : 0;
    let at = 0;
    do {
      const end = Math.min(block.length, at + frameBytesMax);
      if (end === block.length) flags |= flag.endHeaders;
      this.frameHeader(end - at, type, flags, streamId);
      this.copy(block, at, end);
      at = end;
      type = frameType.continuation;
      flags = 0;
    } while (at < block.length);
  }

  /** `isLast`: nothing will follow. */
  flush(isLast = false): void {
    const { current, full, socket } = this;
    if (current === undefined || !socket.writable) return;
    if (this.backlogBytes > freeBytes) this.settle();
    const isStuck = this.inFlight >= inFlightMax && !isLast;
    if (!isStuck) this.current = undefined;
    if (full.length === 0) {
      if (!isStuck) this.write(current);
      return;
    }
    socket.cork();
    for (const buffer of full) this.write(buffer);
    if (!isStuck) this.write(current);
    socket.uncork();
    full.length = 0;
  }

  released(bytes: number): void {
    this.inFlight--;
    this.backlogBytes -= bytes;
    this.writtenBytes += bytes;
    if (this.chargedBytes > 0) this.settle();
    if (this.inFlight === inFlightMax - 1 && this.current !== undefined) this.flush();
    this.onReleased();
  }

  private settle(): void {
    const due = this.backlogBytes > freeBytes ? this.backlogBytes : 0;
    if (due > this.chargedBytes) this.account.take(due - this.chargedBytes);
    else this.account.release(this.chargedBytes - due);
    this.chargedBytes = due;
  }

  private write(buffer: OutputBuffer): void {
    buffer.owner = this;
    this.inFlight++;
    this.socket.write(buffer.bytes.subarray(0, buffer.used), buffer.written);
  }

  private room(bytes: number): OutputBuffer {
    const { current } = this;
    if (current !== undefined) {
      if (current.used + bytes <= bufferBytes) return current;
      this.full.push(current);
    }
    this.current = spare.pop() ?? new OutputBuffer();
    return this.current;
  }
}
