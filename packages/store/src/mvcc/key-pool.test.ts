import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../testing/commands.ts";
import { createRandom } from "../testing/random-commands.ts";
import { hintOf, type KeyAddress, KeyPool } from "./key-pool.ts";

function add(pool: KeyPool, key: string): KeyAddress {
  const source = bytesOf(`..${key}.`);
  return pool.add(source, 2, 2 + key.length);
}

test("keys of any length come back, also from room that others left", () => {
  const random = createRandom(3);
  const pool = new KeyPool();
  const held = new Map<KeyAddress, string>();
  for (let step = 0; step < 20_000; step++) {
    if (held.size > 300 && random(2) === 0) {
      const victim = [...held.keys()][random(held.size)]!;
      held.delete(victim);
      pool.free(victim);
      continue;
    }
    const length = random(200) === 0 ? random(300_000) : random(40);
    const key = String.fromCharCode(random(256)).repeat(length);
    const address = add(pool, key);
    assert.ok(address > 0 && !held.has(address));
    held.set(address, key);
  }
  for (const [address, key] of held) assert.ok(pool.key(address) === key);
});

test("a key longer than a slab has room of its own, which is used again", () => {
  const pool = new KeyPool();
  const long = "x".repeat(3_000_000);
  const first = add(pool, long);
  const short = add(pool, "short");
  assert.ok(pool.key(first) === long);
  pool.free(first);
  const second = add(pool, `${long}y`);
  assert.equal(second, first);
  assert.ok(pool.key(second) === `${long}y`);
  assert.equal(pool.key(short), "short");
});

test("keys compare as bytes, and hints never contradict them", () => {
  const random = createRandom(4);
  const pool = new KeyPool();
  const sign = (order: number): number => Math.sign(order);
  for (let step = 0; step < 5000; step++) {
    const letters = (): string =>
      Array.from({ length: random(9) }, () =>
        String.fromCharCode([0, 1, 97, 255][random(4)]!),
      ).join("");
    const [a, b] = [letters(), letters()];
    const [aAt, bAt] = [add(pool, a), add(pool, b)];
    const order = a < b ? -1 : a > b ? 1 : 0;
    const bytes = bytesOf(b);
    assert.equal(sign(pool.compare(aAt, bytes, 0, bytes.length)), order);
    const hints = sign(pool.hint(aAt, 0) - hintOf(bytes, 0, bytes.length));
    assert.ok(hints === 0 || hints === order);
    const shared = pool.sharedBetween(aAt, bAt);
    assert.equal(a.slice(0, shared), b.slice(0, shared));
    assert.ok(shared === Math.min(a.length, b.length) || a[shared] !== b[shared]);
  }
});
