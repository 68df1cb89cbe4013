// biome-ignore-all lint/style/noRestrictedGlobals: a benchmark measures the world.
// For how long one thing holds the loop that is large by itself: node packages/store/src/silence.bench.ts. What
// is done in one step is given in CPU time, what is done in many by its longest turn, in both of them: on a
// shared machine the CPU time says more than the clock.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { encodeCommand } from "./command/encode.ts";
import type { AuthChange, Command, StoreEvent } from "./contract.ts";
import { openDiskEngine } from "./disk/disk-engine.ts";
import {
  authorizeCommand,
  type OpenedStore,
  openStore,
  Watcher,
  WatchHub,
  WatchRights,
} from "./index.ts";
import { createMemoryEngine } from "./memory/memory-engine.ts";
import { del, put, txn } from "./testing/commands.ts";

function opened(): OpenedStore {
  return openStore({ engine: createMemoryEngine(), crc32 });
}

function apply(store: OpenedStore, command: Command): void {
  const index = store.appliedIndex + 1;
  const result = store.apply(encodeCommand(command), {
    index,
    epoch: 1,
    proposer: "",
    leaderTimeMs: 0,
  });
  if (result.kind === "error") throw new Error(result.code);
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function inOneStep(what: string, prepare: (store: OpenedStore) => Command): void {
  const costs: number[] = [];
  for (let i = 0; i < 5; i++) {
    const store = opened();
    const command = prepare(store);
    const before = cpuMs();
    apply(store, command);
    costs.push(cpuMs() - before);
  }
  costs.sort((a, b) => a - b);
  console.log(
    `  ${what.padEnd(52)} ${costs[2]!.toFixed(0).padStart(5)} ms of CPU, the median of 5`,
  );
}

/** In an order that is not theirs. */
function keysOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `key/${1_000_000 + ((i * 7919) % count)}`);
}

function nested(keys: readonly string[]): Command {
  const inner = Array.from({ length: keys.length / 125 }, (_, i) =>
    txn(
      [],
      keys.slice(i * 125, (i + 1) * 125).map((key) => put(key)),
    ),
  );
  return txn([], inner);
}

console.log("commands, each applied in one step");
inOneStep("a deletion of 500,000 keys", (store) => {
  for (const key of keysOf(500_000)) apply(store, put(key, "v"));
  return del("key/", "key0");
});
inOneStep("a lease that ends with 100,000 keys", (store) => {
  apply(store, { kind: "leaseGrant", lease: 7n, ttlSeconds: 60 });
  for (const key of keysOf(100_000)) apply(store, put(key, "v", { lease: 7n }));
  return { kind: "leaseRevoke", lease: 7n };
});
inOneStep("32,500 puts in nested transactions, the most allowed", () => nested(keysOf(32_500)));
inOneStep("125,000 puts in nested transactions", () => nested(keysOf(125_000)));

/** The longest turns of the loop from when `act` has returned until `done` is called, without those of other threads. */
async function turnsOf(
  act: (done: () => void) => void,
): Promise<{ longestMs: number; turns: number }> {
  let isDone = false;
  act(() => {
    isDone = true;
  });
  let longestMs = 0;
  let turns = 0;
  while (!isDone) {
    const before = process.threadCpuUsage();
    await new Promise((resolve) => setImmediate(resolve));
    const { user, system } = process.threadCpuUsage(before);
    longestMs = Math.max(longestMs, (user + system) / 1000);
    turns++;
  }
  return { longestMs, turns };
}

const flushed = (store: OpenedStore) =>
  new Promise<void>((resolve, reject) => {
    store.flush((error) => (error === undefined ? resolve() : reject(error)));
  });

/** The turn in which it is applied, with what is begun then for the disk; and the longest after it, until the disk has it. */
async function onTheDisk(what: string, prepare: (store: OpenedStore) => Command): Promise<void> {
  const applied: number[] = [];
  const longest: number[] = [];
  for (let i = 0; i < 3; i++) {
    const directory = mkdtempSync(join(tmpdir(), "althing-silence-"));
    const store = openStore({ engine: openDiskEngine({ directory }), crc32 });
    const command = prepare(store);
    await flushed(store);
    const before = process.threadCpuUsage();
    apply(store, command);
    const { user, system } = process.threadCpuUsage(before);
    applied.push((user + system) / 1000);
    const { longestMs } = await turnsOf((done) => void flushed(store).then(done));
    longest.push(longestMs);
    await new Promise<void>((resolve) => store.close(resolve));
    rmSync(directory, { recursive: true });
  }
  const median = (all: number[]) => all.sort((a, b) => a - b)[1]!.toFixed(1);
  console.log(
    `  ${what.padEnd(52)} ${median(applied)} and ${median(longest)} ms of CPU, the medians of 3`,
  );
}

console.log(
  "on a disk: the turn in which it is applied, and the longest after it until it is written",
);
await onTheDisk("a deletion of 500,000 keys", (store) => {
  for (const key of keysOf(500_000)) apply(store, put(key, "v"));
  return del("key/", "key0");
});
await onTheDisk("a lease that ends with 100,000 keys", (store) => {
  apply(store, { kind: "leaseGrant", lease: 7n, ttlSeconds: 60 });
  for (const key of keysOf(100_000)) apply(store, put(key, "v", { lease: 7n }));
  return { kind: "leaseRevoke", lease: 7n };
});

/** How long the longest turn of the hub took, until all was told, and how many turns there were. */
async function told(
  what: string,
  rangeOf: (i: number) => readonly [key: string, rangeEnd: string],
  watchers: number,
  act: (store: OpenedStore, advance: () => void) => void,
  prepare: (store: OpenedStore) => void = () => {},
): Promise<void> {
  const store = opened();
  prepare(store);
  let longestMs = 0;
  let longestCpuMs = 0;
  let turns = 0;
  let waiting = 0;
  const turn = (run: () => void) => {
    const startMs = performance.now();
    const startCpuMs = cpuMs();
    run();
    turns++;
    longestMs = Math.max(longestMs, performance.now() - startMs);
    longestCpuMs = Math.max(longestCpuMs, cpuMs() - startCpuMs);
  };
  const soon = (run: () => void) => {
    waiting++;
    setImmediate(() => {
      waiting--;
      turn(run);
    });
  };
  const hub = new WatchHub(store, { nowMs: () => performance.now(), soon });
  let events = 0;
  const sink = {
    events: (_watcher: Watcher, _revision: number, piece: readonly StoreEvent[]) => {
      events += piece.length;
      return true;
    },
    compacted: () => {},
  };
  for (let i = 0; i < watchers; i++) {
    const [key, rangeEnd] = rangeOf(i);
    const options = { key, rangeEnd, prevKv: false, puts: true, deletes: true };
    hub.add(new Watcher(BigInt(i), options, sink, store.revision + 1));
  }
  const startCpuMs = cpuMs();
  act(store, () => turn(() => hub.advance()));
  while (waiting > 0) await new Promise((resolve) => setImmediate(resolve));
  const all = `${(cpuMs() - startCpuMs).toFixed(0)} ms of CPU in ${turns} turns for ${events} events`;
  console.log(
    `  ${what.padEnd(52)} ${longestMs.toFixed(1)} ms, ${longestCpuMs.toFixed(1)} of CPU; ${all}`,
  );
}

console.log("what watchers are told, the longest turn");
await told(
  "a put that 200,000 watch",
  () => ["k", ""],
  200_000,
  (store, advance) => {
    apply(store, put("k", "v"));
    advance();
  },
);
await told(
  "200 puts, each in one of 200,000 ranges",
  (i) => [`r${1_000_000 + i}`, `r${1_000_001 + i}`],
  200_000,
  (store, advance) => {
    for (let i = 0; i < 200; i++) {
      apply(store, put(`r${1_000_000 + i * 997}x`, "v"));
      advance();
    }
  },
);
await told(
  "a deletion of 300,000 keys, told to one",
  () => ["key/", "key0"],
  1,
  (store, advance) => {
    apply(store, del("key/", "key0"));
    advance();
  },
  (store) => {
    for (const key of keysOf(300_000)) apply(store, put(key, "v"));
  },
);

/** Of how long 200,000 watches of a user are judged, who goes on seeing what they see or does not. */
async function judged(what: string, last: AuthChange): Promise<void> {
  const store = opened();
  const root = () => ({ user: "root", authRevision: store.auth.revision });
  const change = (auth: AuthChange) => {
    const index = store.appliedIndex + 1;
    const command = authorizeCommand(root(), encodeCommand({ kind: "auth", change: auth }));
    store.apply(command, { index, epoch: 1, proposer: "", leaderTimeMs: 0 });
  };
  const permission = { kind: "read", key: "k", rangeEnd: "l" } as const;
  for (const user of ["root", "u"]) {
    change({ kind: "addUser", user, password: "hash", hasPassword: true });
    change({ kind: "addRole", role: user });
    change({ kind: "grantRole", user, role: user });
  }
  change({ kind: "grantPermission", role: "u", permission });
  change({ kind: "enable" });
  const rights = new WatchRights<never>(store, setImmediate);
  for (let i = 0; i < 200_000; i++) {
    const caller = () => ({ user: "u", authRevision: store.auth.revision });
    rights.hold({ key: `k${i}`, rangeEnd: "", caller, ended: () => {} });
  }
  change(last);
  const { longestMs, turns } = await turnsOf((done) => {
    const look = () => (rights.review() ? done() : setImmediate(look));
    setImmediate(look);
  });
  console.log(`  ${what.padEnd(52)} ${longestMs.toFixed(1)} ms of CPU; ${turns} turns`);
}

console.log("200,000 watches judged again, the longest turn");
await judged("when another user is added", {
  kind: "addUser",
  user: "v",
  password: "hash",
  hasPassword: true,
});
await judged("when all have lost the right", {
  kind: "revokePermission",
  role: "u",
  key: "k",
  rangeEnd: "l",
});
