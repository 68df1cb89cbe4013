// A growing buffer for encodings: commands, records, snapshot chunks. What `written` returns is a
// view that the next `reset` invalidates; `copy` is the caller's own.

import { writeByteString } from "./byte-string.ts";

export class ByteWriter {
  bytes: Uint8Array;
  length = 0;
  #view: DataView;

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.bytes.buffer);
  }

  reset(): void {
    this.length = 0;
  }

  written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  copy(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  reserve(size: number): void {
    if (this.length + size <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + size));
    larger.set(this.written());
    this.bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  u8(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  u32(value: number): void {
    this.reserve(4);
    this.#view.setUint32(this.length, value);
    this.length += 4;
  }

  /** Any number, exactly. */
  f64(value: number): void {
    this.reserve(8);
    this.#view.setFloat64(this.length, value);
    this.length += 8;
  }

  /** A signed 64-bit integer; a larger one wraps, as it does in the protocols. */
  i64(value: bigint): void {
    this.reserve(8);
    this.#view.setBigInt64(this.length, BigInt.asIntN(64, value));
    this.length += 8;
  }

  /** A safe integer >= 0, seven bits a byte, least significant first. */
  varint(value: number): void {
    this.reserve(8);
    let rest = value;
    while (rest > 0x7fffffff) {
      this.bytes[this.length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      this.bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.length++] = rest;
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Length, then the bytes. */
  block(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** Length, then one byte per code unit. */
  byteString(text: string): void {
    this.varint(text.length);
    this.reserve(text.length);
    this.length = writeByteString(text, this.bytes, this.length);
  }

  /** Any text: two bytes per code unit. For names and addresses, which are few and short. */
  text(text: string): void {
    this.varint(text.length);
    this.reserve(text.length * 2);
    for (let i = 0; i < text.length; i++) {
      this.#view.setUint16(this.length, text.charCodeAt(i));
      this.length += 2;
    }
  }
}
