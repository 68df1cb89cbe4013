// One input made from another: bits, bytes and lengths changed, parts removed, doubled, moved, taken from another
// input or from the dictionary. Small changes are the most frequent, since a parser understands most of the rest.

import type { Random } from "./random.ts";

const oddNumbers = [
  0, 1, 2, 3, 7, 8, 9, 0x10, 0x20, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xbf, 0xc0, 0xfe, 0xff,
];
const oddLengths = [
  0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
  0xffffffff,
];

export interface Material {
  readonly corpus: readonly Buffer[];
  readonly dictionary: readonly Buffer[];
  readonly bytesMax: number;
}

export function mutate(base: Buffer, random: Random, material: Material): Buffer {
  let bytes = base;
  const changes = random.below(2) === 0 ? 1 : 1 << random.below(5);
  for (let left = changes; left > 0; left--) bytes = change(bytes, random, material);
  return bytes.length > material.bytesMax ? bytes.subarray(0, material.bytesMax) : bytes;
}

function change(from: Buffer, random: Random, { corpus, dictionary }: Material): Buffer {
  const at = random.below(from.length + 1);
  const part = (bytes: Buffer) => {
    const start = random.below(bytes.length + 1);
    return bytes.subarray(start, start + 1 + random.below(Math.min(64, bytes.length + 1)));
  };
  switch (random.below(15)) {
    case 0:
    case 1:
      return altered(from, at, (byte) => byte ^ (1 << random.below(8)));
    case 2:
      return altered(from, at, () => random.below(256));
    case 3:
      return altered(from, at, () => random.pick(oddNumbers));
    case 4:
      return altered(from, at, (byte) => byte + random.below(9) - 4);
    case 5:
      return replaced(from, at, number(random), true);
    case 6: {
      const length = 1 + random.below(random.below(4) === 0 ? from.length + 1 : 8);
      return Buffer.concat([from.subarray(0, at), from.subarray(at + length)]);
    }
    case 7:
      return replaced(
        from,
        at,
        Buffer.from([random.below(256), random.below(256)].slice(random.below(2))),
        false,
      );
    case 8:
      return replaced(from, at, part(from), false);
    case 9:
      return replaced(from, at, part(random.pick(corpus)), random.below(2) === 0);
    case 10: {
      const other = random.pick(corpus);
      return Buffer.concat([from.subarray(0, at), other.subarray(random.below(other.length + 1))]);
    }
    case 11:
      return from.subarray(0, at);
    case 12: {
      // Many of the same: what takes time or depth by how often it comes.
      const times = 1 << random.below(10);
      return replaced(from, at, Buffer.concat(new Array<Buffer>(times).fill(part(from))), false);
    }
    default:
      if (dictionary.length === 0) return replaced(from, at, number(random), false);
      return replaced(from, at, random.pick(dictionary), random.below(2) === 0);
  }
}

function altered(from: Buffer, at: number, by: (byte: number) => number): Buffer {
  const bytes = Buffer.from(from);
  if (at < bytes.length) bytes[at] = by(bytes[at]!);
  return bytes;
}

/** `over`: in the place of as many bytes; otherwise between them. */
function replaced(from: Buffer, at: number, part: Buffer, over: boolean): Buffer {
  return Buffer.concat([from.subarray(0, at), part, from.subarray(at + (over ? part.length : 0))]);
}

/** A length or count, of the sizes and byte orders that formats use. */
function number(random: Random): Buffer {
  const value = random.below(2) === 0 ? random.pick(oddLengths) : random.below(300);
  const bytes = Buffer.alloc(4);
  switch (random.below(5)) {
    case 0:
      bytes.writeUInt32LE(value);
      return bytes;
    case 1:
      bytes.writeUInt32BE(value);
      return bytes;
    case 2:
      return Buffer.from([(value >>> 8) & 255, value & 255]);
    case 3:
      return Buffer.from([value & 255, (value >>> 8) & 255]);
    default: {
      const varint: number[] = [];
      let rest = value;
      for (; rest > 0x7f; rest = Math.floor(rest / 128)) varint.push((rest % 128) | 0x80);
      return Buffer.from([...varint, rest]);
    }
  }
}
