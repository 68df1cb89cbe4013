// Locks and elections pass from one to the next on a cluster of three as on one of etcd, while members of both are
// killed and leases run out: the same answers over gRPC and the gateway, the same leaders told to who observes.
//
// ALTHING_DIFFERENTIAL_SEED     only this seed
// ALTHING_DIFFERENTIAL_SUBJECT  "etcd" checks the test itself: etcd against etcd must agree

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Program, protocol, whyMissing } from "../cluster/program.ts";
import { runSuccession, type SuccessionReport } from "./succession-sequence.ts";

const subject: Program =
  process.env["ALTHING_DIFFERENTIAL_SUBJECT"] === "etcd" ? "etcd" : "althing";
const askedSeed = process.env["ALTHING_DIFFERENTIAL_SEED"];
const skip = whyMissing("etcd") ?? whyMissing(subject) ?? false;
const seedsOfGate = protocol === "raft" ? [1, 2] : [2];
const seeds = askedSeed === undefined ? seedsOfGate : [Number(askedSeed)];

test("locks and elections go on as etcd's do while members are killed", { skip }, async (t) => {
  const total: Record<string, number> = {};
  for (const seed of seeds) {
    const report: SuccessionReport = await runSuccession({
      seed,
      steps: 80,
      reference: "etcd",
      subject,
    });
    t.diagnostic(`seed ${seed}: ${JSON.stringify(report)}`);
    for (const [name, count] of Object.entries(report)) total[name] = (total[name] ?? 0) + count;
  }
  if (askedSeed !== undefined) return;
  for (const [name, count] of Object.entries(total)) assert.ok(count > 0, `no ${name}`);
});
