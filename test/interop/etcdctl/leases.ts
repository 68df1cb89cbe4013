// Leases, and what lives by them: locks and elections, held, waited for, given up and inherited.

import { eventually } from "../../cluster/cluster.ts";
import type { Side } from "../sides.ts";
import { forms } from "./keys.ts";
import { etcdctl, Running } from "./run.ts";

const leaseOf = (out: string): string => {
  const decimal = /"ID":(\d+)|"ID" : (\d+)/.exec(out);
  const hex = decimal === null ? /lease ([0-9a-f]+) granted/.exec(out)?.[1] : undefined;
  return hex ?? BigInt(decimal?.[1] ?? decimal?.[2] ?? 0).toString(16);
};

export async function leases(side: Side): Promise<void> {
  for (const [i, form] of forms.entries()) {
    // The table form prints what the simple one does, or nothing at all: its lease is asked for in another.
    const said = ["-w", form];
    const own = {
      at: i % 3,
      mask: (text: string) =>
        text.replace(/remaining\(\d+s\)/, "remaining").replace(/^("TTL" : |.*"ttl":)\d+/gm, "$199"),
    };
    const { out } = await etcdctl(
      side,
      ["lease", "grant", "100", ...(form === "table" ? [] : said)],
      own,
    );
    const id = leaseOf(out);
    side.name(id, `lease-${i}`);
    // As JSON has it, where it must stay a number.
    side.name(BigInt(`0x${id}`).toString(), `100000000000000000${i}`);
    const say = (...args: string[]) => etcdctl(side, [...args, ...said], own);
    await say("put", `leased/${i}`, "1", `--lease=${id}`);
    await say("get", `leased/${i}`);
    await say("lease", "list");
    await say("lease", "timetolive", id);
    await say("lease", "timetolive", id, "--keys");
    await say("lease", "keep-alive", "--once", id);
    if (form !== "table") {
      const alive = new Running(side, ["lease", "keep-alive", id, ...said], own);
      await alive.until("it was kept alive", (text) => text.length > 20);
      await alive.interrupt();
    }
    await say("lease", "revoke", id);
    await say("get", `leased/${i}`);
    await say("lease", "revoke", id);
    await say("lease", "timetolive", id);
    await say("lease", "keep-alive", "--once", id);
    await say("lease", "keep-alive", id);
  }
  await etcdctl(side, ["lease", "grant", "x"]);
  await etcdctl(side, ["lease", "grant", "9000000001"]);
  await etcdctl(side, ["lease", "revoke", "nothex"]);
  // One that nobody keeps alive ends by itself, and takes its key along.
  const { out } = await etcdctl(side, ["lease", "grant", "1"], { at: 1 });
  side.name(leaseOf(out), "lease-short");
  const watch = new Running(side, ["watch", "short", "--rev=1"]);
  await etcdctl(side, ["put", "short", "lived", `--lease=${leaseOf(out)}`], { at: 2 });
  await watch.until("the key ended with its lease", (text) => text.endsWith("DELETE\nshort\n\n"));
  await watch.interrupt();
}

/** Until so many wait in line, or hold what they waited for. */
async function candidates(side: Side, prefix: string, count: number): Promise<void> {
  const client = side.cluster.member(0).client();
  await eventually(`${count} keys below ${prefix}`, 20_000, async () => {
    const answer = await client.range({ key: prefix, range_end: `${prefix.slice(0, -1)}0` });
    return answer.code === 0 && answer.response?.kvs?.length === count;
  });
  client.close();
}

const base64 = (text: string) => Buffer.from(text).toString("base64");
/** The keys of those in line end in their leases; two bytes more of base64 may belong to the slash. */
const anyLease = (text: string) =>
  text
    .replace(/\/[0-9a-f]{12,16}\b/g, "/lease")
    .replaceAll(new RegExp(`"${base64("mutex/")}[^"]*"`, "g"), '"<key>"')
    .replace(/"lease":\d+/g, '"lease":0');

export async function locks(side: Side): Promise<void> {
  const own = { mask: (text: string) => anyLease(text) };
  await etcdctl(side, ["lock", "mutex", "echo", "held"], own);
  await etcdctl(
    side,
    ["lock", "mutex", "--ttl=20", "sh", "-c", "env | grep ^ETCD_LOCK_ | sort"],
    own,
  );
  await etcdctl(side, ["lock", "mutex", "sh", "-c", "exit 7"], own);
  await etcdctl(side, ["lock"], own);
  const first = new Running(side, ["lock", "mutex"], own);
  await first.until("it holds the lock", (out) => out.startsWith("mutex/"));
  const second = new Running(side, ["lock", "mutex", "-w", "json"], { ...own, at: 1 });
  await candidates(side, "mutex/", 2);
  await first.interrupt();
  await second.until("it holds the lock", (out) => out.includes(base64("mutex/")));
  await second.interrupt();
  await etcdctl(side, ["get", "mutex/", "--prefix", "--keys-only"], own);
}

export async function elections(side: Side): Promise<void> {
  const own = { mask: (text: string) => anyLease(text) };
  const listener = new Running(side, ["elect", "office", "-l"], { ...own, at: 2 });
  const first = new Running(side, ["elect", "office", "one"], own);
  await first.until("it was elected", (out) => out.endsWith("\none\n"));
  await listener.until("it heard of one", (out) => out.includes("one"));
  const second = new Running(side, ["elect", "office", "two"], { ...own, at: 1 });
  await candidates(side, "office/", 2);
  await first.interrupt();
  await second.until("it was elected", (out) => out.endsWith("\ntwo\n"));
  await listener.until("it heard of two", (out) => out.includes("two"));
  await second.interrupt();
  await listener.interrupt();
  await etcdctl(side, ["elect", "office", "-l", "proposal"], own);
  await etcdctl(side, ["elect", "office"], own);
}
