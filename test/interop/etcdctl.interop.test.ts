// The real etcdctl, told to do the same things to three members of etcd and to three of Althing, prints the same,
// whichever member it asks. Ids, ports, sizes, terms, indexes and durations are masked; nothing else.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, test } from "node:test";
import { Cluster } from "../cluster/cluster.ts";
import { whyMissing } from "../cluster/program.ts";

const skip = whyMissing("etcd") ?? whyMissing("etcdctl") ?? whyMissing("althing") ?? false;

const clusters: Cluster[] = [];

before(async () => {
  if (skip) return;
  for (const program of ["etcd", "althing"] as const) {
    clusters.push(await Cluster.start({ program }));
  }
});

after(async () => {
  await Promise.all(clusters.map((cluster) => cluster.stop()));
});

interface Printed {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

function etcdctl(
  cluster: Cluster,
  member: number | "all",
  args: readonly string[],
  input = "",
): Printed {
  const members = member === "all" ? cluster.members : [cluster.member(member)];
  const endpoints = members.map((one) => one.spec.clientUrl).join(",");
  const run = spawnSync("etcdctl", [`--endpoints=${endpoints}`, ...args], {
    encoding: "utf8",
    input,
    env: { ...process.env, ETCDCTL_API: "3" },
  });
  return { code: run.status, out: masked(cluster, run.stdout), error: lastError(run.stderr) };
}

function masked(cluster: Cluster, text: string): string {
  let out = text;
  for (const [i, member] of cluster.members.entries()) {
    for (const [url, name] of [
      [member.spec.clientUrl, `client-${i}`],
      [member.spec.peerUrl, `peer-${i}`],
    ] as const) {
      out = out.replaceAll(url, name).replaceAll(url.replace("http://", ""), name);
    }
  }
  out = out
    .replace(/\b\d+(\.\d+)?(µs|ms|s)\b/g, "<time>")
    .replace(/\b\d+(\.\d+)? (kB|MB|B)\b/g, "<size>")
    .replace(/\b3\.\d+\.\d+\b/g, "<version>")
    .replace(/\b\d{15,20}\b/g, "0")
    .replace(/\b[0-9a-f]{12,16}\b/g, "<id>");
  if (/^[[{]/.test(out)) return maskedJson(out);
  // Columns are as wide as their content, which is masked.
  return out.replace(/ +/g, " ").replace(/-+/g, "-");
}

const maskedNumbers =
  /^(cluster_id|member_id|raft_term|raftTerm|raftIndex|raftAppliedIndex|dbSize|dbSizeInUse|leader|ID)$/;

function maskedJson(text: string): string {
  const value: unknown = JSON.parse(text, (name, inner: unknown) => {
    if (maskedNumbers.test(name)) return "<number>";
    // Ids decide the order of members, and they are each cluster's own.
    if (name === "members") return [...(inner as unknown[])].sort(byJson);
    return inner;
  });
  return JSON.stringify(value, null, 1);
}

function byJson(a: unknown, b: unknown): number {
  const [one, other] = [JSON.stringify(a), JSON.stringify(b)];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Only the error itself: the client logs its retries with times and addresses. */
function lastError(text: string): string {
  return text
    .split("\n")
    .filter((line) => line.startsWith("Error:"))
    .join("\n");
}

function assertSame(member: number | "all", args: readonly string[], input?: string): Printed {
  const [etcd, althing] = clusters.map((cluster) => etcdctl(cluster, member, args, input));
  assert.ok(etcd !== undefined && althing !== undefined);
  assert.deepEqual(althing, etcd, `etcdctl ${args.join(" ")}`);
  return etcd;
}

const formats = ["simple", "json", "simple"] as const;

test("put, get and del print the same in every form, on every member", { skip }, () => {
  let compared = 0;
  for (const [member, form] of formats.entries()) {
    const say = (...args: string[]) => {
      const printed = assertSame(member, [...args, "-w", form]);
      compared += printed.code === 0 ? 1 : 0;
    };
    say("put", "a", "1");
    say("put", "a", "2", "--prev-kv");
    say("put", "b", "--ignore-value");
    say("put", "a", "--ignore-value");
    say("put", "a", "x", "--lease=1234");
    for (const key of ["a1", "a2", "b1", "ä", "with space"]) say("put", key, `value of ${key}`);
    say("get", "a");
    say("get", "nothing");
    say("get", "a", "--prefix");
    say("get", "a", "b");
    say("get", "a", "--from-key");
    say("get", "", "--prefix", "--keys-only");
    say("get", "a", "--prefix", "--print-value-only");
    say("get", "a", "--prefix", "--limit=1");
    say("get", "a", "--prefix", "--order=DESCEND", "--sort-by=MODIFY");
    say("get", "a", "--rev=2");
    say("get", "a", "--rev=100000");
    say("get", "a", "--consistency=s");
    say("get", "a", "--hex");
    say("del", "a1");
    say("del", "a", "--prefix", "--prev-kv");
    say("del", "nothing");
    say("del", "b", "--from-key");
  }
  assert.ok(compared > 50, `${compared} commands succeeded`);
});

test("transactions print the same, whichever branch they take", { skip }, () => {
  assertSame(0, ["put", "flag", "1"]);
  const scripts = [
    'value("flag") = "1"\n\nput t 1\nget flag\n\nget t\n\n',
    'value("flag") = "2"\n\nput t 1\n\nget t\ndel t\n\n',
    'mod("flag") > "0"\ncreate("new") = "0"\nversion("flag") < "9"\n\nput new 1\n\n\n',
    'value("flag") = "1"\n\nput twice 1\nput twice 2\n\n\n',
    "\nget flag\n\n\n",
  ];
  for (const [i, script] of scripts.entries()) {
    for (const form of ["simple", "json"]) assertSame(i % 3, ["txn", "-w", form], script);
  }
});

test("compaction and what it forbids print the same", { skip }, () => {
  for (let i = 0; i < 5; i++) assertSame(0, ["put", "compacted", `${i}`]);
  assertSame(1, ["compaction", "10"]);
  assertSame(2, ["compaction", "10"]);
  assertSame(0, ["compaction", "11", "--physical"]);
  assertSame(1, ["compaction", "100000"]);
  assertSame(2, ["get", "compacted", "--rev=5"]);
  assertSame(0, ["get", "compacted", "--rev=11"]);
});

test("endpoint health, endpoint status and member list print the same", { skip }, () => {
  for (const form of ["simple", "json", "table"]) {
    const lines = (printed: Printed) => printed.out.split("\n").sort();
    for (const command of ["member list", "endpoint status", "endpoint health"]) {
      const [etcd, althing] = clusters.map((cluster) => {
        const printed = etcdctl(cluster, "all", [...command.split(" "), "-w", form]);
        assert.equal(printed.code, 0, `${command}: ${printed.error}`);
        const leaders = printed.out.match(/, true, false,|\| true \| false/g) ?? [];
        if (command === "endpoint status" && form !== "json") assert.equal(leaders.length, 1);
        // Who leads is chance, terms and indexes are each cluster's own, health comes as it comes.
        return lines(printed)
          .map((line) => line.replace(/\b(true|false)(,? \|? ?)false\b/, "<bool>$2false"))
          .map((line) => (command === "endpoint status" ? line.replace(/\b\d+\b/g, "<n>") : line))
          .sort();
      });
      assert.deepEqual(althing, etcd, `etcdctl ${command} -w ${form}`);
    }
  }
});
