// Members that fall silent and come back believing that no time has passed (SIGSTOP): the worst kind of slow.

import assert from "node:assert/strict";
import { clusterTest, pass } from "./subject.ts";

clusterTest(
  "a leader that is frozen for ten seconds is replaced and then follows",
  {},
  async (subject) => {
    const { cluster } = subject;
    const workload = subject.load({ timeoutMs: 2000 });
    const leader = await cluster.leader();
    await workload.nextAcknowledgedWrite();
    leader.pause();
    const frozenAt = performance.now();
    await workload.nextAcknowledgedWrite();
    await pass(10_000 - (performance.now() - frozenAt));
    // A read that the thawed leader answers from its old view would show in the history.
    leader.resume();
    await workload.nextAcknowledgedWrite();
    await cluster.waitUntilReady();
    assert.notEqual(await cluster.leader(), leader);
    await workload.finish();
  },
);

clusterTest(
  "leaders frozen around the election timeout never serve stale data",
  {},
  async (subject) => {
    const { cluster } = subject;
    const workload = subject.load({ timeoutMs: 2000 });
    for (const milliseconds of [300, 900, 1100, 1500, 2500]) {
      const leader = await cluster.leader();
      leader.pause();
      await pass(milliseconds);
      leader.resume();
      await workload.nextAcknowledgedWrite();
    }
    await cluster.waitUntilReady();
    await workload.finish();
  },
);
