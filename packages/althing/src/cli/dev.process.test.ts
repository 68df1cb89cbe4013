// A whole cluster as `npm start` runs it: it finds its data again, survives its leader, stops cleanly.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, test } from "node:test";
import { AlthingProcess, althing } from "./testing/althing-process.ts";

const root = mkdtempSync(join(tmpdir(), "althing-dev-"));
const running: AlthingProcess[] = [];
afterEach(async () => {
  for (const process of running.splice(0)) {
    if (process.child.exitCode === null) process.child.kill("SIGTERM");
    await process.finished;
  }
});
after(() => rmSync(root, { recursive: true, force: true }));

function dev(name: string, ports: readonly number[], more: readonly string[] = []): AlthingProcess {
  const process = new AlthingProcess([
    "dev",
    "--ports",
    ports.join(","),
    "--data-dir",
    join(root, name),
    ...more,
  ]);
  running.push(process);
  return process;
}

async function get(port: number, key: string): Promise<string> {
  const done = await althing([
    "get",
    key,
    "--print-value-only",
    "--endpoints",
    `127.0.0.1:${port}`,
  ]);
  assert.equal(done.code, 0, done.err);
  return done.out;
}

test("a cluster keeps its data over the loss of its leader and over a restart", async () => {
  const ports = [26160, 26162, 26164];
  const first = dev("keeps", ports);
  await first.says(/The cluster is ready: 3 members, m\d leads/);
  await first.says(/Three things to try/);
  const put = await althing(["put", "greeting", "hello", "--endpoints", "127.0.0.1:26160"]);
  assert.deepEqual(put, { code: 0, out: "OK\n", err: "" });

  const leader = /(m\d) leads\./.exec(first.out)![1]!;
  const pid = Number(/kill -9 (\d+)/.exec(first.out)![1]);
  process.kill(pid, "SIGKILL");
  await first.says(new RegExp(`${leader} ended by SIGKILL; starting it again`));
  await first.says(/m\d leads now/);
  const survivor = ports.find((_, i) => `m${i + 1}` !== leader)!;
  assert.equal(await get(survivor, "greeting"), "hello\n");
  await althing(["put", "second", "round", "--endpoints", `127.0.0.1:${survivor}`]);

  first.child.kill("SIGINT");
  const ended = await first.finished;
  assert.equal(ended.code, 0, ended.out);
  assert.match(ended.out, /All stopped cleanly\. The data stays in/);

  const again = dev("keeps", ports);
  await again.says(/The cluster is ready/);
  for (const port of ports) {
    assert.equal(await get(port, "greeting"), "hello\n");
    assert.equal(await get(port, "second"), "round\n");
  }
});

test("members end when the process that runs them is killed", async () => {
  const ports = [26166];
  const one = dev("orphans", ports);
  await one.says(/The cluster is ready: 1 member, m1 leads/);
  const pid = Number(/kill -9 (\d+)/.exec(one.out)![1]);
  one.child.kill("SIGKILL");
  await one.finished;
  const deadline = Date.now() + 8_000;
  while (isAlive(pid)) {
    assert.ok(Date.now() < deadline, "the member is still there");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("a port in use is named, with what to do, before anything is started", async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(26171, "127.0.0.1", resolve));
  try {
    const process = dev("blocked", [26168, 26170]);
    const done = await process.finished;
    assert.equal(done.code, 6);
    assert.match(done.err, /port 26171 is in use by another program/);
    assert.match(done.err, /althing dev --ports/);
    assert.equal(existsSync(join(root, "blocked")), false);
  } finally {
    holder.close();
  }
});

test("a member whose disk was wiped is refused and says what to do; the others go on", async () => {
  const ports = [26172, 26174, 26176];
  const cluster = dev("wiped", ports);
  await cluster.says(/The cluster is ready/);
  await althing(["put", "kept", "yes", "--endpoints", "127.0.0.1:26172"]);
  const leader = Number(/(?:m)(\d) leads\./.exec(cluster.out)![1]);
  const victim = (leader % 3) + 1;
  const log = readFileSync(join(root, "wiped", `m${victim}.log`), "utf8");
  const pid = Number(/"pid":(\d+)/.exec(log)![1]);
  process.kill(pid, "SIGSTOP");
  rmSync(join(root, "wiped", `m${victim}`), { recursive: true, force: true });
  process.kill(pid, "SIGKILL");
  await cluster.says(new RegExp(`m${victim} \\| althing: the cluster refuses this member`));
  await cluster.says(/If its data directory was lost/);
  await cluster.says(
    new RegExp(`m${victim} ended with exit code 7[\\s\\S]*The others go on without it`),
  );
  assert.equal(await get(ports[leader - 1]!, "kept"), "yes\n");
});
