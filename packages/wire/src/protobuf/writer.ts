// Writes protobuf's wire format from the back to the front: when a nested message is done its length
// is known, so one pass suffices and nothing is measured first. Callers write fields in descending order
// and repeated elements from the last to the first; `from` marks where a nested message ends.

import { encodeLatin1, utf8ToBytes } from "./text.ts";

const two32 = 0x1_0000_0000;
const capacityKeptMax = 1 << 20;

export class Writer {
  bytes: Uint8Array;
  /** Where the output begins; it reaches to the end of `bytes`. */
  at: number;
  private readonly allocate: (size: number) => Uint8Array;

  constructor(capacity = 4096, allocate = (size: number) => new Uint8Array(size)) {
    this.allocate = allocate;
    this.bytes = allocate(capacity);
    this.at = this.bytes.length;
  }

  get size(): number {
    return this.bytes.length - this.at;
  }

  /** Position to pass to `closeMessage`, as a distance from the end, which growing leaves valid. */
  mark(): number {
    return this.bytes.length - this.at;
  }

  reset(): void {
    if (this.bytes.length > capacityKeptMax) this.bytes = this.allocate(4096);
    this.at = this.bytes.length;
  }

  /** A copy of the output; the writer is empty again. */
  take(): Uint8Array {
    // Not `slice`: the memory may be a Buffer, of which that is a view.
    const output = new Uint8Array(this.bytes.subarray(this.at));
    this.reset();
    return output;
  }

  /** The output as a view of memory that the writer gives up. For large outputs. */
  surrender(): Uint8Array {
    const output = this.bytes.subarray(this.at);
    this.bytes = this.allocate(4096);
    this.at = this.bytes.length;
    return output;
  }

  reserve(count: number): number {
    if (this.at < count) this.grow(count);
    this.at -= count;
    return this.at;
  }

  byte(value: number): void {
    if (this.at === 0) this.grow(1);
    this.bytes[--this.at] = value;
  }

  raw(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.bytes.set(bytes, at);
  }

  /** A non-negative integer up to 2^53. */
  uint(value: number): void {
    if (value < 0x80) {
      this.byte(value);
      return;
    }
    const size = uintSize(value);
    let at = this.reserve(size);
    const bytes = this.bytes;
    let rest = value;
    while (rest >= 0x8000_0000) {
      bytes[at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest >= 0x80) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at] = rest;
  }

  /** A signed integer; a negative one takes ten bytes, as protobuf's int32 and int64 do. */
  int(value: number): void {
    if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) this.uint(value);
    else this.big(clampToInt64(value));
  }

  /** Any 64-bit value, signed or unsigned, in two's complement. */
  big(value: bigint): void {
    if (value >= 0n && value < 0x80n) {
      this.byte(Number(value));
      return;
    }
    const whole = BigInt.asUintN(64, value);
    let lowBits = Number(whole & 0xffff_ffffn);
    let highBits = Number(whole >> 32n);
    if (highBits < 0x20_0000) {
      this.uint(highBits * two32 + lowBits);
      return;
    }
    const size = highBits >= 0x8000_0000 ? 10 : uintSize64(highBits);
    let at = this.reserve(size);
    for (let i = 1; i < size; i++) {
      this.bytes[at++] = (lowBits & 0x7f) | 0x80;
      lowBits = ((lowBits >>> 7) | ((highBits & 0x7f) << 25)) >>> 0;
      highBits >>>= 7;
    }
    this.bytes[at] = lowBits & 0x7f;
  }

  // Fields: each writes tag and value, and nothing for proto3's default.

  uintField(tag: number, value: number): void {
    if (value === 0) return;
    this.int(value);
    this.tag(tag);
  }

  bigField(tag: number, value: bigint): void {
    if (value === 0n) return;
    this.big(value);
    this.tag(tag);
  }

  boolField(tag: number, value: boolean): void {
    if (!value) return;
    this.byte(1);
    this.tag(tag);
  }

  bytesField(tag: number, value: Uint8Array): void {
    if (value.length === 0) return;
    this.lengthDelimited(tag, value);
  }

  lengthDelimited(tag: number, value: Uint8Array): void {
    this.raw(value);
    this.uint(value.length);
    this.tag(tag);
  }

  latin1Field(tag: number, value: string): void {
    const length = value.length;
    if (length === 0) return;
    const at = this.reserve(length);
    encodeLatin1(value, this.bytes, at);
    this.uint(length);
    this.tag(tag);
  }

  /** UTF-8 with its length before it. */
  text(value: string): void {
    const bytes = utf8ToBytes(value);
    this.raw(bytes);
    this.uint(bytes.length);
  }

  /** Puts length and tag before what was written since `mark`. */
  closeMessage(tag: number, mark: number): void {
    this.uint(this.bytes.length - this.at - mark);
    this.tag(tag);
  }

  tag(tag: number): void {
    if (tag < 0x80) this.byte(tag);
    else this.uint(tag);
  }

  private grow(count: number): void {
    const old = this.bytes;
    const used = old.length - this.at;
    let capacity = old.length * 2;
    while (capacity - used < count) capacity *= 2;
    this.bytes = this.allocate(capacity);
    this.at = capacity - used;
    this.bytes.set(old.subarray(old.length - used), this.at);
  }
}

function uintSize(value: number): number {
  if (value < 0x4000) return value < 0x80 ? 1 : 2;
  if (value < 0x1000_0000) return value < 0x20_0000 ? 3 : 4;
  if (value < 0x8_0000_0000) return 5;
  if (value < 0x400_0000_0000) return 6;
  return value < 0x2_0000_0000_0000 ? 7 : 8;
}

/** Of a value with bits above 2^53 and below 2^63. */
function uintSize64(highBits: number): number {
  return highBits < 0x100_0000 ? 8 : 9;
}

function clampToInt64(value: number): bigint {
  if (!(value < 2 ** 63)) return 2n ** 63n - 1n;
  if (value < -(2 ** 63)) return -(2n ** 63n);
  return BigInt(Math.trunc(value));
}
