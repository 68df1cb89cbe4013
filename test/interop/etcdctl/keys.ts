// What etcdctl does to keys, told in every form of output: put, get, del, txn, compaction, watch.

import type { Side } from "../sides.ts";
import { etcdctl, Running } from "./run.ts";

export const forms = ["simple", "json", "fields", "table"] as const;

export async function keys(side: Side): Promise<void> {
  for (const [i, form] of forms.entries()) {
    const say = (...args: string[]) => etcdctl(side, [...args, "-w", form], { at: i % 3 });
    await say("put", "a", "1");
    await say("put", "a", "2", "--prev-kv");
    await say("put", "b", "--ignore-value");
    await say("put", "a", "--ignore-value");
    await say("put", "a", "x", "--lease=1234");
    await say("put", "a", "x", "--ignore-lease");
    for (const key of ["a1", "a2", "b1", "ä", "with space"]) await say("put", key, `of ${key}`);
    await say("put", "--", "-key", "-value");
    await etcdctl(side, ["put", "a3", "-w", form], { input: "from standard input" });
    await say("get", "a");
    await say("get", "nothing");
    await say("get", "a", "--prefix");
    await say("get", "a", "b");
    await say("get", "a", "--from-key");
    await say("get", "", "--prefix", "--keys-only");
    await say("get", "a", "--prefix", "--print-value-only");
    await say("get", "a", "--prefix", "--limit=1");
    for (const by of ["CREATE", "KEY", "MODIFY", "VALUE", "VERSION"]) {
      const order = by === "VERSION" ? "ASCEND" : "DESCEND";
      // Ties may come in any order: one key has been put more often than the rest, and is first or last.
      const range = by === "VERSION" ? ["a", "a2"] : ["a", "--prefix"];
      await say("get", ...range, `--order=${order}`, `--sort-by=${by}`);
    }
    await say("get", "a", "--rev=2");
    await say("get", "a", "--rev=100000");
    await say("get", "a", "--consistency=s");
    await say("get", "a", "--consistency=none");
    await say("get", "ä", "--hex");
    await say("get", "a", "--command-timeout=30s", "--dial-timeout=5s");
    await say("get");
    await say("del", "a1");
    await say("del", "a", "--prefix", "--prev-kv");
    await say("del", "nothing");
    await say("del", "ä", "ö");
    await say("del", "b", "--from-key");
    await say("del", "-w", form, "");
  }
}

export async function transactions(side: Side): Promise<void> {
  await etcdctl(side, ["put", "flag", "1"]);
  const scripts = [
    'value("flag") = "1"\n\nput t 1\nget flag\n\nget t\n\n',
    'value("flag") = "2"\n\nput t 1\n\nget t\ndel t\n\n',
    'mod("flag") > "0"\ncreate("new") = "0"\nversion("flag") < "9"\n\nput new 1\n\n\n',
    'c("flag") != "0"\nm("flag") > "1"\nver("flag") = "1"\nval("flag") < "2"\nlease("flag") = "0"\n\nget flag\n\n\n',
    'value("flag") = "1"\n\nput twice 1\nput twice 2\n\n\n',
    'value("flag") = "1"\n\nput p 1 --prev-kv\ndel p --prev-kv\nget "" --prefix --keys-only\n\n\n',
    "\nget flag\n\n\n",
    "nonsense\n\n\n\n",
  ];
  for (const [i, input] of scripts.entries()) {
    for (const form of forms) await etcdctl(side, ["txn", "-w", form], { at: i % 3, input });
    await etcdctl(side, ["txn", "-i"], { at: i % 3, input });
  }
}

export async function compaction(side: Side): Promise<void> {
  for (let i = 0; i < 5; i++) await etcdctl(side, ["put", "compacted", `${i}`]);
  await etcdctl(side, ["compaction", "10"], { at: 1 });
  await etcdctl(side, ["compaction", "10"], { at: 2 });
  await etcdctl(side, ["compaction", "11", "--physical"]);
  for (const [i, form] of forms.entries()) {
    await etcdctl(side, ["compaction", `${12 + i}`, "-w", form], { at: i % 3 });
  }
  await etcdctl(side, ["compaction", "100000"], { at: 1 });
  await etcdctl(side, ["compaction", "x"]);
  await etcdctl(side, ["get", "compacted", "--rev=5"], { at: 2 });
  await etcdctl(side, ["get", "compacted", "--rev=15"]);
  await etcdctl(side, ["watch", "compacted", "--rev=5"]);
}

export async function watches(side: Side): Promise<void> {
  const first = await etcdctl(side, ["put", "w/0", "before", "-w", "json"]);
  const revision = /"revision":(\d+)/.exec(first.out)?.[1] ?? "";
  const rev = `--rev=${revision}`;
  const watching = [
    new Running(side, ["watch", "w/", "--prefix", "--prev-kv", rev]),
    new Running(side, ["watch", "w/", "--prefix", rev, "-w", "json"], { at: 1 }),
    new Running(side, ["watch", "w/", "--prefix", rev, "-w", "fields"], { at: 2 }),
    new Running(side, ["watch", "w/0", "w/2", rev], { at: "all" }),
    new Running(side, ["watch", "--prefix", rev], { env: { ETCDCTL_WATCH_KEY: "w/" } }),
    new Running(side, ["watch", rev], {
      env: { ETCDCTL_WATCH_KEY: "w/0", ETCDCTL_WATCH_RANGE_END: "w/2" },
    }),
    new Running(side, [
      ...["watch", "w/", "--prefix", rev],
      ...["--", "sh", "-c", "env | grep ^ETCD_WATCH_ | sort"],
    ]),
    new Running(side, ["watch", "-i"], {
      at: 1,
      // Its two watches are told apart by nothing but chance.
      isUnordered: true,
      input: `watch w/ --prefix ${rev}\nwatch --prev-kv ${rev} w/1 w/2\nnonsense\n`,
    }),
  ];
  // Told one by one, since how much of a history comes in one message is a matter of moments.
  const heard = async (value: string) => {
    const base64 = Buffer.from(value).toString("base64");
    for (const one of watching) {
      await one.until(`it has told ${value}`, (out) => out.includes(value) || out.includes(base64));
    }
  };
  await heard("before");
  await etcdctl(side, ["put", "w/1", "one"], { at: 1 });
  await heard("one");
  await etcdctl(side, ["put", "elsewhere", "x"], { at: 2 });
  await etcdctl(side, ["txn"], { input: "\nput w/1 two\nput w/11 three\n\n\n" });
  await heard("three");
  await etcdctl(side, ["del", "w/", "--prefix"], { at: 2 });
  await etcdctl(side, ["put", "w/1", "the end"]);
  await heard("the end");
  for (const one of watching) await one.interrupt();
}
