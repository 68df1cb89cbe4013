import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import { inspect } from "node:util";
import type { EtcdInit, EtcdMessage } from "@althing/wire";
import { InProcessCluster, type Running, until } from "../testing/in-process-cluster.ts";
import type { Answer, EtcdClient } from "../testing/served-door.ts";
import { arePeerUrls, newMemberId } from "./new-member.ts";

const clusters: InProcessCluster[] = [];
after(() => Promise.all(clusters.map((cluster) => cluster.close())));

async function founded(names: readonly string[]) {
  const cluster = new InProcessCluster();
  clusters.push(cluster);
  const members = await cluster.found(names);
  const all = () => members[0]!.server.members().every(({ name }) => name !== "");
  await until(all);
  return { cluster, members };
}

const add = (client: EtcdClient, peerURLs: string[], isLearner = false) =>
  client.call("MemberAdd", "MemberAddRequest", "MemberAddResponse", { peerURLs, isLearner });
const remove = (client: EtcdClient, ID: bigint) =>
  client.call("MemberRemove", "MemberRemoveRequest", "MemberRemoveResponse", { ID });
const promote = (client: EtcdClient, ID: bigint) =>
  client.call("MemberPromote", "MemberPromoteRequest", "MemberPromoteResponse", { ID });
const update = (client: EtcdClient, ID: bigint, peerURLs: string[]) =>
  client.call("MemberUpdate", "MemberUpdateRequest", "MemberUpdateResponse", { ID, peerURLs });
const list = (client: EtcdClient, request: EtcdInit<"MemberListRequest"> = {}) =>
  client.call("MemberList", "MemberListRequest", "MemberListResponse", request);

function response<T>(answer: { response: T } | { message: string }): T {
  assert.ok("response" in answer, inspect(answer));
  return answer.response;
}
function refusal(answer: Answer<never>): [number, string] {
  assert.ok("message" in answer, "the request was served");
  return [answer.status, answer.message];
}
const follower = (members: readonly Running[]) =>
  members.find(({ server }) => server.member.status().role !== "leader")!;

test("ids of members added at run time, and addresses that will do, are etcd's", () => {
  const urls = ["http://10.0.0.1:1", "http://10.0.0.2:2"];
  const hash = createHash("sha1").update("http://10.0.0.1:1http://10.0.0.2:21700000000");
  assert.equal(newMemberId(urls, 1_700_000_000_999), hash.digest("hex").slice(0, 16));
  for (const good of ["http://a:1", "https://[::1]:2380", "http://10.0.0.1:2380"]) {
    assert.ok(arePeerUrls([good]), good);
  }
  for (const bad of ["", "a", "127.0.0.1:2380", "http://a", "ftp://a:1", "http://a:1/path"]) {
    assert.ok(!arePeerUrls([bad]), bad);
  }
  assert.ok(!arePeerUrls([]));
});

test("a member added on a follower starts with nothing but the addresses, catches up and votes", async () => {
  const { cluster, members } = await founded(["m1", "m2", "m3"]);
  const { client } = follower(members);
  response(await client.put({ key: Buffer.from("k"), value: Buffer.from("v") }));
  const peerUrl = await cluster.address("m4");
  const added = response(await add(client, [peerUrl]));
  assert.equal(added.header?.revision, 0);
  assert.deepEqual(added.member, {
    ID: added.member!.ID,
    name: "",
    peerURLs: [peerUrl],
    clientURLs: [],
    isLearner: false,
  });
  const ids = added.members.map(({ ID }) => ID);
  assert.deepEqual(
    ids,
    [...ids].sort((a, b) => (a < b ? -1 : 1)),
  );
  assert.ok(ids.length === 4 && ids.includes(added.member!.ID));

  const joined = await cluster.start("m4", { initialClusterState: "existing" });
  assert.equal(BigInt(`0x${joined.server.memberId}`), added.member!.ID);
  assert.equal(joined.server.clusterId, members[0]!.server.clusterId);
  const voters = () => members[0]!.server.member.status().membership.voters;
  await until(() => voters().includes(joined.server.memberId));
  const own = response(await joined.client.range({ key: Buffer.from("k") }));
  assert.equal(String(own.kvs[0]?.value), "v");
  const listed = response(await list(joined.client, { linearizable: true }));
  const named = listed.members.map(({ name, isLearner }) => `${name} ${isLearner}`).sort();
  assert.deepEqual(named, ["m1 false", "m2 false", "m3 false", "m4 false"]);
  // It knows itself again, though its flags still say that it came to an existing cluster.
  await cluster.stop(joined);
  const again = await cluster.start("m4", { initialClusterState: "existing" });
  assert.equal(again.server.memberId, joined.server.memberId);
});

test("a learner is listed as one, serves what learners serve, and is promoted", async () => {
  const { cluster, members } = await founded(["m1"]);
  const [one] = members;
  const peerUrl = await cluster.address("m2");
  const added = response(await add(one!.client, [peerUrl], true));
  assert.equal(added.member?.isLearner, true);
  const learner = await cluster.start("m2", { initialClusterState: "existing" });
  assert.deepEqual(refusal(await list(learner.client)), [
    9,
    "etcdserver: rpc not supported for learner",
  ]);
  const second = await cluster.address("m3");
  assert.deepEqual(refusal(await add(one!.client, [second], true)), [
    9,
    "etcdserver: too many learner members in cluster",
  ]);
  await until(async () => (await promote(one!.client, added.member!.ID)).status === 0);
  const listed = response(await list(one!.client)).members;
  assert.deepEqual(
    listed.map(({ isLearner }) => isLearner),
    [false, false],
  );
  assert.deepEqual(refusal(await promote(one!.client, added.member!.ID)), [
    9,
    "etcdserver: can only promote a learner member",
  ]);
});

test("a member that is removed says so and ends; addresses of another are changed for all", async () => {
  const { members } = await founded(["m1", "m2", "m3"]);
  const leaving = follower(members);
  const staying = members.filter((member) => member !== leaving);
  const id = BigInt(`0x${leaving.server.memberId}`);
  const left = response(await remove(leaving.client, id)) as EtcdMessage<"MemberRemoveResponse">;
  assert.equal(left.members.length, 2);
  const ended = await leaving.server.ended;
  assert.equal(ended.code, "removed");
  assert.match(ended.reason, /removed from the cluster/);
  assert.deepEqual(refusal(await remove(staying[0]!.client, id)), [
    5,
    "etcdserver: member not found",
  ]);

  const [one, other] = staying as [Running, Running];
  const moved = ["http://127.0.0.1:9"];
  response(await update(one.client, BigInt(`0x${other.server.memberId}`), moved));
  const urls = (by: Running) =>
    by.server.members().find((member) => member.id === other.server.memberId)?.peerUrls;
  await until(() => urls(one)?.[0] === moved[0] && urls(other)?.[0] === moved[0]);
});

test("each refusal has etcd's code and text", async () => {
  const { members } = await founded(["m1"]);
  const { client, peerUrl, server } = members[0]!;
  const cases: [Promise<Answer<never>>, number, string][] = [
    [add(client, []), 3, "given member URLs are invalid"],
    [add(client, ["nowhere"]), 3, "given member URLs are invalid"],
    [add(client, [peerUrl]), 9, "Peer URLs already exists"],
    [remove(client, 1n), 5, "member not found"],
    [promote(client, 1n), 5, "member not found"],
    [update(client, 1n, ["http://127.0.0.1:1"]), 5, "member not found"],
    [
      remove(client, BigInt(`0x${server.memberId}`)),
      2,
      "re-configuration failed due to not enough started members",
    ],
  ] as [Promise<Answer<never>>, number, string][];
  for (const [answer, status, text] of cases) {
    assert.deepEqual(refusal(await answer), [status, `etcdserver: ${text}`]);
  }
});
