// What the engine keeps in memory for a disk that has not taken it yet is counted, so that it can be bounded.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { batchRecordsMax } from "../blocks/write-behind.ts";
import { emptyHead } from "../engine/port.ts";
import { openDiskEngine } from "./disk-engine.ts";

test("what waits for the disk is counted until the disk has it, sealed or not", async () => {
  const directory = mkdtempSync(join(tmpdir(), "althing-store-"));
  const engine = openDiskEngine({ directory, commitDelayMs: 60_000 });
  const record = new Uint8Array(100);
  let revision = 0;
  const commit = (count: number): void => {
    for (let i = 0; i < count; i++) {
      revision++;
      engine.append(revision, 0, record);
      engine.commit({
        ...emptyHead,
        revision,
        point: { index: revision, epoch: 1, proposer: "a", meta: new Uint8Array(0) },
      });
    }
  };
  assert.equal(engine.unwrittenBytes, 0);
  commit(10);
  assert.equal(engine.unwrittenBytes, 1000);
  // The first batch is being written: nothing is on the disk before this turn ends.
  commit(2 * batchRecordsMax);
  assert.equal(engine.unwrittenBytes, 1000 + 2 * batchRecordsMax * 100);
  engine.put("leases", "one", new Uint8Array(50));
  engine.remove(1, 0, 0);
  assert.ok(engine.unwrittenBytes > 1050 + 2 * batchRecordsMax * 100);
  commit(1);
  await new Promise<void>((resolve, reject) => {
    engine.flush((error) => (error === undefined ? resolve() : reject(error)));
  });
  assert.equal(engine.unwrittenBytes, 0);
  await new Promise<void>((done) => engine.close(done));
  rmSync(directory, { recursive: true });
});
