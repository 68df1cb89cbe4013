// The leader dies with puts under way, on whichever member they were made. Each put is answered once; what was
// acknowledged is there, what was not may be there or not, and nothing is ever carried out twice.

import assert from "node:assert/strict";
import { type EtcdClient, failureOf } from "../client/etcd-client.ts";
import { eventually } from "../cluster/cluster.ts";
import { clusterTest } from "./subject.ts";

const rounds = 5;
const putsPerRound = 300;
/** UNAVAILABLE and DEADLINE_EXCEEDED: what clients take for "it may have happened". */
const unknownOutcomes = [4, 14];

clusterTest(
  "puts under way when the leader dies are done once, or not, and never lost once acknowledged",
  {
    timeoutMs: 240_000,
  },
  async ({ cluster }) => {
    const acknowledged: string[] = [];
    const unknown: string[] = [];
    for (let round = 0; round < rounds; round++) {
      const leader = await cluster.leader();
      const clients = cluster.members.map((member) => member.client(20_000));
      const survivors = clients.filter((_, i) => cluster.member(i) !== leader);
      const puts = Array.from({ length: putsPerRound }, async (_, i) => {
        // A few on their way at any time, on every member.
        for (let turn = 0; turn < i / 10; turn++) await new Promise(setImmediate);
        const key = `under-way/${round}/${String(i).padStart(4, "0")}`;
        const answer = await pick(clients, i).put({ key, value: key });
        if (answer.code === 0) acknowledged.push(key);
        else {
          assert.ok(unknownOutcomes.includes(answer.code), failureOf(answer));
          unknown.push(key);
        }
      });
      await eventually("some are acknowledged", 20_000, () => acknowledged.length > round * 10);
      await leader.kill();
      await Promise.all(puts);
      // Those on the members that live go on without being told twice.
      const after = await pick(survivors, round).put({ key: `after/${round}`, value: "v" });
      assert.equal(after.code, 0, failureOf(after));
      leader.start();
      await cluster.waitUntilReady();
      for (const client of clients) client.close();
    }
    assert.equal(acknowledged.length + unknown.length, rounds * putsPerRound);
    for (const member of cluster.members) {
      const client = member.client(20_000);
      const answer = await client.range({ key: "under-way/", range_end: "under-way0" });
      client.close();
      const kvs = answer.response?.kvs ?? [];
      const found = new Set(kvs.map((kv) => kv.key));
      assert.deepEqual(
        acknowledged.filter((key) => !found.has(key)),
        [],
        `acknowledged, but not on ${member.name}`,
      );
      assert.deepEqual(
        kvs.filter((kv) => kv.version !== 1 || kv.value !== kv.key),
        [],
        `carried out twice on ${member.name}`,
      );
    }
  },
);

function pick(clients: readonly EtcdClient[], i: number): EtcdClient {
  const client = clients[i % clients.length];
  assert.ok(client);
  return client;
}
