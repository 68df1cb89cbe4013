// A parser that believes a length and never comes to its end.

import type { Target } from "../target.ts";

export const target: Target = {
  name: "endless-loop",
  seeds: () => [Buffer.from([1, 7])],
  run(input) {
    for (let at = 0; at < input.length; at += input[at]!);
  },
};
