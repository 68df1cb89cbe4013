import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { inspect } from "node:util";
import { createMemoryEngine, openStore } from "@althing/store";
import { type EtcdInit, etcdCodecs, etcdSchema } from "@althing/wire";
import { openSnapshotFile, SnapshotFileError } from "../../../snapshot-file.ts";
import { InProcessCluster, until } from "../testing/in-process-cluster.ts";
import { type Answer, EtcdClient, serveDoor } from "../testing/served-door.ts";
import { testMemberId } from "../testing/single-member.ts";

const { GET, ACTIVATE, DEACTIVATE } = etcdSchema.enums.AlarmAction;
const { NONE, NOSPACE, CORRUPT } = etcdSchema.enums.AlarmType;
const { VALIDATE, ENABLE, CANCEL } = etcdSchema.enums.DowngradeAction;
const id = BigInt(`0x${testMemberId}`);

const served = await serveDoor();
const client = new EtcdClient(served.port);
const folder = mkdtempSync(join(tmpdir(), "althing-snapshot-"));
after(async () => {
  client.close();
  await served.close();
  rmSync(folder, { recursive: true, force: true });
});

const alarm = (request: EtcdInit<"AlarmRequest">) =>
  client.call("Alarm", "AlarmRequest", "AlarmResponse", request);
const hashKv = (revision: number) =>
  client.call("HashKV", "HashKVRequest", "HashKVResponse", { revision });
const downgrade = (action: number, version: string) =>
  client.call("Downgrade", "DowngradeRequest", "DowngradeResponse", { action, version });

function response<T>(answer: { response: T } | { message: string }): T {
  assert.ok("response" in answer, inspect(answer));
  return answer.response;
}
function refusal(answer: Answer<never>): [number, string] {
  assert.ok("message" in answer, "the request was served");
  return [answer.status, answer.message];
}

async function snapshot(of: EtcdClient = client): Promise<readonly Buffer[]> {
  const path = "/etcdserverpb.Maintenance/Snapshot";
  const { status, messages } = await of.grpc.call(path, new Uint8Array(0), {});
  assert.equal(status, 0);
  const pieces = messages.map((bytes) => etcdCodecs.SnapshotResponse.decode(bytes));
  const remaining = pieces.map((piece) => piece.remaining_bytes);
  assert.deepEqual(
    remaining,
    [...remaining].sort((a, b) => b - a),
  );
  assert.deepEqual(remaining.slice(-2), [0, 0]);
  assert.ok(remaining.slice(0, -2).every((bytes) => bytes > 0));
  assert.ok(pieces.every((piece) => piece.blob.length <= 32 * 1024 && piece.header === undefined));
  return pieces.map((piece) => Buffer.from(piece.blob));
}

test("an alarm binds until it is ended, and only who has it is named", async () => {
  const key = Buffer.from("k");
  const raised = { memberID: id, alarm: NOSPACE };
  const named = async (request: EtcdInit<"AlarmRequest">) => response(await alarm(request)).alarms;
  assert.deepEqual(await named({ action: ACTIVATE, memberID: id, alarm: NONE }), []);
  assert.deepEqual(await named({ action: ACTIVATE, memberID: id, alarm: NOSPACE }), [raised]);
  assert.deepEqual(refusal(await client.put({ key })), [
    8,
    "etcdserver: mvcc: database space exceeded",
  ]);
  assert.deepEqual(await named({ action: GET, alarm: NONE }), [raised]);
  assert.deepEqual(await named({ action: GET, alarm: CORRUPT }), []);
  assert.deepEqual(await named({ action: DEACTIVATE, memberID: 0n, alarm: NOSPACE }), []);
  assert.equal((await named({ action: GET })).length, 1);
  assert.deepEqual(await named({ action: DEACTIVATE, memberID: id, alarm: NOSPACE }), [raised]);
  response(await client.put({ key }));
  assert.deepEqual(await named({ action: GET }), []);
});

test("HashKV is that of the revision asked for, whatever came later; Hash changes with everything", async () => {
  const total = async () => response(await client.call("Hash", "HashRequest", "HashResponse", {}));
  const first = response(await hashKv(0));
  const before = await total();
  assert.deepEqual([first.compact_revision, first.hash_revision], [-1, first.header!.revision]);
  response(await client.put({ key: Buffer.from("later"), value: Buffer.from("v") }));
  const again = response(await hashKv(first.hash_revision));
  assert.deepEqual([again.hash, again.hash_revision], [first.hash, first.hash_revision]);
  assert.notEqual(response(await hashKv(0)).hash, first.hash);
  assert.notEqual((await total()).hash, before.hash);
  assert.match(refusal(await hashKv(1e6))[1], /future revision/);
});

test("a defragmentation is answered when what compaction freed is removed and durable", async () => {
  for (let i = 0; i < 100; i++) response(await client.put({ key: Buffer.from("k") }));
  const { revision } = served.member.store;
  response(await client.compact({ revision }));
  const answer = await client.call("Defragment", "DefragmentRequest", "DefragmentResponse", {});
  assert.equal(response(answer).header, undefined);
  assert.equal(served.member.store.compactionPending, false);
});

test("a snapshot verifies to the last byte and holds the whole state; one that is damaged is refused", async () => {
  for (let i = 0; i < 40; i++) {
    response(await client.put({ key: Buffer.from(`s${i}`), value: Buffer.alloc(5000, i) }));
  }
  const pieces = await snapshot();
  const all = Buffer.concat(pieces);
  const digest = createHash("sha256").update(all.subarray(0, -32)).digest();
  assert.deepEqual(pieces.at(-1), digest);

  const path = join(folder, "whole.snapshot");
  writeFileSync(path, all);
  const file = openSnapshotFile(path);
  const told: number[] = [];
  file.verify((done) => told.push(done));
  assert.equal(told.at(-1), all.length - 32);
  const store = openStore({ engine: createMemoryEngine() });
  const writer = store.beginRestore();
  for (let chunk = file.next(); chunk !== undefined; chunk = file.next()) writer.write(chunk);
  writer.finish();
  await new Promise<void>((done) => writer.install(() => done()));
  file.close();
  assert.deepEqual(store.stateHash(), served.member.store.stateHash());

  for (const [name, bytes] of [
    ["cut", all.subarray(0, -100)],
    ["flipped", Buffer.from(all).fill(all[9000]! ^ 1, 9000, 9001)],
    ["foreign", Buffer.from("no snapshot at all")],
  ] as const) {
    const damaged = join(folder, name);
    writeFileSync(damaged, bytes);
    assert.throws(() => openSnapshotFile(damaged).verify(), SnapshotFileError, name);
  }
});

test("a downgrade is judged as etcd judges it, and never begun", async () => {
  assert.equal(response(await downgrade(VALIDATE, "3.4")).version, "3.5.0");
  assert.equal(response(await downgrade(VALIDATE, "3.4.9")).version, "3.5.0");
  assert.equal(response(await downgrade(CANCEL, "")).version, "3.5.0");
  const cases: [number, string, number, string][] = [
    [VALIDATE, "three", 3, "wrong downgrade target version format"],
    [VALIDATE, "3.3", 3, "invalid downgrade target version"],
    [VALIDATE, "3.5.0", 3, "invalid downgrade target version"],
    [ENABLE, "2.4", 3, "invalid downgrade target version"],
    [ENABLE, "3.4.0", 9, "not capable"],
    [7, "3.4.0", 2, "unknown method"],
  ];
  for (const [action, version, status, text] of cases) {
    assert.deepEqual(refusal(await downgrade(action, version)), [status, `etcdserver: ${text}`]);
  }
});

test("leadership moves to the voter named, asked of the leader itself", async (t) => {
  const cluster = new InProcessCluster();
  t.after(() => cluster.close());
  const members = await cluster.found(["m1", "m2", "m3"]);
  const roleOf = (at: number) => members[at]!.server.member.status().role;
  await until(() => members.some((_, at) => roleOf(at) === "leader"));
  const at = members.findIndex((_, place) => roleOf(place) === "leader");
  const leader = members[at]!;
  const target = members[(at + 1) % 3]!;
  const move = (by: EtcdClient, targetID: bigint) =>
    by.call("MoveLeader", "MoveLeaderRequest", "MoveLeaderResponse", { targetID });
  const targetId = BigInt(`0x${target.server.memberId}`);
  assert.deepEqual(refusal(await move(target.client, targetId)), [9, "etcdserver: not leader"]);
  assert.deepEqual(refusal(await move(leader.client, 1n)), [
    9,
    "etcdserver: bad leader transferee",
  ]);
  response(await move(leader.client, BigInt(`0x${leader.server.memberId}`)));
  assert.equal(roleOf(at), "leader");
  assert.equal(response(await move(leader.client, targetId)).header, undefined);
  await until(() => target.server.member.status().role === "leader");
  // A follower's snapshot is as good as the leader's.
  assert.ok((await snapshot(leader.client)).length >= 2);
});
