// curl on the JSON gateway: every path that 3.4 has, plus its other spelling, answers the same on either side, also
// when the request is wrong; streams are read as they come.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { etcdRpcs } from "@althing/wire";
import { whyMissing } from "../cluster/program.ts";
import { type Side, startSides, stopSides, tellBoth } from "./sides.ts";

const skip = ["etcd", "curl", "althing"].map(whyMissing).find((why) => why !== undefined) ?? false;

let sides: readonly Side[] = [];
before(async () => {
  if (!skip) sides = await startSides({});
});
after(async () => {
  await stopSides(sides);
});

const asked = new Set<string>();
const base64 = (text: string) => Buffer.from(text).toString("base64");
const own =
  /^(cluster_id|member_id|raft_term|raftTerm|raftIndex|raftAppliedIndex|dbSize|dbSizeInUse|leader|version|blob|remaining_bytes|hash)$/;

interface Curled {
  readonly status: number;
  readonly lines: readonly unknown[];
}

/** curl ends by itself where the answer does; a stream that stays is cut off after the given seconds. */
async function curl(side: Side, path: string, body: unknown, ...flags: string[]): Promise<Curled> {
  const rpc = path.replace("/v3beta/", "/v3/").replace(/^\/v3\/kv\/lease/, "/v3/lease");
  asked.add(rpc);
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const args = ["-sS", "-N", "-w", "\n%{http_code}", "-d", text, ...flags, side.endpoint(0) + path];
  const out = await promisify(execFile)("curl", args, { maxBuffer: 64 << 20 }).then(
    ({ stdout }) => stdout,
    (error: { readonly stdout: string }) => error.stdout,
  );
  const lines = out.trimEnd().split("\n");
  const status = Number(lines.pop());
  return { status, lines: lines.filter((line) => line !== "").map((line) => comparable(line)) };
}

async function say(side: Side, path: string, body: unknown, ...flags: string[]): Promise<Curled> {
  const answer = await curl(side, path, body, ...flags);
  side.note(`curl ${path} ${typeof body === "string" ? body : JSON.stringify(body)}`, answer);
  return answer;
}

function comparable(line: string): unknown {
  try {
    return withoutOwn(JSON.parse(line));
  } catch {
    return line;
  }
}

function withoutOwn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutOwn);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).flatMap(([name, inner]): [string, unknown][] => {
    if (own.test(name)) return [];
    if (name === "members") return [[name, (inner as unknown[]).length]];
    return [[name, withoutOwn(inner)]];
  });
  return Object.fromEntries(fields);
}

const key = base64("g/1");
const end = base64("g0");

test("keys, transactions, leases, alarms and members by curl", { skip }, async () => {
  await tellBoth(sides, async (side) => {
    const tell = (path: string, body: unknown, at = side.cluster.member(0)) =>
      say(side, path, body, "--connect-to", `::${at.spec.clientUrl.slice("http://".length)}`);
    await tell("/v3/kv/put", { key, value: base64("one") });
    await tell("/v3beta/kv/put", { key: base64("g/2"), value: base64("two"), prevKv: true });
    await tell("/v3/kv/put", { key: "" });
    await tell("/v3/kv/put", { key, lease: "4711" });
    await tell("/v3/kv/put", "{");
    await tell("/v3/kv/put", { key: "no base64!" });
    await tell("/v3/kv/range", { key, range_end: end, sort_order: "DESCEND", sort_target: 1 });
    await tell("/v3/kv/range", { key, rangeEnd: end, countOnly: true });
    await tell("/v3/kv/range", { key, revision: 1000 });
    await tell("/v3/kv/range", {});
    const compare = [{ key, target: "VERSION", result: "GREATER", version: 0 }];
    const success = [
      { requestPut: { key, value: base64("three"), prev_kv: true } },
      { request_range: { key, range_end: end } },
      { request_delete_range: { key: base64("g/2"), prev_kv: true } },
    ];
    await tell("/v3/kv/txn", { compare, success });
    await tell("/v3/kv/txn", { compare: [{ ...compare[0], result: 2 }], success, failure: [] });
    await tell("/v3/kv/txn", { success: [{}] });
    await tell("/v3/kv/deleterange", { key, prev_kv: true });
    await tell("/v3/kv/compaction", { revision: "4", physical: true });
    await tell("/v3/kv/compaction", { revision: 4 });
    await tell("/v3/kv/range", { key, revision: "2" });

    await tell("/v3/lease/grant", { ID: "4711", TTL: 100 });
    await tell("/v3/lease/grant", { ID: 4711, TTL: "100" });
    await tell("/v3/kv/put", { key: base64("leased"), lease: 4711 });
    await tell("/v3/lease/keepalive", { ID: 4711 });
    await tell("/v3/lease/keepalive", { ID: 4712 });
    await tell("/v3/lease/leases", {});
    await tell("/v3/kv/lease/leases", "");
    for (const path of ["/v3/lease/timetolive", "/v3/kv/lease/timetolive"]) {
      const answer = await curl(side, path, { ID: 4711, keys: true });
      const [line] = answer.lines as [{ TTL?: string }];
      side.note(path, { ...answer, lines: [{ ...line, TTL: Number(line.TTL) > 90 }] });
    }
    await tell("/v3/lease/timetolive", { ID: 4712 });
    await tell("/v3/lease/revoke", { ID: 4711 });
    await tell("/v3/kv/lease/revoke", { ID: 4711 });

    await tell("/v3/cluster/member/list", {});
    await tell("/v3/cluster/member/add", { peerURLs: ["nonsense"] });
    await tell("/v3/cluster/member/remove", { ID: 4711 });
    await tell("/v3/cluster/member/update", { ID: 4711, peerURLs: ["http://127.0.0.1:1"] });
    await tell("/v3/cluster/member/promote", { ID: 4711 });
    await tell("/v3/maintenance/status", {});
    await tell("/v3/maintenance/defragment", {});
    await tell("/v3/maintenance/hash", {});
    // Which member leads is chance, and only the leader looks at whom it should hand over to.
    await tell(
      "/v3/maintenance/transfer-leadership",
      { targetID: 4711 },
      await side.cluster.leader(),
    );
    const alarm = { action: "ACTIVATE", memberID: 4711, alarm: "NOSPACE" };
    await tell("/v3/maintenance/alarm", alarm);
    await tell("/v3/maintenance/alarm", {});
    await tell("/v3/kv/put", { key });
    await tell("/v3/maintenance/alarm", { ...alarm, action: 2 });
    const snapshot = await curl(side, "/v3/maintenance/snapshot", {});
    side.note("a snapshot", { status: snapshot.status, last: snapshot.lines.at(-1) });
  });
});

test("locks, elections and watches by curl", { skip }, async () => {
  await tellBoth(sides, async (side) => {
    const tell = (path: string, body: unknown, ...flags: string[]) =>
      say(side, path, body, ...flags);
    const name = base64("office");
    await tell("/v3/lease/grant", { ID: 7, TTL: 100 });
    await tell("/v3/lock/lock", { name, lease: 7 });
    await tell("/v3/lock/lock", { name, lease: 4711 });
    await tell("/v3/lock/unlock", { key: base64("office/7") });
    await tell("/v3/election/leader", { name });
    const campaign = await tell("/v3/election/campaign", { name, lease: 7, value: base64("one") });
    const { leader } = campaign.lines[0] as { leader: object };
    await tell("/v3/election/leader", { name });
    await tell("/v3/election/proclaim", { leader, value: base64("two") });
    await tell("/v3/election/proclaim", { value: base64("two") });
    await tell("/v3/election/observe", { name }, "-m", "1");
    await tell("/v3/election/resign", { leader });
    await tell("/v3/election/proclaim", { leader, value: base64("three") });
    const create_request = {
      key: name,
      range_end: base64("officf"),
      start_revision: 6,
      prev_kv: true,
    };
    await tell(
      "/v3/watch",
      { create_request: { ...create_request, filters: ["NODELETE"] } },
      "-m",
      "1",
    );
    await tell("/v3/watch", { create_request: { key: name, range_end: name } }, "-m", "1");
    await tell("/v3/watch", { create_request: { key: name, start_revision: 1 } }, "-m", "1");
  });
});

test("users, roles and permissions by curl", { skip }, async () => {
  await tellBoth(sides, async (side) => {
    const tell = (path: string, body: unknown, ...flags: string[]) =>
      say(side, path, body, ...flags);
    const perm = { permType: "READWRITE", key: base64("a"), range_end: base64("b") };
    await tell("/v3/auth/enable", {});
    await tell("/v3/auth/authenticate", { name: "root", password: "r" });
    await tell("/v3/auth/user/add", { name: "root", password: "r" });
    await tell("/v3/auth/user/add", { name: "root", password: "r" });
    await tell("/v3/auth/user/add", { name: "one", password: "1" });
    await tell("/v3/auth/user/list", {});
    await tell("/v3/auth/role/add", { name: "root" });
    await tell("/v3/auth/role/add", { name: "letters" });
    await tell("/v3/auth/role/list", {});
    await tell("/v3/auth/role/grant", { name: "letters", perm });
    await tell("/v3/auth/role/grant", { name: "none", perm });
    await tell("/v3/auth/role/get", { role: "letters" });
    await tell("/v3/auth/role/get", { role: "none" });
    await tell("/v3/auth/user/grant", { user: "root", role: "root" });
    await tell("/v3/auth/user/grant", { user: "one", role: "letters" });
    await tell("/v3/auth/user/get", { name: "one" });
    await tell("/v3/auth/user/changepw", { name: "one", password: "2" });
    await tell("/v3/auth/enable", {});
    const tokenOf = async (user: string, password: string) => {
      const answer = await curl(side, "/v3/auth/authenticate", { name: user, password });
      const [line] = answer.lines as [{ token?: string }];
      side.note(`a token for ${user} with ${password}`, [answer.status, line.token !== undefined]);
      return ["-H", `Authorization: ${line.token}`];
    };
    await tokenOf("one", "1");
    const one = await tokenOf("one", "2");
    const root = await tokenOf("root", "r");
    await tell("/v3/kv/put", { key: base64("a"), value: "" });
    await tell("/v3/kv/put", { key: base64("a"), value: "" }, "-H", "Authorization: nonsense");
    await tell("/v3/kv/put", { key: base64("a"), value: "" }, ...one);
    await tell("/v3/kv/put", { key: base64("z"), value: "" }, ...one);
    await tell("/v3/kv/range", { key: base64("a"), range_end: base64("c") }, ...one);
    await tell("/v3/auth/user/delete", { name: "root" }, ...root);
    await tell(
      "/v3/auth/role/revoke",
      { role: "letters", ...{ key: perm.key, range_end: perm.range_end } },
      ...root,
    );
    await tell("/v3/auth/user/revoke", { name: "one", role: "letters" }, ...root);
    await tell("/v3/auth/role/delete", { role: "letters" }, ...root);
    await tell("/v3/auth/user/delete", { name: "one" }, ...root);
    await tell("/v3/auth/disable", {}, ...one);
    await tell("/v3/auth/disable", {}, ...root);
    await tell("/v3/auth/user/list", {});
  });
});

test("no path was forgotten", { skip }, () => {
  // Those that 3.4 does not know.
  const later = ["/v3/maintenance/hashkv", "/v3/maintenance/downgrade", "/v3/auth/status"];
  const paths = etcdRpcs
    .flatMap((rpc) => rpc.rest)
    .filter((path) => !path.startsWith("/v3/kv/lease"));
  assert.ok(paths.length > 40);
  assert.deepEqual(
    paths.filter((path) => !asked.has(path) && !later.includes(path)),
    [],
  );
});
