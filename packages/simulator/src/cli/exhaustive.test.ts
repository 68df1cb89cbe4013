// The command line of `althing sim explore`: what it says at the end of what there is, at a bound, and of
// what it does not know.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
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
  assert.match(stdout, /^raft: members 3, terms 1, every order\n961 states by \d+ moves/);
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
  assert.equal(unknown.status, 3);
  const large = run("--terms", "8");
  assert.match(large.stderr, /--terms takes a number from 0 to 7/);
  assert.equal(large.status, 3);
});

test("who interrupts an exploration is told how far it was", async () => {
  for (const afterMs of [1500, 5000, 20_000]) {
    const { status, stdout } = await interrupted(afterMs);
    // On a slow machine the signal finds it before it listens.
    if (status === null) continue;
    assert.match(stdout, /\d+ states by \d+ moves.*\n.*\nNOT all of it is explored\n$/);
    assert.equal(status, 13);
    return;
  }
  assert.fail("it never listened");
});

async function interrupted(afterMs: number) {
  const flags = ["--terms", "7", "--entries", "7", "--crashes", "7", "--drops", "7"];
  const child = spawn(process.execPath, [sim, "explore", ...flags]);
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  const timer = setTimeout(() => child.kill("SIGINT"), afterMs);
  const [status] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  return { status, stdout };
}

test("a suite is told as a table, of one protocol if asked", () => {
  const { status, stdout } = run("--suite", "small", "--protocol", "paxos", "--states", "1000");
  const lines = stdout.trim().split("\n");
  assert.match(lines[0]!, /^\| protocol \| bounds \| states/);
  assert.match(lines[2]!, /^\| paxos \| .* \| not explored to the end \|$/);
  assert.equal(status, 13);
  assert.match(run("--suite", "huge").stderr, /--suite is one of small, large/);
});
