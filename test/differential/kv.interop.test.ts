// Althing answers random sequences of key-value operations exactly as real etcd does: every field that is not an
// id, every error's code and text.
//
// ALTHING_DIFFERENTIAL_SECONDS  how long (default 60, half of it for each other protocol)
// ALTHING_DIFFERENTIAL_SEED     only this seed; "random" begins at a random one
// ALTHING_DIFFERENTIAL_SUBJECT  "etcd" checks the test itself: etcd against etcd must agree

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Program, protocol, whyMissing } from "../cluster/program.ts";
import { runSequence } from "./sequence.ts";

const subject: Program =
  process.env["ALTHING_DIFFERENTIAL_SUBJECT"] === "etcd" ? "etcd" : "althing";
const askedSeed = process.env["ALTHING_DIFFERENTIAL_SEED"];
const seconds = Number(
  process.env["ALTHING_DIFFERENTIAL_SECONDS"] ?? (protocol === "raft" ? 60 : 30),
);
const skip = whyMissing("etcd") ?? whyMissing(subject) ?? false;

const firstSeed = askedSeed === "random" ? Math.floor(Math.random() * 1e9) : Number(askedSeed ?? 1);
const isSingle = askedSeed !== undefined && askedSeed !== "random";

for (const members of [1, 3]) {
  test(`every answer equals etcd's, ${members} member(s)`, { skip }, async (t) => {
    const deadline = performance.now() + (seconds * 1000) / 2;
    let seed = firstSeed;
    do {
      const report = await runSequence({
        seed,
        operations: members === 1 ? 3000 : 1000,
        members,
        reference: "etcd",
        subject,
      });
      t.diagnostic(`seed ${seed}: ${JSON.stringify(report)}`);
      // A sequence that only fails, or writes nothing, compares nothing.
      assert.ok(report.errors < report.operations / 2, "most operations succeed");
      assert.ok(report.revision > report.operations / 4, "the store is written to");
      seed += 1;
    } while (!isSingle && performance.now() < deadline);
  });
}
