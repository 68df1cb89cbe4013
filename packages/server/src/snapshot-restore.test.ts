// A new cluster from a snapshot: what it takes along, what it leaves behind, and what is refused.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { decodeMembership } from "@althing/consensus";
import {
  type Command,
  createMemoryEngine,
  encodeCommand,
  openStore,
  plainRange,
} from "@althing/store";
import { openDiskEngine } from "@althing/store/disk";
import { defaultConfig } from "./config/config.ts";
import { createDataDirectory, DataDirectoryError, openDataDirectory } from "./disk/index.ts";
import { InProcessCluster } from "./doors/etcd/testing/in-process-cluster.ts";
import {
  SnapshotFileError,
  snapshotFrame,
  snapshotPadding,
  snapshotPreamble,
} from "./snapshot-file.ts";
import { readSnapshotStatus, restoreSnapshot } from "./snapshot-restore.ts";

const folder = mkdtempSync(join(tmpdir(), "althing-restore-"));
after(() => rmSync(folder, { recursive: true }));

const urls = ["http://10.0.0.1:2380", "http://10.0.0.2:2380", "http://10.0.0.3:2380"];
const initialCluster = urls.map((url, i) => ({ name: `m${i + 1}`, peerUrls: [url] }));
const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();

function put(key: string, value: string, lease = 0n): Command {
  const options = { prevKv: false, ignoreValue: false, ignoreLease: false };
  return { kind: "put", key, value: Buffer.from(value), lease, ...options };
}

/** A store with history, a lease that was checkpointed, an alarm and a member; and its snapshot. */
function oldCluster() {
  const store = openStore({ engine: createMemoryEngine() });
  const commands: Command[] = [
    {
      kind: "publishMember",
      member: "old",
      name: "old",
      peerUrls: [],
      clientUrls: [],
      incarnation: "1",
    },
    { kind: "leaseGrant", lease: 7n, ttlSeconds: 60 },
    { kind: "leaseCheckpoint", leases: [{ lease: 7n, remainingSeconds: 5 }] },
    put("leased", "by 7", 7n),
    { kind: "deleteRange", key: "leased", rangeEnd: "", prevKv: false },
    put("leased", "again", 7n),
    ...Array.from({ length: 300 }, (_, i) => put(`key ${i % 50}`, `value ${i}`.padEnd(3000))),
    { kind: "compact", revision: 20 },
    { kind: "alarm", action: "activate", member: "old", alarm: "nospace" },
  ];
  commands.forEach((command, i) => {
    const context = { index: i + 1, epoch: 3, proposer: "old", leaderTimeMs: 1000 };
    const result = store.apply(encodeCommand(command), context);
    assert.notEqual(result.kind, "error", JSON.stringify(result));
  });
  const parts: Uint8Array[] = [snapshotPreamble()];
  const reader = store.openSnapshot();
  for (let chunk = reader.next(); chunk !== undefined; chunk = reader.next()) {
    parts.push(snapshotFrame(chunk));
  }
  const body = Buffer.concat(parts);
  const padded = Buffer.concat([body, snapshotPadding(body.length)]);
  const bytes = Buffer.concat([padded, createHash("sha256").update(padded).digest()]);
  const path = join(folder, "snapshot");
  writeFileSync(path, bytes);
  return { store, bytes, path };
}

const old = oldCluster();

function memberConfig(name: string, dataDir: string, more: object = {}) {
  const { peerUrls } = initialCluster.find((member) => member.name === name)!;
  const own = { name, dataDir: join(folder, dataDir), initialAdvertisePeerUrls: peerUrls };
  return defaultConfig({ ...own, initialCluster, ...more });
}

function openRestored(dataDir: string, engine: "disk" | "memory" = "disk") {
  const directory = openDataDirectory(join(folder, dataDir));
  const store = openStore({
    engine:
      engine === "disk"
        ? openDiskEngine({ directory: directory.storePath })
        : createMemoryEngine({ storage: directory.disk }),
  });
  const close = async () => {
    await new Promise<void>((done) => store.close(done));
    directory.close();
  };
  return { store, identity: directory.readIdentity()!, close };
}

test("a file that is whole tells what it holds", () => {
  const status = readSnapshotStatus(old.path);
  assert.deepEqual(status, {
    revision: old.store.revision,
    compactRevision: 20,
    records: status.records,
    bytes: old.bytes.length,
    sha256: old.bytes.subarray(-32).toString("hex"),
  });
  // 303 were written, and a compaction at 20 leaves out what it makes obsolete.
  assert.ok(status.records < 303 && status.records > 280, `${status.records} records`);
});

test("keys, history and leases come along; place, members and alarms stay behind", async () => {
  const before = { revision: old.store.revision, hash: old.store.hashKv(old.store.revision) };
  const hashes: unknown[] = [];
  const ids = new Set<unknown>();
  for (const [name, engine] of [
    ["m1", "disk"],
    ["m2", "memory"],
    ["m3", "disk"],
  ] as const) {
    const config = memberConfig(name, name, { engine });
    const { identity, revision } = await restoreSnapshot({ path: old.path, config });
    assert.equal(revision, before.revision);
    const restored = openRestored(name, engine);
    const { store } = restored;
    assert.deepEqual(restored.identity, JSON.parse(JSON.stringify(identity)));
    assert.deepEqual(store.hashKv(store.revision), before.hash);
    assert.deepEqual(store.members(), []);
    assert.deepEqual(store.alarms(), []);
    assert.deepEqual(store.leases(), [
      { lease: 7n, ttlSeconds: 60, remainingSeconds: 60, asOfMs: 1000 },
    ]);
    assert.deepEqual(store.leaseKeys(7n), ["leased"]);
    const { index, epoch, proposer, meta } = store.durable();
    assert.deepEqual({ index, epoch, proposer }, { index: 1, epoch: 1, proposer: "" });
    assert.deepEqual(
      decodeMembership(meta).voters.toSorted(),
      identity.foundingMembers.map(({ id }) => id).sort(),
    );
    hashes.push(store.stateHash());
    ids.add(identity.clusterId);
    await restored.close();
  }
  assert.deepEqual([hashes[1], hashes[2]], [hashes[0], hashes[0]]);
  assert.equal(ids.size, 1);
});

test("with the revision bumped and the history cut, whoever knew the old cluster is told to read anew", async () => {
  const config = memberConfig("m1", "bumped");
  const options = { path: old.path, config, revisionsSkipped: 1_000_000, compacted: true };
  const { identity } = await restoreSnapshot(options);
  const plain = openRestored("m1");
  assert.notEqual(identity.clusterId, plain.identity["clusterId"]);
  await plain.close();

  const { store, close } = openRestored("bumped");
  const revision = old.store.revision + 1_000_000;
  assert.deepEqual([store.revision, store.compactRevision], [revision, revision]);
  const seen = {
    key: "a",
    rangeEnd: "z",
    fromRevision: old.store.revision,
    prevKv: false,
    eventsMax: 10,
  };
  const events = store.readEvents(seen);
  assert.equal(events.kind === "error" ? events.code : events.kind, "compacted");
  const context = { index: 2, epoch: 2, proposer: "m1", leaderTimeMs: 0 };
  const result = store.apply(encodeCommand(put("key 1", "next")), context);
  assert.equal(result.revision, revision + 1);
  while (store.compactionPending) store.compactStep();
  const all = store.range(plainRange("\0", "\0"));
  assert.ok(all.kind === "range");
  assert.equal(all.count, 51);
  assert.equal(text(all.kvs.find(({ key }) => key === "key 2")?.value).trim(), "value 252");
  await close();
});

test("torn-snapshot-file: one damaged in any region is refused, and nothing is made of it", async () => {
  const path = join(folder, "damaged");
  const target = join(folder, "never");
  const config = memberConfig("m1", "never");
  const refused = async (bytes: Uint8Array, what: string) => {
    writeFileSync(path, bytes);
    assert.throws(() => readSnapshotStatus(path), SnapshotFileError, what);
    await assert.rejects(restoreSnapshot({ path, config }), SnapshotFileError, what);
    assert.throws(() => readdirSync(target), /ENOENT/, what);
  };
  const { bytes } = old;
  const step = Math.floor(bytes.length / 40);
  for (let at = 0; at < bytes.length; at += step) {
    const flipped = Buffer.from(bytes);
    flipped[at]! ^= 0x10;
    await refused(flipped, `flipped at ${at}`);
    await refused(bytes.subarray(0, at), `cut at ${at}`);
  }
  for (const at of [bytes.length - 40, bytes.length - 32, bytes.length - 1]) {
    const flipped = Buffer.from(bytes);
    flipped[at]! ^= 1;
    await refused(flipped, `flipped at ${at}`);
    await refused(bytes.subarray(0, at), `cut at ${at}`);
  }
  await refused(Buffer.concat([bytes, bytes]), "twice");
});

test("what cannot be read at all is refused by its name", async () => {
  const config = memberConfig("m1", "never");
  for (const path of [folder, join(folder, "nowhere")]) {
    const refusal = { code: "snapshotFileDamaged", path };
    assert.throws(() => readSnapshotStatus(path), refusal);
    await assert.rejects(restoreSnapshot({ path, config }), refusal);
  }
});

test("without the hash check the pieces still verify, and what was begun is taken away", async () => {
  const path = join(folder, "unchecked");
  const config = memberConfig("m1", "unchecked-data");
  const flipped = Buffer.from(old.bytes);
  flipped[flipped.length >> 1]! ^= 1;
  writeFileSync(path, flipped);
  await assert.rejects(
    restoreSnapshot({ path, config, skipHashCheck: true }),
    (error: unknown) => error instanceof SnapshotFileError && /checksum/.test(error.message),
  );
  assert.deepEqual(
    readdirSync(config.dataDir).filter((name) => !name.startsWith("lock")),
    [],
  );
  // As a copy that another tool took: whole, without the checksum.
  writeFileSync(path, old.bytes.subarray(0, -32));
  await assert.rejects(restoreSnapshot({ path, config }), SnapshotFileError);
  const { revision } = await restoreSnapshot({ path, config, skipHashCheck: true });
  assert.equal(revision, old.store.revision);
});

test("a directory that holds anything is left as it is", async () => {
  const dataDir = join(folder, "full");
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, "precious"), "data");
  const refused = (error: unknown) =>
    error instanceof DataDirectoryError && error.code === "notEmpty";
  const config = memberConfig("m1", "full");
  await assert.rejects(restoreSnapshot({ path: old.path, config }), refused);
  assert.equal(readFileSync(join(dataDir, "precious"), "utf8"), "data");
  assert.deepEqual(readdirSync(dataDir), ["precious"]);
  await assert.rejects(
    restoreSnapshot({ path: old.path, config: memberConfig("m1", "m1") }),
    refused,
  );
});

test("what a restore left when it died is no data directory", () => {
  const path = join(folder, "died");
  const begun = createDataDirectory(path);
  begun.writeIdentity({ clusterId: "c" });
  // The lock goes with the process that held it.
  begun.close();
  assert.throws(
    () => openDataDirectory(path),
    (error: unknown) => error instanceof DataDirectoryError && error.code === "formatUnknown",
  );
  assert.throws(
    () => createDataDirectory(path),
    (error: unknown) => error instanceof DataDirectoryError && error.code === "notEmpty",
  );
});

test("members that were restored begin together: some of them made anew serve nothing beside the others", async (t) => {
  const cluster = new InProcessCluster();
  t.after(() => cluster.close());
  const names = ["m1", "m2", "m3"];
  const members: { name: string; peerUrls: string[] }[] = [];
  for (const name of names) members.push({ name, peerUrls: [await cluster.address(name)] });
  const restore = async ({ name, peerUrls }: (typeof members)[number]) => {
    const dataDir = join(cluster.folder, name);
    rmSync(dataDir, { recursive: true, force: true });
    const own = { name, dataDir, initialAdvertisePeerUrls: peerUrls, initialCluster: members };
    await restoreSnapshot({ path: old.path, config: defaultConfig(own) });
  };
  for (const member of members) await restore(member);
  const running = await Promise.all(names.map((name) => cluster.start(name)));
  const asked = ["Range", "RangeRequest", "RangeResponse"] as const;
  for (const { client } of running) {
    const answer = await client.call(...asked, { key: Buffer.from("leased") });
    assert.equal("response" in answer && text(answer.response.kvs[0]?.value), "again");
  }
  // What one has that began, none has that was made again from the same file.
  for (const member of running) await cluster.stop(member);
  for (const member of members.slice(0, 2)) await restore(member);
  const abort = new AbortController();
  const again = names
    .slice(0, 2)
    .map((name) => cluster.start(name, {}, { abort: abort.signal }).catch(String));
  const early = await Promise.race([...again, new Promise((no) => setTimeout(no, 1_000, "waits"))]);
  abort.abort();
  assert.equal(early, "waits");
  for (const end of await Promise.all(again)) assert.match(String(end), /never served: stopped/);
});
