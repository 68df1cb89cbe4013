// A member that has lost its majority: who asks for a leader (`hasleader`) is told at once that there is none, who
// does not waits for one, and what a member can answer by itself it does.

import assert from "node:assert/strict";
import { failureOf } from "../client/etcd-client.ts";
import { methods, type WatchResponse } from "../client/messages.ts";
import { eventually } from "../cluster/cluster.ts";
import { clusterTest } from "./subject.ts";

const noLeader = { code: 14, message: "etcdserver: no leader" };

clusterTest(
  "without a majority a member says so to those who ask for a leader",
  {},
  async ({ cluster }) => {
    const [left, ...others] = cluster.members;
    assert.ok(left);
    const plain = left.client(30_000);
    const asking = left.client(30_000, [["hasleader", "true"]]);
    assert.equal((await asking.put({ key: "a", value: "1" })).code, 0);
    const ends: Record<string, string> = {};
    const seen: string[] = [];
    for (const [name, client] of Object.entries({ plain, asking })) {
      const stream = await client.open<WatchResponse>(methods.watch, {
        onMessage: (message) => {
          for (const { kv } of message.events ?? []) seen.push(`${name} ${kv?.value}`);
        },
        onEnd: (code, text) => {
          ends[name] = `${code} ${text}`;
        },
      });
      stream.send({ create_request: { key: "a", start_revision: 1 } });
    }
    await eventually("both watch", 10_000, () => seen.length === 2);

    for (const other of others) await other.kill();
    await eventually("the loss is noticed", 20_000, async () => {
      return (await asking.range({ key: "a", serializable: true })).code === noLeader.code;
    });
    assert.deepEqual(await asking.range({ key: "a" }), noLeader);
    assert.deepEqual(await asking.put({ key: "a", value: "2" }), noLeader);
    await eventually("the watch that asked for a leader ends", 20_000, () => "asking" in ends);
    assert.equal(ends["asking"], "14 etcdserver: no leader");
    const local = await plain.range({ key: "a", serializable: true });
    assert.equal(local.response?.kvs?.[0]?.value, "1");
    const status = await plain.status();
    assert.equal(status.response?.leader, undefined);
    assert.deepEqual(status.response?.errors, ["etcdserver: no leader"]);
    const waited = await plain.put({ key: "a", value: "3" });
    assert.match(failureOf(waited), /^14 etcdserver: request timed out/);

    for (const other of others) other.start();
    await cluster.waitUntilReady();
    assert.equal((await asking.put({ key: "a", value: "4" })).code, 0);
    // The plain watch has outlived it all.
    await eventually("it goes on", 20_000, () => seen.includes("plain 4"));
    assert.equal(ends["plain"], undefined);
    plain.close();
    asking.close();
  },
);
