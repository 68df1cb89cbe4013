// Founders take part in nothing before they have met, and go on as one that was there once they have.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import type { MemberEvent } from "@althing/member";
import type { Config } from "../config/config.ts";
import { InProcessCluster, type Running, until } from "../doors/etcd/testing/in-process-cluster.ts";
import type { Logger } from "../observe/logging.ts";
import { type AskError, askRoster } from "../peers/index.ts";
import type { Server } from "../server.ts";
import { makeDiskKey, openDiskKey } from "./disk-key.ts";
import { type FoundedMember, Founding } from "./founding.ts";

const [b, c] = ["bbbbbbbbbbbbbbbb", "cccccccccccccccc"];
const others = [
  { id: b, name: "m2", peerUrls: ["http://b:1"] },
  { id: c, name: "m3", peerUrls: ["http://c:1"] },
];
const heartbeat = { kind: "lost" } as never;

function founder() {
  const heard: unknown[] = [];
  const noted = new Map<string, string>();
  const member: FoundedMember = {
    identityOf: (peer) => noted.get(peer),
    receive: (from) => heard.push(["receive", from]),
    connected: (peer) => heard.push(["connected", peer]),
    disconnected: (peer) => heard.push(["disconnected", peer]),
    unreachable: (peer) => heard.push(["unreachable", peer]),
    admit: (peer, identity) => {
      heard.push(["admit", peer, identity]);
      if (identity === "refused" || identity !== (noted.get(peer) ?? identity)) return "no";
      noted.set(peer, identity);
      return undefined;
    },
  };
  const founding = new Founding(others, () => member);
  let isComplete = false;
  void founding.complete.then(() => {
    isComplete = true;
  });
  const completes = async () => {
    await new Promise((done) => setImmediate(done));
    return isComplete;
  };
  return { founding, heard, noted, completes };
}

test("a founder's consensus hears nothing before all have met, and then of those that are there", async () => {
  const { founding, heard, completes } = founder();
  assert.deepEqual(
    founding.waitsFor().map(({ name }) => name),
    ["m2", "m3"],
  );
  assert.equal(founding.admit(b, "B"), undefined);
  founding.connected(b);
  founding.admit(c, "C");
  founding.unreachable(c);
  founding.observe({ kind: "peerDialFailed", level: "info", peer: c, reason: "refused" });
  assert.deepEqual(founding.waitsFor(), [{ name: "m3", peerUrls: ["http://c:1"], why: "refused" }]);
  assert.equal(await completes(), false);
  // Both at once: one that went meanwhile is waited for again.
  founding.disconnected(b);
  founding.connected(c);
  assert.equal(await completes(), false);
  founding.connected(b);
  assert.equal(await completes(), true);
  assert.deepEqual(heard, []);
  assert.equal(founding.noteDisks(), undefined);
  founding.handOver();
  founding.receive(b, heartbeat);
  assert.deepEqual(heard, [
    ["admit", b, "B"],
    ["admit", c, "C"],
    ["connected", c],
    ["connected", b],
    ["receive", b],
  ]);
});

test("a word of the protocol says that the others have founded with this one", async () => {
  const { founding, heard, completes } = founder();
  founding.admit(b, "B");
  founding.connected(b);
  founding.receive(b, heartbeat);
  assert.equal(await completes(), true);
  assert.deepEqual(heard, []);
});

test("a founder that comes with another disk is met anew, and one that is there keeps its name", () => {
  const { founding } = founder();
  founding.admit(b, "B");
  assert.match(founding.admit(b, "B2")!, /start it again/);
  assert.equal(founding.identityOf(b), undefined);
  assert.equal(founding.admit(b, "B2"), undefined);
  founding.connected(b);
  assert.match(founding.admit(b, "B3")!, /start it again/);
  assert.equal(founding.identityOf(b), "B2");
});

test("a disk that the member cannot note, or knows as another, founds nothing", () => {
  const { founding } = founder();
  founding.admit(b, "refused");
  assert.equal(founding.noteDisks(), "no");
});

test("whom an earlier start has noted is let in with that disk alone, and the other is told", () => {
  const { founding, noted } = founder();
  noted.set(b, "B");
  assert.equal(founding.identityOf(b), "B");
  assert.equal(founding.admit(b, "B2"), "no");
  assert.equal(founding.admit(b, "B2"), "no");
  assert.equal(founding.admit(b, "B"), undefined);
  founding.admit(c, "C");
  assert.equal(noted.has(c), false);
  assert.equal(founding.noteDisks(), undefined);
});

const names = ["m1", "m2", "m3"];
const clusters: InProcessCluster[] = [];
const waiting: AbortController[] = [];
afterEach(async () => {
  for (const abort of waiting.splice(0)) abort.abort();
  await Promise.all(clusters.splice(0).map((cluster) => cluster.close()));
});

async function addressed() {
  const cluster = new InProcessCluster();
  clusters.push(cluster);
  const urls = [];
  for (const name of names) urls.push(await cluster.address(name));
  return { cluster, urls };
}

interface Starting {
  readonly started: Promise<Running | undefined>;
  readonly abort: AbortController;
  readonly lines: string[];
  readonly connections: Set<unknown>;
}

function begin(cluster: InProcessCluster, name: string, change: Partial<Config> = {}): Starting {
  const abort = new AbortController();
  waiting.push(abort);
  const lines: string[] = [];
  const connections = new Set<unknown>();
  const say = (message: string, fields?: object) =>
    void lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const logger: Logger = { debug: say, info: say, warn: say, error: say, observe: () => {} };
  const observe = ({ kind, peer }: MemberEvent) => {
    if (kind === "peerConnected") connections.add(peer);
    if (kind === "peerDisconnected") connections.delete(peer);
  };
  const options = { logger, observe, abort: abort.signal };
  const started = cluster.start(name, change, options).catch(() => undefined);
  return { started, abort, lines, connections };
}

const settled = (starting: Starting) =>
  Promise.race([
    starting.started.then(() => true),
    new Promise((no) => setTimeout(no, 400, false)),
  ]);

const leaderOf = ({ member }: Server) => member.status().leader;
const published = ({ member }: Server) => member.roster();

test("two of three wait for the third, say so, survive a restart, and found when it is there", async () => {
  const { cluster, urls } = await addressed();
  const first = begin(cluster, "m1");
  const second = begin(cluster, "m2");
  await until(() => first.connections.size === 1 && second.connections.size === 1);
  assert.equal(await settled(first), false);
  const said = first.lines.find((line) => line.includes("none serves before they have met"));
  assert.match(said!, /"name":"m3"/);
  // Nobody becomes a member through one that has founded nothing.
  const key = openDiskKey(makeDiskKey())!;
  await assert.rejects(
    askRoster(urls[0]!, { key, urls: [urls[2]!], timeoutMs: 2_000 }),
    (error: AskError) => error.refusal?.code === "notAdded" && /not founded/.test(error.message),
  );
  second.abort.abort();
  assert.equal(await second.started, undefined);
  const again = begin(cluster, "m2");
  const third = begin(cluster, "m3");
  for (const one of [first, again, third]) assert.ok(await one.started);
  assert.ok(first.lines.some((line) => line.includes("the cluster is founded")));
  // What has founded needs nobody to come back.
  await cluster.stop((await first.started)!);
  assert.ok(await begin(cluster, "m1").started);
});

test("a founder whose first start ended before it heard that all had met goes on, also where one of the others is gone", async () => {
  const { cluster } = await addressed();
  const all = (await Promise.all(names.map((name) => begin(cluster, name).started))) as Running[];
  const [m1, m2, m3] = all as [Running, Running, Running];
  await until(() => leaderOf(m1.server) !== undefined);
  await cluster.stop(m3);
  // As if it had ended a moment earlier; and one of the others is gone for good.
  const note = join(cluster.folder, "m3", "identity.json");
  const identity = JSON.parse(readFileSync(note, "utf8"));
  assert.equal(identity.founding, undefined);
  writeFileSync(note, JSON.stringify({ ...identity, founding: true }));
  await cluster.stop(m2);
  assert.ok(await begin(cluster, "m3").started);
});

test("a founder that ended while it noted whom it had met refuses who lost its disk since, and does not end itself", async () => {
  const { cluster } = await addressed();
  const all = (await Promise.all(names.map((name) => begin(cluster, name).started))) as Running[];
  for (const one of all) await cluster.stop(one);
  // m1 ended before it wrote that the cluster is founded, and before anything was in its log; m2 has lost its disk.
  const note = join(cluster.folder, "m1", "identity.json");
  writeFileSync(
    note,
    JSON.stringify({ ...JSON.parse(readFileSync(note, "utf8")), founding: true }),
  );
  const log = join(cluster.folder, "m1", "log");
  const gone = readdirSync(log).filter((name) => name !== "acquaintances");
  for (const name of gone) rmSync(join(log, name));
  for (const lost of ["m1/store", "m2"]) rmSync(join(cluster.folder, lost), { recursive: true });
  const first = begin(cluster, "m1");
  await assert.rejects(cluster.start("m2"), /identityRefused: .*another data directory/);
  assert.equal(await settled(first), false);
});

test("a founder with other quorums is not let in, and founds nothing with the others", async () => {
  const { cluster } = await addressed();
  const quorums = { protocol: "paxos", paxosQuorums: { prepare: 3, accept: 1 } } as const;
  const starting = names.map((name) =>
    begin(cluster, name, name === "m1" ? quorums : { protocol: "paxos" }),
  );
  const [odd, second, third] = starting as [Starting, Starting, Starting];
  await until(() => second.connections.size === 1 && third.connections.size === 1);
  for (const one of starting) assert.equal(await settled(one), false);
  assert.equal(odd.connections.size, 0);
});

test("a founder without a disk is refused by whoever has state, also where it was removed, and says why", async () => {
  const { cluster } = await addressed();
  const all = (await Promise.all(names.map((name) => begin(cluster, name).started))) as Running[];
  const [m1, m2, m3] = all as [Running, Running, Running];
  await until(() => published(m1.server).length === 3);
  const lose = (name: string) => rmSync(join(cluster.folder, name), { recursive: true });
  await cluster.stop(m3);
  lose("m3");
  await assert.rejects(cluster.start("m3"), /identityRefused: .*another data directory/);

  const ID = BigInt(`0x${m3.server.memberId}`);
  await until(async () => {
    const asked = ["MemberRemove", "MemberRemoveRequest", "MemberRemoveResponse"] as const;
    return (await m1.client.call(...asked, { ID })).status === 0;
  });
  // By both, so that it is not a matter of whom it reaches first.
  await until(() =>
    [m1, m2].every(({ server }) => server.member.knownWithout(m3.server.memberId) !== undefined),
  );
  lose("m3");
  await assert.rejects(cluster.start("m3"), /identityRefused: .*is not a member of cluster/);
});
