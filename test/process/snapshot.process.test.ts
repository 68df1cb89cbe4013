// Snapshots where it is least convenient: saved from a learner, from a member without a leader, and in the name of
// a user; restored by a process that is killed in the middle, and into a cluster that goes on asking who is there.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { failureOf } from "../client/etcd-client.ts";
import { methods } from "../client/messages.ts";
import { Cluster, eventually } from "../cluster/cluster.ts";
import { MemberProcess } from "../cluster/member-process.ts";
import { claimPorts, releasePorts } from "../cluster/ports.ts";
import { commandOf, findProgram, protocol } from "../cluster/program.ts";
import { clusterTest, endsWithin, program } from "./subject.ts";

const script = fileURLToPath(new URL("../../packages/althing/bin/althing.js", import.meta.url));
const skip = program === "etcd" ? "they are Althing's own commands that are under test" : false;
const etcdctl = findProgram("etcdctl");
const learns = etcdctl === undefined ? "the program etcdctl is not installed" : false;

clusterTest(
  "nothing starts from a restore that was killed in the middle, and the next one begins anew",
  { skip },
  async ({ cluster }) => {
    const [source] = cluster.members;
    assert.ok(source);
    const fills = await fill(source, 40);
    const path = join(cluster.folder, "backup");
    await althing(["snapshot", "save", path, "--endpoints", source.spec.clientUrl]);
    await using restored = await Cluster.start({ program, isStopped: true, members: 1 });
    const target = restored.member(0);
    const { dataDir } = target.spec;
    const format = join(dataDir, "format.json");
    // As far as the directory, as its store, and as a store that holds something.
    const stages = [
      () => existsSync(dataDir),
      () => existsSync(join(dataDir, "store")),
      () => existsSync(join(dataDir, "store")) && readdirSync(join(dataDir, "store")).length > 0,
    ];
    let cut = 0;
    for (const isThere of stages) {
      const args = [script, ...restoring(target, path)];
      const child = spawn(process.execPath, args, { stdio: "ignore" });
      const ended = new Promise((resolve) => child.once("exit", resolve));
      await eventually("it has begun", 20_000, () => isThere() || child.exitCode !== null);
      child.kill("SIGKILL");
      await ended;
      if (!existsSync(format) && readdirSync(dataDir).some((name) => !/lock/.test(name))) {
        cut += 1;
        target.start();
        const exit = await endsWithin(target, 20_000);
        assert.ok(exit !== undefined && exit.code !== 0, "half of a restore was started");
        assert.match(target.log(), /is not empty/);
        const { err } = await althing(restoring(target, path), 5);
        assert.match(err, /is not empty/);
        assert.ok(!existsSync(format));
      }
      rmSync(dataDir, { recursive: true, force: true });
    }
    assert.ok(cut > 0, "every restore was over before it was killed");
    await althing(restoring(target, path));
    target.start();
    await restored.waitUntilReady();
    assert.deepEqual(await digests(target), fills);
  },
);

clusterTest(
  "a learner, and a member without a leader, give out what they hold",
  { skip: skip || learns },
  async ({ cluster }) => {
    const [source, ...others] = cluster.members;
    assert.ok(source);
    const expected = await fill(source, 3);
    const ports = await claimPorts(2);
    const learner = await learnerOf(cluster, ports);
    try {
      const from = async (member: MemberProcess, name: string) => {
        const path = join(cluster.folder, name);
        await althing(["snapshot", "save", path, "--endpoints", member.spec.clientUrl]);
        await using restored = await Cluster.start({ program, isStopped: true, members: 1 });
        await althing(restoring(restored.member(0), path));
        restored.member(0).start();
        await restored.waitUntilReady();
        return await digests(restored.member(0));
      };
      await eventually("the learner holds it all", 30_000, async () => {
        const client = learner.client(2000);
        const { response } = await client.range({ key: "fill/2", serializable: true });
        client.close();
        return response?.kvs?.length === 1;
      });
      assert.deepEqual(await from(learner, "of-a-learner"), expected);
      for (const other of others) await other.kill();
      const asking = source.client(5000, [["hasleader", "true"]]);
      await eventually("it has no leader", 20_000, async () => {
        return (await asking.range({ key: "a", serializable: true })).code === 14;
      });
      asking.close();
      assert.deepEqual(await from(source, "without-a-leader"), expected);
    } finally {
      await learner.kill();
      releasePorts(ports);
    }
  },
);

clusterTest(
  "with auth a snapshot is given to root alone, and auth is on where it is restored",
  { skip },
  async ({ cluster }) => {
    const [source] = cluster.members;
    assert.ok(source);
    await fill(source, 2);
    const client = source.client(10_000);
    const done = async (method: Parameters<typeof client.call>[0], request: object) => {
      const answer = await client.call(method, request as never);
      assert.equal(answer.code, 0, failureOf(answer));
    };
    for (const name of ["root", "ann"])
      await done(methods.userAdd, { name, password: `of ${name}` });
    await done(methods.userGrantRole, { user: "root", role: "root" });
    await done(methods.authEnable, {});
    client.close();
    const path = join(cluster.folder, "backup");
    const save = ["snapshot", "save", path, "--endpoints", source.spec.clientUrl];
    for (const [who, text] of [
      [[], /wants to know who asks/],
      [["--user=ann:of ann"], /permission denied/],
      [["--user=root:wrong"], /invalid user ID or password/],
    ] as const) {
      const refused = await run(process.execPath, [script, ...save, ...who]);
      assert.notEqual(refused.code, 0);
      assert.match(refused.err, text);
      assert.ok(!existsSync(path));
    }
    await althing([...save, "--user=root:of root"]);

    await using restored = await Cluster.start({ program, isStopped: true, members: 1 });
    const target = restored.member(0);
    await althing(restoring(target, path));
    target.start();
    const stranger = target.client(5000);
    await eventually("it serves", 30_000, async () => {
      return (await stranger.range({ key: "fill/0" })).code === 3;
    });
    const login = async (name: string) => {
      const request = { name, password: `of ${name}` };
      const answer = await stranger.call<{ token: string }>(methods.authenticate, request);
      assert.equal(answer.code, 0);
      return target.client(5000, [["token", answer.response?.token ?? ""]]);
    };
    const [root, ann] = [await login("root"), await login("ann")];
    assert.equal((await root.range({ key: "fill/0" })).response?.kvs?.length, 1);
    assert.equal((await ann.range({ key: "fill/0" })).code, 7);
    for (const one of [stranger, root, ann]) one.close();
  },
);

/** Half a megabyte a key; hands out what is to be found again. */
async function fill(member: MemberProcess, count: number): Promise<Record<string, string>> {
  const client = member.client(10_000);
  for (let i = 0; i < count; i++) {
    const value = String.fromCharCode(97 + (i % 26)).repeat(500_000);
    assert.equal((await client.put({ key: `fill/${i}`, value })).code, 0);
  }
  client.close();
  return await digests(member);
}

async function digests(member: MemberProcess): Promise<Record<string, string>> {
  const client = member.client(10_000);
  const { response } = await client.range({ key: "fill/", range_end: "fill0" });
  client.close();
  const told = (response?.kvs ?? []).map(({ key = "", value = "", mod_revision }) => {
    return [key, `${mod_revision} ${createHash("sha256").update(value).digest("hex")}`] as const;
  });
  assert.ok(told.length > 0);
  return Object.fromEntries(told);
}

async function learnerOf(cluster: Cluster, ports: readonly number[]): Promise<MemberProcess> {
  const [client = 0, peer = 0] = ports;
  const clientUrl = `http://127.0.0.1:${client}`;
  const peerUrl = `http://127.0.0.1:${peer}`;
  const endpoints = `--endpoints=${cluster.member(0).spec.clientUrl}`;
  const adding = ["member", "add", "learner", "--learner", `--peer-urls=${peerUrl}`];
  await eventually("the cluster takes a learner", 30_000, async () => {
    return (await run(etcdctl!, [endpoints, ...adding])).code === 0;
  });
  const others = cluster.members.map(({ spec }) => `${spec.name}=${spec.peerUrl}`);
  const dataDir = join(cluster.folder, "learner");
  const learner = new MemberProcess({
    name: "learner",
    folder: cluster.folder,
    dataDir,
    target: { host: "127.0.0.1", port: client },
    clientUrl,
    peerUrl,
    env: {},
    command: commandOf(program),
    args: [
      "--name=learner",
      `--data-dir=${dataDir}`,
      `--listen-client-urls=${clientUrl}`,
      `--advertise-client-urls=${clientUrl}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=${[...others, `learner=${peerUrl}`].join(",")}`,
      "--initial-cluster-token=althing-test",
      "--initial-cluster-state=existing",
    ],
  });
  learner.start();
  return learner;
}

function restoring(member: MemberProcess, path: string): string[] {
  const { name, dataDir, peerUrl } = member.spec;
  return [
    ...["snapshot", "restore", path, `--name=${name}`, `--data-dir=${dataDir}`],
    ...[`--initial-cluster=${name}=${peerUrl}`, `--initial-advertise-peer-urls=${peerUrl}`],
    ...["--initial-cluster-token=althing-test", `--protocol=${protocol}`],
  ];
}

async function althing(args: readonly string[], code = 0) {
  const done = await run(process.execPath, [script, ...args]);
  assert.equal(done.code, code, done.err);
  return done;
}

function run(file: string, args: readonly string[]) {
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const env = { ...process.env, ETCDCTL_API: "3" };
    execFile(file, args, { env }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}
