// One socket with frames on it. Rule: all that one turn of the loop sends leaves in one write, from
// buffers that are used again; what is not yet on its way is counted, so that a slow reader is met
// with back-pressure and never with memory.

import type { Socket } from "node:net";
import {
  FrameReader,
  type FrameSink,
  type FrameType,
  frameHeaderBytes,
  writeFrameHeader,
} from "./frame.ts";

const pooledBytes = 64 * 1024;
const pooledMax = 64;
const pool: Buffer[] = [];

export class Channel {
  readonly socket: Socket;
  readonly reader: FrameReader;
  bytesSent = 0;
  #types: FrameType[] = [];
  #payloads: Uint8Array[] = [];
  #queuedBytes = 0;
  #flushing = false;

  constructor(socket: Socket, frameBytesMax: number, sink: FrameSink) {
    this.socket = socket;
    this.reader = new FrameReader(frameBytesMax, sink);
  }

  /** Bytes handed over that the kernel has not taken yet. */
  backlog(): number {
    return this.#queuedBytes + this.socket.writableLength;
  }

  send(type: FrameType, payload: Uint8Array): void {
    this.#types.push(type);
    this.#payloads.push(payload);
    this.#queuedBytes += frameHeaderBytes + payload.length;
    if (this.#flushing) return;
    this.#flushing = true;
    process.nextTick(() => this.flush());
  }

  flush(): void {
    this.#flushing = false;
    const bytes = this.#queuedBytes;
    const types = this.#types;
    const payloads = this.#payloads;
    if (types.length === 0) return;
    this.#types = [];
    this.#payloads = [];
    this.#queuedBytes = 0;
    if (this.socket.destroyed || !this.socket.writable) return;
    this.bytesSent += bytes;
    if (bytes <= pooledBytes) this.#writeCopied(types, payloads, bytes);
    else this.#writeParts(types, payloads);
  }

  /** What was queued leaves before the socket is closed. */
  end(): void {
    this.flush();
    this.socket.end();
  }

  destroy(): void {
    this.reader.close();
    this.#types = [];
    this.#payloads = [];
    this.#queuedBytes = 0;
    this.socket.destroy();
  }

  #writeCopied(types: FrameType[], payloads: Uint8Array[], bytes: number): void {
    const buffer = pool.pop() ?? Buffer.allocUnsafeSlow(pooledBytes);
    let offset = 0;
    for (let i = 0; i < types.length; i++) {
      const payload = payloads[i]!;
      writeFrameHeader(buffer, offset, types[i]!, payload);
      buffer.set(payload, offset + frameHeaderBytes);
      offset += frameHeaderBytes + payload.length;
    }
    // The callback comes when the kernel has the bytes; until then the buffer is not ours.
    this.socket.write(buffer.subarray(0, bytes), () => {
      if (pool.length < pooledMax) pool.push(buffer);
    });
  }

  #writeParts(types: FrameType[], payloads: Uint8Array[]): void {
    const headers = Buffer.allocUnsafe(types.length * frameHeaderBytes);
    this.socket.cork();
    for (let i = 0; i < types.length; i++) {
      const payload = payloads[i]!;
      const at = i * frameHeaderBytes;
      writeFrameHeader(headers, at, types[i]!, payload);
      this.socket.write(headers.subarray(at, at + frameHeaderBytes));
      this.socket.write(payload);
    }
    this.socket.uncork();
  }
}
