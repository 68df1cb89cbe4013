import assert from "node:assert/strict";
import { after, test } from "node:test";
import { inspect } from "node:util";
import { type EtcdInit, type EtcdMessage, etcdCodecs } from "@althing/wire";
import { frame } from "../../../transport/testing/grpc-client.ts";
import { until } from "../testing/in-process-cluster.ts";
import { type Answer, EtcdClient, serveDoor } from "../testing/served-door.ts";

const served = await serveDoor();
const client = new EtcdClient(served.port);
after(async () => {
  client.close();
  await served.close();
});
const { store } = served.member;

const bytes = (text: string) => Buffer.from(text, "latin1");
const text = (value: Uint8Array) => Buffer.from(value).toString("latin1");
const campaign = (name: string, lease: bigint, value: string) =>
  client.call("Campaign", "CampaignRequest", "CampaignResponse", {
    name: bytes(name),
    lease,
    value: bytes(value),
  });
type LeaderKey = EtcdInit<"LeaderKey">;
const proclaim = (leader: LeaderKey | undefined, value: string) =>
  client.call("Proclaim", "ProclaimRequest", "ProclaimResponse", {
    ...(leader && { leader }),
    value: bytes(value),
  });
const resign = (leader: LeaderKey | undefined) =>
  client.call("Resign", "ResignRequest", "ResignResponse", { ...(leader && { leader }) });
const leader = (name: string) =>
  client.call("Leader", "LeaderRequest", "LeaderResponse", { name: bytes(name) });
const grant = (ID: bigint) =>
  client.call("LeaseGrant", "LeaseGrantRequest", "LeaseGrantResponse", { ID, TTL: 60 });
const revoke = (ID: bigint) =>
  client.call("LeaseRevoke", "LeaseRevokeRequest", "LeaseRevokeResponse", { ID });

function response<T>(answer: { response: T } | { message: string }): T {
  assert.ok("response" in answer, inspect(answer));
  return answer.response;
}
function refusal(answer: Answer<never>): [number, string] {
  assert.ok("message" in answer, "the request was served");
  return [answer.status, answer.message];
}
async function queue(name: string): Promise<string[]> {
  const range = { key: bytes(`${name}/`), range_end: bytes(`${name}0`), sort_target: 2 };
  return response(await client.range(range)).kvs.map(({ key }) => text(key));
}
async function leads(name: string): Promise<string> {
  return text(response(await leader(name)).kv!.value);
}

for (const lease of [1n, 2n, 3n]) response(await grant(lease));

test("who campaigned first leads; the next leads when it resigns, and its answer has its own place", async () => {
  const first = response(await campaign("e", 1n, "one"));
  assert.deepEqual(
    { ...first.leader, name: text(first.leader!.name), key: text(first.leader!.key) },
    { name: "e", key: "e/1", rev: store.revision, lease: 1n },
  );
  const entered = store.revision + 1;
  const waiting = campaign("e", 2n, "two");
  await until(async () => (await queue("e")).length === 2);
  await client.put({ key: bytes("other") });
  assert.equal(await leads("e"), "one");
  response(await resign(first.leader));
  const second = response(await waiting);
  // As in etcd the header tells of the write that took the place.
  assert.deepEqual([second.leader!.rev, second.header!.revision], [entered, entered]);
  assert.equal(await leads("e"), "two");
  // Resigned once is resigned: neither again nor with another's revision does it touch the next.
  response(await resign(first.leader));
  response(await resign({ ...second.leader, rev: 1 }));
  assert.equal(await leads("e"), "two");
  response(await resign(second.leader));
  assert.deepEqual(refusal(await leader("e")), [2, "election: no leader"]);
});

test("a leader proclaims, and campaigning again with another value does so too", async () => {
  const won = response(await campaign("p", 1n, "v1")).leader!;
  response(await proclaim(won, "v2"));
  assert.equal(await leads("p"), "v2");
  const again = response(await campaign("p", 1n, "v3")).leader!;
  assert.deepEqual(again, won);
  assert.equal(await leads("p"), "v3");
  assert.deepEqual(refusal(await proclaim({ ...won, rev: 1 }, "x")), [2, "election: not leader"]);
  response(await resign(won));
  assert.deepEqual(refusal(await proclaim(won, "x")), [2, "election: not leader"]);
  assert.deepEqual(await queue("p"), []);
});

test("every refusal has the code UNKNOWN and etcd's text", async () => {
  const missing = '"leader" field must be provided';
  const lost = "etcdserver: requested lease not found";
  assert.deepEqual(refusal(await proclaim(undefined, "x")), [2, missing]);
  assert.deepEqual(refusal(await resign(undefined)), [2, missing]);
  assert.deepEqual(refusal(await campaign("r", 404n, "x")), [2, lost]);
  const empty = "etcdserver: key is not provided";
  assert.deepEqual(refusal(await proclaim({ lease: 1n }, "x")), [2, empty]);
  assert.deepEqual(refusal(await resign({ lease: 1n })), [2, empty]);
  const won = response(await campaign("r", 1n, "x")).leader!;
  assert.deepEqual(refusal(await proclaim({ ...won, lease: 404n }, "x")), [2, lost]);
});

test("without a lease one of a minute is granted", async () => {
  const before = new Set(store.leases().map(({ lease }) => lease));
  const won = response(await campaign("g", 0n, "x")).leader!;
  const granted = store.leases().find(({ lease }) => !before.has(lease))!;
  assert.deepEqual([won.lease, granted.ttlSeconds], [granted.lease, 60]);
});

test("a lease that ended while it waited never leads", async () => {
  response(await grant(41n));
  const won = response(await campaign("d", 1n, "one")).leader!;
  const dead = campaign("d", 41n, "dead");
  await until(async () => (await queue("d")).length === 2);
  const next = campaign("d", 2n, "two");
  await until(async () => (await queue("d")).length === 3);
  response(await revoke(41n));
  assert.deepEqual(refusal(await dead), [2, "election: session is expired"]);
  response(await resign(won));
  assert.equal(text(response(await next).leader!.key), "d/2");
});

function open(method: string, request: Uint8Array) {
  const stream = client.grpc.open(`/v3electionpb.Election/${method}`);
  stream.end(frame(request));
  return stream;
}
const campaigning = (name: string, lease: bigint) =>
  open("Campaign", etcdCodecs.CampaignRequest.encode({ name: bytes(name), lease }));

test("a campaign that is given up leaves the line", async () => {
  const won = response(await campaign("c", 1n, "one")).leader!;
  const given = campaigning("c", 2n);
  await until(async () => (await queue("c")).length === 2);
  given.close(8);
  await until(async () => (await queue("c")).length === 1);
  response(await resign(won));
  assert.deepEqual(refusal(await leader("c")), [2, "election: no leader"]);
});

test("of two campaigns of one lease, the one given up takes nothing from the other", async () => {
  const won = response(await campaign("t", 1n, "one")).leader!;
  const given = campaigning("t", 2n);
  await until(async () => (await queue("t")).length === 2);
  const kept = campaign("t", 2n, "");
  const seen = store.appliedIndex;
  await until(() => store.appliedIndex > seen);
  given.close(8);
  await new Promise((done) => setImmediate(done));
  response(await client.put({ key: bytes("after") }));
  assert.deepEqual(await queue("t"), ["t/1", "t/2"]);
  response(await resign(won));
  assert.equal(text(response(await kept).leader!.key), "t/2");
});

interface Observed {
  readonly seen: string[];
  stop(): void;
}

function observe(name: string): Observed {
  const stream = open("Observe", etcdCodecs.LeaderRequest.encode({ name: bytes(name) }));
  const seen: string[] = [];
  let held = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 5 && held.length >= 5 + held.readUInt32BE(1)) {
      const size = 5 + held.readUInt32BE(1);
      const message: EtcdMessage<"LeaderResponse"> = etcdCodecs.LeaderResponse.decode(
        held.subarray(5, size),
      );
      seen.push(`${text(message.kv!.key)}=${text(message.kv!.value)}`);
      held = held.subarray(size);
    }
  });
  return { seen, stop: () => stream.close(8) };
}

test("an observer is told the leader there is, all it proclaims in order, and the next", async () => {
  const silent = observe("o");
  const won = response(await campaign("o", 1n, "a")).leader!;
  await until(() => silent.seen.length === 1);
  const watching = observe("o");
  await until(() => watching.seen.length === 1);
  const next = campaign("o", 2n, "z");
  for (const value of ["b", "c", "d"]) response(await proclaim(won, value));
  await until(() => watching.seen.length === 4);
  response(await resign(won));
  await next;
  const expected = ["o/1=a", "o/1=b", "o/1=c", "o/1=d", "o/2=z"];
  await until(() => watching.seen.length === 5 && silent.seen.length === 5);
  assert.deepEqual([watching.seen, silent.seen], [expected, expected]);
  // What was is compacted; what comes is told all the same.
  response(await client.compact({ revision: store.revision }));
  response(await revoke(2n));
  response(await campaign("o", 3n, "new"));
  await until(() => watching.seen.length === 6);
  assert.equal(watching.seen[5], "o/3=new");
  const before = served.door.counters.watch.watchers;
  watching.stop();
  silent.stop();
  await until(() => served.door.counters.watch.watchers === before - 2);
});

test("a place that is taken and given up at once does not hold an observer", async () => {
  const before = served.door.counters.watch.watchers;
  const watching = observe("g");
  await until(() => served.door.counters.watch.watchers > before);
  const key = bytes("g/1");
  const gone = { request_delete_range: { key, range_end: bytes("\0") } };
  response(await client.txn({ success: [{ request_put: { key, value: bytes("brief") } }, gone] }));
  response(await campaign("g", 3n, "lasting"));
  await until(() => watching.seen.at(-1) === "g/3=lasting");
  watching.stop();
});
