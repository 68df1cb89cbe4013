// A log written under one protocol means nothing to another: a member's directory keeps to the protocol it was
// founded with, and a start with another one is refused before anything in it is touched.

import assert from "node:assert/strict";
import { eventually } from "../cluster/cluster.ts";
import { protocol } from "../cluster/program.ts";
import { clusterTest, endsWithin, program } from "./subject.ts";

const others = ["raft", "paxos", "zab"].filter((name) => name !== protocol);
const skip = program === "etcd" ? "etcd has one protocol only" : false;

clusterTest("a directory is refused to any protocol but its own", { skip }, async ({ cluster }) => {
  const [follower] = await cluster.followers();
  assert.ok(follower);
  const client = follower.client();
  assert.equal((await client.put({ key: "kept", value: "yes" })).code, 0);
  await follower.kill();
  for (const other of others) {
    const before = follower.log().length;
    follower.start([`--protocol=${other}`]);
    const exit = await endsWithin(follower, 20_000);
    assert.ok(exit !== undefined, `it must not run with --protocol=${other}`);
    assert.equal(exit.signal, null);
    assert.notEqual(exit.code, 0);
    const said = follower.log().slice(before);
    assert.ok(said.includes(`was written under --protocol=${protocol}`), said);
    assert.ok(said.includes(`Start with --protocol=${protocol}`), said);
  }
  follower.start();
  await cluster.waitUntilReady();
  await eventually("it has its data again", 10_000, async () => {
    const answer = await client.range({ key: "kept", serializable: true });
    return answer.response?.kvs?.[0]?.value === "yes";
  });
  client.close();
});
