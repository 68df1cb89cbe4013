// A member that was away while those whom it knew were replaced: it is introduced to the members of today by
// what those of yesterday signed for them, or by one that its operator names.

import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { InProcessCluster, type Running, until } from "../doors/etcd/testing/in-process-cluster.ts";

const cluster = new InProcessCluster();
after(() => cluster.close());

async function added(by: Running, name: string): Promise<Running> {
  const peerURLs = [await cluster.address(name)];
  await until(async () => {
    const request = { peerURLs, isLearner: false };
    const made = await by.client.call(
      "MemberAdd",
      "MemberAddRequest",
      "MemberAddResponse",
      request,
    );
    return made.status === 0;
  });
  const member = await cluster.start(name, { initialClusterState: "existing" });
  const voters = () => by.server.member.status().membership.voters;
  await until(() => voters().includes(member.server.memberId));
  return member;
}

async function removed(by: Running, leaving: Running): Promise<void> {
  const ID = BigInt(`0x${leaving.server.memberId}`);
  await until(async () => {
    const made = await by.client.call(
      "MemberRemove",
      "MemberRemoveRequest",
      "MemberRemoveResponse",
      { ID },
    );
    return made.status === 0;
  });
  await leaving.server.ended;
  await cluster.stop(leaving);
}

test("a member that was away too long finds its way back, and is told whom it may believe", async () => {
  const [m1, m2, m3] = await cluster.found(["m1", "m2", "m3"]);
  await until(() => m1!.server.member.roster().length === 3);
  await cluster.stop(m3!);
  cpSync(join(cluster.folder, "m3"), join(cluster.folder, "m3-of-old"), { recursive: true });
  const m4 = await added(m1!, "m4");
  const m5 = await added(m4, "m5");
  await removed(m4, m1!);
  await removed(m5, m2!);

  // By what m1 and m2 have signed while they were there.
  const back = await cluster.start("m3");
  const { voters } = back.server.member.status().membership;
  const all = [m4, m5, back].map(({ server }) => server.memberId);
  assert.deepEqual([...voters].sort(), all.sort());
  await cluster.stop(back);
});

test("where nobody is left who could have signed, the operator names a member", async () => {
  // m3 is as it was before the others joined; what was signed for these is lost.
  rmSync(join(cluster.folder, "m3"), { recursive: true });
  cpSync(join(cluster.folder, "m3-of-old"), join(cluster.folder, "m3"), { recursive: true });
  const [m4, m5] = cluster.running as [Running, Running];
  await cluster.stop(m4);
  await cluster.stop(m5);
  for (const { name } of [m4, m5]) rmSync(join(cluster.folder, name, "introductions.json"));
  const again = await Promise.all([m4, m5].map(({ name }) => cluster.start(name)));
  const [one] = again as [Running, Running];

  // By itself it believes nobody.
  const alone = cluster.start("m3").then(
    () => "it is let in",
    () => "it ended",
  );
  await until(() => cluster.running.some(({ name }) => name === "m3"));
  const stuck = cluster.running.find(({ name }) => name === "m3")!;
  const calls = one.server.peerStats().find(({ id }) => id === stuck.server.memberId);
  assert.equal(calls?.connected, false);
  await new Promise((done) => setTimeout(done, 1_500));
  const { voters } = stuck.server.member.status().membership;
  assert.equal(voters.includes(one.server.memberId), false);
  await cluster.stop(stuck);
  assert.equal(await alone, "it ended");

  const back = await cluster.start("m3", { peerIntroducerUrls: [one.peerUrl] });
  assert.ok(back.server.member.status().membership.voters.includes(one.server.memberId));
});
