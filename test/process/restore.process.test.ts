// A backup is taken while clients write, and a new cluster of three is made of it: whoever reads there sees the
// old cluster as it was at one revision, and the new one goes on from it. etcdctl saves as well as our own
// command, and a file that is damaged makes nothing.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { methods } from "../client/messages.ts";
import { Cluster, eventually } from "../cluster/cluster.ts";
import type { MemberProcess } from "../cluster/member-process.ts";
import { findProgram, protocol } from "../cluster/program.ts";
import { clusterTest, program } from "./subject.ts";

const script = fileURLToPath(new URL("../../packages/althing/bin/althing.js", import.meta.url));
const skip = program === "etcd" ? "it is Althing's own restore that is under test" : false;

clusterTest(
  "a snapshot taken under load becomes a new cluster with the same keys, revisions and leases",
  { skip },
  async ({ cluster, load }) => {
    const [source] = await cluster.followers();
    assert.ok(source);
    await grantAndFill(source);
    const workload = load();
    await workload.nextAcknowledgedWrite();
    const path = join(cluster.folder, "backup");
    const saving = saveUnderLoad(source, path);
    await workload.nextAcknowledgedWrite();
    await saving;
    await workload.nextAcknowledgedWrite();
    await workload.finish();
    const status = JSON.parse((await althing(["snapshot", "status", path, "-o", "json"])).out);
    const expected = await keysAt(source, status.revision);
    assert.ok(expected.length >= 100);

    await using restored = await Cluster.start({ program, isStopped: true });
    const clusterIds = new Set<string>();
    for (const member of restored.members) {
      const { out } = await restore(restored, member, path);
      clusterIds.add(JSON.parse(out).clusterId);
    }
    assert.equal(clusterIds.size, 1);
    for (const member of restored.members) member.start();
    await restored.waitUntilReady();
    for (const member of restored.members) {
      assert.deepEqual(await keysAt(member, 0), expected);
      assert.equal(await hashAt(member, status.revision), await hashAt(source, status.revision));
    }

    // The lease is there with its keys and all its time, and ends them when it is revoked.
    const [first] = restored.members;
    const client = first!.client(10_000);
    const lease = await client.call<{ grantedTTL: number; keys: string[] }>(
      methods.leaseTimeToLive,
      { ID: 77, keys: true },
    );
    assert.equal(lease.code, 0);
    assert.equal(lease.response?.grantedTTL, 6000);
    assert.deepEqual(lease.response?.keys, ["leased"]);
    const user = await client.call<{ roles: string[] }>(methods.userGet, { name: "alice" });
    assert.deepEqual(user.response?.roles, ["readers"]);
    assert.equal((await client.call(methods.leaseRevoke, { ID: 77 })).code, 0);
    assert.equal((await client.range({ key: "leased" })).response?.kvs?.length ?? 0, 0);
    // Restarted with the same flags it is the same cluster, and one lost member does not stop it.
    const leader = await restored.leader();
    await leader.kill();
    const other = restored.members.find((member) => member !== leader)!;
    await restored.waitUntilReady([other]);
    assert.equal((await putOn(other, "after", "restore")).code, 0);
    leader.start();
    await restored.waitUntilReady();
    assert.equal((await putOn(leader, "and", "again")).code, 0);
    client.close();
  },
);

clusterTest(
  "a member that begins with nothing does not mix with those that were restored",
  { skip },
  async ({ cluster }) => {
    const path = join(cluster.folder, "backup");
    await putOn(cluster.member(0), "kept", "value");
    await saveUnderLoad(cluster.member(0), path);
    await using restored = await Cluster.start({ program, isStopped: true });
    const [first, second, empty] = restored.members;
    assert.ok(first && second && empty);
    await restore(restored, first, path);
    await restore(restored, second, path);
    // The one that was forgotten starts first, and founds nothing with the others, nor they without it.
    empty.start();
    first.start();
    second.start();
    await eventually("they say of whose cluster it is", 30_000, () =>
      [first, second].every((member) =>
        /belongs to cluster [0-9a-f]{16}, this is cluster.*still waiting/.test(member.log()),
      ),
    );
    for (const member of restored.members) {
      const strange = member.client(500);
      assert.notEqual((await strange.range({ key: "kept", serializable: true })).code, 0);
      strange.close();
    }
    await empty.stop();
    empty.wipe();
    await restore(restored, empty, path);
    empty.start();
    await restored.waitUntilReady();
    const client = first.client(5000);
    assert.equal((await client.range({ key: "kept" })).response?.kvs?.length, 1);
    client.close();
  },
);

clusterTest(
  "torn-snapshot-file: etcdctl's copy is as good as ours, and a damaged one makes no member",
  { skip: skip || (findProgram("etcdctl") === undefined && "etcdctl is not installed") },
  async ({ cluster }) => {
    const source = cluster.member(0);
    for (let i = 0; i < 20; i++) await putOn(source, `key ${i}`, "x".repeat(5000));
    const path = join(cluster.folder, "etcdctl-backup");
    await run(findProgram("etcdctl")!, [
      "--endpoints",
      source.spec.clientUrl,
      "snapshot",
      "save",
      path,
    ]);
    const whole = readFileSync(path);
    await using restored = await Cluster.start({ program, isStopped: true, members: 1 });
    const target = restored.member(0);
    for (const at of [whole.length >> 1, whole.length - 5]) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 1;
      for (const bytes of [damaged, whole.subarray(0, at)]) {
        writeFileSync(`${path}.damaged`, bytes);
        const { code, err } = await restore(restored, target, `${path}.damaged`, 5);
        assert.match(err, /no whole snapshot/, `${code} at ${at}`);
        const status = await althing(["snapshot", "status", `${path}.damaged`], 5);
        assert.match(status.err, /no whole snapshot/);
      }
    }
    assert.ok(!readdirSync(restored.folder).includes(target.name));
    await restore(restored, target, path);
    target.start();
    await restored.waitUntilReady();
    assert.deepEqual(await keysAt(target, 0), await keysAt(source, 0));
    const { err } = await restore(restored, target, path, 5);
    assert.match(err, /is in use by process/);
  },
);

async function grantAndFill(member: MemberProcess): Promise<void> {
  const client = member.client(10_000);
  assert.equal((await client.call(methods.leaseGrant, { ID: 77, TTL: 6000 })).code, 0);
  assert.equal((await client.put({ key: "leased", value: "v", lease: 77 })).code, 0);
  assert.equal((await client.call(methods.userAdd, { name: "alice", password: "p" })).code, 0);
  assert.equal((await client.call(methods.roleAdd, { name: "readers" })).code, 0);
  const granted = { user: "alice", role: "readers" };
  assert.equal((await client.call(methods.userGrantRole, granted)).code, 0);
  const values = Array.from({ length: 100 }, (_, i) =>
    client.put({ key: `fill ${i}`, value: "x".repeat(20_000) }),
  );
  for (const { code } of await Promise.all(values)) assert.equal(code, 0);
  client.close();
}

async function putOn(member: MemberProcess, key: string, value: string) {
  const client = member.client(10_000);
  const answer = await client.put({ key, value });
  client.close();
  return answer;
}

/** Keys with all of their revisions, without those that tell when a cluster is ready. */
async function keysAt(member: MemberProcess, revision: number) {
  const client = member.client(10_000);
  const { response } = await client.range({ key: "\0", range_end: "\0", revision });
  client.close();
  return response?.kvs ?? [];
}

async function hashAt(member: MemberProcess, revision: number): Promise<number | undefined> {
  const client = member.client(10_000);
  const answer = await client.call<{ hash: number }>(methods.hashKV, { revision });
  client.close();
  assert.equal(answer.code, 0);
  return answer.response?.hash;
}

async function saveUnderLoad(member: MemberProcess, path: string): Promise<void> {
  const done = await althing(["snapshot", "save", path, "--endpoints", member.spec.clientUrl]);
  assert.match(done.out, /^Saved /);
}

function restore(cluster: Cluster, member: MemberProcess, path: string, code = 0) {
  const { name, dataDir, peerUrl } = member.spec;
  const all = cluster.members.map(({ spec }) => `${spec.name}=${spec.peerUrl}`).join(",");
  const who = [`--name=${name}`, `--data-dir=${dataDir}`, `--initial-cluster=${all}`];
  const more = [`--initial-advertise-peer-urls=${peerUrl}`, "--initial-cluster-token=althing-test"];
  const how = [`--protocol=${protocol}`, "-o", "json"];
  return althing(["snapshot", "restore", path, ...who, ...more, ...how], code);
}

async function althing(args: readonly string[], code = 0) {
  const done = await run(process.execPath, [script, ...args]);
  assert.equal(done.code, code, done.err);
  return done;
}

function run(file: string, args: readonly string[]) {
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const env = { ...process.env, ETCDCTL_API: "3" };
    execFile(file, args, { env }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}
