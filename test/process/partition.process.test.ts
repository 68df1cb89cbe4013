// Links that carry nothing, in one or both directions, between members that are all alive. Real packets are
// dropped, in network namespaces.

import { ClusterNetwork, whyNoNetwork } from "../cluster/network.ts";
import { clusterTest, pass, type Subject } from "./subject.ts";

const partitionMs = 5000;

interface Partitioned extends Subject {
  readonly network: ClusterNetwork;
  readonly leader: number;
  readonly others: readonly [number, number];
}

function partitionTest(name: string, body: (subject: Partitioned) => Promise<void>): void {
  let network: ClusterNetwork;
  const prepare = async () => {
    network = await ClusterNetwork.create(3);
    return { network };
  };
  clusterTest(name, { skip: whyNoNetwork() ?? false, prepare }, async (subject) => {
    const leader = subject.cluster.members.indexOf(await subject.cluster.leader());
    const others = [0, 1, 2].filter((i) => i !== leader) as [number, number];
    await body({ ...subject, network, leader, others });
  });
}

partitionTest(
  "the majority goes on without an isolated leader, which serves nothing stale",
  async (subject) => {
    const { cluster, network, leader } = subject;
    const workload = subject.load({ timeoutMs: 2000 });
    for (let i = 0; i < 2; i++) {
      network.isolate(leader);
      await workload.nextAcknowledgedWrite();
      await pass(partitionMs);
      network.rejoin(leader);
      await workload.nextAcknowledgedWrite();
    }
    await cluster.waitUntilReady();
    await workload.finish();
  },
);

partitionTest("a leader that hears but is not heard is replaced", async (subject) => {
  const { cluster, network, leader, others } = subject;
  const workload = subject.load({ timeoutMs: 2000 });
  for (const other of others) network.cut(leader, other);
  await workload.nextAcknowledgedWrite();
  await pass(partitionMs);
  for (const other of others) network.heal(leader, other);
  await cluster.waitUntilReady();
  await workload.finish();
});

partitionTest("a leader that is heard but does not hear steps aside", async (subject) => {
  const { cluster, network, leader, others } = subject;
  const workload = subject.load({ timeoutMs: 2000 });
  for (const other of others) network.cut(other, leader);
  await workload.nextAcknowledgedWrite();
  await pass(partitionMs);
  for (const other of others) network.heal(other, leader);
  await cluster.waitUntilReady();
  await workload.finish();
});

partitionTest("one broken link between two members stops nothing", async (subject) => {
  const { cluster, network, leader, others } = subject;
  const workload = subject.load({ timeoutMs: 2000 });
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
