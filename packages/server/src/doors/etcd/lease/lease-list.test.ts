// A list of very many leases: whole, in the order in which they end, the same in JSON, a step at a time.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { encodeCommand } from "@althing/store";
import { EtcdClient, type ServedDoor, serveDoor } from "../testing/served-door.ts";

const count = 30_000;
const ttlOf = (i: number) => 10 + ((i * 7919) % 1000);
const expected = Array.from({ length: count }, (_, i) => i + 1)
  .sort((a, b) => ttlOf(a) - ttlOf(b) || a - b)
  .map(BigInt);

let served: ServedDoor;
let client: EtcdClient;
before(async () => {
  served = await serveDoor();
  client = new EtcdClient(served.port);
  const { store } = served.member;
  for (let i = 1; i <= count; i++) {
    const command = { kind: "leaseGrant", lease: BigInt(i), ttlSeconds: ttlOf(i) } as const;
    const point = { index: store.appliedIndex + 1, epoch: 2, proposer: "", leaderTimeMs: 0 };
    store.apply(encodeCommand(command), point);
  }
});
after(async () => {
  client.close();
  await served.close();
});

test("all leases arrive, those that end first before the others", async () => {
  const names = ["LeaseLeases", "LeaseLeasesRequest", "LeaseLeasesResponse"] as const;
  const answer = await client.call(...names, {});
  assert.ok("response" in answer);
  const { leases, header } = answer.response;
  assert.equal(header!.revision, served.member.store.revision);
  assert.deepEqual(
    leases.map(({ ID }) => ID),
    expected,
  );
});

test("the same in JSON", async () => {
  const url = `http://127.0.0.1:${served.port}/v3/lease/leases`;
  const response = await fetch(url, { method: "POST", body: "{}" });
  const { leases } = (await response.json()) as { leases: { ID: string }[] };
  assert.deepEqual(
    leases.map(({ ID }) => BigInt(ID)),
    expected,
  );
});
