// A state as a stream of chunks, on the wire and in a checkpoint: a head that says where in the log it stands
// and how long it is, then its bytes in pieces. Each chunk has its place and a checksum.
//
//   chunk = CRC-32 of the rest (u32, highest byte first), sequence (varint), payload
//   head  = format, index, epoch, proposer, meta, hash, length of the state

import { ByteReader, ByteWriter, crc32, MalformedBytes } from "@althing/bytes";
import type { SnapshotReader, StatePoint } from "../state-machine.ts";

const format = 1;
const pieceBytes = 256 * 1024;
const crcBytes = 4;

export interface Capture {
  readonly point: StatePoint;
  /** The running hash at the point. */
  readonly hash: number;
  readonly state: Uint8Array;
}

/** A chunk that does not verify or comes out of order, or a stream that is not whole. */
export class CaptureDamaged extends Error {
  override readonly name = "CaptureDamaged";
}

export function readCapture(capture: Capture): SnapshotReader {
  const { point, state } = capture;
  let sequence = 0;
  let at = 0;
  return {
    point,
    next() {
      if (sequence === 0) return chunk(sequence++, headOf(capture));
      if (at >= state.length) return undefined;
      const piece = state.subarray(at, at + pieceBytes);
      at += piece.length;
      return chunk(sequence++, piece);
    },
    close() {},
  };
}

/** Takes chunks in and gives back what they were made of. Throws `CaptureDamaged`. */
export class CaptureAssembler {
  #sequence = 0;
  #head: Omit<Capture, "state"> | undefined;
  #state = new Uint8Array(0);
  #filled = 0;

  write(bytes: Uint8Array): void {
    const payload = verified(bytes, this.#sequence++);
    if (this.#head === undefined) {
      const { length, ...head } = readHead(payload);
      this.#head = head;
      this.#state = new Uint8Array(length);
      return;
    }
    if (payload.length > this.#state.length - this.#filled) {
      throw new CaptureDamaged("there is more of the state than its head says");
    }
    this.#state.set(payload, this.#filled);
    this.#filled += payload.length;
  }

  finish(): Capture {
    if (this.#head === undefined || this.#filled < this.#state.length) {
      throw new CaptureDamaged("the state is cut short");
    }
    return { ...this.#head, state: this.#state };
  }
}

function headOf({ point, hash, state }: Capture): Uint8Array {
  const writer = new ByteWriter(64 + point.meta.length);
  writer.u8(format);
  writer.varint(point.index);
  writer.varint(point.epoch);
  writer.byteString(point.proposer);
  writer.block(point.meta);
  writer.varint(hash);
  writer.varint(state.length);
  return writer.written();
}

function readHead(payload: Uint8Array): Omit<Capture, "state"> & { readonly length: number } {
  try {
    const reader = new ByteReader(payload);
    const found = reader.u8();
    if (found !== format) throw new CaptureDamaged(`the state has format ${found}: upgrade`);
    const index = reader.varint();
    const epoch = reader.varint();
    const proposer = reader.byteString();
    const meta = reader.block().slice();
    const head = { point: { index, epoch, proposer, meta }, hash: reader.varint() };
    const length = reader.varint();
    reader.expectEnd();
    return { ...head, length };
  } catch (cause) {
    if (!(cause instanceof MalformedBytes)) throw cause;
    throw new CaptureDamaged(`the head of the state cannot be read: ${cause.message}`, { cause });
  }
}

function chunk(sequence: number, payload: Uint8Array): Uint8Array {
  const writer = new ByteWriter(crcBytes + 8 + payload.length);
  writer.raw(new Uint8Array(crcBytes));
  writer.varint(sequence);
  writer.raw(payload);
  const bytes = writer.written();
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, crc32(bytes.subarray(crcBytes)));
  return bytes;
}

function verified(bytes: Uint8Array, sequence: number): Uint8Array {
  if (bytes.length < crcBytes + 1) throw new CaptureDamaged("a chunk of the state is cut short");
  const sum = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0);
  if (sum !== crc32(bytes.subarray(crcBytes))) {
    throw new CaptureDamaged(`chunk ${sequence} of the state does not match its checksum`);
  }
  const reader = new ByteReader(bytes.subarray(crcBytes));
  const found = reader.varint();
  if (found !== sequence)
    throw new CaptureDamaged(`chunk ${sequence} of the state came as ${found}`);
  return reader.rest();
}
