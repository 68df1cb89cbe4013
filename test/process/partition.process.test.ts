// Links that carry nothing, in one or both directions, between members that are all alive. Real packets are
// dropped, in network namespaces.

import { test } from "node:test";
import { Cluster } from "../cluster/cluster.ts";
import { ClusterNetwork, whyNoNetwork } from "../cluster/network.ts";
import { program, seed, skip as skipProgram } from "./subject.ts";
import { Workload } from "./workload.ts";

const skip = skipProgram || (whyNoNetwork() ?? false);
const partitionMs = 5000;

interface Subject extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly network: ClusterNetwork;
  readonly leader: number;
  readonly others: readonly [number, number];
}

async function start(): Promise<Subject> {
  const network = await ClusterNetwork.create(3);
  const cluster = await Cluster.start({ program, network });
  const leader = cluster.members.indexOf(await cluster.leader());
  const others = [0, 1, 2].filter((i) => i !== leader) as [number, number];
  return { cluster, network, leader, others, [Symbol.asyncDispose]: () => cluster.stop() };
}

function pass(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

test("the majority goes on without an isolated leader, which serves nothing stale", {
  skip,
}, async () => {
  await using subject = await start();
  const { cluster, network, leader } = subject;
  const workload = Workload.start({ cluster, seed, timeoutMs: 2000 });
  for (let i = 0; i < 2; i++) {
    network.isolate(leader);
    await workload.nextAcknowledgedWrite();
    await pass(partitionMs);
    network.rejoin(leader);
    await workload.nextAcknowledgedWrite();
  }
  await cluster.waitUntilReady();
  await workload.finish();
});

test("a leader that hears but is not heard is replaced", { skip }, async () => {
  await using subject = await start();
  const { cluster, network, leader, others } = subject;
  const workload = Workload.start({ cluster, seed: seed + 1, timeoutMs: 2000 });
  for (const other of others) network.cut(leader, other);
  await workload.nextAcknowledgedWrite();
  await pass(partitionMs);
  for (const other of others) network.heal(leader, other);
  await cluster.waitUntilReady();
  await workload.finish();
});

test("a leader that is heard but does not hear steps aside", { skip }, async () => {
  await using subject = await start();
  const { cluster, network, leader, others } = subject;
  const workload = Workload.start({ cluster, seed: seed + 2, timeoutMs: 2000 });
  for (const other of others) network.cut(other, leader);
  await workload.nextAcknowledgedWrite();
  await pass(partitionMs);
  for (const other of others) network.heal(other, leader);
  await cluster.waitUntilReady();
  await workload.finish();
});

test("one broken link between two members stops nothing", { skip }, async () => {
  await using subject = await start();
  const { cluster, network, leader, others } = subject;
  const workload = Workload.start({ cluster, seed: seed + 3, timeoutMs: 2000 });
  // First between the leader and one follower, then, whoever leads by now, between the two others.
  for (const [a, b] of [[leader, others[0]], others] as const) {
    network.cut(a, b);
    network.cut(b, a);
    await workload.nextAcknowledgedWrite();
    await pass(partitionMs);
    await workload.nextAcknowledgedWrite();
    network.heal(a, b);
    network.heal(b, a);
    await workload.nextAcknowledgedWrite();
  }
  await cluster.waitUntilReady();
  await workload.finish();
});
