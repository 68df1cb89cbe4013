import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../testing/random-commands.ts";
import { sortedEntries } from "./sorted-entries.ts";

test("entries come sorted by key within their table, in short steps", () => {
  const random = createRandom(5);
  const keys = new Set<string>();
  while (keys.size < 20_000) keys.add(String(random(1_000_000_000)));
  const value = new Uint8Array(0);
  const tables = [
    ["a", [["2", value] as const, ["1", value] as const]],
    ["b", [...keys].map((key) => [key, value] as const)],
    ["c", []],
  ] as const;
  const found: string[] = [];
  let steps = 0;
  for (const entry of sortedEntries(tables.map(([name, list]) => [name, [...list]]))) {
    if (entry === undefined) steps++;
    else found.push(`${entry[0]} ${entry[1]}`);
  }
  const expected = ["a 1", "a 2", ...[...keys].sort().map((key) => `b ${key}`)];
  assert.deepEqual(found, expected);
  assert.equal(steps, 10);
});
