// Members die without a word (kill -9) while clients write: no acknowledged write is lost, every history is
// linearizable, and whoever is started again comes back by itself.

import assert from "node:assert/strict";
import { clusterTest } from "./subject.ts";

clusterTest("any member may be killed under load, one after the other", {}, async (subject) => {
  const { cluster } = subject;
  const workload = subject.load();
  for (const member of [...cluster.members, ...cluster.members]) {
    await workload.nextAcknowledgedWrite();
    await member.kill();
    await workload.nextAcknowledgedWrite();
    member.start();
    await cluster.waitUntilReady();
  }
  await workload.finish();
});

clusterTest("the leader may be killed twenty times in a row under load", {}, async (subject) => {
  const { cluster } = subject;
  const workload = subject.load();
  for (let i = 0; i < 20; i++) {
    const leader = await cluster.leader();
    await workload.nextAcknowledgedWrite();
    await leader.kill();
    await workload.nextAcknowledgedWrite();
    leader.start();
  }
  await cluster.waitUntilReady();
  await workload.finish();
});

clusterTest("all members may be killed at once, again and again", {}, async (subject) => {
  const { cluster } = subject;
  const workload = subject.load();
  for (let i = 0; i < 4; i++) {
    await workload.nextAcknowledgedWrite();
    await Promise.all(cluster.members.map((member) => member.kill()));
    for (const member of cluster.members) member.start();
    await cluster.waitUntilReady();
  }
  await workload.finish();
});

clusterTest(
  "a member asked to stop ends by itself and finds its data again",
  {},
  async (subject) => {
    const { cluster } = subject;
    const workload = subject.load();
    for (const member of cluster.members) {
      await workload.nextAcknowledgedWrite();
      const exit = await member.stop();
      assert.notEqual(exit.signal, "SIGKILL", `${member.name} had to be killed`);
      await workload.nextAcknowledgedWrite();
      member.start();
      await cluster.waitUntilReady();
    }
    await workload.finish();
  },
);
