// Disks that run full and disks that fail. Nothing is acknowledged that is not on disk, the cluster goes on
// without the sick member, and after the repair the member comes back.

import assert from "node:assert/strict";
import { type Cluster, eventually } from "../cluster/cluster.ts";
import { SickDisk, whyNoDisk } from "../cluster/disk.ts";
import { clusterTest, program } from "./subject.ts";
import { keysOn, type Workload } from "./workload.ts";

const skip = whyNoDisk() ?? false;
/** Enough for a member's preallocated segments and some data. */
const diskMebibytes = 300;

let disk: SickDisk;
const single = async (held: AsyncDisposableStack) => {
  disk = held.use(SickDisk.small(diskMebibytes));
  return { members: 1, dataRoot: disk.path };
};

clusterTest(
  "a single member whose disk is full says so, and keeps what it acknowledged",
  { skip, prepare: single },
  async (subject) => {
    const { cluster } = subject;
    const member = cluster.member(0);
    const client = member.client(5000);
    const acknowledged: string[] = [];
    let refused: { code: number; message?: string } | undefined;
    disk.fill();
    // Space that was allocated before may still take writes; a hundred megabytes surely do not fit.
    for (let i = 0; i < 400 && refused === undefined; i++) {
      const key = `full/${String(i).padStart(6, "0")}`;
      const answer = await client.put({ key, value: new Uint8Array(1_000_000).fill(i) });
      if (answer.code === 0) acknowledged.push(key);
      else refused = answer;
    }
    client.close();
    assert.ok(refused, "the disk never ran full");
    // A coded refusal, or the member ended because it could not go on: never a silent success.
    assert.ok([4, 8, 14].includes(refused.code), `${refused.code} ${refused.message}`);
    disk.free();
    if (member.isRunning) await member.kill();
    member.start();
    await cluster.waitUntilReady();
    const found = new Set(await keysOn(member, "full/"));
    assert.deepEqual(
      acknowledged.filter((key) => !found.has(key)),
      [],
      "acknowledged writes are kept",
    );
    const again = member.client();
    assert.equal((await again.put({ key: "full/after", value: "1" })).code, 0);
    again.close();
  },
);

clusterTest(
  "a member whose store finds no room ends although nobody writes, and no key is there that it refused",
  {
    skip: skip || (program === "etcd" ? "etcd has no store beside its log" : false),
    prepare: single,
  },
  async (subject) => {
    const { cluster } = subject;
    const member = cluster.member(0);
    const client = member.client(5000);
    assert.equal((await client.put({ key: "room/before", value: "1" })).code, 0);
    disk.fill();
    // The log has room of its own for these: only the store finds none.
    const acknowledged: string[] = [];
    for (let i = 0; i < 50; i++) {
      const key = `room/${i}`;
      if ((await client.put({ key, value: "1" })).code === 0) acknowledged.push(key);
    }
    assert.equal(acknowledged.length, 50, "the log takes what is small");
    await eventually("it has ended, unasked", 30_000, () => !member.isRunning);
    client.close();
    // A program that reads the log reads all of it.
    const lines = member.log().split("\n");
    const own = lines.filter((line) => line.includes('{"level"'));
    for (const line of own) assert.doesNotThrow(() => JSON.parse(line), line);
    // LMDB's native code writes to the same place, past whatever a program can do: on lines of its own.
    const others = lines.filter(
      (line) => !own.includes(line) && !/^(Write error: .*)?$/.test(line),
    );
    assert.match(
      others.join("\n"),
      /^althing: .*disk takes nothing[^\n]*$/,
      "it says why it ended",
    );
    disk.free();
    member.start();
    await cluster.waitUntilReady();
    // Again, and now somebody writes all the while.
    disk.fill();
    const refused: string[] = [];
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      const own = member.client(5000);
      for (let i = 0; member.isRunning; i++) {
        const key = `busy/${writer}/${i}`;
        const answer: { code: number; message?: string } = await own.put({ key, value: "1" });
        if (answer.code === 0) acknowledged.push(key);
        else if (/server stopped|too many requests/.test(answer.message ?? "")) refused.push(key);
      }
      own.close();
    });
    await Promise.all(writers);
    disk.free();
    member.start();
    await cluster.waitUntilReady();
    const found = new Set([...(await keysOn(member, "room/")), ...(await keysOn(member, "busy/"))]);
    assert.deepEqual(
      acknowledged.filter((key) => !found.has(key)),
      [],
      "acknowledged writes are kept",
    );
    assert.deepEqual(
      refused.filter((key) => found.has(key)),
      [],
      "what was refused was not done",
    );
  },
);

for (const kind of ["full", "failing"] as const) {
  // The members are told apart by where their data is: the first one's is on the sick disk.
  const prepare = async (held: AsyncDisposableStack) => {
    disk = held.use(
      kind === "full" ? SickDisk.small(diskMebibytes) : SickDisk.failing(diskMebibytes),
    );
    return { dataRootOf: (member: number) => (member === 0 ? disk.path : undefined) };
  };
  clusterTest(
    `the cluster goes on when the leader's disk is ${kind}`,
    { skip, prepare },
    async (subject) => {
      const { cluster } = subject;
      const sick = cluster.member(0);
      const workload = subject.load({ timeoutMs: 3000 });
      await makeLeader(cluster, workload);
      disk.fill();
      const writer = cluster.member(1).client(5000);
      // Large values until the sick member cannot follow any more.
      for (let i = 0; i < 200 && sick.isRunning; i++) {
        await writer.put({ key: `large/${i % 10}`, value: new Uint8Array(1_000_000).fill(i) });
      }
      writer.close();
      await workload.nextAcknowledgedWrite();
      assert.ok(
        !sick.isRunning || (await cluster.leader()) !== sick,
        "a member that cannot write must not lead",
      );
      disk.free();
      if (sick.isRunning) await sick.kill();
      sick.start();
      if (kind === "full") {
        await cluster.waitUntilReady();
      } else {
        // What an input/output error left behind may be beyond repair; then the member must say so and
        // stay away rather than take part with a hole in its memory.
        await eventually("it serves or has given up", 30_000, async () => {
          if (!sick.isRunning) return true;
          const client = sick.client(1000);
          const answer = await client.range({ key: "a" });
          client.close();
          return answer.code === 0;
        });
      }
      await workload.finish();
    },
  );
}

/** Restarts leaders until the first member, whose disk can be hurt, is the one. */
async function makeLeader(cluster: Cluster, workload: Workload): Promise<void> {
  for (let i = 0; i < 30; i++) {
    const leader = await cluster.leader();
    if (leader === cluster.member(0)) return;
    await leader.stop();
    await workload.nextAcknowledgedWrite();
    leader.start();
    await cluster.waitUntilReady();
  }
  throw new Error("the first member was never elected");
}
