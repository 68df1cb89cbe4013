// Data directories that an earlier commit made (080d3d2, the memory engine): one whose process was killed, so
// that its log is all there is, and one that was stopped, with a checkpoint. They open, and say what they said.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { Althing } from "./embedded.ts";

const packed = new URL("testdata/directories-of-november-2026.json", import.meta.url);
const directories = JSON.parse(readFileSync(packed, "utf8")) as Record<
  "killed" | "stopped",
  Record<string, string>
>;
const folder = mkdtempSync(join(tmpdir(), "althing-older-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function unpacked(how: "killed" | "stopped"): string {
  const dataDir = join(folder, how);
  for (const [name, content] of Object.entries(directories[how])) {
    const path = join(dataDir, name);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, gunzipSync(Buffer.from(content, "base64")), { mode: 0o600 });
  }
  // Ours begin with a lock.
  writeFileSync(join(dataDir, "lock"), "", { mode: 0o600 });
  return dataDir;
}

for (const how of ["killed", "stopped"] as const) {
  test(`a directory whose process was ${how} opens as it was left`, async () => {
    const dataDir = unpacked(how);
    // The second time from what this version wrote.
    for (let time = 1; time <= 2; time++) {
      await using althing = await Althing.open({ dataDir, engine: "memory" });
      const { member, store } = althing.server;
      const entry = await althing.get("greeting");
      assert.deepEqual([entry?.text, entry?.version], ["hello again", 2]);
      assert.equal(store.lease(7n)?.ttlSeconds, 1_000_000);
      assert.deepEqual(
        member.roster().map(({ name, incarnation }) => [name, incarnation]),
        [["default", "amdL7x-9s3Hy661lH4eK4APRILHJ-xqFpLPem-LC7qM"]],
      );
      assert.deepEqual([store.revision, store.compactRevision], [3, -1]);
    }
  });
}
