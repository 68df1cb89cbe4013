// The same HTTP requests to etcd and to Althing: the gateway's shapes, codes and streams, the Lock and the
// Election services, and what is refused, are the same but for what is each cluster's own.

import assert from "node:assert/strict";
import { type ClientRequest, request } from "node:http";
import { after, test } from "node:test";
import { Cluster } from "../../../../../../test/cluster/cluster.ts";
import { whyMissing } from "../../../../../../test/cluster/program.ts";

const skip = whyMissing("etcd") ?? whyMissing("althing") ?? false;
const programs = ["etcd", "althing"] as const;
const clusters = skip
  ? []
  : await Promise.all(programs.map((program) => Cluster.start({ program, members: 1 })));
after(() => Promise.all(clusters.map((cluster) => cluster.stop())));
const urls = () => clusters.map((cluster) => cluster.member(0).spec.clientUrl);

const base64 = (text: string) => Buffer.from(text).toString("base64");
const own = new Set(["cluster_id", "member_id", "raft_term", "error"]);

/** Without what is each cluster's own; of errors the text and the code. */
function comparable(text: string): unknown {
  if (!text.startsWith("{")) return text;
  return JSON.parse(text, (key, value: unknown) => {
    if (own.has(key) && (key !== "error" || typeof value === "string")) return undefined;
    if (key === "error") return { ...(value as object), code: undefined };
    return value;
  });
}

async function both(path: string, body: unknown, method = "POST"): Promise<void> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const answers = await Promise.all(
    urls().map(async (url) => {
      const init = method === "POST" ? { method, body: text } : { method };
      const answer = await fetch(url + path, init);
      const lines = (await answer.text()).split("\n").map(comparable);
      return { status: answer.status, lines };
    }),
  );
  assert.deepEqual(answers[1], answers[0], `${method} ${path} ${text}`);
}

/** What a call is answered line by line, while others do something. */
class Lines {
  readonly lines: unknown[] = [];
  private readonly request: ClientRequest;
  private arrived = () => {};

  constructor(url: string, path: string, body: unknown) {
    this.request = request(url + path, { method: "POST", agent: false }, async (response) => {
      let text = "";
      try {
        for await (const chunk of response.setEncoding("utf8")) {
          const parts = (text + chunk).split("\n");
          text = parts.pop()!;
          for (const part of parts) this.lines.push(comparable(part));
          this.arrived();
        }
      } catch {}
      if (text !== "") this.lines.push(comparable(text));
      this.arrived();
    });
    this.request.on("error", () => {});
    this.request.end(JSON.stringify(body));
  }

  async count(wanted: number): Promise<void> {
    while (this.lines.length < wanted) {
      await new Promise<void>((done) => {
        this.arrived = done;
      });
    }
  }

  stop(): void {
    this.request.destroy();
  }
}

const open = (path: string, body: unknown) => urls().map((url) => new Lines(url, path, body));
async function sameLines(streams: readonly Lines[], count: number): Promise<void> {
  await Promise.all(streams.map((one) => one.count(count)));
  assert.deepEqual(streams[1]?.lines, streams[0]?.lines);
}

test("unary calls, and what is refused", { skip }, async () => {
  const key = base64("g/a");
  await both("/v3/kv/put", { key, value: base64("1"), prev_kv: true });
  await both("/v3/kv/put", { key, value: base64("2"), prev_kv: true });
  await both("/v3/kv/range", { key, rangeEnd: base64("g0"), sort_order: "DESCEND" });
  await both("/v3beta/kv/range", { key });
  await both("/v3/kv/txn", { success: [{ requestRange: { key } }] });
  await both("/v3/lease/grant", { ID: 7, TTL: "60" });
  await both("/v3/kv/lease/timetolive", { ID: "8" });
  await both("/v3/kv/lease/revoke", { ID: "8" });
  await both("/v3/kv/range", '{"key":"Zm9v"} garbage');
  await both("/v3/kv/range", "");
  await both("/v3/kv/range", '{"key":"Zm9v"');
  await both("/v3/kv/range/", {});
  await both("/v3/nothing", {});
  await both("/v3alpha/kv/range", {});
  await both("/v3/kv/range", "", "GET");
  await both("/v3/watch", "", "PUT");
  await both("/nowhere", "", "GET");
});

test("watches and keep-alives", { skip }, async () => {
  const watch = open("/v3/watch", {
    create_request: { key: base64("w/"), range_end: base64("w0"), prev_kv: true },
  });
  await sameLines(watch, 1);
  await both("/v3/kv/put", { key: base64("w/a"), value: base64("1") });
  await both("/v3/kv/put", { key: base64("w/a"), value: base64("2") });
  await both("/v3/kv/deleterange", { key: base64("w/a") });
  await sameLines(watch, 4);
  for (const one of watch) one.stop();
  await both("/v3/lease/keepalive", '{"ID":7}{"ID":"404"}');
  await both("/v3/lease/keepalive", "");
  await both("/v3/watch", '{"create_req');
  await both("/v3/election/observe", "{");
});

const place = async (url: string, name: string) => {
  const body = JSON.stringify({ name: base64(name) });
  const answer = await fetch(`${url}/v3/election/leader`, { method: "POST", body });
  return ((await answer.json()) as { kv: { create_revision: string } }).kv.create_revision;
};

test("locks are held and passed on", { skip }, async () => {
  await both("/v3/lease/grant", { ID: 21, TTL: "600" });
  await both("/v3/lease/grant", { ID: 22, TTL: "600" });
  await both("/v3/lock/lock", { name: base64("l"), lease: 21 });
  await both("/v3/lock/lock", { name: base64("l"), lease: 21 });
  const waiting = open("/v3/lock/lock", { name: base64("l"), lease: 22 });
  await queued("l", 2);
  await both("/v3/lock/unlock", { key: base64("l/15") });
  await sameLines(waiting, 1);
  await both("/v3/lock/unlock", { key: base64("l/16") });
  await both("/v3/lock/unlock", { key: base64("l/16") });
  await both("/v3/lock/unlock", {});
  await both("/v3/lock/lock", { name: base64("l"), lease: 404 });
});

test("elections are won, proclaimed, observed and resigned", { skip }, async () => {
  const name = base64("e");
  await both("/v3/election/leader", { name });
  await both("/v3/election/proclaim", { value: base64("x") });
  await both("/v3/election/resign", {});
  await both("/v3/election/campaign", { name, lease: 404 });
  await both("/v3/election/campaign", { name, lease: 21, value: base64("one") });
  await both("/v3/election/campaign", { name, lease: 21, value: base64("two") });
  const observed = open("/v3/election/observe", { name });
  await sameLines(observed, 1);
  const [rev, other] = await Promise.all(urls().map((url) => place(url, "e")));
  assert.equal(other, rev);
  const leader = { name, key: base64("e/15"), rev, lease: "21" };
  await both("/v3/election/proclaim", { leader, value: base64("three") });
  await both("/v3/election/proclaim", { leader: { ...leader, rev: "1" }, value: base64("no") });
  await both("/v3/election/proclaim", { leader: { ...leader, lease: "404" } });
  await both("/v3/election/proclaim", { leader: { ...leader, key: "" } });
  const given = open("/v3/election/campaign", { name, lease: 22, value: base64("gives up") });
  await queued("e", 2);
  for (const one of given) one.stop();
  await queued("e", 1);
  const next = open("/v3/election/campaign", { name, lease: 22, value: base64("next") });
  await queued("e", 2);
  await both("/v3/election/resign", { leader: { ...leader, rev: "1" } });
  await both("/v3/election/resign", { leader });
  await both("/v3/election/resign", { leader });
  await sameLines(next, 1);
  await sameLines(observed, 3);
  await both("/v3/election/leader", { name });
  for (const one of observed) one.stop();
});

/** Until so many stand in line on both sides. */
async function queued(name: string, count: number): Promise<void> {
  const body = JSON.stringify({
    key: base64(`${name}/`),
    range_end: base64(`${name}0`),
    count_only: true,
  });
  for (const url of urls()) {
    for (let tries = 0; ; tries++) {
      const answer = await fetch(`${url}/v3/kv/range`, { method: "POST", body });
      if (((await answer.json()) as { count?: string }).count === String(count)) break;
      assert.ok(tries < 200, `${count} never stood in line for ${name}`);
      await new Promise((done) => setTimeout(done, 25));
    }
  }
}
