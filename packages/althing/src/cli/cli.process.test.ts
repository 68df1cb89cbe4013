// The command against a real member: what is printed, and how it ends.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AlthingProcess, althing } from "./testing/althing-process.ts";

const root = mkdtempSync(join(tmpdir(), "althing-cli-"));
const endpoint = "127.0.0.1:26190";
const env = { ALTHING_ENDPOINTS: endpoint };
const flags = [
  `--data-dir=${join(root, "data")}`,
  `--listen-client-urls=http://${endpoint}`,
  `--advertise-client-urls=http://${endpoint}`,
  "--listen-peer-urls=http://127.0.0.1:26191",
  "--initial-advertise-peer-urls=http://127.0.0.1:26191",
];
let member: AlthingProcess;

before(async () => {
  member = new AlthingProcess(["start", ...flags, "--enable-pprof", "--log-format=json"]);
  await member.says(/this member leads/);
});
after(async () => {
  member.child.kill("SIGTERM");
  const ended = await member.finished;
  rmSync(root, { recursive: true, force: true });
  assert.equal(ended.code, 0, ended.err);
  assert.match(ended.err, /"message":"stopped"/);
});

async function run(args: string[], input?: string): Promise<string> {
  const done = await althing(args, { env, ...(input === undefined ? {} : { input }) });
  assert.deepEqual({ code: done.code, err: done.err }, { code: 0, err: "" });
  return done.out;
}

test("put, get and del in their three forms", async () => {
  assert.equal(await run(["put", "a/1", "one"]), "OK\n");
  assert.equal(await run(["put", "a/2"], "from input"), "OK\n");
  assert.equal(await run(["get", "a/1"]), "a/1\none\n");
  assert.equal(await run(["get", "--prefix", "a/", "--print-value-only"]), "one\nfrom input\n");
  assert.equal(await run(["get", "--prefix", "a/", "--count-only"]), "2\n");
  assert.equal(await run(["get", "missing"]), "");
  const json = JSON.parse(await run(["get", "a/1", "-o", "json"]));
  assert.equal(json.kvs[0].value, "one");
  assert.match(await run(["get", "--prefix", "a/", "-o", "table"]), /\| a\/2 \| from input \|/);
  assert.equal(await run(["put", "a/1", "two", "--prev-kv"]), "OK\na/1\none\n");
  assert.equal(await run(["get", "a/1", "--rev", String(json.revision)]), "a/1\none\n");
  assert.equal(await run(["del", "a/", "--prefix"]), "2\n");
});

test("status and member list", async () => {
  const [status] = JSON.parse(await run(["status", "-o", "json"]));
  assert.equal(status.role, "leader");
  assert.equal(status.leader, status.memberId);
  const members = JSON.parse(await run(["member", "list", "-o", "json"]));
  assert.deepEqual(members, [
    {
      id: status.memberId,
      started: true,
      name: "default",
      peerUrls: ["http://127.0.0.1:26191"],
      clientUrls: [`http://${endpoint}`],
      isLearner: false,
    },
  ]);
  assert.match(await run(["status", "--cluster", "-o", "table"]), /\| leader \|/);
});

test("a setting without effect is accepted with one warning", async () => {
  await member.says(
    /"level":"warn".*--enable-pprof=true is known from etcd and has no effect here/,
  );
});

test("nobody there, nothing meant, too large: told apart by exit codes, with what to do", async () => {
  const nobody = await althing(["get", "k", "--endpoints", "127.0.0.1:26199"]);
  assert.equal(nobody.code, 2);
  assert.match(nobody.err, /127.0.0.1:26199: nothing listens there\n.*althing dev/);
  const partly = await althing(["status", "--endpoints", `127.0.0.1:26199,${endpoint}`]);
  assert.equal(partly.code, 2);
  assert.match(partly.out, /unreachable[\s\S]*leader/);
  const second = await althing(["get", "k", "--endpoints", `127.0.0.1:26199,${endpoint}`]);
  assert.equal(second.code, 0);
  const peer = await althing(["get", "k", "--endpoints", "127.0.0.1:26191"]);
  assert.equal(peer.code, 2);
  assert.match(peer.err, /peer port/);
  const command = await althing(["gte"]);
  assert.equal(command.code, 3);
  assert.match(command.err, /Did you mean `althing get`/);
  const group = await althing(["members"]);
  assert.equal(group.code, 3);
  assert.match(group.err, /Did you mean `althing member`/);
  const large = await althing(["put", "k"], { env, input: "x".repeat(1_600_000) });
  assert.equal(large.code, 1);
  assert.match(large.err, /too large/);
});

test("a member that cannot start says why, each reason with its own exit code", async () => {
  const start = (more: string[]) => althing(["start", ...more]);
  const usage = await start(["--nmae=x"]);
  assert.equal(usage.code, 3);
  assert.match(usage.err, /did you mean --name\?/);

  const locked = await start([...flags, "--listen-client-urls=http://127.0.0.1:26192"]);
  assert.equal(locked.code, 5);
  assert.match(locked.err, /is in use by process \d+/);

  const other = `--data-dir=${join(root, "other")}`;
  const port = await start([...flags, other]);
  assert.equal(port.code, 6);
  assert.match(port.err, /port 2619[01] is in use/);

  writeFileSync(join(root, "a-file"), "");
  const file = await start([`--data-dir=${join(root, "a-file")}`]);
  assert.equal(file.code, 5);
  assert.match(file.err, /cannot be used as a data directory/);
});

test("a data directory is held to the engine it was founded with", async () => {
  const directory = join(root, "engine");
  const own = [
    `--data-dir=${directory}`,
    "--listen-client-urls=http://127.0.0.1:26192",
    "--advertise-client-urls=http://127.0.0.1:26192",
    "--listen-peer-urls=http://127.0.0.1:26193",
    "--initial-advertise-peer-urls=http://127.0.0.1:26193",
    "--log-format=json",
  ];
  const memory = new AlthingProcess(["start", ...own, "--engine=memory"]);
  await memory.says(/this member leads/);
  memory.child.kill("SIGINT");
  assert.equal((await memory.finished).code, 0);
  const disk = await althing(["start", ...own, "--engine=disk"]);
  assert.equal(disk.code, 5);
  assert.match(disk.err, /Start with --engine=memory/);
});

test("a config file starts a member as well, with metrics on a port of their own", async () => {
  const file = join(root, "member.yaml");
  writeFileSync(
    file,
    `name: filed
data-dir: ${join(root, "filed")}
listen-client-urls: http://127.0.0.1:26194
advertise-client-urls: http://127.0.0.1:26194
listen-peer-urls: http://127.0.0.1:26195
initial-advertise-peer-urls: http://127.0.0.1:26195
listen-metrics-urls: http://127.0.0.1:26196
log-format: json
`,
  );
  const process = new AlthingProcess(["start", "--config-file", file]);
  await process.says(/this member leads/);
  await process.says(/ready for clients/);
  const metrics = await (await fetch("http://127.0.0.1:26196/metrics")).text();
  assert.match(metrics, /etcd_server_has_leader 1/);
  assert.equal((await fetch("http://127.0.0.1:26196/health")).status, 200);
  assert.equal((await fetch("http://127.0.0.1:26196/v3/kv/range", { method: "POST" })).status, 404);
  process.child.kill("SIGTERM");
  assert.equal((await process.finished).code, 0);
});

test("where auth is enabled, whoever says nothing of himself is told how to", async () => {
  const token: { value?: string } = {};
  const call = async (path: string, body: object) => {
    const headers = token.value === undefined ? {} : { authorization: token.value };
    const init = { method: "POST", body: JSON.stringify(body), headers };
    const answer = await fetch(`http://${endpoint}/v3/auth/${path}`, init);
    assert.equal(answer.status, 200, path);
    return (await answer.json()) as { token?: string };
  };
  await call("user/add", { name: "root", password: "secret:1" });
  await call("user/grant", { user: "root", role: "root" });
  await call("enable", {});
  const silent = await althing(["get", "k"], { env });
  assert.equal(silent.code, 1);
  assert.match(silent.err, /auth is enabled\n {2}Give --user NAME:PASSWORD, or set ALTHING_USER/);
  const status = await althing(["status"], { env });
  assert.equal(status.code, 1);
  assert.match(status.out, /^127.0.0.1:26190, , , , refused,/);
  assert.match(status.err, /Give --user/);
  const named = await althing(["status", "--user", "root:secret:1"], { env });
  assert.equal(named.code, 0, named.err);
  token.value = (await call("authenticate", { name: "root", password: "secret:1" })).token ?? "";
  await call("disable", {});
});

test("a member that waits to be added says so, and ends when it is asked to", async () => {
  const peer = "http://127.0.0.1:26193";
  const joining = new AlthingProcess([
    "start",
    "--name=late",
    `--data-dir=${join(root, "late")}`,
    "--initial-cluster-state=existing",
    `--initial-cluster=late=${peer},default=http://127.0.0.1:26191`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    "--log-format=json",
  ]);
  await joining.says(/not yet: the cluster has no member at http:\/\/127\.0\.0\.1:26193: add it/);
  joining.child.kill("SIGTERM");
  const ended = await joining.finished;
  assert.equal(ended.code, 0, ended.err);
  assert.doesNotMatch(ended.err, /this is a bug/);
});
