// Percentiles against an exact sort of the same values.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Histogram } from "./histogram.ts";

test("a percentile is within two per cent of the exact one, over six orders of magnitude", () => {
  const histogram = new Histogram();
  const values: number[] = [];
  let state = 12_345;
  for (let i = 0; i < 50_000; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const value = 10 ** ((state / 2 ** 32) * 6);
    values.push(value);
    histogram.record(value);
  }
  values.sort((a, b) => a - b);
  for (const share of [0.01, 0.5, 0.9, 0.99, 0.999, 1]) {
    const exact = values[Math.ceil(share * values.length) - 1] ?? 0;
    const found = histogram.percentile(share);
    assert.ok(Math.abs(found - exact) <= 1 + exact * 0.02, `${share}: ${found} against ${exact}`);
  }
  assert.equal(histogram.summary().count, 50_000);
});
