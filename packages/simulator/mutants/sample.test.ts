// Parts of the mutants: nothing is left out for good, and nothing is hunted twice in a round.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mutants } from "./all.ts";
import { chosenOf } from "./sample.ts";

test("the parts of one round are all mutants, each once, and the next round is the same", () => {
  const rounds = [0, 12].map((from) =>
    Array.from({ length: 12 }, (_, part) => chosenOf(mutants, ["--part", `${from + part}/12`])),
  );
  for (const parts of rounds) {
    assert.deepEqual(new Set(parts.flat()), new Set(mutants));
    assert.equal(parts.flat().length, mutants.length);
  }
  assert.deepEqual(rounds[0], rounds[1]);
});

test("without words it is all, with names those, and with a part that is none nothing", () => {
  assert.deepEqual(chosenOf(mutants, []), mutants);
  assert.deepEqual(
    chosenOf(mutants, ["canary"]).map(({ name }) => name),
    ["canary"],
  );
  for (const part of ["3", "1/0", "x/2", ""]) {
    assert.deepEqual(chosenOf(mutants, ["--part", part]), [], part);
  }
});
