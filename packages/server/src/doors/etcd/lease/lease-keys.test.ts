// The keys of a lease that has very many: whole, sorted, the same in JSON, and nobody waits for them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { encodeCommand } from "@althing/store";
import { EtcdClient, type ServedDoor, serveDoor } from "../testing/served-door.ts";

const count = 40_000;
const keyOf = (i: number) => `leased/${String((i * 7919) % count).padStart(6, "0")}`;
const expected = Array.from({ length: count }, (_, i) => keyOf(i)).sort();

let served: ServedDoor;
let client: EtcdClient;
before(async () => {
  served = await serveDoor();
  client = new EtcdClient(served.port);
  const { store } = served.member;
  const apply = (command: Parameters<typeof encodeCommand>[0]) => {
    const index = store.appliedIndex + 1;
    store.apply(encodeCommand(command), { index, epoch: 2, proposer: "", leaderTimeMs: 0 });
  };
  apply({ kind: "leaseGrant", lease: 7n, ttlSeconds: 1000 });
  const rest = { prevKv: false, ignoreValue: false, ignoreLease: false, value: new Uint8Array(1) };
  for (let i = 0; i < count; i++) apply({ kind: "put", key: keyOf(i), lease: 7n, ...rest });
});
after(async () => {
  client.close();
  await served.close();
});

const asked = { ID: 7n, keys: true };
const request = ["LeaseTimeToLive", "LeaseTimeToLiveRequest", "LeaseTimeToLiveResponse"] as const;

test("all keys arrive, in order, as of the moment in which they are asked for", async () => {
  const reading = client.call(...request, asked);
  const writing = client.put({ key: Buffer.from("leased/later"), lease: 7n });
  const [answer] = await Promise.all([reading, writing]);
  assert.ok("response" in answer);
  const { keys, TTL, grantedTTL, ID } = answer.response;
  assert.deepEqual([ID, TTL, grantedTTL], [7n, 1000, 1000]);
  const found = keys.map((key) => Buffer.from(key).toString("latin1"));
  assert.deepEqual(
    found.filter((key) => key !== "leased/later"),
    expected,
  );
});

test("the same in JSON", async () => {
  const response = await fetch(`http://127.0.0.1:${served.port}/v3/lease/timetolive`, {
    method: "POST",
    body: JSON.stringify({ ID: "7", keys: true }),
  });
  const { keys, TTL } = (await response.json()) as { keys: string[]; TTL: string };
  assert.equal(TTL, "1000");
  const found = keys.map((key) => Buffer.from(key, "base64").toString("latin1"));
  assert.deepEqual(
    found.filter((key) => key !== "leased/later"),
    expected,
  );
});

test("it is no more than a step at a time that is done for them", () => {
  const run = served.member.store.openLeaseKeys(7n);
  let steps = 0;
  for (let isDone = false; !isDone; steps++) {
    run.allow(100_000);
    let keys = 0;
    for (;;) {
      const next = run.next();
      if (next === undefined) break;
      keys += next.length;
      isDone = next.length === 0;
      if (isDone) break;
    }
    assert.ok(keys <= 1000, `${keys} in one step`);
  }
  assert.ok(steps > 100, `${steps} steps`);
});
