// The members of a cluster as etcdctl sees and changes them: lists, health, a learner that joins, is promoted and
// leaves, addresses that change, leadership that is handed on.

import assert from "node:assert/strict";
import { join } from "node:path";
import { eventually } from "../../cluster/cluster.ts";
import { MemberProcess } from "../../cluster/member-process.ts";
import { claimPorts, releasePorts } from "../../cluster/ports.ts";
import { commandOf } from "../../cluster/program.ts";
import type { Side } from "../sides.ts";
import { forms } from "./keys.ts";
import { etcdctl } from "./run.ts";

/** Who leads is chance; ids decide the order. */
const anyLeader = (text: string) =>
  text
    .replace(/, (true|false), false, \d+, \d+, \d+, /g, ", <bool>, false, <n>, <n>, <n>, ")
    .replace(
      /\| +(true|false) \| +false \| +\d+ \| +\d+ \| +\d+ \|/g,
      "| <bool> | false | <n> | <n> | <n> |",
    )
    .replace(/"(IsLeader)" : \w+/g, '"$1" : <bool>');

export async function endpoints(side: Side): Promise<void> {
  for (const [i, form] of forms.entries()) {
    const say = (args: string[], at: number | "all") =>
      etcdctl(side, [...args, "-w", form], { at, isUnordered: true, mask: anyLeader });
    await say(["member", "list"], i % 3);
    for (const about of ["health", "status"]) {
      await say(["endpoint", about], i % 3);
      await say(["endpoint", about], "all");
      await say(["endpoint", about, "--cluster"], i % 3);
    }
  }
  const closed = "127.0.0.1:1";
  await etcdctl(side, ["endpoint", "health", `--endpoints=${closed}`]);
  await etcdctl(side, ["endpoint", "status", `--endpoints=${closed}`]);
  await etcdctl(side, ["get", "x", `--endpoints=${closed}`, "--dial-timeout=300ms"]);
}

export async function membership(side: Side): Promise<void> {
  const { cluster } = side;
  const [client = 0, peer = 0] = await claimPorts(2);
  const peerUrl = `http://127.0.0.1:${peer}`;
  const clientUrl = `http://127.0.0.1:${client}`;
  side.name(peerUrl, "http://peer-3");
  side.name(clientUrl, "http://client-3");
  const lists = { isUnordered: true, mask: withSortedMembers };

  await etcdctl(side, ["member", "add", "m4", `--peer-urls=${cluster.member(0).spec.peerUrl}`]);
  await etcdctl(side, ["member", "add", "m4"]);
  await etcdctl(side, ["member", "add", "m4", "--peer-urls=nonsense"]);
  await etcdctl(side, ["member", "remove", "beef"]);
  await etcdctl(side, ["member", "remove", "nothex"]);
  await etcdctl(side, ["member", "promote", "beef"]);
  await etcdctl(side, ["member", "update", "beef", `--peer-urls=${peerUrl}`]);
  await etcdctl(side, ["member", "update", "beef"]);

  // Refused while its peers have not all been connected for five seconds: asked again until it is granted.
  const id = await addedAs(side, ["member", "add", "m4", "--learner", `--peer-urls=${peerUrl}`]);
  const member = newMember(side, "m4", clientUrl, peerUrl);
  try {
    await etcdctl(side, ["member", "list"], lists);
    await etcdctl(
      side,
      ["member", "add", "m5", "--learner", "--peer-urls=http://127.0.0.1:1"],
      lists,
    );
    await etcdctl(side, ["member", "promote", id]);
    member.start();
    await eventually("the learner has joined", 20_000, async () =>
      (await told(side, ["member", "list"])).includes(", m4, "),
    );
    for (const form of forms) await etcdctl(side, ["member", "list", "-w", form], lists);
    await etcdctl(side, ["get", "a", `--endpoints=${clientUrl}`]);
    await etcdctl(side, ["get", "a", "--consistency=s", `--endpoints=${clientUrl}`]);
    await etcdctl(side, ["put", "a", "1", `--endpoints=${clientUrl}`]);
    await etcdctl(side, ["endpoint", "status", `--endpoints=${clientUrl}`], {
      mask: (text) => text.replace(/, \d+, \d+, \d+, $/m, ", <n>, <n>, <n>, "),
    });
    await eventually("the learner is promoted", 20_000, async () =>
      (await told(side, ["member", "promote", id])).includes("promoted"),
    );
    await etcdctl(side, ["member", "promote", id]);
    await etcdctl(side, ["get", "a", `--endpoints=${clientUrl}`]);
    await etcdctl(side, ["member", "update", id, "--peer-urls=http://127.0.0.1:1"]);
    await etcdctl(side, ["member", "list"], lists);
    await etcdctl(side, ["member", "update", id, `--peer-urls=${peerUrl}`, "-w", "json"], lists);
    await etcdctl(side, ["endpoint", "health", "--cluster"], { isUnordered: true });
    await etcdctl(side, ["member", "remove", id]);
    await eventually("the removed one has ended", 20_000, () => !member.isRunning);
    await etcdctl(side, ["member", "remove", id]);
    for (const form of forms) await etcdctl(side, ["member", "list", "-w", form], lists);
  } finally {
    await member.kill();
    releasePorts([client, peer]);
  }
}

/** Adds a member when the cluster lets it, notes what was printed, and hands out the new id. */
async function addedAs(side: Side, args: readonly string[]): Promise<string> {
  let out = "";
  await eventually("the cluster takes a member", 30_000, async () => {
    out = await told(side, args);
    return out.startsWith("Member ");
  });
  side.note(
    `etcdctl ${args.join(" ")}`,
    // An id is padded to 16 digits.
    side
      .masked(withSortedMembers(out))
      .replace(/ +/g, " ")
      .replace(/\b[0-9a-f]{12,16}\b/g, "<id>"),
  );
  const id = /^Member +([0-9a-f]+) added/.exec(out)?.[1];
  assert.ok(id !== undefined, out);
  side.name(id, "m4-id");
  return id;
}

/** Told quietly: only what comes of it is noted. */
async function told(side: Side, args: readonly string[]): Promise<string> {
  const { out } = await side.quietly(() => etcdctl(side, args));
  return out;
}

/** ETCD_INITIAL_CLUSTER lists the members by id. */
function withSortedMembers(text: string): string {
  return text.replace(/^(ETCD_INITIAL_CLUSTER=")([^"]*)"/m, (_, name: string, list: string) => {
    return `${name}${list.split(",").sort().join(",")}"`;
  });
}

function newMember(side: Side, name: string, clientUrl: string, peerUrl: string): MemberProcess {
  const { folder, members, program } = side.cluster;
  const others = members.map(({ spec }) => `${spec.name}=${spec.peerUrl}`);
  const dataDir = join(folder, name);
  const { port } = new URL(clientUrl);
  return new MemberProcess({
    name,
    folder,
    dataDir,
    target: { host: "127.0.0.1", port: Number(port) },
    clientUrl,
    peerUrl,
    env: {},
    command: commandOf(program),
    args: [
      `--name=${name}`,
      `--data-dir=${dataDir}`,
      `--listen-client-urls=${clientUrl}`,
      `--advertise-client-urls=${clientUrl}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=${[...others, `${name}=${peerUrl}`].join(",")}`,
      "--initial-cluster-token=althing-test",
      "--initial-cluster-state=existing",
    ],
  });
}

export async function leadership(side: Side): Promise<void> {
  const { cluster } = side;
  const leader = cluster.members.indexOf(await cluster.leader());
  const [follower = 0] = [0, 1, 2].filter((i) => i !== leader);
  const id = await memberId(side, follower);
  const names = new Map([
    [id, "the-follower"],
    [await memberId(side, leader), "the-leader"],
    [side.endpoint(follower), "http://follower"],
    [side.endpoint(leader), "http://leader"],
  ]);
  await side.withNames(names, async () => {
    await etcdctl(side, ["move-leader", id], { at: follower });
    await etcdctl(side, ["move-leader", "beef"], { at: leader });
    await etcdctl(side, ["move-leader"], { at: leader });
    // It looks for the leader among the endpoints that it was given.
    await etcdctl(side, ["move-leader", id], { at: "all" });
    await eventually("the follower leads", 20_000, async () => {
      return (await cluster.leader()) === cluster.member(follower);
    });
    await etcdctl(side, ["put", "after", "the move"], { at: leader });
  });
}

async function memberId(side: Side, member: number): Promise<string> {
  const client = side.cluster.member(member).client();
  const answer = await client.status();
  client.close();
  return BigInt(String(answer.response?.header?.member_id ?? 0)).toString(16);
}
