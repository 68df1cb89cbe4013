// Every input that is kept, and every valid one that a target begins with, goes through its target: what was found once
// stays mended, in every run of the unit tests.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { readCorpus } from "./corpus.ts";
import type { Target } from "./target.ts";
import { targetModule, targetNames } from "./targets.ts";

for (const name of targetNames) {
  test(`${name}: the kept corpus`, async () => {
    const { target } = (await import(targetModule(name))) as { readonly target: Target };
    assert.equal(target.name, name);
    const kept = readCorpus(name).map(({ bytes }) => bytes);
    const seeds = target.seeds();
    assert.ok(
      seeds.length > 1 && kept.length > 0,
      `${seeds.length} seeds and ${kept.length} kept inputs`,
    );
    for (const input of [...seeds, ...kept]) await target.run(Buffer.from(input));
  });
}

test("no corpus is kept of a target that is gone", () => {
  const files = readdirSync(new URL("./corpus/", import.meta.url));
  assert.deepEqual(
    files.sort(),
    targetNames.map((name) => `${name}.txt`),
  );
});
