// Frames on a peer connection: length, type, CRC-32, payload. Nothing is delivered that does not
// verify, and nothing larger than the limit is ever collected in memory.

import { crc32 } from "node:zlib";

export const frameHeaderBytes = 9;

export const frameType = {
  hello: 1,
  welcome: 2,
  refusal: 3,
  message: 4,
  ping: 5,
  pong: 6,
  /** The answer to one that asked who the members are. */
  roster: 8,
  challenge: 9,
  proof: 10,
} as const;
export type FrameType = (typeof frameType)[keyof typeof frameType];

export type FrameErrorCode = "oversized" | "damaged" | "flood";

export class FrameError extends Error {
  readonly code: FrameErrorCode;
  constructor(code: FrameErrorCode, message: string) {
    super(message);
    this.name = "FrameError";
    this.code = code;
  }
}

/** Writes the header of `payload` at `offset` of `target`. */
export function writeFrameHeader(
  target: Buffer,
  offset: number,
  type: FrameType,
  payload: Uint8Array,
): void {
  target.writeUInt32LE(payload.length, offset);
  target.writeUInt8(type, offset + 4);
  target.writeUInt32LE(crc32(payload, headerSeed(payload.length, type)), offset + 5);
}

export function encodeFrame(type: FrameType, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(frameHeaderBytes + payload.length);
  writeFrameHeader(frame, 0, type, payload);
  frame.set(payload, frameHeaderBytes);
  return frame;
}

/** The checksum starts from the header's own content, so that damage there shows as well. */
function headerSeed(length: number, type: number): number {
  return ((length << 3) ^ type) >>> 0;
}

export type FrameSink = (type: number, payload: Buffer) => void;

/**
 * Cuts a byte stream into frames. A frame that lies whole in one chunk is delivered as a view of it;
 * one that spans several is put together once, when its last byte is there.
 */
export class FrameReader {
  #bytesMax: number;
  readonly #sink: FrameSink;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Bytes that must be there before it is worth looking again. */
  #wanted = frameHeaderBytes;
  #closed = false;

  constructor(bytesMax: number, sink: FrameSink) {
    this.#bytesMax = bytesMax;
    this.#sink = sink;
  }

  /** A connection that has proved who it is may send larger frames. */
  allow(bytesMax: number): void {
    this.#bytesMax = bytesMax;
  }

  /** Nothing is delivered any more, not even what the current chunk still holds. */
  close(): void {
    this.#closed = true;
    this.#held = [];
    this.#heldBytes = 0;
  }

  /** Throws FrameError; the stream cannot be read on after that. */
  push(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#heldBytes > 0) {
      this.#held.push(chunk);
      this.#heldBytes += chunk.length;
      if (this.#heldBytes < this.#wanted) return;
      bytes = Buffer.concat(this.#held, this.#heldBytes);
      this.#held = [];
      this.#heldBytes = 0;
    }
    let offset = 0;
    while (!this.#closed) {
      const left = bytes.length - offset;
      if (left < frameHeaderBytes) {
        this.#wanted = frameHeaderBytes;
        break;
      }
      const length = bytes.readUInt32LE(offset);
      if (length > this.#bytesMax) {
        throw new FrameError("oversized", `a frame of ${length} bytes; ${this.#bytesMax} allowed`);
      }
      if (left < frameHeaderBytes + length) {
        this.#wanted = frameHeaderBytes + length;
        break;
      }
      const type = bytes.readUInt8(offset + 4);
      const start = offset + frameHeaderBytes;
      const payload = bytes.subarray(start, start + length);
      if (crc32(payload, headerSeed(length, type)) !== bytes.readUInt32LE(offset + 5)) {
        throw new FrameError("damaged", "a frame whose checksum does not match");
      }
      offset = start + length;
      this.#sink(type, payload);
    }
    if (!this.#closed && offset < bytes.length) {
      this.#held.push(offset === 0 ? bytes : bytes.subarray(offset));
      this.#heldBytes = bytes.length - offset;
    }
  }
}
