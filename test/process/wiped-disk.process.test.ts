// A member whose disk was lost has forgotten its votes and acknowledgements. Under its old identity it could help
// to elect a leader that misses committed writes (bug corpus: reformatted-node-forgets-promise).

import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster } from "../cluster/cluster.ts";
import { program, seed, skip } from "./subject.ts";
import { Workload } from "./workload.ts";

test("a member with a wiped disk is refused under its old identity and told what to do", {
  skip,
}, async () => {
  await using cluster = await Cluster.start({ program });
  const workload = Workload.start({ cluster, seed });
  const [follower] = await cluster.followers();
  assert.ok(follower);
  await workload.nextAcknowledgedWrite();
  await follower.kill();
  follower.wipe();
  follower.start();
  const late = new Promise<"still running">((resolve) => {
    setTimeout(() => resolve("still running"), 20_000).unref();
  });
  const exit = await Promise.race([follower.exited, late]);
  assert.notEqual(exit, "still running", "it must not take part");
  assert.notEqual((exit as { code: number | null }).code, 0);
  const said = follower.log().slice(-4000);
  if (program === "etcd") assert.match(said, /has already been bootstrapped/);
  // What happened, and the way out: leave under the old identity, join under a new one.
  else assert.match(said, /member remove[\s\S]*member add|remove[\s\S]*\badd\b/i);
  await workload.nextAcknowledgedWrite();
  await workload.finish();
});
