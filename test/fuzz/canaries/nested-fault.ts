// A parser with a fault six half-bytes deep. Chance alone would need sixteen million inputs; a search that knows which
// code has run finds one after the other.

import type { Target } from "../target.ts";

export const target: Target = {
  name: "nested-fault",
  seeds: () => [Buffer.from("??????")],
  run(input) {
    let depth = 0;
    const has = (at: number, low: number) => input.length > at && (input[at]! & 15) === low;
    if (has(0, 1)) {
      depth++;
      if (has(1, 12)) {
        depth++;
        if (has(2, 4)) {
          depth++;
          if (has(3, 8)) {
            depth++;
            if (has(4, 9)) {
              depth++;
              if (has(5, 14)) throw new TypeError(`reached at depth ${depth}`);
            }
          }
        }
      }
    }
  },
};
