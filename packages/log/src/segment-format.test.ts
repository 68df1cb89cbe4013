// What stands in a segment, told from its bytes alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { writtenEnd } from "./segment-format.ts";

test("the written end is after the last byte that is not zero, wherever the bytes lie in memory", () => {
  const memory = new Uint8Array(32);
  for (let start = 0; start < 8; start++) {
    for (let length = 0; length <= 20; length++) {
      for (let last = -1; last < length; last++) {
        memory.fill(0xff);
        const bytes = memory.subarray(start, start + length);
        bytes.fill(0, last + 1);
        for (let from = 0; from <= length; from++) {
          const expected = Math.max(from, last + 1);
          assert.equal(writtenEnd(bytes, from), expected, `${start} ${length} ${last} ${from}`);
        }
      }
    }
  }
});
