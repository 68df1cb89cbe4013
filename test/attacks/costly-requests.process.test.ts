// Short requests that ask a member to read, compare, sort or answer gigabytes: a transaction of 565 bytes is
// enough. Each is served within what one request may cost or refused with a code; all the while the loop goes
// round, others are served, and memory stays within its budget.

import assert from "node:assert/strict";
import { request as requestHttp } from "node:http";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { after, before, test } from "node:test";
import { inspect } from "node:util";
import { EtcdClient as Client, type EtcdClient, failureOf } from "../client/etcd-client.ts";
import { methods, type TxnRequest } from "../client/messages.ts";
import { encode, type Message } from "../client/protobuf.ts";
import { Cluster } from "../cluster/cluster.ts";
import { program, skip } from "../process/subject.ts";

const options = {
  skip: skip || (program === "etcd" && "etcd serves them at any price"),
  timeout: 300_000,
};
const mebibyte = 2 ** 20;
const keys = 200_000;
const valueBytes = 200;
/** The client memory that a member is given, beside what it uses for itself while it is busy. */
const budgetBytes = 1024 * mebibyte;
const ownBytes = 256 * mebibyte;
const resourceExhausted = 8;
/** etcd's code for "too many requests". */
const unknown = 2;

const everything = { key: "k", range_end: "l" };
const base64 = (text: string) => Buffer.from(text).toString("base64");
const put = { request_put: { key: "written", value: "x" } };
const many = (range: object, count = 128) =>
  Array.from({ length: count }, () => ({ request_range: { ...everything, ...range } }));

let cluster: Cluster;
let client: EtcdClient;

before(async () => {
  if (options.skip) return;
  cluster = await Cluster.start({ program, members: 1 });
  client = cluster.member(0).client(60_000);
  const value = "v".repeat(valueBytes);
  for (let i = 0; i < keys; ) {
    const batch: Promise<unknown>[] = [];
    for (let txn = 0; txn < 20 && i < keys; txn++) {
      const success: { request_put: { key: string; value: string } }[] = [];
      for (; success.length < 128 && i < keys; i++) {
        success.push({
          request_put: { key: `k${String(i).padStart(7, "0")}`, value: `${i}${value}` },
        });
      }
      batch.push(client.txn({ success }).then((answer) => assert.equal(answer.code, 0)));
    }
    await Promise.all(batch);
  }
});

after(async () => {
  if (options.skip) return;
  client.close();
  await cluster.stop();
});

/** The longest that the member's loop was held, since it was asked the last time. */
async function longestSilenceMs(): Promise<number> {
  const response = await fetch(`${cluster.member(0).spec.clientUrl}/metrics`);
  const text = await response.text();
  const told = /althing_event_loop_delay_seconds\{quantile="1"\} ([0-9.e+-]+)/.exec(text)?.[1];
  assert.ok(told !== undefined, "the member tells how late its loop was");
  return Number(told) * 1000;
}

interface Outcome {
  readonly answers: readonly Told[];
  readonly silenceMs: number;
  /** The same of this process, which has little to do: what the machine did to both. */
  readonly ownSilenceMs: number;
  readonly slowestPutMs: number;
  readonly grownBytes: number;
}

type How = "txn" | "range" | "deleteRange" | "json range" | "json txn";
interface Told {
  readonly code: number;
  readonly message: string;
}

/** One request on a connection of its own, which reads nothing into memory. */
async function sendOnce(how: How, request: object): Promise<Told> {
  const member = cluster.member(0);
  if (how === "json range" || how === "json txn") {
    const path = how === "json range" ? "/v3/kv/range" : "/v3/kv/txn";
    return await postOnce(`${member.spec.clientUrl}${path}`, JSON.stringify(request));
  }
  const one = new Client({ ...member.target, discardBodies: true }, 120_000);
  const { path, request: schema } = methods[how];
  const answer = await one.callRaw(path, encode(schema, request as Message));
  one.close();
  return answer;
}

/** A refusal is short, and says its code. */
function postOnce(url: string, body: string): Promise<Told> {
  return new Promise((resolve, reject) => {
    const sent = requestHttp(url, { method: "POST", agent: false }, (reply) => {
      let text = "";
      reply.on("data", (chunk: Buffer) => {
        if (text.length < 1000) text += chunk.toString("latin1").slice(0, 1000);
      });
      reply.on("error", reject);
      reply.on("end", () => {
        const code = Number(/"code":(\d+)\}$/.exec(text)?.[1] ?? 0);
        resolve({ code: reply.statusCode === 200 ? 0 : code, message: text.slice(0, 200) });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Each request so many times at once. */
async function attacked(how: How, request: object, times: number): Promise<Outcome> {
  const member = cluster.member(0);
  const beforeBytes = member.anonymousBytes();
  await longestSilenceMs();
  const own = monitorEventLoopDelay({ resolution: 10 });
  own.enable();
  let isOver = false;
  let grownBytes = 0;
  let slowestPutMs = 0;
  const watching = (async () => {
    while (!isOver) {
      const startMs = performance.now();
      const answer = await client.put({ key: "honest", value: "v" });
      assert.equal(answer.code, 0, failureOf(answer));
      slowestPutMs = Math.max(slowestPutMs, performance.now() - startMs);
      grownBytes = Math.max(grownBytes, member.anonymousBytes() - beforeBytes);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  const answers = await Promise.all(Array.from({ length: times }, () => sendOnce(how, request)));
  isOver = true;
  await watching;
  own.disable();
  const silenceMs = await longestSilenceMs();
  return { answers, silenceMs, ownSilenceMs: own.max / 1e6, slowestPutMs, grownBytes };
}

interface Attack {
  readonly what: string;
  readonly how: How;
  readonly request: object;
  /** It is never served, however little else there is to do. */
  readonly isRefused: boolean;
}

const txn = (what: string, request: TxnRequest | object, isRefused = true): Attack => ({
  what,
  how: "txn",
  request,
  isRefused,
});
const everyValue = { ...everything, result: 3, target: 3, value: "x" };
const attacks: readonly Attack[] = [
  txn("ranges over everything", { success: many({}) }),
  txn("the same beside a write", { success: [put, ...many({}, 127)] }),
  txn("the same in a nested txn", { success: [put, { request_txn: { success: many({}, 120) } }] }),
  txn("ranges of keys alone, beside a write", {
    success: [put, ...many({ keys_only: true }, 127)],
  }),
  txn("filters that let nothing pass, beside a write", {
    success: [put, ...many({ min_mod_revision: 2 ** 40 }, 127)],
  }),
  txn("counts in the past, beside a write", {
    success: [put, ...many({ count_only: true, revision: 1000 }, 127)],
  }),
  txn("sorted by value, one wanted", {
    success: many({ limit: 1, sort_order: 2, sort_target: 4 }),
  }),
  txn("compares of all values, then a write", {
    compare: Array.from({ length: 128 }, () => everyValue),
    success: [put],
  }),
  txn("compares of all values, then a read", {
    compare: Array.from({ length: 128 }, () => everyValue),
    success: many({ limit: 1 }, 1),
  }),
  txn("counts in the past", { success: many({ count_only: true, revision: 1000 }) }, false),
  {
    what: "a deletion that wants all that was there",
    how: "deleteRange",
    request: { ...everything, prev_kv: true },
    isRefused: true,
  },
  {
    what: "everything, sorted by value",
    how: "range",
    request: { ...everything, sort_order: 1, sort_target: 4 },
    isRefused: false,
  },
  { what: "everything", how: "range", request: everything, isRefused: false },
  {
    what: "everything",
    how: "json range",
    request: { key: base64("k"), range_end: base64("l") },
    isRefused: false,
  },
  {
    what: "ranges of many keys each",
    how: "json txn",
    request: {
      success: Array.from({ length: 128 }, () => ({
        request_range: { key: base64("k"), range_end: base64("l"), limit: 2000 },
      })),
    },
    isRefused: true,
  },
  {
    what: "as many as it may answer",
    how: "json txn",
    request: {
      success: Array.from({ length: 20 }, () => ({
        request_range: { key: base64("k"), range_end: base64("l"), limit: 1000 },
      })),
    },
    isRefused: false,
  },
];

for (const { what, how, request, isRefused } of attacks) {
  test(`${how}: ${what}`, options, async () => {
    const outcome = await attacked(how, request, 4);
    const { answers, silenceMs, ownSilenceMs, slowestPutMs, grownBytes } = outcome;
    const told = inspect({ ...outcome, answers: answers[0], grown: grownBytes / mebibyte });
    const allowed = isRefused ? [resourceExhausted, unknown] : [0, resourceExhausted, unknown];
    for (const { code } of answers) assert.ok(allowed.includes(code), told);
    if (!isRefused) assert.equal(answers.filter(({ code }) => code === 0).length > 0, true, told);
    assert.ok(silenceMs < 200 + 2 * ownSilenceMs, told);
    assert.ok(slowestPutMs < 2000, told);
    assert.ok(grownBytes < budgetBytes + ownBytes, told);
    const written = await client.range({ key: "written" });
    assert.equal(written.code, 0);
    assert.equal(written.response?.count ?? 0, 0, "nothing was written");
    const left = await client.range({ ...everything, count_only: true });
    assert.equal(Number(left.response?.count), keys, "nothing was deleted");
  });
}
