// A member whose disk was lost has forgotten its votes and acknowledgements. Under its old identity it could help
// to elect a leader that misses committed writes (bug corpus: reformatted-node-forgets-promise).

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clusterTest, endsWithin, program } from "./subject.ts";

clusterTest("a member with a wiped disk is refused and told what to do", {}, async (subject) => {
  const { cluster } = subject;
  const workload = subject.load();
  const [follower] = await cluster.followers();
  assert.ok(follower);
  await workload.nextAcknowledgedWrite();
  await follower.kill();
  follower.wipe();
  follower.start();
  const exit = await endsWithin(follower, 20_000);
  assert.ok(exit !== undefined, "it must not take part");
  assert.notEqual(exit.code, 0);
  const said = follower.log().slice(-4000);
  if (program === "etcd") assert.match(said, /has already been bootstrapped/);
  // What happened, and the way out: leave under the old identity, join under a new one.
  else assert.match(said, /remove[\s\S]*\badd\b/i);
  await workload.nextAcknowledgedWrite();
  await workload.finish();
});

async function secret(held: AsyncDisposableStack) {
  const folder = mkdtempSync(join(tmpdir(), "althing-secret-"));
  held.defer(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "secret");
  writeFileSync(file, "a secret that nobody guesses");
  return { args: [`--peer-join-secret-file=${file}`] };
}

for (const [how, prepare, skip] of [
  ["", async () => ({}), false],
  [" under a join secret", secret, program === "etcd" && "etcd has none"],
] as const) {
  clusterTest(
    `two wiped members found no empty cluster beside the third${how}`,
    { prepare, skip },
    async (subject) => {
      const { cluster } = subject;
      const workload = subject.load();
      await workload.nextAcknowledgedWrite();
      const wiped = await cluster.followers();
      assert.equal(wiped.length, 2);
      for (const member of wiped) await member.kill();
      for (const member of wiped) member.wipe();
      for (const member of wiped) member.start();
      for (const member of wiped) {
        const exit = await endsWithin(member, 20_000);
        assert.ok(exit !== undefined, "it must not take part");
        assert.notEqual(exit.code, 0);
      }
    },
  );
}
