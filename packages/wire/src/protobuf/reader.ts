// Reads protobuf's wire format from a byte range. Every read is bounded by `end`; a varint longer than
// ten bytes and a length beyond the range are refused. 64-bit numbers come as a double where the schema
// says so: exact up to 2^53, beyond it rounded, which no comparison with a stored revision can notice.

import { WireError } from "./errors.ts";
import { decodeLatin1, decodeUtf8 } from "./text.ts";

export const wireVarint = 0;
const wireFixed64 = 1;
export const wireBytes = 2;
const wireGroupStart = 3;
const wireGroupEnd = 4;
const wireFixed32 = 5;

/** Messages inside messages: more is an attack, not a request. */
const nestingMax = 100;

const two32 = 0x1_0000_0000;

export class Reader {
  bytes: Uint8Array;
  at: number;
  end: number;
  depth = 0;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** Narrows the range to the nested message that starts here; returns the end to restore. */
  enter(): number {
    if (++this.depth > nestingMax) {
      throw new WireError("nestingTooDeep", `messages nested deeper than ${nestingMax}`);
    }
    const length = this.length();
    const outer = this.end;
    this.end = this.at + length;
    return outer;
  }

  leave(outer: number): void {
    this.depth--;
    this.end = outer;
  }

  /** Unsigned, up to 32 bits; higher bits are dropped as protobuf asks for 32-bit fields. */
  uint32(): number {
    const bytes = this.bytes;
    if (this.at < this.end && bytes[this.at]! < 0x80) return bytes[this.at++]!;
    this.varint64();
    return low >>> 0;
  }

  int32(): number {
    return this.uint32() | 0;
  }

  bool(): boolean {
    if (this.at < this.end && this.bytes[this.at]! < 0x80) return this.bytes[this.at++]! !== 0;
    this.varint64();
    return (low | high) !== 0;
  }

  uint64(): number {
    if (this.at < this.end && this.bytes[this.at]! < 0x80) return this.bytes[this.at++]!;
    this.varint64();
    return (high >>> 0) * two32 + (low >>> 0);
  }

  int64(): number {
    if (this.at < this.end && this.bytes[this.at]! < 0x80) return this.bytes[this.at++]!;
    this.varint64();
    return (high | 0) * two32 + (low >>> 0);
  }

  bigUint64(): bigint {
    this.varint64();
    if (high === 0) return BigInt(low >>> 0);
    return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  }

  bigInt64(): bigint {
    this.varint64();
    if (high === 0) return BigInt(low >>> 0);
    return (BigInt(high | 0) << 32n) | BigInt(low >>> 0);
  }

  /** A length prefix whose content lies inside the range. */
  length(): number {
    const length = this.uint64();
    if (length > this.end - this.at) throw new WireError("truncated", "unexpected EOF");
    return length;
  }

  /** A view: copy what outlives the bytes it was read from. */
  view(): Uint8Array {
    const length = this.length();
    const start = this.at;
    this.at = start + length;
    return this.bytes.subarray(start, start + length);
  }

  latin1(): string {
    const length = this.length();
    const start = this.at;
    this.at = start + length;
    return length === 0 ? "" : decodeLatin1(this.bytes, start, start + length);
  }

  string(): string {
    const length = this.length();
    const start = this.at;
    this.at = start + length;
    return length === 0 ? "" : decodeUtf8(this.bytes, start, start + length);
  }

  tag(): number {
    const tag = this.uint64();
    if (tag < 8 || tag > 0xffff_ffff) {
      throw new WireError("fieldNumberInvalid", "illegal field number or tag");
    }
    return tag;
  }

  skip(tag: number): void {
    switch (tag & 7) {
      case wireVarint:
        this.varint64();
        return;
      case wireFixed64:
        this.advance(8);
        return;
      case wireBytes:
        this.advance(this.length());
        return;
      case wireFixed32:
        this.advance(4);
        return;
      case wireGroupStart:
        this.skipGroup(tag >>> 3);
        return;
      default:
        throw new WireError("wireTypeInvalid", `illegal wire type ${tag & 7}`);
    }
  }

  private skipGroup(field: number): void {
    if (++this.depth > nestingMax) {
      throw new WireError("nestingTooDeep", `groups nested deeper than ${nestingMax}`);
    }
    for (;;) {
      const tag = this.tag();
      if ((tag & 7) === wireGroupEnd) {
        if (tag >>> 3 !== field) throw new WireError("wireTypeInvalid", "unmatched group end");
        this.depth--;
        return;
      }
      this.skip(tag);
    }
  }

  private advance(count: number): void {
    if (count > this.end - this.at) throw new WireError("truncated", "unexpected EOF");
    this.at += count;
  }

  /** Leaves the value in `low` and `high`. */
  private varint64(): void {
    const bytes = this.bytes;
    const end = this.end;
    let at = this.at;
    let lowBits = 0;
    let highBits = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= end) throw new WireError("truncated", "unexpected EOF");
      const byte = bytes[at++]!;
      const part = byte & 0x7f;
      if (shift < 28) lowBits |= part << shift;
      else if (shift === 28) {
        lowBits |= part << 28;
        highBits = part >>> 4;
      } else if (shift < 63) highBits |= part << (shift - 32);
      else highBits |= (part & 1) << 31;
      if (byte < 0x80) {
        this.at = at;
        low = lowBits;
        high = highBits;
        return;
      }
    }
    throw new WireError("varintTooLong", "integer overflow");
  }
}

// The two halves of the last varint: module variables, because returning a pair would allocate.
let low = 0;
let high = 0;
