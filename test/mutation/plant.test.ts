// What is planted for each shape of code, and where nothing is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isProgram, plant, withMutant } from "./plant.ts";

/** Every program that a slip makes of this one. */
function slips(source: string): string[] {
  return plant("x.ts", source).map((mutant) => withMutant(source, mutant));
}

const table: readonly [about: string, source: string, slips: readonly string[]][] = [
  ["boundaries and directions", "x = a < b", ["x = a <= b", "x = a >= b"]],
  ["equality", "x = a === b", ["x = a !== b"]],
  ["parentheses stay", "x = (a + b) * (c)", ["x = (a + b) / (c)", "x = (a - b) * (c)"]],
  ["both", "x = a && b", ["x = a || b"]],
  ["text is not added up", "x = 'a' + b", []],
  ["a default", "x = a ?? b", ["x = a && b"]],
  ["not", "x = !a", ["x = a"]],
  ["counting", "x = a++", ["x = a--"]],
  ["sums", "x += y", ["x -= y"]],
  [
    "conditions, and the other way out",
    "if (a) f(); else g();",
    ["if (true) f(); else g();", "if (false) f(); else g();", "if (a) f();", "if (a) ; else g();"],
  ],
  ["a guard counts once", "if (a) f();", ["if (true) f();", "if (false) f();"]],
  ["choices", "x = a ? b : c", ["x = true ? b : c", "x = false ? b : c"]],
  ["loops", "while (a) f();", ["while (false) f();", "while (a) ;"]],
  ["rounds", "for (const a of b) f();", ["for (const a of []) f();", "for (const a of b) ;"]],
  ["numbers that count", "x = 7", ["x = 8", "x = 6"]],
  ["measures", "x = 4096", ["x = 0"]],
  ["large integers", "x = 3n", ["x = 4n", "x = 2n"]],
  ["flags", "x = true", ["x = false"]],
  ["what may be absent", "x = a?.b?.[0]", ["x = a?.b[0]", "x = a.b?.[0]", "x = a?.b?.[1]"]],
  ["arguments alike", "x = f(a, b)", ["x = f(b, a)"]],
  ["arguments that are not", "x = f(a, 'b')", []],
  ["all and some", "x = a.some(f)", ["x = a.every(f)"]],
  ["least and most", "x = Math.min(a, b)", ["x = Math.max(a, b)"]],
  ["sieves", "x = a.filter(f).b", ["x = a.b"]],
  [
    "a case",
    "switch (a) { case b: f(); }",
    ["switch (a) { case b: break; }", "switch (a) { case b: ; }"],
  ],
  [
    "types stay where they are",
    "x = (a as number) < b",
    ["x = (a as number) <= b", "x = (a as number) >= b"],
  ],
  ["errors are for people", "throw new Error(f(a < b))", []],
  ["what never happens is not seen to be missing", "assert(a < b)", []],
];

for (const [about, source, expected] of table) {
  test(about, () => {
    const whole = source.startsWith("x") ? 1 : 0;
    // The statement itself may always go; that is asked below.
    const found = slips(source).filter((slip) => !(whole === 1 && slip === ";"));
    assert.deepEqual(new Set(found), new Set(expected));
  });
}

test("a body is emptied, a statement goes, a way out is missed", () => {
  const source = "function f() { g(); if (a) { h(); return; } k(); }";
  assert.deepEqual(
    new Set(slips(source)),
    new Set([
      "function f() {}",
      "function f() { ; if (a) { h(); return; } k(); }",
      "function f() { g(); if (true) { h(); return; } k(); }",
      "function f() { g(); if (false) { h(); return; } k(); }",
      "function f() { g(); if (a) { ; return; } k(); }",
      "function f() { g(); if (a) { h(); ; } k(); }",
      "function f() { g(); if (a) { h(); return; } ; }",
    ]),
  );
});

test("a mutant knows its line, and two alike have names of their own", () => {
  const mutants = plant("x.ts", "f(\n  1 < 2,\n  1 < 2,\n);\n");
  const lines = mutants.filter(({ text }) => text === "<=").map(({ line }) => line);
  assert.deepEqual(lines, [2, 3]);
  assert.equal(new Set(mutants.map(({ id }) => id)).size, mutants.length);
});

test("what cannot be parsed is no mutant", () => {
  assert.equal(isProgram("x = a ?? b && c"), false);
  assert.equal(isProgram("x = (a as number) ?? b"), true);
});
