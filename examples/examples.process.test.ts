// The examples are run as people would run them, and print what they promise.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Cluster } from "../test/cluster/cluster.ts";
import { guard, unguard } from "../test/cluster/guard.ts";
import { claimPorts, releasePorts } from "../test/cluster/ports.ts";

const run = promisify(execFile);
const repository = fileURLToPath(new URL("..", import.meta.url));
const example = (name: string) => join(repository, "examples", name);
let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "althing-examples-"));
  guard("dir", folder);
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
  unguard("dir", folder);
});

test("embedded.ts counts on from run to run", async () => {
  for (const visit of [1, 2, 3]) {
    const { stdout } = await run(process.execPath, [example("embedded.ts"), join(folder, "one")]);
    assert.equal(stdout, `visit ${visit}, written ${visit} times\n`);
  }
});

test("three-members.ts loses a member and goes on", async () => {
  // Three in a row are needed; the block is claimed whole and the first run of three is used.
  const ports = (await claimPorts(40)).sort((a, b) => a - b);
  const first = ports.find((port) => ports.includes(port + 1) && ports.includes(port + 2));
  assert.ok(first !== undefined);
  const args = [example("three-members.ts"), join(folder, "three"), String(first)];
  const { stdout } = await run(process.execPath, args, { timeout: 60_000 });
  releasePorts(ports);
  assert.deepEqual(stdout.trim().split("\n"), [
    "two reads: read aloud",
    "one is gone",
    "three reads: amended",
    "one is back and reads: amended",
  ]);
});

test("command-line.sh writes, reads, deletes, locks, decides, watches and shows who leads", async () => {
  await using cluster = await Cluster.start({ program: "althing", members: 1 });
  const { stdout } = await run("sh", [example("command-line.sh")], {
    cwd: repository,
    env: {
      ...process.env,
      ALTHING_ENDPOINTS: cluster.member(0).spec.clientUrl.replace("http://", ""),
    },
  });
  assert.match(stdout, /hello/);
  assert.match(stdout, /godan daginn/);
  assert.match(stdout, /\b2\b/, "two keys were deleted");
  assert.match(stdout, /sending invoices under token \d+/);
  assert.match(stdout, /SUCCESS\nOK\nOK/);
  assert.match(stdout, /"event":"put","key":"greeting","value":"hello"/);
});

test("least-privilege.sh gives an application its own keys and nothing else", async () => {
  await using cluster = await Cluster.start({ program: "althing", members: 1 });
  const { stdout } = await run("sh", [example("least-privilege.sh")], {
    cwd: repository,
    env: {
      ...process.env,
      ALTHING_ENDPOINTS: cluster.member(0).spec.clientUrl.replace("http://", ""),
    },
  });
  assert.match(
    stdout,
    /OK\nOK\nshop\/open\nyes\nthe shop may not read that\nnor write it\n.*"enabled":true/,
  );
});

test("backup-and-restore.sh makes a new member with the data of the old one", async () => {
  await using cluster = await Cluster.start({ program: "althing", members: 1 });
  await using restored = await Cluster.start({ program: "althing", members: 1, isStopped: true });
  const member = restored.member(0);
  const { stdout } = await run("sh", [example("backup-and-restore.sh"), folder], {
    cwd: repository,
    env: {
      ...process.env,
      ALTHING_ENDPOINTS: cluster.member(0).spec.clientUrl.replace("http://", ""),
      ALTHING_RESTORED_PEERS: member.spec.peerUrl,
    },
  });
  assert.match(stdout, /Saved .* in .*backup\.db[\s\S]*\| HASH[\s\S]*Restored revision \d+/);
  member.start([
    `--data-dir=${join(folder, "restored")}`,
    "--name=default",
    `--initial-cluster=default=${member.spec.peerUrl}`,
  ]);
  await restored.waitUntilReady();
  const client = member.client();
  const { response } = await client.range({ key: "precious" });
  client.close();
  assert.equal(response?.kvs?.[0]?.value, "worth a backup");
});

test("leader-election.ts hands a job over from one worker to the next", async () => {
  await using cluster = await Cluster.start({ program: "althing", members: 1 });
  const args = [example("leader-election.ts"), cluster.member(0).spec.clientUrl];
  const { stdout } = await run(process.execPath, args, { timeout: 30_000 });
  assert.deepEqual(stdout.trim().split("\n"), [
    "leader: ada",
    "leader: ada, half done",
    "leader: bob",
    "nobody leads any more",
  ]);
});
