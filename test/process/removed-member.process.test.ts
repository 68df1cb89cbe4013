// A member that is removed is out at once: it ends, says why, and serves nobody, whether it runs when it is
// removed, learns of it when it comes back, or is started once more. The others' writes go on meanwhile.

import assert from "node:assert/strict";
import { methods } from "../client/messages.ts";
import { eventually } from "../cluster/cluster.ts";
import type { MemberProcess } from "../cluster/member-process.ts";
import { clusterTest, endsWithin, pass, program, type Subject } from "./subject.ts";

const skip = program === "etcd" ? "etcd's removed members end in their own way" : false;
const tls = async () => ({
  args: ["--peer-auto-tls"],
  peerScheme: "https" as const,
  members: 5,
});

for (const [security, prepare] of [
  ["clear text", async () => ({ members: 5 })],
  ["TLS", tls],
] as const) {
  clusterTest(
    `what is removed ends at once and serves nobody, under load: ${security}`,
    { skip, prepare },
    (subject) => removals(subject),
  );
}

async function removals({ cluster, load }: Subject): Promise<void> {
  // The work is done at members that stay.
  const workload = load({ clients: 20, pauseMs: 0 });
  await workload.nextAcknowledgedWrite();
  const leader = await cluster.leader();
  const [follower, absent] = await cluster.followers();
  assert.ok(follower && absent);

  // One that runs.
  assert.ok(await remove(follower, leader));
  await endsRemoved(follower, 3_000);
  await servesNobody(follower);

  // One that is away meanwhile.
  await absent.kill();
  await eventually("it may be removed", 20_000, () => remove(absent, leader));
  await workload.nextAcknowledgedWrite();
  workload.longestSilenceMs = 0;
  await servesNobody(absent);
  await workload.nextAcknowledgedWrite();
  assert.ok(workload.longestSilenceMs < 1_000, `silent for ${workload.longestSilenceMs} ms`);

  // The one that leads, asked for it itself: it answers, and another one leads.
  assert.ok(await remove(leader, leader));
  await endsRemoved(leader, 5_000);
  await workload.nextAcknowledgedWrite();
  await servesNobody(leader);
  await workload.nextAcknowledgedWrite();
  await workload.finish();
}

/** False when it was refused for the moment. */
async function remove(member: MemberProcess, asked: MemberProcess): Promise<boolean> {
  const client = asked.client(10_000);
  const { response } = await client.call(methods.memberList, {});
  const { members } = response as { members: { ID: number | bigint; name: string }[] };
  const { ID } = members.find(({ name }) => name === member.name)!;
  const answer = await client.call(methods.memberRemove, { ID });
  client.close();
  return answer.code === 0;
}

async function endsRemoved(member: MemberProcess, withinMs: number): Promise<void> {
  const exit = await endsWithin(member, withinMs);
  assert.ok(exit !== undefined, `${member.name} goes on after its removal`);
  assert.equal(exit.code, 7);
  const said = member.log().slice(-3_000);
  assert.match(said, /removed from (the )?cluster/);
  assert.doesNotMatch(said.slice(said.lastIndexOf("removed from")), /data directory was lost/);
}

/** Started again it ends, and between no client gets a word from it. */
async function servesNobody(member: MemberProcess): Promise<void> {
  const before = member.log().length;
  member.start();
  let answered = 0;
  let ended = false;
  const polling = (async () => {
    while (!ended) {
      const client = member.client(200);
      const { code } = await client.range({ key: "k", serializable: true });
      const health = await fetch(`${member.spec.clientUrl}/health`).catch(() => undefined);
      if (code === 0 || health !== undefined) answered += 1;
      client.close();
      await pass(10);
    }
  })();
  await endsRemoved(member, 6_000);
  ended = true;
  await polling;
  assert.equal(answered, 0, member.log().slice(before));
}
