import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../testing/random-commands.ts";
import { Arena } from "./arena.ts";

test("handles outlive the slabs that records are moved between, and memory follows what is left", () => {
  const random = createRandom(5);
  const arena = new Arena(8192);
  const model = new Map<number, { handle: number; byte: number; length: number }>();
  for (let main = 2; main < 6000; main++) {
    const length = random(20) === 0 ? 10_000 : random(200);
    const byte = random(256);
    model.set(main, {
      handle: arena.append(main, 0, new Uint8Array(length).fill(byte)),
      byte,
      length,
    });
    if (random(3) === 0) continue;
    const victim = 2 + random(main - 1);
    const found = model.get(victim);
    if (found === undefined) continue;
    arena.remove(found.handle);
    arena.remove(found.handle);
    model.delete(victim);
    assert.equal(arena.read(found.handle), undefined);
  }
  for (const { handle, byte, length } of model.values()) {
    assert.deepEqual(arena.read(handle), new Uint8Array(length).fill(byte));
  }
  for (const from of [0, 1000, 3001, 5999, 6000]) {
    const scanned: [number, number][] = [];
    arena.scan(from, 0, (main, _sub, handle) => scanned.push([main, handle]) > 0);
    const expected = [...model].filter(([main]) => main >= from);
    assert.deepEqual(
      scanned,
      expected.map(([main, { handle }]) => [main, handle]),
    );
  }
  const live = [...model.values()].reduce((sum, { length }) => sum + length + 16, 0);
  assert.equal(arena.bytesInUse, live);
  assert.ok(arena.bytes < live * 2 + 3 * 8192, `${arena.bytes} bytes for ${live}`);
  for (const { handle } of model.values()) arena.remove(handle);
  assert.deepEqual([arena.count, arena.bytesInUse], [0, 0]);
});
