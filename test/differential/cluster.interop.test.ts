// A cluster of three answers as one of etcd does while members of both are killed and come back: key-value
// operations, leases, watches, authentication, and transactions that mix them, asked of any member.
//
// ALTHING_DIFFERENTIAL_SECONDS  how long (default: the fixed seeds)
// ALTHING_DIFFERENTIAL_SEED     only this seed; "random" begins at a random one
// ALTHING_DIFFERENTIAL_SUBJECT  "etcd" checks the test itself: etcd against etcd must agree

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Program, protocol, whyMissing } from "../cluster/program.ts";
import { type ClusterSequenceReport, runClusterSequence } from "./cluster-sequence.ts";
import { Interrupted } from "./side.ts";

const subject: Program =
  process.env["ALTHING_DIFFERENTIAL_SUBJECT"] === "etcd" ? "etcd" : "althing";
const askedSeed = process.env["ALTHING_DIFFERENTIAL_SEED"];
const seconds = process.env["ALTHING_DIFFERENTIAL_SECONDS"];
const skip = whyMissing("etcd") ?? whyMissing(subject) ?? false;

const firstSeed = askedSeed === "random" ? Math.floor(Math.random() * 1e9) : Number(askedSeed ?? 1);
const isSingle = askedSeed !== undefined && askedSeed !== "random";
const seedsOfGate = protocol === "raft" ? 5 : 3;
/** A machine that stalls may cost both clusters their leader at any step: then there is nothing to compare. */
const attemptsMax = 3;

test("a cluster whose members are killed answers as etcd's does", { skip }, async (t) => {
  const deadline = performance.now() + Number(seconds ?? 0) * 1000;
  const isDone = (seed: number) => {
    if (isSingle) return seed > firstSeed;
    return seconds === undefined ? seed >= firstSeed + seedsOfGate : performance.now() > deadline;
  };
  const total = { kills: 0, events: 0, resumed: 0, leases: 0, denied: 0 };
  for (let seed = firstSeed; !isDone(seed); seed++) {
    const report = await attempt(seed, (why) => t.diagnostic(why));
    t.diagnostic(`seed ${seed}: ${JSON.stringify(report)}`);
    // A sequence that only fails, or writes nothing, compares nothing.
    assert.ok(report.errors < report.steps * 0.75, "many operations succeed");
    assert.ok(report.revision > 10, "the store is written to");
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += report[name];
  }
  if (!isSingle)
    for (const [name, count] of Object.entries(total)) assert.ok(count > 0, `no ${name}`);
});

async function attempt(seed: number, tell: (why: string) => void): Promise<ClusterSequenceReport> {
  for (let i = 1; ; i++) {
    try {
      return await runClusterSequence({ seed, steps: 200, reference: "etcd", subject });
    } catch (error) {
      if (!(error instanceof Interrupted) || i === attemptsMax) throw error;
      tell(`interrupted, once more: ${error.message.slice(0, 500)}`);
    }
  }
}
