// The commands for people who come from etcdctl, against a real member: watch, txn, leases, locks, elections,
// users, alarms, contexts, and the forms of output.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parse } from "yaml";
import { AlthingProcess, althing } from "./testing/althing-process.ts";

const root = mkdtempSync(join(tmpdir(), "althing-commands-"));
const endpoint = "127.0.0.1:26290";
const env = { ALTHING_ENDPOINTS: endpoint, ALTHING_CONTEXTS: join(root, "none.json") };
let member: AlthingProcess;

before(async () => {
  member = new AlthingProcess([
    "start",
    `--data-dir=${join(root, "data")}`,
    `--listen-client-urls=http://${endpoint}`,
    `--advertise-client-urls=http://${endpoint}`,
    "--listen-peer-urls=http://127.0.0.1:26291",
    "--initial-advertise-peer-urls=http://127.0.0.1:26291",
    "--log-format=json",
  ]);
  await member.says(/this member leads/);
});
after(async () => {
  member.child.kill("SIGTERM");
  await member.finished;
  rmSync(root, { recursive: true, force: true });
});

async function run(args: string[], input?: string): Promise<string> {
  const done = await althing(args, { env, ...(input === undefined ? {} : { input }) });
  assert.deepEqual({ code: done.code, err: done.err }, { code: 0, err: "" });
  return done.out;
}

test("one answer in every form", async () => {
  await run(["put", "form/1", "one"]);
  await run(["put", "form/2", "two"]);
  const get = (form: string) => run(["get", "--prefix", "form/", "-o", form]);
  const json = JSON.parse(await get("json"));
  assert.deepEqual(parse(await get("yaml")), json);
  const lines = (await get("jsonl"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(lines, json.kvs);
});

test("watch tells every change from a revision on, and ends after as many as were asked for", async () => {
  const { revision } = JSON.parse(await run(["put", "w/1", "a", "-o", "json"]));
  await run(["put", "w/2", "b"]);
  await run(["del", "w/1"]);
  const told = await run([
    "watch",
    "--prefix",
    "w/",
    `--rev=${revision}`,
    "--count=3",
    "-o",
    "jsonl",
  ]);
  const events = told
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    events.map(({ event, key, value }) => [event, key, value]),
    [
      ["put", "w/1", "a"],
      ["put", "w/2", "b"],
      ["delete", "w/1", undefined],
    ],
  );
  const script = 'echo "$ALTHING_EVENT $ALTHING_KEY=$ALTHING_VALUE"';
  const ran = await run([
    "watch",
    "--prefix",
    "w/",
    `--rev=${revision}`,
    "--count=2",
    "--",
    "sh",
    "-c",
    script,
  ]);
  assert.equal(ran, "put w/1=a\nput w/2=b\n");
});

test("a watch whose history is gone says so", async () => {
  await run(["put", "gone", "1"]);
  const { revision } = JSON.parse(await run(["put", "gone", "2", "-o", "json"]));
  assert.equal(await run(["compaction", String(revision)]), `compacted revision ${revision}\n`);
  const done = await althing(["watch", "gone", "--rev=1"], { env });
  assert.equal(done.code, 1);
  assert.match(done.err, new RegExp(`before revision ${revision} is gone: it was compacted`));
});

test("txn from a file and from standard input", async () => {
  const file = join(root, "swap.txn");
  writeFileSync(file, 'version("t") = "0"\n\nput t first\n\nget t\n');
  assert.equal(await run(["txn", file]), "SUCCESS\nOK\n");
  assert.equal(await run(["txn"], readFileSync(file, "utf8")), "FAILURE\nt\nfirst\n");
  const json = JSON.parse(await run(["txn", file, "-o", "json"]));
  assert.deepEqual([json.succeeded, json.answers[0].kvs[0].value], [false, "first"]);
  const bad = await althing(["txn"], { env, input: "nonsense" });
  assert.equal(bad.code, 3);
  assert.match(bad.err, /"nonsense" is no compare/);
});

test("leases: grant, info, list, keep-alive, revoke", async () => {
  const { id } = JSON.parse(await run(["lease", "grant", "100", "-o", "json"]));
  await run(["put", "leased", "x", `--lease=${id}`]);
  const info = JSON.parse(await run(["lease", "info", id, "--keys", "-o", "json"]));
  assert.deepEqual([info.grantedSeconds, info.keys], [100, [{ key: "leased" }]]);
  assert.match(await run(["lease", "list"]), new RegExp(id));
  assert.equal(
    await run(["lease", "keep-alive", id, "--once"]),
    `lease ${id} keepalived with TTL(100)\n`,
  );
  assert.equal(await run(["lease", "revoke", id]), `lease ${id} revoked\n`);
  assert.equal(await run(["get", "leased"]), "");
  const gone = await althing(["lease", "info", id], { env });
  assert.equal(gone.code, 1);
  assert.match(gone.err, /there is no lease/);
});

test("a lock is handed on, its token grows, and its command's exit code is told", async () => {
  const release = join(root, "release");
  const held = `echo $ALTHING_LOCK_TOKEN; while [ ! -e ${release} ]; do sleep 0.05; done`;
  const first = new AlthingProcess(["lock", "l", "--", "sh", "-c", held], { env });
  const [, before] = (await first.says(/^(\d+)\n/)) as unknown as [string, string];
  const busy = await althing(["lock", "l", "--wait=0.2", "--", "true"], { env });
  assert.equal(busy.code, 4);
  assert.match(busy.err, /the lock was not free within 0.2 s/);
  writeFileSync(release, "");
  const second = await althing(
    ["lock", "l", "--", "sh", "-c", "echo $ALTHING_LOCK_TOKEN; exit 7"],
    {
      env,
    },
  );
  assert.equal((await first.finished).code, 0);
  assert.equal(second.code, 7);
  assert.ok(Number(second.out) > Number(before), `${second.out} after ${before}`);
});

test("when the lock is lost the command is stopped", async () => {
  const holder = new AlthingProcess(
    [
      "lock",
      "lost",
      "--ttl=5",
      "--",
      "sh",
      "-c",
      "trap 'echo asked; exit 0' TERM; echo on; while :; do sleep 0.05; done",
    ],
    { env },
  );
  await holder.says(/^on\n/);
  const ids = JSON.parse(await run(["lease", "list", "-o", "json"])) as { id: string }[];
  for (const { id } of ids) await run(["lease", "revoke", id]);
  const ended = await holder.finished;
  assert.equal(ended.code, 1);
  assert.match(ended.out, /asked/);
  assert.match(ended.err, /the lock is lost: the lease has ended/);
});

test("an interrupted holder gives its lock back", async () => {
  const holder = new AlthingProcess(["lock", "back", "--ttl=60"], { env });
  await holder.says(/^back\//);
  holder.child.kill("SIGINT");
  assert.equal((await holder.finished).code, 0);
  assert.equal((await althing(["lock", "back", "--wait=2", "--", "true"], { env })).code, 0);
});

test("elect: one leads, who listens is told, the next follows", async () => {
  const listener = new AlthingProcess(["elect", "e", "--listen"], { env });
  const first = new AlthingProcess(["elect", "e", "one"], { env });
  await listener.says(/\none\n/);
  const second = new AlthingProcess(["elect", "e", "two"], { env });
  first.child.kill("SIGTERM");
  assert.equal((await first.finished).code, 0);
  await listener.says(/\ntwo\n/);
  second.child.kill("SIGTERM");
  assert.equal((await second.finished).code, 0);
  listener.child.kill("SIGTERM");
  await listener.finished;
});

test("the cluster: health, alarms, defragmentation, a hand-over that cannot be", async () => {
  assert.match(await run(["endpoint", "health"]), /is healthy: successfully committed proposal/);
  assert.equal(await run(["alarm", "list"]), "");
  assert.equal(await run(["alarm", "disarm"]), "");
  assert.match(await run(["defrag"]), /^Finished defragmenting member\[127.0.0.1:26290\]/);
  const sick = await althing(["endpoint", "health", "--endpoints=127.0.0.1:26299"], { env });
  assert.equal(sick.code, 1);
  assert.match(sick.err, /nothing listens there/);
  const nobody = await althing(["move-leader", "abc"], { env });
  assert.equal(nobody.code, 1);
});

test("users, roles and permissions, to enabled and back", async () => {
  assert.equal(await run(["role", "add", "readers"]), "Role readers created\n");
  await run(["role", "grant-permission", "readers", "read", "--prefix", "config/"]);
  await run(["role", "grant-permission", "readers", "readwrite", "note"]);
  assert.equal(
    await run(["role", "get", "readers"]),
    "Role readers\n  read keys that begin with config/\n  readwrite note\n",
  );
  await run(["user", "add", "ada"], "secret\n");
  await run(["user", "grant-role", "ada", "readers"]);
  assert.match(await run(["user", "get", "ada", "--detail"]), /readers: readwrite note/);
  await run(["user", "add", "root:top"]);
  await run(["user", "grant-role", "root", "root"]);
  assert.equal(await run(["auth", "enable"]), "Authentication Enabled\n");
  const asRoot = ["--user", "root:top"];
  try {
    const refused = await althing(["put", "config/x", "1", "--user", "ada:secret"], { env });
    assert.equal(refused.code, 1);
    assert.match(refused.err, /permission denied/);
    assert.equal(await run(["put", "note", "1", "--user", "ada:secret"]), "OK\n");
    await run(["user", "passwd", "ada", ...asRoot], "other\n");
    assert.equal((await althing(["get", "note", "--user", "ada:secret"], { env })).code, 1);
    assert.equal(await run(["get", "note", "--user", "ada:other"]), "note\n1\n");
    assert.equal(JSON.parse(await run(["auth", "status", "-o", "json", ...asRoot])).enabled, true);
    await run(["user", "revoke-role", "ada", "readers", ...asRoot]);
    await run(["role", "revoke-permission", "readers", "note", ...asRoot]);
    await run(["role", "delete", "readers", ...asRoot]);
    await run(["user", "delete", "ada", ...asRoot]);
    assert.equal(await run(["user", "list", ...asRoot]), "root\n");
  } finally {
    await run(["auth", "disable", ...asRoot]);
  }
});

test("a context stands for a line of options", async () => {
  const own = { ALTHING_CONTEXTS: join(root, "contexts.json"), ALTHING_ENDPOINTS: undefined };
  const command = async (...args: string[]) => await althing(args, { env: own });
  await run(["put", "context", "kept"]);
  assert.equal((await command("context", "add", "here", `--endpoints=${endpoint}`)).code, 0);
  assert.equal(statSync(own.ALTHING_CONTEXTS).mode & 0o777, 0o600);
  assert.equal((await command("get", "context", "--context=here")).out, "context\nkept\n");
  assert.equal((await command("context", "use", "here")).code, 0);
  assert.equal((await command("get", "context")).out, "context\nkept\n");
  assert.match((await command("context", "list")).out, /^\* here {2}127.0.0.1:26290\n$/);
  const unknown = await command("context", "use", "there");
  assert.equal(unknown.code, 3);
  assert.match(unknown.err, /there is no context "there"\n {2}There are: here\./);
  assert.equal((await command("context", "remove", "here")).code, 0);
  assert.equal((await command("context", "list")).out, "");
});
