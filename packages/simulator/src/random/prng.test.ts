// Chance must be the same everywhere and for ever: a change of these numbers changes every seed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { exponentialOf, naturalLog } from "./arithmetic.ts";
import { Prng } from "./prng.ts";
import { parseSeed, prngOf, seedForJson } from "./seed.ts";

test("a seed gives the same words on every machine", () => {
  const prng = prngOf(42n);
  assert.deepEqual(
    [prng.word(), prng.word(), prng.word()],
    [prngOf(42n).word(), ...[...Array(2)].map((_, skip) => nth(42n, skip + 1))],
  );
  assert.notEqual(prngOf(42n).word(), prngOf(43n).word());
  assert.notEqual(prngOf(1n).word(), prngOf(1n << 32n).word());
});

test("a split does not depend on what was drawn before, only on its name", () => {
  const fresh = prngOf(7n);
  const used = prngOf(7n);
  for (let i = 0; i < 100; i++) used.word();
  assert.equal(fresh.split("network").word(), used.split("network").word());
  assert.notEqual(fresh.split("network").word(), fresh.split("disk").word());
});

test("draws are uniform enough and stay within their bounds", () => {
  const prng = new Prng(1, 2);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) {
    const at = prng.below(10);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  for (const count of counts) assert.ok(Math.abs(count - 10_000) < 500, counts.join(" "));
  for (let i = 0; i < 1000; i++) {
    const between = prng.between(3, 5);
    assert.ok(between >= 3 && between <= 5);
    assert.ok(prng.exponential(10) <= 200);
    const spread = prng.logUniform(1, 100);
    assert.ok(spread >= 1 && spread <= 100);
  }
});

test("the logarithm and the exponential are right to a few units in the last place", () => {
  const prng = new Prng(5, 5);
  for (let i = 0; i < 10_000; i++) {
    const value = 1e-6 + prng.random() * 10 ** prng.between(-3, 6);
    assert.ok(
      Math.abs(naturalLog(value) - Math.log(value)) < 1e-13 * (1 + Math.abs(Math.log(value))),
    );
    const power = prng.random() * 40 - 20;
    assert.ok(Math.abs(exponentialOf(power) / Math.exp(power) - 1) < 1e-13);
  }
});

test("shuffles keep every item", () => {
  const list = Array.from({ length: 50 }, (_, i) => i);
  const shuffled = new Prng(3, 4).shuffle(list);
  assert.notDeepEqual(shuffled, list);
  assert.deepEqual(
    shuffled.sort((left, right) => left - right),
    list,
  );
});

test("seeds are 64 bits, in decimal or hexadecimal, and nothing else", () => {
  assert.equal(parseSeed("0x10"), 16n);
  assert.equal(parseSeed("18446744073709551615"), (1n << 64n) - 1n);
  for (const bad of ["", "-1", "1.5", "x", "18446744073709551616", "0x"]) {
    assert.equal(parseSeed(bad), undefined, bad);
  }
  assert.equal(seedForJson(7n), 7);
  assert.equal(seedForJson(1n << 60n), "1152921504606846976");
});

function nth(seed: bigint, skip: number): number {
  const prng = prngOf(seed);
  for (let i = 0; i < skip; i++) prng.word();
  return prng.word();
}
