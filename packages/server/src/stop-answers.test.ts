// A member that stops answers everybody who waits, also for what can not be done any more: a connection that is cut
// tells its client nothing of what became of the request.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { InProcessCluster, type Running, until } from "./doors/etcd/testing/in-process-cluster.ts";

const cluster = new InProcessCluster();
after(() => cluster.close());

test("who waits for a member that stops is told so, and not cut off", async () => {
  const [m1, m2] = (await cluster.found(["m1", "m2"])) as [Running, Running];
  await until(() => m1.server.members().every(({ name }) => name !== ""));
  const peerURLs = [await cluster.address("m3")];
  const request = { peerURLs, isLearner: true };
  const added = await m1.client.call("MemberAdd", "MemberAddRequest", "MemberAddResponse", request);
  assert.ok("response" in added);
  const ID = (added.response as { member?: { ID: bigint } }).member!.ID;
  // Alone it can do nothing, and waits for longer than a stop does.
  await cluster.stop(m2);
  const promoting = m1.client.call(
    "MemberPromote",
    "MemberPromoteRequest",
    "MemberPromoteResponse",
    { ID },
  );
  const writing = m1.client.put({ key: Buffer.from("k"), value: Buffer.from("v") });
  await new Promise((done) => setTimeout(done, 100));
  await m1.server.stop();
  for (const answer of await Promise.all([promoting, writing])) {
    assert.ok("message" in answer, "it was served");
    assert.match(answer.message, /^etcdserver: (server stopped|request timed out, possibly)/);
  }
});
