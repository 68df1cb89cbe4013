// The command line of `althing sim explore`: what it says at the end of what there is, at a bound, and of
// what it does not know.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const sim = fileURLToPath(new URL("./testing/sim.ts", import.meta.url));

function run(...flags: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [sim, "explore", ...flags], {
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

test("an exploration tells its bounds, how many states there are, and that it came to the end", () => {
  const { status, stdout, stderr } = run("--protocol", "raft", "--entries", "0");
  assert.equal(stderr, "");
  assert.match(stdout, /^raft: members 3, terms 1, entries 0, .*\n\d+ states by \d+ moves/);
  assert.match(stdout, /\nall of it is explored\n$/);
  assert.equal(status, 0);
});

test("what is not explored to the end is no success", () => {
  const { status, stdout } = run("--terms=2", "--states=1000");
  assert.match(stdout, /\nNOT all of it is explored\n$/);
  assert.equal(status, 13);
});

test("a bound that is not known or too large is refused", () => {
  const unknown = run("--seeds", "3");
  assert.match(unknown.stderr, /--seeds is not known to explore/);
  assert.equal(unknown.status, 2);
  const large = run("--terms", "8");
  assert.match(large.stderr, /--terms takes a number from 0 to 7/);
  assert.equal(large.status, 2);
});
