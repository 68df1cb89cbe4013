// Members that fall silent and come back believing that no time has passed (SIGSTOP): the worst kind of slow.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster } from "../cluster/cluster.ts";
import { program, seed, skip } from "./subject.ts";
import { Workload } from "./workload.ts";

test("a leader that is frozen for ten seconds is replaced and then follows", { skip }, async () => {
  await using cluster = await Cluster.start({ program });
  const workload = Workload.start({ cluster, seed, timeoutMs: 2000 });
  const leader = await cluster.leader();
  await workload.nextAcknowledgedWrite();
  leader.pause();
  const frozenAt = performance.now();
  await workload.nextAcknowledgedWrite();
  await new Promise((resolve) => setTimeout(resolve, 10_000 - (performance.now() - frozenAt)));
  // A read that the thawed leader answers from its old view would show in the history.
  leader.resume();
  await workload.nextAcknowledgedWrite();
  await cluster.waitUntilReady();
  assert.notEqual(await cluster.leader(), leader);
  await workload.finish();
});

test("leaders frozen for moments around the election timeout never serve stale data", {
  skip,
}, async () => {
  await using cluster = await Cluster.start({ program });
  const workload = Workload.start({ cluster, seed: seed + 1, timeoutMs: 2000 });
  for (const milliseconds of [300, 900, 1100, 1500, 2500]) {
    const leader = await cluster.leader();
    leader.pause();
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    leader.resume();
    await workload.nextAcknowledgedWrite();
  }
  await cluster.waitUntilReady();
  await workload.finish();
});
