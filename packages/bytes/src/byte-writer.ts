// A growing buffer for encodings: messages, commands, records, snapshot chunks. Given the exact size nothing is
// copied twice. What `written` returns is a view that the next `reset` invalidates; `copy` is the caller's own.

import { writeByteString } from "./byte-string.ts";

export class ByteWriter {
  bytes: Uint8Array;
  length = 0;
  #view: DataView | undefined;

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
  }

  reset(): void {
    this.length = 0;
  }

  written(): Uint8Array {
    return this.length === this.bytes.length ? this.bytes : this.bytes.subarray(0, this.length);
  }

  copy(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  reserve(size: number): void {
    if (this.length + size <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + size));
    larger.set(this.written());
    this.bytes = larger;
    this.#view = undefined;
  }

  u8(value: number): void {
    if (this.length === this.bytes.length) this.reserve(1);
    this.bytes[this.length++] = value;
  }

  boolean(value: boolean): void {
    this.u8(value ? 1 : 0);
  }

  u32(value: number): void {
    this.reserve(4);
    this.#dataView().setUint32(this.length, value);
    this.length += 4;
  }

  /** Any number, exactly. */
  f64(value: number): void {
    this.reserve(8);
    this.#dataView().setFloat64(this.length, value);
    this.length += 8;
  }

  /** A signed 64-bit integer; a larger one wraps, as it does in the protocols. */
  i64(value: bigint): void {
    this.reserve(8);
    this.#dataView().setBigInt64(this.length, BigInt.asIntN(64, value));
    this.length += 8;
  }

  /** A safe integer >= 0, seven bits a byte, the lowest first. */
  varint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`a varint is a safe integer >= 0, not ${value}`);
    }
    if (this.length + 8 > this.bytes.length) this.reserve(varintSize(value));
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

  /** Bytes without their length. */
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

  /** Length, then one byte per code unit: keys and identifiers, never text of people. */
  byteString(text: string): void {
    this.varint(text.length);
    this.reserve(text.length);
    this.length = writeByteString(text, this.bytes, this.length);
  }

  byteStrings(list: readonly string[]): void {
    this.varint(list.length);
    for (const text of list) this.byteString(text);
  }

  /** Any text: two bytes per code unit. For names and addresses, which are few and short. */
  text(text: string): void {
    this.varint(text.length);
    this.reserve(text.length * 2);
    for (let i = 0; i < text.length; i++) {
      this.#dataView().setUint16(this.length, text.charCodeAt(i));
      this.length += 2;
    }
  }

  #dataView(): DataView {
    this.#view ??= new DataView(this.bytes.buffer);
    return this.#view;
  }
}

/** Bytes that `varint(value)` takes. */
export function varintSize(value: number): number {
  let size = 1;
  let rest = value;
  while (rest > 0x7fffffff) {
    rest = Math.floor(rest / 128);
    size++;
  }
  while (rest > 0x7f) {
    rest >>>= 7;
    size++;
  }
  return size;
}
