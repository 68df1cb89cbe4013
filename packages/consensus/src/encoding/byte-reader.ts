// Reads what a ByteWriter wrote. Every way in which bytes can be wrong ends in MalformedMessage;
// no length is believed before the bytes for it are seen, so junk cannot ask for memory.

import { MalformedMessage } from "./malformed-message.ts";

export class ByteReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  byte(): number {
    const value = this.#bytes[this.#position];
    if (value === undefined) throw new MalformedMessage("the message ends too early");
    this.#position++;
    return value;
  }

  boolean(): boolean {
    const value = this.byte();
    if (value > 1) throw new MalformedMessage("a boolean is 0 or 1");
    return value === 1;
  }

  varint(): number {
    let value = this.byte();
    if (value < 0x80) return value;
    value &= 0x7f;
    let scale = 128;
    for (let count = 1; count < 8; count++) {
      const next = this.byte();
      value += (next & 0x7f) * scale;
      if (next < 0x80) {
        if (next === 0) throw new MalformedMessage("a varint is longer than it needs to be");
        if (value > Number.MAX_SAFE_INTEGER) throw new MalformedMessage("a number is too large");
        return value;
      }
      scale *= 128;
    }
    throw new MalformedMessage("a varint is too long");
  }

  /** A count of things that take at least `sizeMin` bytes each. */
  count(sizeMin: number): number {
    const count = this.varint();
    if (count * sizeMin > this.remaining) throw new MalformedMessage("a count is too large");
    return count;
  }

  /** A view of the next bytes, not a copy. */
  raw(length: number): Uint8Array {
    if (length > this.remaining) throw new MalformedMessage("the message ends too early");
    const start = this.#position;
    this.#position += length;
    return this.#bytes.subarray(start, this.#position);
  }

  bytes(): Uint8Array {
    return this.raw(this.varint());
  }

  rest(): Uint8Array {
    return this.raw(this.remaining);
  }

  identifier(): string {
    const bytes = this.bytes();
    let text = "";
    for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]!);
    return text;
  }

  identifiers(): string[] {
    const count = this.count(1);
    const list: string[] = [];
    for (let i = 0; i < count; i++) list.push(this.identifier());
    return list;
  }

  end(): void {
    if (this.remaining !== 0) throw new MalformedMessage("the message has bytes after its end");
  }
}
