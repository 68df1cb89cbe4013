// Settings that change what a client sees, each by its flag, through the port of a real member.

import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failureOf, type OpenStream } from "../client/etcd-client.ts";
import { methods, type WatchResponse } from "../client/messages.ts";
import { eventually } from "../cluster/cluster.ts";
import type { MemberProcess } from "../cluster/member-process.ts";
import { type ClusterTest, clusterTest, pass, program } from "./subject.ts";

const alone = (...args: string[]): ClusterTest => ({
  prepare: () => Promise.resolve({ members: 1, args }),
});

/** One call of the JSON gateway. */
async function gateway(member: MemberProcess, path: string, body: object, token?: string) {
  const answer = await fetch(`${member.spec.clientUrl}/v3/${path}`, {
    method: "POST",
    body: JSON.stringify(body),
    headers: token === undefined ? {} : { authorization: token },
  });
  const text = await answer.text();
  const json = answer.headers.get("content-type") === "application/json" ? JSON.parse(text) : {};
  return { status: answer.status, json };
}

clusterTest(
  "--auto-compaction-retention: history that is older is gone, by itself",
  alone("--auto-compaction-mode=periodic", "--auto-compaction-retention=1s"),
  async ({ cluster }) => {
    const client = cluster.member(0).client();
    for (let i = 0; i < 5; i++)
      assert.equal((await client.put({ key: "a", value: `${i}` })).code, 0);
    assert.equal((await client.range({ key: "a", revision: 3 })).response?.kvs?.[0]?.value, "1");
    const compacted = "11 etcdserver: mvcc: required revision has been compacted";
    await eventually("the history is compacted", 20_000, async () => {
      return failureOf(await client.range({ key: "a", revision: 3 })) === compacted;
    });
    assert.equal((await client.range({ key: "a" })).response?.kvs?.[0]?.value, "4");
    client.close();
  },
);

clusterTest(
  "--quota-backend-bytes: a full store takes no more until it has room and the alarm is disarmed",
  alone("--quota-backend-bytes=2097152"),
  async ({ cluster }) => {
    const member = cluster.member(0);
    const client = member.client();
    const value = "x".repeat(200_000);
    const full = "8 etcdserver: mvcc: database space exceeded";
    let put = await client.put({ key: "k0", value });
    for (let i = 1; i < 50 && put.code === 0; i++) put = await client.put({ key: `k${i}`, value });
    assert.equal(failureOf(put), full);
    // The alarm outlives the put that raised it: a small one is refused as well, reads and deletes are not.
    assert.equal(failureOf(await client.put({ key: "small", value: "1" })), full);
    const alarms = await gateway(member, "maintenance/alarm", { action: "GET" });
    assert.equal(alarms.json.alarms?.[0]?.alarm, "NOSPACE");
    const metrics = await (await fetch(`${member.spec.clientUrl}/metrics`)).text();
    assert.match(metrics, /^althing_alarms\{member="[0-9a-f]+",alarm="NOSPACE"\} 1$/m);
    const deleted = await client.deleteRange({ key: "k", range_end: "l" });
    assert.equal(deleted.code, 0);
    const revision = Number(deleted.response?.header?.revision);
    assert.equal((await client.compact({ revision, physical: true })).code, 0);
    assert.equal((await gateway(member, "maintenance/defragment", {})).status, 200);
    // The space is there again, but only a human may say so.
    assert.equal(failureOf(await client.put({ key: "small", value: "2" })), full);
    const { memberID } = alarms.json.alarms[0];
    const disarm = { action: "DEACTIVATE", alarm: "NOSPACE", memberID };
    assert.equal((await gateway(member, "maintenance/alarm", disarm)).status, 200);
    assert.equal(failureOf(await client.put({ key: "k0", value })), "");
    client.close();
  },
);

clusterTest(
  "--watch-progress-notify-interval: a quiet watch that asked for it is told where it stands",
  {
    ...alone("--watch-progress-notify-interval=1s"),
    skip: program === "etcd" && "etcd 3.4 knows it only as an experiment",
  },
  async ({ cluster }) => {
    const client = cluster.member(0).client();
    const told: Record<string, WatchResponse[]> = { asked: [], silent: [] };
    const streams: OpenStream[] = [];
    for (const [name, messages] of Object.entries(told)) {
      const stream = await client.open<WatchResponse>(methods.watch, {
        onMessage: (message) => messages.push(message),
        onEnd: () => {},
      });
      stream.send({ create_request: { key: "quiet", progress_notify: name === "asked" } });
      streams.push(stream);
    }
    await eventually("both watch", 10_000, () =>
      Object.values(told).every((all) => all.length > 0),
    );
    const put = await client.put({ key: "elsewhere", value: "1" });
    const revision = put.response?.header?.revision;
    await eventually("it is told", 10_000, () =>
      told["asked"]!.some(
        ({ header, events }) => header?.revision === revision && events === undefined,
      ),
    );
    assert.equal(told["silent"]!.length, 1);
    for (const stream of streams) stream.cancel();
    client.close();
  },
);

clusterTest(
  "--enable-grpc-gateway=false: no JSON, but gRPC, health and metrics",
  alone("--enable-grpc-gateway=false"),
  async ({ cluster }) => {
    const member = cluster.member(0);
    assert.equal((await gateway(member, "kv/range", { key: "YQ==" })).status, 404);
    for (const path of ["health", "metrics", "version"]) {
      assert.equal((await fetch(`${member.spec.clientUrl}/${path}`)).status, 200, path);
    }
    const client = member.client();
    assert.equal((await client.put({ key: "a", value: "1" })).code, 0);
    client.close();
  },
);

clusterTest(
  "--strict-reconfig-check=false: who is asked so adds members before the last one has started",
  { prepare: () => Promise.resolve({ members: 3, isStopped: true }) },
  async ({ cluster }) => {
    const [lax, strict] = cluster.members;
    assert.ok(lax && strict);
    lax.start(["--strict-reconfig-check=false"]);
    strict.start();
    cluster.member(2).start();
    await cluster.waitUntilReady();
    const added = (member: MemberProcess, port: number) =>
      gateway(member, "cluster/member/add", { peerURLs: [`http://127.0.0.1:${port}`] });
    assert.equal((await added(strict, 1)).status, 200);
    assert.equal((await added(strict, 2)).status, 200);
    const refused = await added(strict, 3);
    const why = "etcdserver: re-configuration failed due to not enough started members";
    assert.deepEqual([refused.status, refused.json.error], [500, why]);
    const taken = await added(lax, 3);
    assert.equal(taken.status, 200, JSON.stringify(taken.json));
    const listed = await gateway(lax, "cluster/member/list", {});
    assert.equal(listed.json.members.length, 6);
  },
);

clusterTest(
  "--auth-token=jwt: a token is good at a member that never issued it, and no other key makes one",
  {
    prepare: (held) => {
      const folder = mkdtempSync(join(tmpdir(), "althing-jwt-"));
      held.defer(() => rmSync(folder, { recursive: true, force: true }));
      const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      const file = (name: string, key: KeyObject, type: "pkcs1" | "spki") => {
        writeFileSync(join(folder, name), key.export({ format: "pem", type }));
        return join(folder, name);
      };
      const keys = `pub-key=${file("public.pem", publicKey, "spki")},priv-key=${file("private.pem", privateKey, "pkcs1")}`;
      return Promise.resolve({ args: [`--auth-token=jwt,sign-method=RS256,${keys},ttl=10m`] });
    },
  },
  async ({ cluster }) => {
    const [issuer, other] = cluster.members;
    assert.ok(issuer && other);
    const user = { name: "root", password: "secret" };
    assert.equal((await gateway(issuer, "auth/user/add", user)).status, 200);
    await gateway(issuer, "auth/role/add", { name: "root" });
    assert.equal(
      (await gateway(issuer, "auth/user/grant", { user: "root", role: "root" })).status,
      200,
    );
    assert.equal((await gateway(issuer, "auth/enable", {})).status, 200);
    const token: string = (await gateway(issuer, "auth/authenticate", user)).json.token;
    const [header = "", claims = "", signature = ""] = token.split(".");
    assert.equal(JSON.parse(Buffer.from(header, "base64url").toString()).alg, "RS256");
    assert.equal(JSON.parse(Buffer.from(claims, "base64url").toString()).username, "root");
    await issuer.kill();
    await eventually(
      "there is a leader again",
      20_000,
      async () => (await gateway(other, "kv/range", { key: "YQ==" }, token)).status === 200,
    );
    const read = (given?: string) => gateway(other, "kv/range", { key: "YQ==" }, given);
    assert.equal((await read(token)).status, 200);
    assert.notEqual((await read()).status, 200);
    const flipped = signature.startsWith("A") ? "B" : "A";
    const forged = await read(`${header}.${claims}.${flipped}${signature.slice(1)}`);
    assert.deepEqual([forged.status, forged.json.error], [401, "etcdserver: invalid auth token"]);
  },
);

clusterTest(
  "--grpc-keepalive-interval and -timeout: who answers no ping is cut off, who does is kept",
  alone("--grpc-keepalive-interval=1s", "--grpc-keepalive-timeout=1s"),
  async ({ cluster }) => {
    const { hostname: host, port } = new URL(cluster.member(0).spec.clientUrl);
    await using held = new AsyncDisposableStack();
    const answering = openHttp2(cluster.member(0), held);
    let ended = false;
    answering.on("close", () => {
      ended = true;
    });
    const deaf = connectTcp({ host, port: Number(port) });
    held.defer(() => void deaf.destroy());
    const over = new Promise((resolve) => deaf.on("close", resolve));
    deaf.on("error", () => {}).resume();
    // The preface and empty settings; every ping after them goes unanswered.
    deaf.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1");
    assert.equal(
      await Promise.race([over.then(() => "cut"), pass(20_000).then(() => "kept")]),
      "cut",
    );
    assert.equal(ended, false);
  },
);

clusterTest(
  "--grpc-keepalive-min-time: pings may come as often as that and no oftener",
  { prepare: () => Promise.resolve({ members: 2, isStopped: true }) },
  async ({ cluster }) => {
    cluster.member(0).start(["--grpc-keepalive-min-time=1h"]);
    cluster.member(1).start(["--grpc-keepalive-min-time=1ms"]);
    await cluster.waitUntilReady();
    await using held = new AsyncDisposableStack();
    const outcomes = cluster.members.map(async (member) => {
      const session = openHttp2(member, held);
      const goodbye = new Promise<string>((resolve) => {
        session.on("goaway", (code, _last, data) => resolve(`${code} ${data?.toString() ?? ""}`));
      });
      // Without a call under way gRPC allows a ping in two hours, whatever the setting.
      const call = session.request({
        ":method": "POST",
        ":path": "/etcdserverpb.Watch/Watch",
        "content-type": "application/grpc",
      });
      call.on("error", () => {});
      const pings = async () => {
        for (let i = 0; i < 8 && !session.closed; i++) {
          await new Promise((resolve) => session.ping(resolve));
          await pass(5);
        }
        return "allowed";
      };
      return await Promise.race([goodbye, pings()]);
    });
    assert.deepEqual(await Promise.all(outcomes), ["11 too_many_pings", "allowed"]);
  },
);

function openHttp2(member: MemberProcess, held: AsyncDisposableStack): ClientHttp2Session {
  const session = connectHttp2(member.spec.clientUrl);
  session.on("error", () => {});
  held.defer(() => session.destroy());
  return session;
}
