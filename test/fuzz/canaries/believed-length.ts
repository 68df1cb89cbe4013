// A parser that asks for memory by a length that it has not seen the bytes of.

import type { Target } from "../target.ts";

const held: Buffer[] = [];

export const target: Target = {
  name: "believed-length",
  seeds: () => [Buffer.from([0, 0, 0, 1])],
  run(input) {
    held.length = 0;
    if (input.length >= 4) held.push(Buffer.alloc(input.readUInt32BE(0) % (256 * 1024 * 1024), 1));
  },
};
