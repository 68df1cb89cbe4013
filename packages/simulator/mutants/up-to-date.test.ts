// Every mutant still finds the text that it alters, once, and has a name of its own: otherwise a hunt would
// fail hours later, or hunt the wrong one.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { mutants } from "./all.ts";
import { mutate } from "./mutant.ts";

test("every mutant alters the sources as they are", () => {
  const outdated: string[] = [];
  for (const mutant of mutants) {
    for (const file of new Set(mutant.edits.map((edit) => edit.file))) {
      const source = readFileSync(new URL(`../../../${file}`, import.meta.url), "utf8");
      try {
        assert.notEqual(mutate(mutant, file, source), source, mutant.name);
      } catch (error) {
        outdated.push(String(error));
      }
    }
  }
  assert.deepEqual(outdated, []);
});

test("no two mutants share a name", () => {
  const names = mutants.map(({ name }) => name);
  assert.deepEqual([...new Set(names)], names);
});
