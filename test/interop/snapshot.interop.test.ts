// The command against etcd: a snapshot of etcd's is not one that it could restore from, and it says so.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { althing } from "../../packages/althing/src/cli/testing/althing-process.ts";
import { Cluster } from "../cluster/cluster.ts";
import { whyMissing } from "../cluster/program.ts";

const skip = ["etcd", "althing"].map(whyMissing).find((why) => why !== undefined) ?? false;

test("a snapshot of etcd's is refused by its name, and nothing is saved", { skip }, async () => {
  await using cluster = await Cluster.start({ program: "etcd", members: 1 });
  const path = join(cluster.folder, "backup.db");
  const endpoint = cluster.member(0).spec.clientUrl;
  const { code, err } = await althing(["snapshot", "save", path, "--endpoints", endpoint]);
  assert.equal(code, 1);
  assert.match(err, /no snapshot of Althing's but a database of etcd's: nothing is saved/);
  assert.equal(existsSync(path), false);
});
