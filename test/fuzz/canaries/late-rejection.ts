// A parser whose error comes after it has returned: nobody awaits it.

import type { Target } from "../target.ts";

export const target: Target = {
  name: "late-rejection",
  seeds: () => [Buffer.from("ab")],
  async run(input) {
    if (input[0] === 0x62) setImmediate(() => JSON.parse("{"));
    await new Promise((resolve) => setImmediate(resolve));
  },
};
