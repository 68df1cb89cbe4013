// A whole campaign over code with a bug that is known: it is found by more than one that hunts, kept small, and the kept
// runs fail for as long as the bug is there.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Ledger, readLedger } from "./ledger.ts";
import { programs, root } from "./paths.ts";

const patch = new URL("../../packages/simulator/mutants/patch.ts", import.meta.url).href;
const bug = { ALTHING_MUTANT: "ack-before-durable", NODE_OPTIONS: `--import ${patch}` };

function node(env: Record<string, string>, ...args: string[]) {
  return spawnSync(process.execPath, args, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
}

test("a campaign finds a bug that was put back, keeps it small, and says how to see it again", () => {
  const out = mkdtempSync(join(tmpdir(), "althing-campaign-"));
  const time = ["--minutes", "0.5", "--workers", "2", "--protocol", "raft"];
  const { status, stdout, stderr } = node(bug, "test/campaign/main.ts", ...time, "--out", out);
  assert.equal(status, 1, stderr);
  const { bugs } = JSON.parse(readFileSync(join(out, "summary.json"), "utf8")) as Ledger;
  for (const { number, replays } of bugs) {
    assert.ok(stdout.includes(`bug ${number}  `) && stdout.includes(replays[0]!), stdout);
  }
  const kept = globSync(join(out, "bugs", "*.json"));
  const plans = kept.filter((file) => "plan" in JSON.parse(readFileSync(file, "utf8")));
  const scenarios = kept.filter((file) => !plans.includes(file));
  assert.ok(plans.length > 0 && scenarios.length > 0, stdout);
  for (const file of plans) {
    const { plan } = JSON.parse(readFileSync(file, "utf8")) as { plan: { moves: unknown[] } };
    assert.ok(plan.moves.length < 50, `${plan.moves.length} moves are left`);
    assert.equal(node(bug, programs.plans, file).status, 1);
    assert.equal(node({}, programs.plans, file).status, 0, "without the bug it passes");
  }
  for (const file of scenarios) {
    assert.equal(node(bug, programs.althing, "sim", "run", file).status, 11);
  }
});

test("a campaign that is interrupted tells what it did, and the same command goes on", async () => {
  const out = mkdtempSync(join(tmpdir(), "althing-campaign-"));
  const flags = ["--only", "plans", "--workers", "1", "--out", out];
  const child = spawn(process.execPath, ["test/campaign/main.ts", "--minutes", "5", ...flags], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  // Once it listens it says which seed it draws from.
  await once(child.stderr, "data");
  child.kill("SIGINT");
  const [status] = await once(child, "close");
  assert.equal(status, 130);
  assert.match(stdout, /NOT to its end: interrupted; the same command goes on\n$/);
  const before = readLedger(out);
  assert.equal(node({}, "test/campaign/main.ts", "--minutes", "0.2", ...flags).status, 0);
  const after = readLedger(out);
  assert.equal(after?.seed, before?.seed);
  assert.ok((after?.counts["plans paxos"]?.["plans"] ?? 0) > 0);
});

test("a report of reach tells what was reached, and lists what was not", () => {
  const out = mkdtempSync(join(tmpdir(), "althing-reach-"));
  const flags = ["--reach", "--minutes", "0.1", "--protocol", "zab", "--seed", "5", "--out", out];
  const { status, stdout, stderr } = node({}, "test/campaign/main.ts", ...flags);
  assert.equal(status, 0, stderr);
  const [, reached, possible] = /^zab: (\d+) of (\d+) cells reached/.exec(stdout) ?? [];
  assert.ok(Number(reached) > 100 && Number(reached) < Number(possible), stdout);
  assert.match(stdout, /\n {2}never asked:\n {4}\w+/);
  assert.match(stdout, /\ncode that never ran: \d+ places/);
  assert.match(stdout, /\n {2}packages\/consensus\/src\/zab\/[a-z-]+\.ts:\d+: \S/);
});

test("how long is to be said, and what is not known is refused", () => {
  for (const flags of [[], ["--minutes", "0"], ["--hours", "1", "--protocol", "gossip"]]) {
    assert.equal(node({}, "test/campaign/main.ts", ...flags).status, 3, flags.join(" "));
  }
  assert.equal(node({}, programs.plans, "--kind", "unheard").status, 3);
});
