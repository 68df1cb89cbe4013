// A stranger at the peer port who knows the cluster's id, the members' ids and their addresses, in clear text,
// with TLS and with mutual TLS, while clients write. It gets in nowhere, makes nobody call it, is told nothing,
// fills no memory and silences nobody. Longer than most files, because all attacks on one port share what the stranger
// knows and how its cost is measured.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveConfig } from "../../packages/server/src/config/config.ts";
import { makeDiskKey, openDiskKey } from "../../packages/server/src/identity/disk-key.ts";
import { foundIdentity } from "../../packages/server/src/identity/member-identity.ts";
import { encodeFrame, frameType } from "../../packages/server/src/peers/frame.ts";
import { encodePreamble, type Hello } from "../../packages/server/src/peers/handshake.ts";
import { introduce } from "../../packages/server/src/peers/introduction.ts";
import { createAuthority } from "../../packages/server/src/peers/testing/certificate.ts";
import { helloOf, Stranger } from "../../packages/server/src/peers/testing/stranger.ts";
import { connectTls13 } from "../../packages/server/src/transport/testing/tls13-client.ts";
import { methods } from "../client/messages.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/cluster.ts";
import type { MemberProcess } from "../cluster/member-process.ts";
import { protocol } from "../cluster/program.ts";
import { clusterTest, pass, program } from "../process/subject.ts";

const skip = program === "etcd" ? "the peer port of etcd speaks another protocol" : false;
const mebibyte = 2 ** 20;

type Security = "clear text" | "TLS" | "mutual TLS";
interface Way {
  readonly security: Security;
  /** With what a stranger may open a TLS connection; undefined in clear text. */
  readonly tls: () => object | undefined;
  readonly prepare: (held: AsyncDisposableStack) => Promise<{
    readonly args: readonly string[];
    readonly peerScheme: "http" | "https";
  }>;
}

const authority = createAuthority("the members' authority");
const ways: readonly Way[] = [
  {
    security: "clear text",
    tls: () => undefined,
    prepare: async () => ({ args: [], peerScheme: "http" }),
  },
  {
    security: "TLS",
    // Encrypted, and nobody's certificate is verified.
    tls: () => ({ rejectUnauthorized: false }),
    prepare: async () => ({ args: ["--peer-auto-tls=true"], peerScheme: "https" }),
  },
  {
    security: "mutual TLS",
    // A certificate of the same authority: one for clients, as programs that call the members have.
    tls: () => ({
      ...authority.issue("a client", { usages: ["clientAuth"], hosts: ["client.example"] }),
      rejectUnauthorized: false,
    }),
    prepare: certified,
  },
];

async function certified(held: AsyncDisposableStack) {
  const folder = mkdtempSync(join(tmpdir(), "althing-peer-tls-"));
  held.defer(() => rmSync(folder, { recursive: true, force: true }));
  const { cert, key } = authority.issue("member");
  mkdirSync(folder, { recursive: true });
  const files = { "cert.pem": cert, "key.pem": key, "ca.pem": authority.cert };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return {
    peerScheme: "https" as const,
    args: [
      `--peer-cert-file=${join(folder, "cert.pem")}`,
      `--peer-key-file=${join(folder, "key.pem")}`,
      `--peer-trusted-ca-file=${join(folder, "ca.pem")}`,
      "--peer-client-cert-auth=true",
    ],
  };
}

interface Known {
  readonly clusterId: string;
  readonly members: readonly { readonly id: string; readonly process: MemberProcess }[];
}

/** What anybody can compute who has seen the flags. */
function knownOf(cluster: Cluster): Known {
  const settings = (process: MemberProcess) =>
    new Map(
      process.spec.args
        .map((arg) => /^--([^=]+)=(.*)$/.exec(arg)!)
        .map(([origin, name, value]) => [name!, { value: value!, origin }] as const),
    );
  const founded = cluster.members.map((process) =>
    foundIdentity(resolveConfig(settings(process) as never).config),
  );
  return {
    clusterId: founded[0]!.clusterId,
    members: cluster.members.map((process, i) => ({ id: founded[i]!.memberId, process })),
  };
}

function portOf({ spec }: MemberProcess): number {
  return Number(new URL(spec.peerUrl).port);
}

/** Everything that a stranger can try at one member, once. Fails when anything of it gets in. */
async function tryEverything(known: Known, at: number, way: Way, trapUrl: string): Promise<void> {
  const target = known.members[at]!;
  const other = known.members[(at + 1) % known.members.length]!;
  const key = openDiskKey(makeDiskKey())!;
  const stranger = () => Stranger.connect(portOf(target.process), way.tls());
  const says = (change: Partial<Hello>) =>
    helloOf({
      clusterId: known.clusterId,
      member: "00000000deadbeef",
      identity: key.identity,
      consensus: protocol,
      to: target.id,
      channel: "main",
      ...change,
    });
  const urls = [trapUrl, "http://127.0.0.1:99999", "not a url"];
  const refusedAs = async (change: Partial<Hello>, codes: readonly string[]) => {
    const caller = await stranger();
    const hello = says(change);
    const challenge = await caller.greet(hello);
    assert.ok(challenge !== undefined);
    if (!("code" in challenge)) {
      const about = { member: hello.member, identity: key.identity, urls, asOf: 2 ** 40 };
      const own = introduce(known.clusterId, hello.member, key, about);
      const forged = { ...own, introducer: other.id };
      const introductions = hello.member === "" ? [] : [own, forged];
      caller.prove(hello, challenge, key, { urls, introductions });
    }
    const said = "code" in challenge ? challenge : await caller.hearRefusal();
    assert.ok(said !== undefined && codes.includes(said.code), JSON.stringify(said));
    // No answer names a member or an address that the stranger did not name.
    const told = JSON.stringify(said);
    for (const { id, process } of known.members) {
      if (id !== target.id && id !== hello.member) assert.ok(!told.includes(id), told);
      assert.ok(!told.includes(process.spec.peerUrl), told);
    }
    caller.socket.destroy();
  };
  const refusing = way.security === "mutual TLS" ? ["certificate"] : [];
  // A guest that nobody has introduced; a member with another disk; the member itself.
  await refusedAs({}, ["unknownMember", ...refusing]);
  await refusedAs({ member: other.id }, ["identity", ...refusing]);
  await refusedAs({ member: other.id, channel: "bulk" }, ["identity", ...refusing]);
  await refusedAs({ member: target.id }, ["wrongMember", ...refusing]);
  await refusedAs({ clusterId: "", member: "", to: "", channel: "ask" }, ["notAdded", ...refusing]);

  // Names that are no ids, and would be lines of a log.
  const forger = await stranger();
  const junk = { ...says({}), member: 'x\n{"level":"info","message":"forged"}' };
  const answer = await forger.greet(junk);
  assert.ok(answer !== undefined && "code" in answer);
  forger.socket.destroy();

  // Commands before any proof, and a frame of commands in place of the proof.
  const commander = await stranger();
  const forward = encodeFrame(frameType.message, Buffer.alloc(300, 1));
  await commander.greet(says({ member: other.id }));
  commander.socket.write(forward);
  await commander.hear();
  commander.socket.destroy();
}

for (const way of ways) {
  clusterTest(
    `a stranger who knows every id gets in nowhere: ${way.security}`,
    { skip, prepare: way.prepare },
    async ({ cluster, load }) => {
      const workload = load();
      await workload.nextAcknowledgedWrite();
      const known = knownOf(cluster);
      const pids = cluster.members.map(({ pid }) => pid);
      let called = 0;
      const trap = createServer((socket) => {
        called++;
        socket.destroy();
      }).listen(0, "127.0.0.1");
      await once(trap, "listening");
      trap.unref();
      const trapUrl = `http://127.0.0.1:${(trap.address() as { port: number }).port}`;
      workload.longestSilenceMs = 0;
      const until = performance.now() + 4_000;
      while (performance.now() < until) {
        for (const at of known.members.keys()) await tryEverything(known, at, way, trapUrl);
      }
      assert.ok(workload.longestSilenceMs < 1_000, `silent for ${workload.longestSilenceMs} ms`);
      await workload.nextAcknowledgedWrite();
      await pass(300);
      trap.close();
      assert.equal(called, 0, "nobody was called");
      assert.deepEqual(
        cluster.members.map(({ pid }) => pid),
        pids,
      );
      for (const member of cluster.members) {
        const metrics = await fetch(`${member.spec.clientUrl}/metrics`);
        assert.equal(metrics.status, 200);
        const text = await metrics.text();
        assert.match(text, /althing_peer_connections_turned_away_total\{code="\w+"\} \d+/);
        assert.match(text, /althing_peer_handler_failures_total 0/);
        assert.ok(!/^\{"level":"info","message":"forged"\}/m.test(member.log()));
      }
      await workload.finish();
    },
  );
}

for (const way of ways.filter(({ security }) => security !== "mutual TLS")) {
  clusterTest(
    `a crowd that never finishes its handshake keeps no member out: ${way.security}`,
    { skip, prepare: way.prepare },
    async ({ cluster, load }) => {
      const workload = load();
      await workload.nextAcknowledgedWrite();
      const [restarted, flooded] = await cluster.followers();
      assert.ok(restarted && flooded);
      const before = flooded.residentBytes();
      const port = portOf(flooded);
      const opening =
        way.security === "TLS" ? Buffer.from("1603010200010001fc0303", "hex") : encodePreamble();
      const sockets = new Set<Socket>();
      let isOver = false;
      let closed = 0;
      const knock = () => {
        const socket = connect({ host: "127.0.0.1", port });
        sockets.add(socket);
        socket.on("error", () => {});
        socket.resume();
        socket.write(opening);
        socket.on("close", () => {
          closed++;
          sockets.delete(socket);
          if (!isOver) setTimeout(knock, 5);
        });
      };
      for (let i = 0; i < 300; i++) knock();
      await pass(1_000);
      await restarted.stop();
      restarted.start();
      // A linearizable read of a follower needs the leader; that it is a quorum with the flooded one as well,
      // the death of the leader shows.
      await cluster.waitUntilReady([restarted]);
      const leader = await cluster.leader();
      if (leader !== flooded && leader !== restarted) await leader.kill();
      await workload.nextAcknowledgedWrite();
      isOver = true;
      assert.ok(closed > 300, "they are sent away");
      assert.ok(flooded.residentBytes() - before < 200 * mebibyte);
      // Those that are left are closed by the member, in the time that a handshake has.
      await eventually("the last of them is closed", 6_000, () => sockets.size === 0);
      if (!leader.isRunning) leader.start();
      await cluster.waitUntilReady();
      await workload.finish();
    },
  );
}

clusterTest("a flood of pings fills no memory", { skip }, async ({ cluster }) => {
  const known = knownOf(cluster);
  const [target, other] = known.members;
  assert.ok(target && other);
  const before = target.process.residentBytes();
  const ping = encodeFrame(frameType.ping, Buffer.alloc(8_000));
  const pings = Buffer.concat(Array.from({ length: 100 }, () => ping));
  // One with a member's own key, stolen from its disk: nobody else comes so far.
  const stolen = JSON.parse(
    readFileSync(join(other.process.spec.dataDir, "identity.json"), "utf8"),
  );
  await other.process.kill();
  const hello = helloOf({
    clusterId: known.clusterId,
    member: other.id,
    identity: stolen.incarnation,
    consensus: protocol,
    to: target.id,
    channel: "main",
  });
  let worst = 0;
  for (let round = 0; round < 20; round++) {
    const flooder = await Stranger.connect(portOf(target.process));
    const entered = await flooder.enter(hello, openDiskKey(stolen)!);
    assert.equal(entered?.type, frameType.welcome);
    flooder.socket.pause();
    const gone = new Promise((closed) => flooder.socket.once("close", closed));
    const pour = () => {
      while (!flooder.socket.destroyed && flooder.socket.write(pings));
    };
    flooder.socket.on("drain", pour);
    pour();
    await gone;
    worst = Math.max(worst, target.process.residentBytes() - before);
  }
  assert.ok(worst < 100 * mebibyte, `${Math.round(worst / mebibyte)} MiB more`);
  other.process.start();
  await cluster.waitUntilReady();
});

clusterTest(
  "an address that cannot be called is refused where it is given",
  { skip },
  async ({ cluster }) => {
    const client = cluster.member(0).client(5_000);
    const before = cluster.members.map(({ pid }) => pid);
    const listed = await client.call(methods.memberList, {});
    const members = (listed.response as { members: { ID: string | bigint | number }[] }).members;
    for (const url of ["not a url", "http://127.0.0.1:99999", "http://127.0.0.1:0", "ftp://a:1"]) {
      const peerURLs = [url];
      const updated = await client.call(methods.memberUpdate, { ID: members[0]!.ID, peerURLs });
      assert.equal(updated.code, 3, url);
      const added = await client.call(methods.memberAdd, { peerURLs });
      assert.equal(added.code, 3, url);
    }
    client.close();
    assert.deepEqual(
      cluster.members.map(({ pid }) => pid),
      before,
    );
    await cluster.waitUntilReady();
  },
);

clusterTest(
  "thousands of changes of keys over TLS, in one piece, silence nobody",
  { skip, prepare: async () => ({ args: ["--peer-auto-tls=true"], peerScheme: "https" as const }) },
  async ({ cluster, load }) => {
    const workload = load();
    await workload.nextAcknowledgedWrite();
    const leader = await cluster.leader();
    await loopDelayOf(leader);
    const clients = await Promise.all(
      Array.from({ length: 3 }, () => connectTls13(portOf(leader))),
    );
    // A stranger has three seconds.
    const floods = clients.map((): Buffer[] => []);
    const endMs = performance.now() + 1_800;
    let changes = 0;
    while (performance.now() < endMs && changes < 24_000) {
      for (const [i, { keyUpdates }] of clients.entries()) floods[i]!.push(keyUpdates(20));
      changes += 60;
    }
    for (const [i, { socket }] of clients.entries()) socket.write(Buffer.concat(floods[i]!));
    await pass(3_000);
    assert.ok(changes > 5_000, `${changes} changes of keys`);
    const delay = await loopDelayOf(leader);
    assert.ok(delay < 0.25, `its loop was late by ${delay} s`);
    for (const { socket } of clients) socket.destroy();
    await workload.finish();
  },
);

clusterTest(
  "a flood of handshakes, each with its signatures, silences nobody",
  { skip },
  async ({ cluster, load }) => {
    const workload = load();
    await workload.nextAcknowledgedWrite();
    const known = knownOf(cluster);
    const leader = await cluster.leader();
    const target = known.members.find(({ process }) => process === leader)!;
    const key = openDiskKey(makeDiskKey())!;
    const urls = ["http://127.0.0.1:1"];
    const member = "00000000deadbeef";
    const introduced = known.members.map(({ id }) => ({
      ...introduce(known.clusterId, id, key, {
        member,
        identity: key.identity,
        urls,
        asOf: 2 ** 40,
      }),
      introducer: id,
    }));
    let handshakes = 0;
    let isOver = false;
    workload.longestSilenceMs = 0;
    // Since the last scrape: from here on.
    await loopDelayOf(leader);
    workload.longestSilenceMs = 0;
    const flood = Array.from({ length: 50 }, async () => {
      while (!isOver) {
        const caller = await Stranger.connect(portOf(leader)).catch(() => undefined);
        if (caller === undefined) continue;
        const hello = helloOf({
          clusterId: known.clusterId,
          member,
          identity: key.identity,
          consensus: protocol,
          to: target.id,
          channel: "main",
        });
        const challenge = await caller.greet(hello);
        if (challenge !== undefined && !("code" in challenge)) {
          caller.prove(hello, challenge, key, { urls, introductions: introduced });
          await caller.hear();
          handshakes++;
        }
        caller.socket.destroy();
      }
    });
    await pass(4_000);
    isOver = true;
    await Promise.all(flood);
    assert.ok(handshakes > 500, `${handshakes} handshakes`);
    const delay = await loopDelayOf(leader);
    assert.ok(delay < 0.4, `its loop was late by ${delay} s`);
    assert.ok(workload.longestSilenceMs < 1_000, `silent for ${workload.longestSilenceMs} ms`);
    assert.equal(await cluster.leader(), leader, "it leads on");
    await workload.finish();
  },
);

/** In seconds, the worst since this was asked last. */
async function loopDelayOf({ spec }: MemberProcess): Promise<number> {
  const text = await (await fetch(`${spec.clientUrl}/metrics`)).text();
  const worst = /althing_event_loop_delay_seconds\{quantile="1"\} (\S+)/.exec(text);
  return Number(worst![1]);
}
