import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openSnapshotFile } from "../../snapshot-file.ts";
import { until } from "./testing/in-process-cluster.ts";
import { EtcdClient, type ServedDoor, serveDoor } from "./testing/served-door.ts";

// The real etcdctl, and the real etcd beside the door: what they print and answer must be the same.

const programs = ["etcd", "etcdctl"].map((name) =>
  ["/usr/bin", "/usr/local/bin"].map((folder) => join(folder, name)).find(existsSync),
);
const [etcdPath, etcdctlPath] = programs;
const skip =
  etcdPath === undefined || etcdctlPath === undefined
    ? "etcd and etcdctl are not installed"
    : false;

let door: ServedDoor;
let etcd: ChildProcess;
let etcdPort: number;
let folder: string;

before(async () => {
  if (skip) return;
  door = await serveDoor();
  etcdPort = await freePort();
  const peer = `http://127.0.0.1:${await freePort()}`;
  const client = `http://127.0.0.1:${etcdPort}`;
  folder = mkdtempSync(join(tmpdir(), "althing-etcd-"));
  const args = ["--name", "default", "--data-dir", folder, "--listen-client-urls", client];
  args.push("--advertise-client-urls", client, "--listen-peer-urls", peer);
  args.push("--initial-advertise-peer-urls", peer, "--initial-cluster", `default=${peer}`);
  etcd = spawn(etcdPath!, args, { stdio: "ignore" });
  const deadline = Date.now() + 15_000;
  while ((await etcdctl(etcdPort, ["endpoint", "health"])).code !== 0) {
    assert.ok(Date.now() < deadline, "etcd did not start");
  }
});
after(async () => {
  if (skip) return;
  etcd.kill("SIGKILL");
  await door.close();
  rmSync(folder, { recursive: true, force: true });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

interface Printed {
  readonly code: number;
  readonly out: string;
  /** Only the line that says what went wrong: the others carry times and ids. */
  readonly error: string;
}

function etcdctl(port: number, args: readonly string[], stdin = ""): Promise<Printed> {
  return new Promise((resolve) => {
    const child = execFile(
      etcdctlPath!,
      ["--endpoints", `127.0.0.1:${port}`, ...args],
      { env: { ...process.env, ETCDCTL_API: "3" } },
      (failure, out, err) => {
        const error = err.split("\n").find((line) => line.startsWith("Error:")) ?? "";
        resolve({ code: failure === null ? 0 : Number(failure.code), out, error });
      },
    );
    // It may end without having read anything.
    child.stdin!.on("error", () => {}).end(stdin);
  });
}

const script: readonly [args: readonly string[], stdin?: string][] = [
  [["put", "a", "1"]],
  [["put", "a", "2", "--prev-kv"]],
  [["put", "ab", "3"]],
  [["get", "a"]],
  [["get", "a", "--prefix", "--order", "DESCEND", "--sort-by", "VALUE"]],
  [["get", "a", "--prefix", "--keys-only", "--limit", "1"]],
  [["get", "a", "--rev", "2"]],
  [["get", "a", "--rev", "99"]],
  [["get", "", "--from-key", "--consistency", "s"]],
  [["put", "none", "--ignore-value"]],
  [["put", "a", "--ignore-value"]],
  [["put", "a", "x", "--lease", "99"]],
  [["del", "a", "--prev-kv"]],
  [["del", "nothing"]],
  [["txn"], 'ver("ab") = "1"\n\nput k v\nget k\ndel ab\n\nget ab\n\n'],
  [["txn"], 'val("k") > "v"\nmod("k") < "100"\n\nput k w\n\nget k\nget "" --from-key\n\n'],
  [["txn"], "\nput k 1\nput k 2\n\n\n"],
  [["compaction", "3"]],
  [["compaction", "3"]],
  [["compaction", "99"]],
  [["get", "a", "--rev", "2"]],
  [["put", "--", "-key", "-value"]],
  [["get", ""]],
  [["del", "", "--from-key"]],
];

test("etcdctl prints the same against the door as against etcd", { skip }, async () => {
  for (const [args, stdin] of script) {
    const [theirs, ours] = await Promise.all([
      etcdctl(etcdPort, args, stdin),
      etcdctl(door.port, args, stdin),
    ]);
    assert.deepEqual(ours, theirs, args.join(" "));
  }
});

test("etcdctl's alarms, hashes, defragmentation and snapshot are answered as by etcd", {
  skip,
}, async () => {
  const both = (args: readonly string[]) =>
    Promise.all([etcdctl(etcdPort, args), etcdctl(door.port, args)]);
  for (const args of [
    ["alarm", "list"],
    ["alarm", "disarm"],
    ["move-leader", "1"],
    ["endpoint", "hashkv", "--rev", "99"],
  ]) {
    const [theirs, ours] = await both(args);
    assert.deepEqual([ours.code, ours.error], [theirs.code, theirs.error], args.join(" "));
    assert.equal(ours.out, theirs.out);
  }
  // The same history hashes the same (a store without any live key apart, where 3.4 skips nothing).
  await both(["put", "live", "1"]);
  const hashes = (await both(["endpoint", "hashkv"])).map(({ out }) => out.split(", ")[1]);
  assert.match(hashes[0] ?? "", /^\d+\n$/);
  assert.equal(hashes[1], hashes[0]);
  assert.equal((await etcdctl(door.port, ["defrag"])).code, 0);
  const file = join(folder, "saved");
  const saved = await etcdctl(door.port, ["snapshot", "save", file]);
  assert.deepEqual([saved.code, saved.out], [0, `Snapshot saved at ${file}\n`]);
  const snapshot = openSnapshotFile(file);
  snapshot.verify();
  snapshot.close();
});

test("etcdctl's watch is told the same as by etcd, history and present", { skip }, async () => {
  const ports = [etcdPort, door.port];
  const both = (args: readonly string[]) => Promise.all(ports.map((port) => etcdctl(port, args)));
  const revisions = (await both(["put", "w/0", "before", "-w", "json"])).map(
    ({ out }) => JSON.parse(out).header.revision as number,
  );
  const watches = ports.map((port, at) => {
    const rev = ["--rev", String(revisions[at])];
    const args = ["watch", "w/", "--prefix", "--prev-kv", ...rev];
    const child = spawn(etcdctlPath!, ["--endpoints", `127.0.0.1:${port}`, ...args], {
      env: { ...process.env, ETCDCTL_API: "3" },
      stdio: ["ignore", "pipe", "ignore"],
    });
    const heard = { child, out: "" };
    child.stdout.on("data", (chunk: Buffer) => {
      heard.out += chunk.toString();
    });
    return heard;
  });
  try {
    await until(() => watches.every(({ out }) => out.includes("before")));
    await both(["put", "w/1", "one"]);
    await both(["put", "elsewhere", "x"]);
    await both(["del", "w/", "--prefix"]);
    await both(["put", "w/end", "last"]);
    await until(() => watches.every(({ out }) => out.endsWith("w/end\nlast\n")));
    assert.equal(watches[1]!.out, watches[0]!.out);
  } finally {
    for (const { child } of watches) child.kill("SIGKILL");
  }
});

test("etcdctl's leases are granted, listed and revoked as by etcd", { skip }, async () => {
  const both = (args: readonly string[]) =>
    Promise.all([etcdctl(etcdPort, args), etcdctl(door.port, args)]);
  const granted = await both(["lease", "grant", "100"]);
  const ids = granted.map(
    ({ out }) => /^lease ([0-9a-f]{16}) granted with TTL\(100s\)/.exec(out)?.[1],
  );
  assert.ok(ids[0] && ids[1], granted.map(({ out }) => out).join());
  const each = (...args: string[]) =>
    Promise.all(
      [etcdPort, door.port].map(async (port, at) => {
        const answer = await etcdctl(
          port,
          args.map((arg) => (arg === "ID" ? ids[at]! : arg)),
        );
        const out = answer.out.replaceAll(ids[at]!, "ID").replace(/remaining\(\d+s\)/, "left");
        return { ...answer, out };
      }),
    );
  for (const args of [
    ["put", "leased", "1", "--lease", "ID"],
    ["lease", "timetolive", "ID", "--keys"],
    ["lease", "list"],
    ["lease", "keep-alive", "--once", "ID"],
    ["lease", "revoke", "ID"],
    ["get", "leased"],
    ["lease", "revoke", "ID"],
    ["lease", "timetolive", "ID"],
  ]) {
    const [theirs, ours] = await each(...args);
    assert.deepEqual(ours, theirs, args.join(" "));
  }
});

test("locks, by etcdctl and by the service, are those of etcd", { skip }, async () => {
  const ports = [etcdPort, door.port];
  const [theirs, ours] = await Promise.all(
    ports.map((port) => etcdctl(port, ["lock", "mutex", "echo", "held"])),
  );
  assert.deepEqual(ours, theirs);
  assert.equal(ours!.out, "held\n");
  const answers = await Promise.all(
    ports.map(async (port) => {
      const client = new EtcdClient(port);
      const lock = (lease: bigint) =>
        client.call("Lock", "LockRequest", "LockResponse", { name: Buffer.from("m"), lease });
      const grant = { ID: 0xbeefn, TTL: 60 };
      await client.call("LeaseGrant", "LeaseGrantRequest", "LeaseGrantResponse", grant);
      const said = [await lock(0xbeefn), await lock(0xbeefn), await lock(404n)];
      const key = { key: Buffer.from("m/beef") };
      const unlocked = await client.call("Unlock", "UnlockRequest", "UnlockResponse", key);
      client.close();
      const locked = said.map((one) => ("response" in one ? String(one.response.key) : one));
      return [...locked, unlocked.status];
    }),
  );
  assert.deepEqual(answers[1], answers[0]);
  assert.deepEqual(answers[1]!.slice(0, 2), ["m/beef", "m/beef"]);
});

test("etcdctl's health, status and member list are satisfied", { skip }, async () => {
  assert.equal((await etcdctl(door.port, ["endpoint", "health"])).code, 0);
  const status = await etcdctl(door.port, ["endpoint", "status"]);
  assert.match(status.out, /^127\.0\.0\.1:\d+, 8e9e05c52164694d, 3\.5\.21, .*, true, false, 2, /);
  assert.deepEqual(await etcdctl(door.port, ["member", "list"]), {
    code: 0,
    out: "8e9e05c52164694d, started, default, http://localhost:2380, http://localhost:2379, false\n",
    error: "",
  });
});

test("random txns are answered, or refused, as etcd does", { skip }, async () => {
  const ours = new EtcdClient(door.port);
  const theirs = new EtcdClient(etcdPort);
  let seed = 42;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (seed >> 8) % below;
  };
  const key = () => Buffer.from("abcd"[random(4)]!);
  const end = () => Buffer.from(["", "", "c", "z", "\0"][random(5)]!);
  const op = (depth: number): object => {
    switch (random(depth > 2 ? 3 : 4)) {
      case 0:
        return { request_put: { key: key(), value: key(), prev_kv: random(2) === 0 } };
      case 1:
        return { request_range: { key: key(), range_end: end(), limit: random(3) } };
      case 2:
        return { request_delete_range: { key: key(), range_end: end(), prev_kv: random(2) === 0 } };
      default:
        return { request_txn: txn(depth + 1) };
    }
  };
  const list = (depth: number) => Array.from({ length: random(3) }, () => op(depth));
  const txn = (depth: number) => ({
    compare: Array.from({ length: random(2) }, () => ({
      key: key(),
      range_end: end(),
      result: random(4),
      target: random(4),
      ...[{ version: random(3) }, { create_revision: random(20) }, { value: key() }, {}][random(4)],
    })),
    success: list(depth),
    failure: list(depth),
  });
  try {
    for (let round = 0; round < 400; round++) {
      const request = txn(0);
      const answers = await Promise.all([ours.txn(request), theirs.txn(request)]);
      const [a, b] = answers.map((answer) =>
        "response" in answer
          ? { ...answer.response, header: undefined, revision: answer.response.header?.revision }
          : answer,
      );
      assert.deepEqual(a, b, `round ${round}`);
    }
  } finally {
    ours.close();
    theirs.close();
  }
});
