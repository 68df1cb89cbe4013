// The rig finds what it is there to find: faults that only coverage leads to, loops, time, memory and errors that come
// late, each with the input that does it; the same seed finds the same.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz, type Outcome } from "./watched.ts";

function hunt(
  canary: string,
  options: { readonly hangMs?: number; readonly inputsMax?: number } = {},
): Promise<Outcome> {
  const module = new URL(`./canaries/${canary}.ts`, import.meta.url).href;
  return fuzz({ module, seed: 1, milliseconds: 60_000, start: [], ...options });
}

function finding(outcome: Outcome): {
  readonly input: Buffer;
  readonly text: string;
  readonly inputs: number;
} {
  if (outcome.kind !== "found") assert.fail(`not found in ${outcome.inputs} inputs`);
  return { input: Buffer.from(outcome.input), text: outcome.text, inputs: outcome.inputs };
}

test("a fault that chance would need millions of inputs for is found step by step, and again by the same seed", async () => {
  const first = finding(await hunt("nested-fault", { inputsMax: 1_000_000 }));
  assert.match(first.text, /TypeError: reached at depth 5/);
  assert.deepEqual(
    Array.from(first.input, (byte) => byte & 15),
    [1, 12, 4, 8, 9, 14],
  );
  const second = finding(await hunt("nested-fault"));
  assert.deepEqual([second.input, second.inputs], [first.input, first.inputs]);
});

test("an input that never ends is named by the thread that watches", async () => {
  const { input, text } = finding(await hunt("endless-loop", { hangMs: 1000 }));
  assert.match(text, /did not end within 1000 ms/);
  assert.ok(input.includes(0));
});

test("an input that asks for much memory is found, and so is one that takes too long", async () => {
  const memory = finding(await hunt("believed-length"));
  assert.match(memory.text, /took \d+ bytes; \d+ allowed/);
  assert.ok(memory.input.readUInt32BE(0) % (256 * 1024 * 1024) > 32 * 1024 * 1024);
  const slow = finding(await hunt("quadratic"));
  assert.match(slow.text, /took \d+ ms; 20 allowed/);
});

test("an error that nobody awaited ends the run with the input", async () => {
  const { input, text } = finding(await hunt("late-rejection"));
  assert.match(text, /SyntaxError/);
  assert.equal(input[0], 0x62);
});

test("a run that finds nothing says how much it tried", async () => {
  const outcome = await hunt("nested-fault", { inputsMax: 20 });
  assert.equal(outcome.kind, "done");
  assert.ok(outcome.inputs >= 20 && outcome.inputs < 2000);
});
