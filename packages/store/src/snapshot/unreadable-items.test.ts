// A snapshot whose chunks verify and whose items nobody can read: it is refused as damaged, item named, by the restore
// and by whoever founds a new cluster from it, and the state stays as it was.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import { openStore } from "../store.ts";
import { put } from "../testing/commands.ts";
import { applyAll } from "../testing/driver.ts";
import { ChunkEncoder, SnapshotDamaged } from "./format.ts";
import { SnapshotRefounder } from "./refound.ts";

const point = { index: 9, epoch: 1, proposer: "", meta: new Uint8Array(0) };
const head = { point, revision: 5, compactRevision: -1, hash: 1 };
const bytes = (text: string) => Buffer.from(text, "latin1");

type Fill = (encoder: ChunkEncoder) => void;
const unreadable: Readonly<Record<string, Fill>> = {
  "a record that is none": (encoder) => encoder.record(2, 0, bytes("\x0b\x01k")),
  "a record that ends early": (encoder) => encoder.record(2, 0, bytes("\x0a\x05k")),
  "an unknown alarm": (encoder) => encoder.entry("alarm", "fire/a", bytes("")),
  "a member that is no command": (encoder) => encoder.entry("member", "a", bytes("\xff")),
  "a lease of no number": (encoder) => encoder.entry("lease", "xyz", bytes("")),
  "a lease without its time": (encoder) => encoder.entry("lease", "01", bytes("\x01")),
  "an unknown entry of auth": (encoder) => encoder.entry("auth", "?", bytes("\x01")),
  "a table of another version": (encoder) => encoder.entry("else", "a", bytes("")),
};

for (const [what, fill] of Object.entries(unreadable)) {
  test(`${what}: damaged, and nothing is installed`, () => {
    const store = openStore({ engine: createMemoryEngine() });
    applyAll(store, [put("a", "1")]);
    const before = store.stateHash();
    const encoder = new ChunkEncoder();
    const first = encoder.head(head);
    fill(encoder);
    const body = encoder.body();
    const writer = store.beginRestore();
    writer.write(first);
    assert.throws(() => writer.write(body), SnapshotDamaged);
    writer.abort();
    assert.deepEqual(store.stateHash(), before);
  });
}

test("a lease that cannot be read is damage to whoever founds a new cluster, too", () => {
  const encoder = new ChunkEncoder();
  const refounder = new SnapshotRefounder({ point, revisionsSkipped: 0, compacted: false });
  refounder.write(encoder.head(head));
  encoder.entry("lease", "01", bytes("\x01"));
  const body = encoder.body();
  assert.throws(() => refounder.write(body), SnapshotDamaged);
});
