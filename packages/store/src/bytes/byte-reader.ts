// Reads what `ByteWriter` wrote. Input from outside is never trusted: whatever does not fit throws
// `MalformedBytes`, which the caller turns into a refusal.

import { byteStringOf } from "./byte-string.ts";

export class MalformedBytes extends Error {
  constructor(message: string) {
    super(message);
    this.name = "MalformedBytes";
  }
}

/** They are well formed, as far as can be told, and say something that only a later version can know. */
export class LaterVersion extends MalformedBytes {
  constructor(message: string) {
    super(message);
    this.name = "LaterVersion";
  }
}

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

  u8(): number {
    return this.bytes[this.#take(1)]!;
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
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        if ((byte === 0 && i > 0) || !Number.isSafeInteger(value)) break;
        return value;
      }
      factor *= 128;
    }
    throw new MalformedBytes("varint out of range");
  }

  /** A view of the next `length` bytes. */
  raw(length: number): Uint8Array {
    const start = this.#take(length);
    return this.bytes.subarray(start, start + length);
  }

  block(): Uint8Array {
    return this.raw(this.varint());
  }

  byteString(): string {
    const length = this.varint();
    const start = this.#take(length);
    return byteStringOf(this.bytes, start, start + length);
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
    if (start + length > this.end) throw new MalformedBytes("bytes end too early");
    this.at = start + length;
    return start;
  }

  #dataView(): DataView {
    this.#view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    return this.#view;
  }
}
