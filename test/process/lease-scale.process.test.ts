// A hundred thousand leases: all granted, all there after the leader's death, none expired before its time, and those
// that are not kept alive go with their keys.

import assert from "node:assert/strict";
import { type Answer, type EtcdClient, failureOf } from "../client/etcd-client.ts";
import { methods } from "../client/messages.ts";
import type { Message } from "../client/protobuf.ts";
import { eventually } from "../cluster/cluster.ts";
import { clusterTest } from "./subject.ts";

const count = 100_000;
const atOnce = 1000;
const longSeconds = 3600;

clusterTest(
  "a hundred thousand leases outlive a leader, and only the short ones expire",
  {
    timeoutMs: 240_000,
  },
  async ({ cluster }) => {
    const [follower] = await cluster.followers();
    assert.ok(follower);
    const client = follower.client(60_000);
    const call = (name: keyof typeof methods, request: Message) => {
      return client.call<Message>(methods[name], request);
    };
    await inBatches(count, (i) => call("leaseGrant", { ID: i + 1, TTL: longSeconds }));
    assert.equal(await leasesOn(client), count);
    await inBatches(2000, (i) => call("put", { key: `long/${i}`, value: "v", lease: i + 1 }));

    const leader = await cluster.leader();
    await leader.kill();
    await cluster.waitUntilReady(cluster.members.filter((member) => member.isRunning));
    assert.equal(await leasesOn(client), count);
    // Kept alive by whoever leads now.
    for (const i of [0, 1, 77, 4242, count - 1]) {
      const kept = await call("leaseKeepAlive", { ID: i + 1 });
      assert.equal(kept.response?.["TTL"], longSeconds);
    }

    const brief = 2000;
    await inBatches(brief, (i) => call("leaseGrant", { ID: -(i + 1), TTL: 2 }));
    // Some may run out before they have their key, and then the put says so.
    let attached = 0;
    await Promise.all(
      Array.from({ length: brief }, async (_, i) => {
        const answer = await call("put", { key: `brief/${i}`, value: "v", lease: -(i + 1) });
        if (answer.code === 0) attached += 1;
        else assert.equal(failureOf(answer), "5 etcdserver: requested lease not found");
      }),
    );
    assert.ok(attached > 0);
    await eventually(
      "the brief ones are gone",
      60_000,
      async () => (await leasesOn(client)) === count,
    );
    assert.equal(await keysUnder(client, "brief/"), 0);
    assert.equal(await keysUnder(client, "long/"), 2000);

    await inBatches(2000, (i) => call("leaseRevoke", { ID: i + 1 }));
    assert.equal(await keysUnder(client, "long/"), 0);
    leader.start();
    await cluster.waitUntilReady();
    const back = leader.client(60_000);
    assert.equal(await leasesOn(back), count - 2000);
    back.close();
    client.close();
  },
);

async function inBatches(
  total: number,
  call: (i: number) => Promise<Answer<Message>>,
): Promise<void> {
  for (let start = 0; start < total; start += atOnce) {
    const calls = Array.from({ length: Math.min(atOnce, total - start) }, (_, i) =>
      call(start + i),
    );
    for (const answer of await Promise.all(calls)) assert.equal(answer.code, 0, failureOf(answer));
  }
}

async function leasesOn(client: EtcdClient): Promise<number> {
  const answer = await client.call<{ leases?: readonly unknown[] }>(methods.leaseLeases, {});
  assert.equal(answer.code, 0, failureOf(answer));
  return answer.response?.leases?.length ?? 0;
}

async function keysUnder(client: EtcdClient, prefix: string): Promise<number> {
  const end = `${prefix.slice(0, -1)}0`;
  const answer = await client.range({ key: prefix, range_end: end, count_only: true });
  assert.equal(answer.code, 0);
  return answer.response?.count ?? 0;
}
