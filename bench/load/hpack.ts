// HPACK (RFC 7541) as far as a gRPC client needs it: a full decoder, because servers choose freely
// among indexes, literals and Huffman codes, and an encoder that names the same few request headers
// by dynamic-table index after their first use. Independent of the product's own implementation, so
// that a mistake there cannot hide behind the same mistake here; of that only the static table, which is
// data, is shared.

import {
  staticNames,
  staticValues,
} from "../../packages/server/src/transport/http2/hpack/static-table.ts";

export type Header = readonly [name: string, value: string];

/** Index 1 is the first entry. */
const staticTable: readonly Header[] = staticNames
  .map((name, index): Header => [name, staticValues[index] ?? ""])
  .slice(1);

const entryOverhead = 32;

export class HpackDecoder {
  readonly #dynamic: Header[] = [];
  #size = 0;
  #sizeMax = 4096;

  decode(block: Uint8Array, start: number, end: number): Header[] {
    const headers: Header[] = [];
    let at = start;
    const integer = (prefixBits: number): number => {
      const mask = (1 << prefixBits) - 1;
      let value = byteAt(block, at++) & mask;
      if (value < mask) return value;
      let shift = 0;
      for (;;) {
        const byte = byteAt(block, at++);
        value += (byte & 0x7f) * 2 ** shift;
        if ((byte & 0x80) === 0) return value;
        shift += 7;
      }
    };
    const text = (): string => {
      const isHuffman = (byteAt(block, at) & 0x80) !== 0;
      const length = integer(7);
      if (at + length > end) throw new Error("HPACK string beyond its block");
      const from = at;
      at += length;
      return isHuffman ? huffmanDecode(block, from, at) : latin1(block, from, at);
    };
    while (at < end) {
      const first = byteAt(block, at);
      if (first & 0x80) {
        headers.push(this.#entry(integer(7)));
      } else if (first & 0x40) {
        const index = integer(6);
        const name = index === 0 ? text() : this.#entry(index)[0];
        const header: Header = [name, text()];
        this.#insert(header);
        headers.push(header);
      } else if (first & 0x20) {
        this.#sizeMax = integer(5);
        this.#evict();
      } else {
        const index = integer(4);
        const name = index === 0 ? text() : this.#entry(index)[0];
        headers.push([name, text()]);
      }
    }
    return headers;
  }

  #entry(index: number): Header {
    const entry =
      index <= staticTable.length
        ? staticTable[index - 1]
        : this.#dynamic[index - staticTable.length - 1];
    if (entry === undefined) throw new Error(`HPACK index ${index} is not in the table`);
    return entry;
  }

  #insert(header: Header): void {
    this.#dynamic.unshift(header);
    this.#size += header[0].length + header[1].length + entryOverhead;
    this.#evict();
  }

  #evict(): void {
    while (this.#size > this.#sizeMax) {
      const oldest = this.#dynamic.pop();
      if (oldest === undefined) break;
      this.#size -= oldest[0].length + oldest[1].length + entryOverhead;
    }
  }
}

/**
 * Request headers of gRPC calls on one connection. The block of a method is sent in full once, with
 * every header put into the peer's dynamic table, and is a few index bytes ever after.
 */
export class RequestHeaders {
  readonly #authority: string;
  readonly #extra: readonly Header[];
  readonly #indexOf = new Map<string, number>();
  readonly #blocks = new Map<string, Uint8Array>();
  #inserted = 0;
  #insertedAtCache = 0;

  constructor(authority: string, extra: readonly Header[] = []) {
    this.#authority = authority;
    this.#extra = extra;
  }

  block(path: string): Uint8Array {
    const cached = this.#blocks.get(path);
    if (cached !== undefined && this.#insertedAtCache === this.#inserted) return cached;
    const before = this.#inserted;
    const bytes: number[] = [0x80 | 3, 0x80 | 6];
    for (const header of [
      [":authority", this.#authority],
      [":path", path],
      ["content-type", "application/grpc"],
      ["te", "trailers"],
      ...this.#extra,
    ] as const) {
      this.#append(bytes, header);
    }
    const block = Uint8Array.from(bytes);
    if (this.#inserted === before) {
      // A new entry moved every index: the other methods' blocks are stale.
      if (this.#insertedAtCache !== this.#inserted) this.#blocks.clear();
      this.#insertedAtCache = this.#inserted;
      this.#blocks.set(path, block);
    }
    return block;
  }

  #append(bytes: number[], [name, value]: Header): void {
    const key = `${name}\n${value}`;
    const position = this.#indexOf.get(key);
    if (position !== undefined) {
      const index = staticTable.length + (this.#inserted - position);
      appendInteger(bytes, 0x80, 7, index);
      return;
    }
    // The table holds 4096 bytes; a client of a few methods never fills it, so nothing is evicted.
    bytes.push(0x40);
    for (const part of [name, value]) {
      appendInteger(bytes, 0, 7, part.length);
      for (let i = 0; i < part.length; i++) bytes.push(part.charCodeAt(i));
    }
    this.#indexOf.set(key, this.#inserted);
    this.#inserted += 1;
  }
}

function appendInteger(bytes: number[], flags: number, prefixBits: number, value: number): void {
  const mask = (1 << prefixBits) - 1;
  if (value < mask) {
    bytes.push(flags | value);
    return;
  }
  bytes.push(flags | mask);
  let rest = value - mask;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
}

// ------------------------------------------------------------------------------ Huffman code

/**
 * Code lengths of appendix B by symbol, as runs "length" or "length*count"; 256 is the end of the
 * string. The code is canonical: lengths and symbol order alone determine every code word.
 */
const codeLengths = expandRuns(
  "13 23 28*7 24 30 28*2 30 28*8 30 28*9 6 10*2 12 13 6 8 11 10*2 8 11 8 6*3 5*3 6*7 7 8 15 6 12 " +
    "10 13 6 7*22 8 7 8 13 19 13 14 6 15 5 6 5 6 5 6*3 5 7*2 6*3 5 6 7 6 5*2 6 7*5 15 11 14 13 28 " +
    "20 22 20*2 22*3 23 22 23*5 24 23 24*2 22 23 24 23*4 21 22 23 22 23*2 24 22 21 20 22*2 23*2 " +
    "21 23 22*2 24 21 22 23*2 21*2 22 21 23 22 23*2 20 22*3 23 22*2 23 26*2 20 19 22 23 22 25 " +
    "26*3 27*2 26 24 25 19 21 26 27*2 26 27 24 21*2 26*2 28 27*3 20 24 20 21 22 21*2 23 22*2 " +
    "25*2 24*2 26 23 26 27 26*2 27*5 28 27*5 26 30",
);

/** Symbols by (length, code): `first[length]` is the first code of that length. */
const decoding = buildDecoding(codeLengths);

function huffmanDecode(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let code = 0;
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = byteAt(bytes, at);
    for (let bit = 7; bit >= 0; bit--) {
      code = (code << 1) | ((byte >> bit) & 1);
      length += 1;
      const row = decoding[length];
      if (row === undefined) continue;
      const offset = code - row.first;
      if (offset >= 0 && offset < row.symbols.length) {
        const symbol = row.symbols[offset];
        if (symbol === undefined || symbol === 256)
          throw new Error("HPACK Huffman code is damaged");
        text += String.fromCharCode(symbol);
        code = 0;
        length = 0;
      }
    }
  }
  return text;
}

interface CodesOfLength {
  readonly first: number;
  readonly symbols: readonly number[];
}

function buildDecoding(lengths: readonly number[]): readonly (CodesOfLength | undefined)[] {
  const rows: (CodesOfLength | undefined)[] = [];
  let code = 0;
  for (let length = 1; length <= 30; length++) {
    code <<= 1;
    const symbols: number[] = [];
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] === length) symbols.push(symbol);
    }
    if (symbols.length > 0) rows[length] = { first: code, symbols };
    code += symbols.length;
  }
  if (code !== 2 ** 30 || lengths.length !== 257)
    throw new Error("the Huffman table is incomplete");
  return rows;
}

function expandRuns(runs: string): number[] {
  return runs.split(" ").flatMap((run) => {
    const [length, count] = run.split("*");
    return new Array<number>(Number(count ?? 1)).fill(Number(length));
  });
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new Error("HPACK block ends early");
  return byte;
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at++) text += String.fromCharCode(byteAt(bytes, at));
  return text;
}
