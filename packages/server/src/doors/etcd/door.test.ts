import assert from "node:assert/strict";
import { after, test } from "node:test";
import { inspect } from "node:util";
import { MemberError } from "@althing/member";
import type { EtcdInit } from "@althing/wire";
import { wholeTxnOpsMax } from "./kv/kv-checks.ts";
import { type Answer, EtcdClient, type ServedDoor, serveDoor } from "./testing/served-door.ts";

// The door over the real store and a real socket. What the store answers is the store's to test; here it is
// what stands between a request's bytes and the store, and back.

const clusterId = 0xcdf818194e3a8c32n;
const memberId = 0x8e9e05c52164694dn;
const bytes = (text: string) => Buffer.from(text, "latin1");

async function fixture(options?: Parameters<typeof serveDoor>[0]): Promise<{
  served: ServedDoor;
  client: EtcdClient;
}> {
  const served = await serveDoor(options);
  const client = new EtcdClient(served.port);
  opened.push({ served, client });
  return { served, client };
}
const opened: { served: ServedDoor; client: EtcdClient }[] = [];
after(async () => {
  for (const { client } of opened) client.close();
  await Promise.all(opened.map(({ served }) => served.close()));
});

function refusal(answer: Answer<never>): [number, string] {
  assert.ok("message" in answer, "the request was served");
  return [answer.status, answer.message];
}

function response<T>(answer: { response: T } | { message: string }): T {
  assert.ok("response" in answer, inspect(answer));
  return answer.response;
}

const { served, client } = await fixture();

test("a put and a range carry full headers and every field", async () => {
  const { client } = await fixture();
  const header = (revision: number) => ({
    cluster_id: clusterId,
    member_id: memberId,
    revision,
    raft_term: 2,
  });
  const put = response(await client.put({ key: bytes("a\xff"), value: bytes("1"), prev_kv: true }));
  assert.deepEqual(put, { header: header(2), prev_kv: undefined });
  const again = response(
    await client.put({ key: bytes("a\xff"), value: bytes("2"), prev_kv: true }),
  );
  assert.equal(again.header!.revision, 3);
  assert.deepEqual(again.prev_kv!.value, bytes("1"));
  const range = response(await client.range({ key: bytes("a\xff") }));
  assert.deepEqual(range, {
    header: header(3),
    kvs: [
      {
        key: bytes("a\xff"),
        create_revision: 2,
        mod_revision: 3,
        version: 2,
        value: bytes("2"),
        lease: 0n,
      },
    ],
    more: false,
    count: 1,
  });
  const gone = response(
    await client.deleteRange({ key: bytes("a"), range_end: bytes("b"), prev_kv: true }),
  );
  assert.deepEqual([gone.header!.revision, gone.deleted, gone.prev_kvs.length], [4, 1, 1]);
});

test("each fault of a request has etcd's code and text", async () => {
  const k = bytes("k");
  const op = (init: EtcdInit<"RequestOp">) => client.txn({ success: [init] });
  const ops = (count: number) =>
    Array.from({ length: count }, () => ({ request_range: { key: k } }));
  const cases: [Promise<Answer<never>>, number, string][] = [
    [client.range({}), 3, "key is not provided"],
    [client.put({}), 3, "key is not provided"],
    [client.deleteRange({}), 3, "key is not provided"],
    [client.txn({ compare: [{}] }), 3, "key is not provided"],
    [op({ request_put: {} }), 3, "key is not provided"],
    [op({ request_range: {} }), 3, "key is not provided"],
    [op({ request_delete_range: {} }), 3, "key is not provided"],
    [op({}), 3, "key not found"],
    [client.range({ key: k, sort_order: 3 }), 3, "invalid sort option"],
    [client.range({ key: k, sort_target: 7 }), 3, "invalid sort option"],
    [op({ request_range: { key: k, sort_target: 7 } }), 3, "invalid sort option"],
    [client.put({ key: k, value: k, ignore_value: true }), 3, "value is provided"],
    [client.put({ key: k, lease: 1n, ignore_lease: true }), 3, "lease is provided"],
    [client.put({ key: bytes("none"), ignore_value: true }), 3, "key not found"],
    [client.put({ key: k, lease: 99n }), 5, "requested lease not found"],
    [client.range({ key: k, revision: 1e6 }), 11, "mvcc: required revision is a future revision"],
    [client.compact({ revision: 1e6 }), 11, "mvcc: required revision is a future revision"],
    [client.compact({ revision: -1 }), 11, "mvcc: required revision has been compacted"],
    [client.txn({ success: ops(129) }), 3, "too many operations in txn request"],
    [client.txn({ compare: Array(129).fill({ key: k }) }), 3, "too many operations in txn request"],
    [
      client.txn({ success: [...ops(99), { request_txn: { success: ops(29) } }] }),
      3,
      "too many operations in txn request",
    ],
    [
      client.txn({ success: [{ request_put: { key: k } }, { request_put: { key: k } }] }),
      3,
      "duplicate key given in txn request",
    ],
    [client.put({ key: k, value: Buffer.alloc(1_572_864) }), 3, "request is too large"],
  ] as [Promise<Answer<never>>, number, string][];
  for (const [answer, status, text] of cases) {
    assert.deepEqual(refusal(await answer), [status, `etcdserver: ${text}`]);
  }
});

test("a nested txn may use what its parent leaves of the budget", async () => {
  const ops = (count: number) =>
    Array.from({ length: count }, () => ({ request_range: { key: bytes("k") } }));
  const nested = { request_txn: { success: ops(28) } };
  const answer = response(await client.txn({ success: [...ops(99), nested] }));
  assert.equal(answer.responses.at(-1)!.response_txn!.responses.length, 28);
});

test("an unknown compare target holds only for equality, an unknown relation always", async () => {
  const held = async (result: number, target: number) =>
    response(await client.txn({ compare: [{ key: bytes("k"), result, target, version: 5 }] }))
      .succeeded;
  assert.deepEqual(
    [await held(0, 9), await held(1, 9), await held(2, 9), await held(3, 9), await held(9, 0)],
    [true, false, false, false, true],
  );
});

test("a txn with all that is nested in it has a bound, whatever each of its parts may have", async () => {
  type Ops = readonly EtcdInit<"RequestOp">[];
  const nested = (ops: Ops, size: number): Ops =>
    Array.from({ length: Math.ceil(ops.length / size) }, (_, i) => ({
      request_txn: { success: ops.slice(i * size, (i + 1) * size) },
    }));
  const ask = (count: number) => {
    const puts = Array.from({ length: count }, (_, i) => ({
      request_put: { key: bytes(`nested/${i}`) },
    }));
    return client.txn({ success: nested(nested(puts, 25), 28) });
  };
  assert.equal(response(await ask(10_000)).succeeded, true);
  const text = "etcdserver: too many operations in txn request";
  assert.deepEqual(refusal(await ask(wholeTxnOpsMax)), [3, text]);
});

test("a txn that only reads is not logged; one with a nested txn is", async () => {
  const before = served.member.store.appliedIndex;
  const read = { request_range: { key: bytes("k") } };
  response(await client.txn({ success: [read], failure: [read] }));
  response(await client.txn({}));
  assert.equal(served.member.store.appliedIndex, before);
  response(await client.txn({ success: [{ request_txn: { success: [read] } }] }));
  assert.equal(served.member.store.appliedIndex, before + 1);
});

test("without a leader: linearizable fails, serializable and Status are served", async (t) => {
  t.after(() => {
    served.member.override.status = {};
  });
  served.member.override.status = { leader: undefined, role: "follower" };
  const k = bytes("k");
  const timedOut = [14, "etcdserver: request timed out"];
  // The status that answers share may be ten milliseconds old.
  await new Promise((resolve) => setTimeout(resolve, 15));
  assert.deepEqual(refusal((await client.range({ key: k })) as Answer<never>), timedOut);
  assert.deepEqual(refusal((await client.put({ key: k })) as Answer<never>), timedOut);
  const local = { key: k, serializable: true };
  response(await client.range(local));
  response(await client.txn({ success: [{ request_range: local }] }));
  const insisting = await client.range(local, { hasleader: "true" });
  assert.deepEqual(refusal(insisting as Answer<never>), [14, "etcdserver: no leader"]);
  const status = response(await client.call("Status", "StatusRequest", "StatusResponse", {}));
  assert.deepEqual([status.leader, status.errors], [0n, ["etcdserver: no leader"]]);
  const health = await fetch(`http://127.0.0.1:${served.port}/health`);
  assert.deepEqual(
    [health.status, await health.text()],
    [503, '{"health":"false","reason":"RAFT NO LEADER"}\n'],
  );
  const ready = await fetch(`http://127.0.0.1:${served.port}/readyz?exclude=linearizable_read`);
  assert.deepEqual([ready.status, await ready.text()], [200, "ok\n"]);
  const not = await fetch(`http://127.0.0.1:${served.port}/readyz/linearizable_read`);
  assert.deepEqual(
    [not.status, await not.text()],
    [503, "[-]linearizable_read failed: etcdserver: request timed out\nreadyz check failed\n"],
  );
});

test("a learner serves serializable ranges and Status alone", async (t) => {
  t.after(() => {
    served.member.override.status = {};
  });
  served.member.override.status = { role: "learner" };
  await new Promise((resolve) => setTimeout(resolve, 15));
  const refused = [9, "etcdserver: rpc not supported for learner"];
  const k = bytes("k");
  assert.deepEqual(refusal((await client.range({ key: k })) as Answer<never>), refused);
  assert.deepEqual(refusal((await client.put({ key: k })) as Answer<never>), refused);
  response(await client.range({ key: k, serializable: true }));
  const status = response(await client.call("Status", "StatusRequest", "StatusResponse", {}));
  assert.equal(status.isLearner, true);
});

test("what the member refuses reaches the client with etcd's status; what is unknown never as a refusal", async () => {
  const { served, client } = await fixture();
  const unknown = "request timed out, possibly due to previous leader failure";
  const cases = [
    ["timedOut", "notExecuted", 14, "request timed out"],
    ["leaderChanged", "notExecuted", 14, "leader changed"],
    ["overloaded", "notExecuted", 2, "too many requests"],
    ["tooLarge", "notExecuted", 3, "request is too large"],
    ["corrupt", "notExecuted", 15, "corrupt cluster"],
    ["failed", "notExecuted", 14, "server stopped"],
    ["stopped", "notExecuted", 14, "server stopped"],
    ["timedOut", "unknown", 14, "request timed out"],
    ["leaderChanged", "unknown", 14, unknown],
    ["corrupt", "unknown", 14, unknown],
    ["failed", "unknown", 14, unknown],
    ["stopped", "unknown", 14, unknown],
  ] as const;
  for (const [code, outcome, status, text] of cases) {
    served.member.propose = (_command, done) =>
      done({ kind: "failed", error: new MemberError(code, outcome, code) });
    assert.deepEqual(refusal((await client.put({ key: bytes("k") })) as Answer<never>), [
      status,
      `etcdserver: ${text}`,
    ]);
  }
});

test("the quota refuses a put and raises the alarm; deletes go on", async () => {
  const { served, client } = await fixture({ quotaBackendBytes: 1 });
  const full = [8, "etcdserver: mvcc: database space exceeded"];
  const k = bytes("k");
  assert.deepEqual(refusal((await client.put({ key: k })) as Answer<never>), full);
  const txn = await client.txn({ failure: [{ request_put: { key: k } }] });
  assert.deepEqual(refusal(txn as Answer<never>), full);
  response(await client.deleteRange({ key: k }));
  const status = response(await client.call("Status", "StatusRequest", "StatusResponse", {}));
  assert.deepEqual(status.errors, [`memberID:${memberId} alarm:NOSPACE `]);
  const at = `http://127.0.0.1:${served.port}/health`;
  assert.equal(await (await fetch(at)).text(), '{"health":"false","reason":"ALARM NOSPACE"}\n');
  assert.equal(
    await (await fetch(`${at}?exclude=NOSPACE`)).text(),
    '{"health":"true","reason":""}',
  );
});

test("ten thousand keys come back in one range, in order", async () => {
  const { served, client } = await fixture();
  const key = (i: number) => bytes(`key/${String(i).padStart(6, "0")}`);
  for (let from = 0; from < 10_000; from += 1000) {
    const puts = Array.from({ length: 1000 }, (_one, i) =>
      client.put({ key: key(from + i), value: Buffer.alloc(100, i) }),
    );
    await Promise.all(puts);
  }
  const range = response(await client.range({ key: bytes("key/"), range_end: bytes("key0") }));
  assert.deepEqual([range.count, range.kvs.length], [10_000, 10_000]);
  assert.deepEqual(range.kvs[9_999]!.key, key(9_999));
  assert.equal(served.member.store.revision, 10_001);
});

test("a txn of ten thousand ops runs where the operator allows it", async () => {
  const { client } = await fixture({ limits: { txnOpsMax: 10_000 } });
  const success = Array.from({ length: 10_000 }, (_one, i) => ({
    request_put: { key: bytes(`k${i}`), value: bytes("v") },
  }));
  const answer = response(await client.txn({ success }));
  assert.deepEqual([answer.succeeded, answer.responses.length], [true, 10_000]);
  const refused = await client.txn({ success: [...success, success[0]!] });
  assert.deepEqual(refusal(refused as Answer<never>)[0], 3);
});

test("random bytes in place of any request are answered with a status", async () => {
  let seed = 12_345;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fff_ffff;
    return (seed >> 8) & 0xff;
  };
  const paths = served.door.services.flatMap((service) =>
    service.methods
      .filter((method) => method.kind === "unary")
      .map((method) => `/${service.name}/${method.method}`),
  );
  for (const path of paths) {
    // A lock that another has is waited for, and so is the lead.
    const headers = /(Lock|Campaign)$/.test(path) ? { "grpc-timeout": "300m" } : {};
    const answers = Array.from({ length: 100 }, (_one, i) =>
      client.grpc.call(path, Buffer.from(Array.from({ length: i % 40 }, random)), headers),
    );
    for (const { status } of await Promise.all(answers))
      assert.ok(status >= 0 && status <= 16, path);
  }
  response(await client.range({ key: bytes("k") }));
});

test("MemberList has no revision in its header, and Health knows the empty service alone", async () => {
  const list = response(
    await client.call("MemberList", "MemberListRequest", "MemberListResponse", {
      linearizable: true,
    }),
  );
  assert.equal(list.header!.revision, 0);
  assert.deepEqual(list.members, [
    {
      ID: memberId,
      name: "default",
      peerURLs: ["http://localhost:2380"],
      clientURLs: ["http://localhost:2379"],
      isLearner: false,
    },
  ]);
  const check = (service: string) =>
    client.call("Check", "HealthCheckRequest", "HealthCheckResponse", { service });
  assert.deepEqual(response(await check("")), { status: 1 });
  assert.deepEqual(refusal((await check("x")) as Answer<never>), [5, "unknown service"]);
});

test("what is not in the API is unimplemented by name", async () => {
  const unknown = await client.grpc.call("/etcdserverpb.Auth/Guess", bytes(""));
  const text = "unknown method Guess for service etcdserverpb.Auth";
  assert.deepEqual([unknown.status, unknown.message], [12, text]);
  const reflection = await client.grpc.call(
    "/grpc.reflection.v1alpha.ServerReflection/X",
    bytes(""),
  );
  assert.deepEqual(
    [reflection.status, reflection.message],
    [12, "unknown service grpc.reflection.v1alpha.ServerReflection"],
  );
});

test("a malformed API version is refused; a good one is counted", async () => {
  const bad = await client.range({ key: bytes("k") }, { "client-api-version": "\xff\xfe" });
  assert.deepEqual(refusal(bad as Answer<never>), [3, "etcdserver: invalid client api version"]);
  response(await client.range({ key: bytes("k") }, { "client-api-version": "3.5" }));
  assert.equal(served.door.counters.admission.requests.unary.get("3.5"), 1);
});
