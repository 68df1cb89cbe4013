// A parser whose time grows with the square of what it is given.

import type { Target } from "../target.ts";

export const target: Target = {
  name: "quadratic",
  seeds: () => [Buffer.alloc(8)],
  inputBytesMax: 4096,
  millisecondsMax: 20,
  run(input) {
    let text = "";
    let sum = 0;
    for (const byte of input) {
      text += String.fromCharCode(byte);
      for (const character of text) sum += character.length;
    }
    if (sum < 0) throw new Error("never");
  },
};
