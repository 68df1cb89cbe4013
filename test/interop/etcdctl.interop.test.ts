// Every command of the real etcdctl, with its main flags and in every form of output, told to three members of etcd
// and to three of Althing, prints the same, whichever member it asks.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { whyMissing } from "../cluster/program.ts";
import { compaction, keys, transactions, watches } from "./etcdctl/keys.ts";
import { elections, leases, locks } from "./etcdctl/leases.ts";
import {
  alone,
  checkDatascale,
  checkPerformance,
  maintenance,
  mirror,
  snapshots,
} from "./etcdctl/maintenance.ts";
import { endpoints, leadership, membership } from "./etcdctl/members.ts";
import { toldCommands } from "./etcdctl/run.ts";
import { type Side, startSides, stopSides, tellBoth } from "./sides.ts";

const skip = whyMissing("etcd") ?? whyMissing("etcdctl") ?? whyMissing("althing") ?? false;

let sides: readonly Side[] = [];
/** For what writes much: revisions elsewhere stay the scenarios' own. */
let apart: readonly Side[] = [];
let performance: Promise<unknown> = Promise.resolve();

before(async () => {
  if (skip) return;
  [sides, apart] = await Promise.all([startSides({}), startSides({ members: 1 })]);
  // It lasts a minute whatever it finds, and asks little: begun first, awaited last.
  performance = tellBoth(apart, checkPerformance);
  performance.catch(() => {});
});

after(async () => {
  await stopSides([...sides, ...apart]);
});

test("put, get and del in every form", { skip }, async () => {
  await tellBoth(sides, keys);
});

test("transactions, typed and piped, whichever branch they take", { skip }, async () => {
  await tellBoth(sides, transactions);
});

test("watches: of keys, prefixes and ranges, from history on, with a command, typed", {
  skip,
}, async () => {
  await tellBoth(sides, watches);
});

test("leases: granted, kept alive, revoked, expired", { skip }, async () => {
  await tellBoth(sides, leases);
});

test("locks: held, waited for, with a command", { skip }, async () => {
  await tellBoth(sides, locks);
});

test("elections: won, waited for, observed", { skip }, async () => {
  await tellBoth(sides, elections);
});

test("compaction, and what it forbids", { skip }, async () => {
  await tellBoth(sides, compaction);
});

test("hashes, alarms, defragmentation", { skip }, async () => {
  await tellBoth(sides, maintenance);
});

test("snapshots are saved", { skip }, async () => {
  await tellBoth(sides, snapshots);
});

test("make-mirror copies from etcd to Althing, and back", { skip }, async () => {
  await tellBoth(sides, (side) => mirror(side, sides.find((one) => one !== side) ?? side));
});

test("health, status and member list, of one endpoint and of all", { skip }, async () => {
  await tellBoth(sides, endpoints);
});

test("leadership is handed on", { skip }, async () => {
  await tellBoth(sides, leadership);
});

test("a learner joins, is promoted, moves and is removed", { skip }, async () => {
  await tellBoth(sides, membership);
});

test("what it prints by itself", { skip }, async () => {
  await tellBoth(sides, alone);
});

test("check perf and check datascale", { skip }, async () => {
  await performance;
  await tellBoth(apart, checkDatascale);
});

test("no command of etcdctl was forgotten", { skip }, () => {
  const env = { ...process.env, ETCDCTL_API: "3" };
  const help = execFileSync("etcdctl", ["--help"], { env, encoding: "utf8" });
  const listed = [...help.matchAll(/^\t([a-z][a-z -]*[a-z])\t/gm)].map(([, name]) => name ?? "");
  assert.ok(listed.length > 40, help);
  // Those that open files of etcd's own and ask no server; the last ones have a story of their own.
  const elsewhere = /^(migrate|snapshot (restore|status)|(auth|role|user) .*)$/;
  const wasTold = (name: string) =>
    [...toldCommands].some((told) => told === name || told.startsWith(`${name} `));
  assert.deepEqual(
    listed.filter((name) => !wasTold(name) && !elsewhere.test(name)),
    [],
  );
});
