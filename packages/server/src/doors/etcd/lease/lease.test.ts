import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inspect } from "node:util";
import { type EtcdInit, type EtcdMessage, etcdCodecs } from "@althing/wire";
import { frame, unframe } from "../../../transport/testing/grpc-client.ts";
import { InProcessCluster, type Running, until } from "../testing/in-process-cluster.ts";
import type { Answer, EtcdClient } from "../testing/served-door.ts";

// Three members with an election timeout of 200 ms: the shortest lease is one second.

const cluster = new InProcessCluster();
let leader: EtcdClient;
let follower: EtcdClient;
before(async () => {
  const members = await cluster.found(["m1", "m2", "m3"]);
  const leads = ({ server }: Running) => server.member.status().role === "leader";
  await until(() => members.some(leads));
  leader = members.find(leads)!.client;
  follower = members.find((member) => !leads(member))!.client;
});
after(() => cluster.close());

const grant = (ID: bigint, TTL: number, client = follower) =>
  client.call("LeaseGrant", "LeaseGrantRequest", "LeaseGrantResponse", { ID, TTL });
const revoke = (ID: bigint) =>
  follower.call("LeaseRevoke", "LeaseRevokeRequest", "LeaseRevokeResponse", { ID });
const timeToLive = (ID: bigint, keys = false, client = follower) =>
  client.call("LeaseTimeToLive", "LeaseTimeToLiveRequest", "LeaseTimeToLiveResponse", { ID, keys });

function response<T>(answer: { response: T } | { message: string }): T {
  assert.ok("response" in answer, inspect(answer));
  return answer.response;
}
function refusal(answer: Answer<never>): [number, string] {
  assert.ok("message" in answer, "the request was served");
  return [answer.status, answer.message];
}

/** Half-closed at once: the answers of all requests, then the end. */
async function keepAlive(client: EtcdClient, ids: readonly bigint[]) {
  const body = ids.map((ID) => frame(etcdCodecs.LeaseKeepAliveRequest.encode({ ID })));
  const answer = await client.grpc.raw("/etcdserverpb.Lease/LeaseKeepAlive", Buffer.concat(body));
  assert.equal(answer.status, 0, answer.message);
  return answer.messages.map((bytes): EtcdMessage<"LeaseKeepAliveResponse"> => {
    assert.equal(unframe(frame(bytes)).length, 1);
    return etcdCodecs.LeaseKeepAliveResponse.decode(bytes);
  });
}

test("TTLs are raised to what outlives an election, ids are given or taken, refusals are etcd's", async () => {
  const given = response(await grant(0n, -5));
  assert.ok(given.ID > 0n && given.TTL === 1 && given.header!.raft_term > 0);
  assert.equal(response(await grant(-2n, 30)).ID, -2n);
  const cases: [Promise<Answer<never>>, number, string][] = [
    [grant(-2n, 30), 9, "lease already exists"],
    [grant(0n, 9_000_000_001), 11, "too large lease TTL"],
    [revoke(404n), 5, "requested lease not found"],
  ] as [Promise<Answer<never>>, number, string][];
  for (const [answer, status, text] of cases) {
    assert.deepEqual(refusal(await answer), [status, `etcdserver: ${text}`]);
  }
  assert.equal(response(await revoke(-2n)).header!.member_id > 0n, true);
});

test("what is attached is listed, and deleted in one revision with the lease", async () => {
  response(await grant(7n, 60));
  const put = async (key: string): Promise<EtcdInit<"PutResponse">> =>
    response(await follower.put({ key: Buffer.from(key), lease: 7n }));
  await put("b");
  await put("a");
  const alive = response(await timeToLive(7n, true));
  assert.deepEqual([alive.ID, alive.grantedTTL, alive.keys.map(String)], [7n, 60, ["a", "b"]]);
  assert.ok(alive.TTL === 59 || alive.TTL === 60);
  const all = await follower.call("LeaseLeases", "LeaseLeasesRequest", "LeaseLeasesResponse", {});
  assert.ok(response(all).leases.some(({ ID }) => ID === 7n));
  const before = response(await leader.range({ key: Buffer.from("a") })).header!.revision;
  assert.equal(response(await revoke(7n)).header!.revision, before + 1);
  const left = response(
    await follower.range({ key: Buffer.from("a"), range_end: Buffer.from("c") }),
  );
  assert.equal(left.count, 0);
  const gone = response(await timeToLive(7n));
  assert.deepEqual([gone.TTL, gone.grantedTTL, gone.keys], [-1, 0, []]);
});

test("every keep-alive is answered in its place, on a follower too; an unknown lease has TTL 0", async () => {
  response(await grant(8n, 40));
  response(await grant(9n, 50));
  const answers = await keepAlive(follower, [8n, 404n, 9n, 8n]);
  assert.deepEqual(
    answers.map(({ ID, TTL }) => [ID, TTL]),
    [
      [8n, 40],
      [404n, 0],
      [9n, 50],
      [8n, 40],
    ],
  );
});

test("a lease ends with its keys when it is not kept alive, and not while it is", async () => {
  response(await grant(10n, 1));
  response(await grant(11n, 1));
  response(await follower.put({ key: Buffer.from("dies"), lease: 10n }));
  response(await follower.put({ key: Buffer.from("lives"), lease: 11n }));
  const count = async (key: string) =>
    response(await follower.range({ key: Buffer.from(key) })).count;
  await until(async () => {
    await keepAlive(follower, [11n]);
    return (await count("dies")) === 0;
  });
  assert.equal(await count("lives"), 1);
  assert.deepEqual(
    (await keepAlive(leader, [10n])).map(({ TTL }) => TTL),
    [0],
  );
});
