// A member that was away for far longer than the log is kept gets a snapshot and then the log, while the others
// go on serving.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { GeneratorPlan } from "../../bench/load/generator.ts";
import { eventually } from "../cluster/cluster.ts";
import type { MemberProcess } from "../cluster/member-process.ts";
import { clusterTest } from "./subject.ts";
import { keysOn } from "./workload.ts";

const writes = 200_000;
const generator = fileURLToPath(new URL("../../bench/load/generator.ts", import.meta.url));

// A small snapshot interval, so that the log it needs is surely gone.
const prepare = async () => ({ args: ["--snapshot-count=20000"] });

clusterTest(
  "a member that missed 200,000 writes catches up while the cluster serves",
  { prepare },
  async (subject) => {
    const { cluster } = subject;
    const [away, other] = await cluster.followers();
    assert.ok(away && other);
    await away.kill();
    const before = await revisionOf(other);
    await fill(cluster.members.filter((member) => member !== away));
    const reached = await revisionOf(other);
    assert.ok(reached >= before + writes, `${reached - before} writes were made`);

    const workload = subject.load();
    await workload.nextAcknowledgedWrite();
    workload.longestSilenceMs = 0;
    away.start();
    const local = away.client();
    await eventually("it has all that it missed", 120_000, async () => {
      const answer = await local.range({ key: "a", serializable: true });
      return (answer.response?.header?.revision ?? 0) >= reached;
    });
    local.close();
    await workload.nextAcknowledgedWrite();
    // An election would take about a second; feeding a snapshot must not cost as much.
    assert.ok(workload.longestSilenceMs < 3000, `silent for ${workload.longestSilenceMs} ms`);
    await workload.finish();
    assert.deepEqual(await keysOn(away, "bench/"), await keysOn(other, "bench/"));
  },
);

async function revisionOf(member: MemberProcess): Promise<number> {
  const client = member.client();
  const answer = await client.range({ key: "a" });
  client.close();
  return answer.response?.header?.revision ?? 0;
}

async function fill(members: readonly MemberProcess[]): Promise<void> {
  const plan: GeneratorPlan = {
    fill: { from: 0, putsPerTxn: 1 },
    work: "put",
    targets: members.map((member) => member.target),
    clients: 10,
    seconds: 0,
    warmupSeconds: 0,
    valueBytes: 64,
    keys: writes,
  };
  const child = spawn(process.execPath, [generator, JSON.stringify(plan)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const code = await new Promise((resolve) => child.once("exit", resolve));
  assert.equal(code, 0, "the writes succeeded");
}
