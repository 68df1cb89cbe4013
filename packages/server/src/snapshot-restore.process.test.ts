// A restore on a disk that is really full (a small tmpfs) is refused with the directory's name, and leaves
// it empty for the next attempt.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createMemoryEngine, encodeCommand, openStore } from "@althing/store";
import { defaultConfig } from "./config/config.ts";
import { snapshotFrame, snapshotPadding, snapshotPreamble } from "./snapshot-file.ts";
import { restoreSnapshot } from "./snapshot-restore.ts";

/** Of five megabytes. */
function writeSnapshot(path: string): void {
  const store = openStore({ engine: createMemoryEngine() });
  const flags = { lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false };
  for (let index = 1; index <= 50; index++) {
    const put = { kind: "put", key: `k${index}`, value: randomBytes(100_000), ...flags } as const;
    store.apply(encodeCommand(put), { index, epoch: 1, proposer: "", leaderTimeMs: 0 });
  }
  const parts: Uint8Array[] = [snapshotPreamble()];
  const reader = store.openSnapshot();
  for (let chunk = reader.next(); chunk !== undefined; chunk = reader.next()) {
    parts.push(snapshotFrame(chunk));
  }
  const body = Buffer.concat(parts);
  const padded = Buffer.concat([body, snapshotPadding(body.length)]);
  writeFileSync(path, Buffer.concat([padded, createHash("sha256").update(padded).digest()]));
}

for (const engine of ["disk", "memory"] as const) {
  test(`a full disk ends a restore into the ${engine} engine and keeps nothing of it`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "althing-full-"));
    const small = mkdtempSync(join(tmpdir(), "althing-small-"));
    t.after(() => rmSync(folder, { recursive: true }));
    try {
      const options = ["-t", "tmpfs", "-o", "size=2m", "none", small];
      execFileSync("mount", options, { stdio: "ignore" });
    } catch {
      rmSync(small, { recursive: true });
      t.skip("missing: the right to mount a tmpfs");
      return;
    }
    t.after(() => {
      execFileSync("umount", ["-l", small]);
      rmSync(small, { recursive: true });
    });
    const path = join(folder, "snapshot");
    writeSnapshot(path);
    const dataDir = join(small, "data");
    const config = defaultConfig({ dataDir, engine });
    await assert.rejects(restoreSnapshot({ path, config }), {
      name: "DataDirectoryError",
      code: "unusable",
      path: dataDir,
    });
    const left = readdirSync(dataDir).filter((name) => !name.startsWith("lock"));
    assert.deepEqual(left, []);
  });
}
