// Reads what a ByteWriter wrote. Every way in which bytes can be wrong ends in MalformedBytes; no length is
// believed before the bytes for it are seen, so junk cannot ask for memory.

import { byteStringOf } from "./byte-string.ts";
import { MalformedBytes } from "./malformed-bytes.ts";

export class ByteReader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
  #view: DataView | undefined;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  get atEnd(): boolean {
    return this.at === this.end;
  }

  get remaining(): number {
    return this.end - this.at;
  }

  expectEnd(): void {
    if (!this.atEnd) throw new MalformedBytes("there are bytes after the end");
  }

  u8(): number {
    return this.bytes[this.#take(1)]!;
  }

  boolean(): boolean {
    const value = this.u8();
    if (value > 1) throw new MalformedBytes("a boolean is 0 or 1");
    return value === 1;
  }

  u32(): number {
    return this.#dataView().getUint32(this.#take(4));
  }

  f64(): number {
    return this.#dataView().getFloat64(this.#take(8));
  }

  i64(): bigint {
    return this.#dataView().getBigInt64(this.#take(8));
  }

  /** A safe integer; a longer encoding than needed is refused, so that encodings are unique. */
  varint(): number {
    let value = this.u8();
    if (value < 0x80) return value;
    value &= 0x7f;
    let scale = 128;
    for (let count = 1; count < 8; count++) {
      const next = this.u8();
      value += (next & 0x7f) * scale;
      if (next < 0x80) {
        if (next === 0) throw new MalformedBytes("a varint is longer than it needs to be");
        if (value > Number.MAX_SAFE_INTEGER) throw new MalformedBytes("a number is too large");
        return value;
      }
      scale *= 128;
    }
    throw new MalformedBytes("a varint is too long");
  }

  /** A count of things that take at least `sizeMin` bytes each. */
  count(sizeMin: number): number {
    const count = this.varint();
    if (count * sizeMin > this.remaining) throw new MalformedBytes("a count is too large");
    return count;
  }

  /** A view of the next bytes, not a copy. */
  raw(length: number): Uint8Array {
    const start = this.#take(length);
    return this.bytes.subarray(start, start + length);
  }

  rest(): Uint8Array {
    return this.raw(this.remaining);
  }

  block(): Uint8Array {
    return this.raw(this.varint());
  }

  byteString(): string {
    const length = this.varint();
    const start = this.#take(length);
    return byteStringOf(this.bytes, start, start + length);
  }

  byteStrings(): string[] {
    const count = this.count(1);
    const list: string[] = [];
    for (let i = 0; i < count; i++) list.push(this.byteString());
    return list;
  }

  text(): string {
    const units = this.varint();
    const start = this.#take(units * 2);
    let text = "";
    for (let i = 0; i < units; i++) {
      text += String.fromCharCode(this.#dataView().getUint16(start + 2 * i));
    }
    return text;
  }

  #take(length: number): number {
    const start = this.at;
    if (start + length > this.end) throw new MalformedBytes("the bytes end too early");
    this.at = start + length;
    return start;
  }

  #dataView(): DataView {
    this.#view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    return this.#view;
  }
}
