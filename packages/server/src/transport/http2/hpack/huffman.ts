// HPACK's Huffman code (RFC 7541 appendix B). The code is canonical: symbols by length, in order, determine
// every code word. Decoding goes four bits at a time over a table made of the code's tree.

/** Symbols by the length of their code; a range stands for its symbols, 256 for the end of the string. */
const symbolsByLength: Readonly<Record<number, string>> = {
  5: "48-50 97 99 101 105 111 115 116",
  6: "32 37 45-47 51-57 61 65 95 98 100 102-104 108-110 112 114 117",
  7: "58 66-87 89 106 107 113 118-122",
  8: "38 42 44 59 88 90",
  10: "33 34 40 41 63",
  11: "39 43 124",
  12: "35 62",
  13: "0 36 64 91 93 126",
  14: "94 125",
  15: "60 96 123",
  19: "92 195 208",
  20: "128 130 131 162 184 194 224 226",
  21: "153 161 167 172 176 177 179 209 216 217 227 229 230",
  22:
    "129 132 133 134 136 146 154 156 160 163 164 169 170 173 178 181 185 186 187 189 190 196 " +
    "198 228 232 233",
  23:
    "1 135 137-141 143 147 149-152 155 157 158 165 166 168 174 175 180 182 183 188 191 197 231 " +
    "239",
  24: "9 142 144 145 148 159 171 206 215 225 236 237",
  25: "199 207 234 235",
  26: "192 193 200-202 205 210 213 218 219 238 240 242 243 255",
  27: "203 204 211 212 214 221-223 241 244-248 250-254",
  28: "2-8 11 12 14-21 23-31 127 220 249",
  30: "10 13 22 256",
};

const endOfString = 256;
const codes = new Uint32Array(257);
const lengths = new Uint8Array(257);
fillCodes();

/**
 * By state and four bits: the next state in the low 9 bits, then flags, then the symbol. States are inner
 * nodes of the tree; 0 is its root.
 */
const transitions = new Uint32Array(257 * 16);
/** States in which a string may end: the root, and what a prefix of the end-of-string code leads to. */
const acceptable = new Uint8Array(257);
const stateMask = 0x1ff;
const emits = 0x200;
const fails = 0x400;
const symbolShift = 16;
buildTransitions();

let scratch = Buffer.allocUnsafeSlow(4096);

interface Latin1Slice {
  latin1Slice(start: number, end: number): string;
}

/** One unit per byte. Undefined: no valid code. */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string | undefined {
  // The shortest code has five bits.
  const longest = Math.ceil(((end - start) * 8) / 5);
  if (scratch.length < longest) scratch = Buffer.allocUnsafeSlow(longest * 2);
  const output = scratch;
  let length = 0;
  let state = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    const high = transitions[(state << 4) | (byte >> 4)]!;
    if (high & emits) output[length++] = high >>> symbolShift;
    const low = transitions[((high & stateMask) << 4) | (byte & 15)]!;
    if (low & emits) output[length++] = low >>> symbolShift;
    if ((high | low) & fails) return undefined;
    state = low & stateMask;
  }
  if (acceptable[state] === 0) return undefined;
  return (output as unknown as Latin1Slice).latin1Slice(0, length);
}

export function encodeHuffman(text: string): Uint8Array {
  const output: number[] = [];
  let byte = 0;
  let free = 8;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff;
    const code = codes[symbol]!;
    for (let left = lengths[symbol]!; left > 0; ) {
      const bits = Math.min(free, left);
      left -= bits;
      free -= bits;
      byte = (byte << bits) | ((code >>> left) & ((1 << bits) - 1));
      if (free > 0) continue;
      output.push(byte);
      byte = 0;
      free = 8;
    }
  }
  if (free < 8) output.push((byte << free) | ((1 << free) - 1));
  return Uint8Array.from(output);
}

function fillCodes(): void {
  let code = 0;
  let previousLength = 0;
  for (const [key, ranges] of Object.entries(symbolsByLength)) {
    const length = Number(key);
    code *= 2 ** (length - previousLength);
    previousLength = length;
    for (const range of ranges.split(" ")) {
      const [first, last = first] = range.split("-").map(Number);
      for (let symbol = first!; symbol <= last!; symbol++) {
        codes[symbol] = code++;
        lengths[symbol] = length;
      }
    }
  }
}

function buildTransitions(): void {
  // Inner nodes as pairs of children: a node's number, or -1 - symbol for a leaf.
  const children: [number, number][] = [[0, 0]];
  for (let symbol = 0; symbol <= endOfString; symbol++) {
    let node = 0;
    for (let bit = lengths[symbol]! - 1; bit >= 0; bit--) {
      const side = (codes[symbol]! >>> bit) & 1;
      if (bit === 0) children[node]![side] = -1 - symbol;
      else {
        if (children[node]![side] === 0) children[node]![side] = children.push([0, 0]) - 1;
        node = children[node]![side]!;
      }
    }
  }
  for (let state = 0; state < children.length; state++) {
    for (let nibble = 0; nibble < 16; nibble++) {
      transitions[(state << 4) | nibble] = walk(children, state, nibble);
    }
  }
  // Padding is at most seven bits, all of them ones.
  let node = 0;
  for (let ones = 0; ones <= 7; ones++) {
    acceptable[node] = 1;
    node = children[node]![1];
  }
}

function walk(children: readonly [number, number][], state: number, nibble: number): number {
  let node = state;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const child = children[node]![((nibble >> bit) & 1) as 0 | 1];
    if (child >= 0) {
      node = child;
      continue;
    }
    const symbol = -1 - child;
    if (symbol === endOfString) return fails;
    emitted = emits | (symbol << symbolShift);
    node = 0;
  }
  return node | emitted;
}
