// The harness itself, against real etcd: what it claims to do to a cluster happens.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { Cluster, eventually } from "./cluster.ts";
import { ClusterNetwork, whyNoNetwork } from "./network.ts";
import { whyMissing } from "./program.ts";

const noEtcd = whyMissing("etcd") ?? false;

test("a killed, restarted and wiped cluster of etcd behaves as told", {
  skip: noEtcd,
}, async () => {
  await using cluster = await Cluster.start({ program: "etcd" });
  const leader = await cluster.leader();
  const client = leader.client();
  assert.equal((await client.put({ key: "a", value: "1" })).code, 0);
  const exit = await leader.kill();
  assert.equal(exit.signal, "SIGKILL");
  assert.equal((await client.put({ key: "a", value: "2" })).code, 14);
  const next = await cluster.leader();
  assert.notEqual(next, leader);
  leader.start();
  await cluster.waitUntilReady();
  const answer = await client.range({ key: "a" });
  assert.equal(answer.response?.kvs?.[0]?.value, "1");
  client.close();

  await leader.kill();
  leader.wipe();
  leader.start();
  assert.notEqual((await leader.exited).code, 0);
  assert.match(leader.log(), /has already been bootstrapped/);
});

test("a paused leader is replaced and comes back", { skip: noEtcd }, async () => {
  await using cluster = await Cluster.start({ program: "etcd" });
  const leader = await cluster.leader();
  leader.pause();
  const next = await cluster.leader();
  assert.notEqual(next, leader);
  leader.resume();
  await cluster.waitUntilReady();
});

test("an isolated member misses writes until it rejoins", {
  skip: noEtcd || (whyNoNetwork() ?? false),
}, async () => {
  const network = await ClusterNetwork.create(3);
  await using cluster = await Cluster.start({ program: "etcd", network });
  const leader = await cluster.leader();
  const isolated = cluster.members.findIndex((member) => member !== leader);
  network.isolate(isolated);
  const client = leader.client();
  assert.equal((await client.put({ key: "a", value: "1" })).code, 0);
  client.close();
  const local = cluster.member(isolated).client();
  const stale = await local.range({ key: "a", serializable: true });
  assert.equal(stale.response?.count, undefined);
  network.rejoin(isolated);
  await eventually("the write arrives", 20_000, async () => {
    const answer = await local.range({ key: "a", serializable: true });
    return answer.response?.count === 1;
  });
  local.close();
});

test("nothing is left of a cluster whose test was killed", { skip: noEtcd }, async () => {
  const script = `
    import { Cluster } from ${JSON.stringify(new URL("cluster.ts", import.meta.url).href)};
    const cluster = await Cluster.start({ program: "etcd", members: 1 });
    console.log(JSON.stringify({ pid: cluster.member(0).pid, folder: cluster.folder }));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const line = await new Promise<string>((resolve) => {
    child.stdout.once("data", (text: Buffer) => resolve(text.toString()));
  });
  const { pid, folder } = JSON.parse(line) as { pid: number; folder: string };
  assert.ok(existsSync(folder));
  child.kill("SIGKILL");
  await eventually("the member and its folder are gone", 10_000, () => {
    return !existsSync(`/proc/${pid}`) && !existsSync(folder);
  });
});
