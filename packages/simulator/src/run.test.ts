// The same input gives the same run: in one process twice, recorded or not, alone or among others,
// and in other processes. And no run of the first seeds breaks a promise.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  drawScenario,
  formatScenario,
  parseScenario,
  protocolNamed,
  runScenario,
  type Scenario,
  ScenarioUnreadable,
} from "./index.ts";

const protocol = protocolNamed("raft");
assert.ok(protocol);
const draw = (seed: bigint): Scenario =>
  drawScenario({ protocol: "raft", seed, safetyMs: 4000, members: 3 });

test("a run is the same twice, whether it is recorded or not", () => {
  for (const seed of [1n, 2n, 0xfeedn, (1n << 63n) + 5n]) {
    const first = runScenario(draw(seed), { protocol });
    const second = runScenario(draw(seed), { protocol, record: true });
    assert.equal(first.result, "pass", first.violation?.detail);
    assert.equal(first.traceHash, second.traceHash);
    assert.equal(first.traced, second.traced);
    assert.ok(second.events.length >= second.traced);
    assert.equal(first.events.length, 0);
  }
});

test("a run in which clients did nothing is not a pass", () => {
  const scenario = { ...draw(1n), faults: [], actors: [] };
  const worked = runScenario(scenario, { protocol });
  assert.equal(worked.result, "pass", worked.violation?.detail);
  assert.equal(worked.progressDemanded, true);
  const idle = scenario.operations.map((operation) => ({ ...operation, thinkMs: 1_000_000 }));
  const { result, violation } = runScenario({ ...scenario, operations: idle }, { protocol });
  assert.deepEqual([result, violation?.property], ["vacuous", "work done"]);
});

test("other seeds are other runs", () => {
  const hashes = [1n, 2n, 3n].map((seed) => runScenario(draw(seed), { protocol }).traceHash);
  assert.equal(new Set(hashes).size, 3);
});

test("other processes, and workers beside each other, get the same hashes", async () => {
  const command = fileURLToPath(new URL("./cli/testing/sim.ts", import.meta.url));
  const flags = ["--from", "1", "--seeds", "6", "--seconds", "2", "--members", "3", "--json"];
  const hashesWith = async (workers: string): Promise<string[]> => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      command,
      ...flags,
      "--workers",
      workers,
    ]);
    const runs = stdout.trim().split("\n");
    return runs
      .map((line) => JSON.parse(line) as { seed: number; traceHash: string })
      .sort((left, right) => left.seed - right.seed)
      .map(({ seed, traceHash }) => `${seed} ${traceHash}`);
  };
  const here = [1n, 2n, 3n, 4n, 5n, 6n].map((seed) => {
    const scenario = drawScenario({ protocol: "raft", seed, safetyMs: 2000, members: 3 });
    return `${seed} ${runScenario(scenario, { protocol }).traceHash}`;
  });
  const [one, two] = await Promise.all([hashesWith("1"), hashesWith("2")]);
  assert.deepEqual(one, here);
  assert.deepEqual(two, here);
});

test("a scenario survives being written and read, and junk is refused", () => {
  const scenario = draw(9n);
  const read = parseScenario(formatScenario(scenario));
  assert.deepEqual(read, JSON.parse(JSON.stringify(scenario)));
  assert.equal(
    runScenario(read, { protocol }).traceHash,
    runScenario(scenario, { protocol }).traceHash,
  );
  for (const junk of ["", "{}", '{"format":"althing-scenario","version":2}', "[]", "null"]) {
    assert.throws(() => parseScenario(junk), ScenarioUnreadable, junk);
  }
});
