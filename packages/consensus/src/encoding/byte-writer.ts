// Writes unsigned varints, bytes and identifiers into one buffer. Give the exact size and nothing
// is copied twice; a writer that was given too little grows.

import { assert } from "../assert.ts";

export class ByteWriter {
  #bytes: Uint8Array;
  #position = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  byte(value: number): void {
    if (this.#position === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#position++] = value;
  }

  boolean(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  /** A safe integer >= 0: seven bits a byte, the lowest first. */
  varint(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "a varint is a safe integer >= 0");
    if (this.#position + 8 > this.#bytes.length) this.#grow(varintSize(value));
    let rest = value;
    while (rest > 0x7fffffff) {
      this.#bytes[this.#position++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      this.#bytes[this.#position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#position++] = rest;
  }

  /** Bytes without their length. */
  raw(bytes: Uint8Array): void {
    if (this.#position + bytes.length > this.#bytes.length) this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#position);
    this.#position += bytes.length;
  }

  /** Length, then bytes. */
  bytes(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** Latin-1 text: identifiers, never text of people. */
  identifier(text: string): void {
    this.varint(text.length);
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      assert(code <= 0xff, "an identifier is Latin-1");
      this.byte(code);
    }
  }

  identifiers(list: readonly string[]): void {
    this.varint(list.length);
    for (const text of list) this.identifier(text);
  }

  finish(): Uint8Array {
    return this.#position === this.#bytes.length
      ? this.#bytes
      : this.#bytes.subarray(0, this.#position);
  }

  #grow(needed: number): void {
    const wanted = this.#position + needed;
    if (wanted <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(wanted, this.#bytes.length * 2));
    larger.set(this.#bytes);
    this.#bytes = larger;
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
