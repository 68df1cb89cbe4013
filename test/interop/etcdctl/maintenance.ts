// What an operator does with etcdctl: hashes, alarms, defragmentation, snapshots, mirrors, the built-in checks, and
// what it prints without asking anybody.

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../../cluster/cluster.ts";
import type { Side } from "../sides.ts";
import { forms } from "./keys.ts";
import { etcdctl, Running } from "./run.ts";

export async function maintenance(side: Side): Promise<void> {
  await etcdctl(side, ["put", "live", "1"]);
  await etcdctl(side, ["compaction", await currentRevision(side)]);
  for (const [i, form] of forms.entries()) {
    const said = ["-w", form];
    const lists = { at: "all", isUnordered: true } as const;
    // The same history has the same hash, on whichever side.
    await etcdctl(side, ["put", "live", form]);
    const revision = await currentRevision(side);
    await sameEverywhere(side, revision);
    await etcdctl(side, ["endpoint", "hashkv", ...said], lists);
    await etcdctl(side, ["endpoint", "hashkv", "--cluster", ...said], {
      at: i % 3,
      isUnordered: true,
    });
    await etcdctl(side, ["endpoint", "hashkv", `--rev=${revision}`, ...said], lists);
    await etcdctl(side, ["endpoint", "hashkv", "--rev=1000000", ...said], { at: i % 3 });
    await etcdctl(side, ["endpoint", "hashkv", "--rev=2", ...said], { at: i % 3 });
    await etcdctl(side, ["alarm", "list", ...said], { at: i % 3 });
    await etcdctl(side, ["alarm", "disarm", ...said], { at: i % 3 });
    await etcdctl(side, ["defrag", ...said], { at: i % 3, isUnordered: true });
    await etcdctl(side, ["defrag", "--cluster", ...said], { at: i % 3, isUnordered: true });
  }
  await alarms(side);
}

async function currentRevision(side: Side): Promise<string> {
  const { out } = await etcdctl(side, ["get", "live", "-w", "json"]);
  return /"revision":(\d+)/.exec(out)?.[1] ?? "";
}

/** A member may be a moment behind: until each has the revision. */
async function sameEverywhere(side: Side, revision: string): Promise<void> {
  for (const member of side.cluster.members) {
    const client = member.client();
    await eventually(`${member.name} is at ${revision}`, 10_000, async () => {
      const answer = await client.range({ key: "live", serializable: true });
      return Number(answer.response?.header?.revision ?? 0) >= Number(revision);
    });
    client.close();
  }
}

async function alarms(side: Side): Promise<void> {
  const raise = await fetch(`${side.endpoint(1)}/v3/maintenance/alarm`, {
    method: "POST",
    body: JSON.stringify({ action: "ACTIVATE", memberID: "48879", alarm: "NOSPACE" }),
  });
  side.note("an alarm is raised", raise.status);
  for (const form of forms) await etcdctl(side, ["alarm", "list", "-w", form]);
  await etcdctl(side, ["put", "live", "no space"]);
  await etcdctl(side, ["endpoint", "health"], { at: 1 });
  await etcdctl(side, ["del", "live"], { at: 2 });
  await etcdctl(side, ["alarm", "disarm"]);
  await etcdctl(side, ["alarm", "list"]);
  await etcdctl(side, ["put", "live", "space again"]);
}

export async function snapshots(side: Side): Promise<void> {
  const file = join(side.cluster.folder, "saved");
  side.name(file, "<file>");
  await etcdctl(side, ["snapshot", "save", file], { at: 1 });
  // The last 32 bytes are the digest of the rest, which a database is a multiple of.
  side.note("the file", { exists: existsSync(file), rest: statSync(file).size % 512 });
  await etcdctl(side, ["snapshot", "save", join(file, "no", "folder")], { at: 1 });
  await etcdctl(side, ["snapshot", "save", file], { at: "all" });
}

/** Both ways over the border: what is in the one cluster comes to be in the other, and stays up to date. */
export async function mirror(side: Side, other: Side): Promise<void> {
  for (const key of ["src/a", "src/b", "elsewhere"]) await etcdctl(side, ["put", key, `of ${key}`]);
  const destination = other.endpoint(0);
  side.name(destination, "the-other");
  const mirroring = new Running(
    side,
    ["make-mirror", "--prefix=src/", "--dest-prefix=dst/", destination],
    {
      // It counts what it copied so far, every thirty seconds.
      mask: () => "",
    },
  );
  const to = other.cluster.member(1).client();
  const has = (key: string, value: string | undefined) =>
    eventually(`${key} is ${value}`, 20_000, async () => {
      const answer = await to.range({ key });
      return answer.response?.kvs?.[0]?.value?.toString() === value;
    });
  try {
    await has("dst/b", "of src/b");
    await etcdctl(side, ["put", "src/c", "later"]);
    await etcdctl(side, ["del", "src/a"]);
    await has("dst/c", "later");
    await has("dst/a", undefined);
    await has("dst/elsewhere", undefined);
  } finally {
    to.close();
    await mirroring.interrupt();
  }
}

/** What it measures and how often depends on the machine: only the steps are compared. */
const steps =
  /(Compact|Defragment)(ing|ed)|Throughput|Slowest request|Stddev|too many errors|Start.*$|system memory used/gm;
const measured = {
  mask: (text: string) => (text.match(steps) ?? []).join("\n"),
  isTimed: true,
};

/** The load is etcdctl's own and lasts a minute. */
export async function checkPerformance(side: Side): Promise<void> {
  const flags = ["--load=s", "--auto-compact", "--auto-defrag"];
  await etcdctl(side, ["check", "perf", ...flags], measured);
}

export async function checkDatascale(side: Side): Promise<void> {
  const flags = ["--load=s", "--auto-compact", "--auto-defrag"];
  await etcdctl(side, ["check", "datascale", ...flags], measured);
}

export async function alone(side: Side): Promise<void> {
  await etcdctl(side, ["version"]);
  for (const shell of ["bash", "zsh", "fish", "powershell"])
    await etcdctl(side, ["completion", shell]);
  await etcdctl(side, ["help"]);
  await etcdctl(side, ["no-such-command"]);
}
