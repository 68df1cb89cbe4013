// The disk of a member that was removed still has its key, and what others signed for it while it belonged. At a
// member that has restarted and hears no leader, which once would let in whom it does not know, it opens nothing.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { InProcessCluster, type Running, until } from "../doors/etcd/testing/in-process-cluster.ts";
import { frameType } from "../peers/frame.ts";
import { readIntroduction } from "../peers/index.ts";
import { helloOf, Stranger } from "../peers/testing/stranger.ts";
import { openDiskKey } from "./disk-key.ts";

const cluster = new InProcessCluster();
after(() => cluster.close());

test("the key of a member that was removed lets nobody in, also where no leader is known", async () => {
  const [m1, m2, m3] = (await cluster.found(["m1", "m2", "m3"])) as [Running, Running, Running];
  await until(() => m1.server.member.roster().length === 3);
  const read = (note: string) => JSON.parse(readFileSync(join(cluster.folder, "m3", note), "utf8"));
  await until(() => m3.server.peerStats().every(({ connected }) => connected));
  // It comes back after the others have written down who it is: what they sign for it now is of that time.
  await cluster.stop(m3);
  const again = await cluster.start("m3");
  await until(() => read("introductions.json").length === 2);
  const introductions = read("introductions.json").map(readIntroduction);
  const stolen = read("identity.json");

  const ID = BigInt(`0x${again.server.memberId}`);
  await until(async () => {
    const asked = ["MemberRemove", "MemberRemoveRequest", "MemberRemoveResponse"] as const;
    return (await m1.client.call(...asked, { ID })).status === 0;
  });
  await again.server.ended;
  await cluster.stop(again);
  await until(() => m1.server.member.knownWithout(again.server.memberId) !== undefined);
  await cluster.stop(m2);
  await cluster.stop(m1);
  const alone = cluster.start("m1").catch(() => {});
  await until(() => cluster.running.some(({ name }) => name === "m1"));
  const [back] = cluster.running as [Running];

  const caller = await Stranger.connect(Number(new URL(back.peerUrl).port));
  const hello = helloOf({
    clusterId: back.server.clusterId,
    member: stolen.memberId,
    identity: stolen.incarnation,
    consensus: "raft",
    to: back.server.memberId,
    channel: "main",
  });
  const said = await caller.enter(hello, openDiskKey(stolen)!, { introductions });
  caller.socket.destroy();
  assert.equal(said?.type, frameType.refusal, said?.payload.toString());
  assert.match(said.payload.toString(), /unknownMember/);
  assert.deepEqual(
    back.server.peerStats().map(({ id }) => id),
    [m2.server.memberId],
  );
  await cluster.stop(back);
  await alone;
});
