// The way out for a member whose disk is lost, just as the refusal of its return advises: it is removed under its
// old identity, added anew, and started with nothing but what `member add` printed. The others serve meanwhile.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { eventually } from "../cluster/cluster.ts";
import type { MemberProcess } from "../cluster/member-process.ts";
import { findProgram } from "../cluster/program.ts";
import { clusterTest, endsWithin } from "./subject.ts";
import { keysOn } from "./workload.ts";

const etcdctl = findProgram("etcdctl");
const skip = etcdctl === undefined ? "the program etcdctl is not installed" : false;
// What it missed is beyond the log, so that it gets a snapshot.
const prepare = async () => ({ args: ["--snapshot-count=500"] });

clusterTest(
  "a wiped member is removed, added anew and catches up under load",
  { prepare, skip },
  async ({ cluster, load }) => {
    const workload = load();
    await workload.nextAcknowledgedWrite();
    const [lost, other] = await cluster.followers();
    assert.ok(lost && other);
    await fill(other, 1500);
    const oldId = (await listed(other)).find((line) => line.name === lost.name)?.id;
    assert.ok(oldId);
    await lost.kill();
    lost.wipe();
    lost.start();
    const exit = await endsWithin(lost, 20_000);
    assert.ok(exit !== undefined && exit.code !== 0, "under its old identity it is refused");
    lost.wipe();

    await control(other, ["member", "remove", oldId]);
    let printed = "";
    // etcd calls a cluster unhealthy for its first seconds.
    await eventually("a member may be added", 20_000, async () => {
      const adding = control(other, ["member", "add", lost.name, peerUrls(lost)]);
      printed = await adding.catch((error: Error) => {
        if (error.message.includes("unhealthy cluster")) return "";
        throw error;
      });
      return printed !== "";
    });
    const initial = /ETCD_INITIAL_CLUSTER="(.*)"/.exec(printed)?.[1];
    assert.ok(initial?.includes(lost.name), printed);
    assert.match(printed, /ETCD_INITIAL_CLUSTER_STATE="existing"/);
    await workload.nextAcknowledgedWrite();
    workload.longestSilenceMs = 0;
    lost.start([`--initial-cluster=${initial}`, "--initial-cluster-state=existing"]);
    await cluster.waitUntilReady([lost]);
    await eventually("it is a started voter under another id", 60_000, async () => {
      const own = (await listed(other)).find((line) => line.name === lost.name);
      return own?.status === "started" && own.isLearner === "false" && own.id !== oldId;
    });
    await workload.nextAcknowledgedWrite();
    assert.ok(workload.longestSilenceMs < 3000, `silent for ${workload.longestSilenceMs} ms`);
    await workload.finish();
    assert.deepEqual(await keysOn(lost, "fill/"), await keysOn(other, "fill/"));

    // It counts: with the third one gone the two of them are a majority.
    const third = cluster.members.find((member) => member !== lost && member !== other);
    await third!.kill();
    await eventually("the new member and one old one decide", 30_000, async () => {
      const client = lost.client(3000);
      const { code } = await client.put({ key: "after", value: "v" });
      client.close();
      return code === 0;
    });
    // A restart with the same flags finds the same member.
    await lost.stop();
    lost.start([`--initial-cluster=${initial}`, "--initial-cluster-state=existing"]);
    await cluster.waitUntilReady([lost]);
  },
);

const peerUrls = (member: MemberProcess) => `--peer-urls=${member.spec.peerUrl}`;

function control(member: MemberProcess, args: readonly string[]): Promise<string> {
  const { clientUrl, clientFlags = [] } = member.spec;
  const where = [`--endpoints=${clientUrl}`, ...clientFlags];
  return new Promise((resolve, reject) => {
    execFile(etcdctl!, [...where, ...args], { env: { ETCDCTL_API: "3" } }, (error, out, err) => {
      if (error === null) resolve(out);
      else reject(new Error(`etcdctl ${args.join(" ")}: ${err}${out}`));
    });
  });
}

async function listed(member: MemberProcess) {
  const lines = (await control(member, ["member", "list"])).trim().split("\n");
  return lines.map((line) => {
    const [id = "", status, name, , , isLearner] = line.split(", ");
    return { id, status, name, isLearner };
  });
}

async function fill(member: MemberProcess, count: number): Promise<void> {
  const client = member.client(10_000);
  for (let start = 0; start < count; start += 100) {
    const puts = Array.from({ length: 100 }, (_, i) =>
      client.put({ key: `fill/${start + i}`, value: "x".repeat(200) }),
    );
    for (const { code } of await Promise.all(puts)) assert.equal(code, 0);
  }
  client.close();
}
