// A member whose disk was lost has forgotten its votes and acknowledgements. Under its old identity it could help
// to elect a leader that misses committed writes (bug corpus: reformatted-node-forgets-promise).

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { methods } from "../client/messages.ts";
import { eventually } from "../cluster/cluster.ts";
import type { MemberProcess } from "../cluster/member-process.ts";
import { clusterTest, endsWithin, pass, program } from "./subject.ts";

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

clusterTest(
  "two of three that were replaced and have lost their disks found no empty cluster by themselves",
  {
    prepare: async () => ({ members: 6, isStopped: true }),
    skip: program === "etcd" && "etcd's members do",
  },
  async ({ cluster }) => {
    const old = cluster.members.slice(0, 3);
    const next = cluster.members.slice(3);
    const [first, second, third] = old as [MemberProcess, MemberProcess, MemberProcess];
    const place = ({ spec }: MemberProcess) => `${spec.name}=${spec.peerUrl}`;
    const asOfOld = [`--initial-cluster=${old.map(place).join(",")}`];
    for (const member of old) member.start(asOfOld);
    await cluster.waitUntilReady(old);
    await first.client(5_000).put({ key: "k", value: "v" });

    for (const member of next) {
      const request = { peerURLs: [member.spec.peerUrl] };
      await succeeds(first, (client) => client.call(methods.memberAdd, request));
      member.start(["--initial-cluster-state=existing"]);
      await cluster.waitUntilReady([member]);
    }
    const stays = next[0]!;
    for (const member of old) {
      await succeeds(stays, async (client) => {
        const { response } = await client.call(methods.memberList, {});
        const { members } = response as { members: { ID: number | bigint; name: string }[] };
        const ID = members.find(({ name }) => name === member.name)?.ID;
        return ID === undefined ? { code: 0 } : await client.call(methods.memberRemove, { ID });
      });
      assert.notEqual(await endsWithin(member, 10_000), undefined);
    }

    const wiped = [first, second];
    for (const member of wiped) member.wipe();
    for (const member of wiped) member.start(asOfOld);
    await eventually("both say whom they wait for", 30_000, () =>
      wiped.every((member) => {
        const last = member.log().slice(member.log().lastIndexOf("still waiting"));
        return last.includes("still waiting") && last.includes("member add");
      }),
    );
    // Long enough for many elections.
    for (let round = 0; round < 30; round++) {
      for (const member of wiped) {
        const client = member.client(200);
        const { code } = await client.range({ key: "k", serializable: true });
        client.close();
        const health = await fetch(`${member.spec.clientUrl}/health`).catch(() => undefined);
        assert.ok(code !== 0 && health === undefined, `${member.name} serves`);
      }
      await pass(200);
    }
    for (const member of wiped) {
      const said = member
        .log()
        .split("\n")
        .findLast((line) => line.includes("still waiting"));
      assert.match(said!, new RegExp(`"waitingFor":\\[\\{"name":"${third.name}"[^\\]]*\\]`));
      assert.deepEqual((await member.stop()).code, 0);
    }
    await succeeds(stays, (client) => client.range({ key: "k" }));
  },
);

type Client = ReturnType<MemberProcess["client"]>;

async function succeeds(
  member: MemberProcess,
  ask: (client: Client) => Promise<{ readonly code: number }>,
): Promise<void> {
  await eventually("it is done", 30_000, async () => {
    const client = member.client(5_000);
    const { code } = await ask(client);
    client.close();
    return code === 0;
  });
}
