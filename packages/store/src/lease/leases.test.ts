import assert from "node:assert/strict";
import { test } from "node:test";
import type { LeaseChange, Result } from "../contract.ts";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import { KeyTree } from "../mvcc/key-tree.ts";
import { type OpenedStore, openStore } from "../store.ts";
import { del, put, range, txn } from "../testing/commands.ts";
import { applyAll, applyOne, snapshotOf } from "../testing/driver.ts";

function opened(): OpenedStore {
  return openStore({ engine: createMemoryEngine() });
}

function grant(lease: bigint, ttlSeconds = 10) {
  return { kind: "leaseGrant", lease, ttlSeconds } as const;
}

function revoke(lease: bigint) {
  return { kind: "leaseRevoke", lease } as const;
}

function codes(results: readonly Result[]): string[] {
  return results.map((result) => (result.kind === "error" ? result.code : result.kind));
}

function liveKeys(store: OpenedStore): string[] {
  const found = store.range(range("\0", "\0", { keysOnly: true }));
  return found.kind === "range" ? found.kvs.map(({ key }) => key) : [];
}

test("a revoke deletes the attached keys in one revision, sorted, and no others", () => {
  const store = opened();
  applyAll(store, [
    grant(1n),
    grant(2n),
    put("c", "", { lease: 1n }),
    put("a", "", { lease: 1n }),
    put("b", "", { lease: 2n }),
    put("free"),
  ]);
  assert.deepEqual(store.leaseKeys(1n), ["a", "c"]);
  assert.deepEqual(applyOne(store, revoke(1n)), { kind: "done", revision: 6 });
  assert.equal(store.revision, 6);
  assert.deepEqual(liveKeys(store), ["b", "free"]);
  const events = store.readEvents({
    key: "\0",
    rangeEnd: "\0",
    fromRevision: 6,
    prevKv: false,
    eventsMax: 10,
  });
  assert.ok(events.kind === "events");
  assert.deepEqual(
    events.events.map(({ type, kv }) => [type, kv.key, kv.modRevision]),
    [
      ["delete", "a", 6],
      ["delete", "c", 6],
    ],
  );
});

test("a revoke finds its keys among those of other leases and of none, few or many, in key order", () => {
  const name = (i: number) => `k${1000 + i}`;
  const mine = [700, 20, 310, 21, 22];
  for (const [others, step] of [
    [0, 1],
    [40, 10],
    [900, 1],
  ] as const) {
    const store = opened();
    applyAll(store, [grant(1n), grant(2n)]);
    for (let i = 0; i < others; i++) {
      applyOne(store, put(name(i * step), "", i % 3 === 0 ? { lease: 2n } : {}));
    }
    for (const i of mine) applyOne(store, put(name(i), "", { lease: 1n }));
    const left = liveKeys(store).filter((key) => !mine.map(name).includes(key));
    const attached = store.leaseKeys(2n);
    applyOne(store, revoke(1n));
    const at = { key: "\0", rangeEnd: "\0", prevKv: false, eventsMax: 10 };
    const told = store.readEvents({ ...at, fromRevision: store.revision });
    assert.ok(told.kind === "events");
    assert.deepEqual(
      told.events.map(({ type, kv }) => `${type} ${kv.key}`),
      [...mine].sort((a, b) => a - b).map((i) => `delete ${name(i)}`),
    );
    assert.deepEqual(liveKeys(store), left);
    assert.deepEqual([store.leaseKeys(1n), store.leaseKeys(2n)], [[], attached]);
    applyAll(store, [grant(1n), put(name(20), "", { lease: 1n })]);
    assert.deepEqual(store.leaseKeys(1n), [name(20)]);
  }
});

test("a revoke of thousands of keys looks none of them up by itself", (t) => {
  const store = opened();
  applyOne(store, grant(1n));
  for (let i = 0; i < 5000; i++) {
    applyOne(store, put(`k${10_000 + ((i * 7919) % 5000)}`, "", { lease: 1n }));
  }
  const lookUp = t.mock.method(KeyTree.prototype, "locateBytes");
  applyOne(store, revoke(1n));
  assert.equal(lookUp.mock.callCount(), 0);
  assert.deepEqual(liveKeys(store), []);
});

test("a lease without keys goes without a revision", () => {
  const store = opened();
  applyAll(store, [grant(1n), revoke(1n)]);
  assert.deepEqual([store.revision, store.leases()], [1, []]);
});

test("a key hangs on the lease of its newest version", () => {
  const store = opened();
  const attached = (): string[] => [1n, 2n].map((id) => store.leaseKeys(id).join());
  applyAll(store, [grant(1n), grant(2n), put("k", "", { lease: 1n })]);
  assert.deepEqual(attached(), ["k", ""]);
  applyOne(store, put("k", "", { lease: 2n }));
  assert.deepEqual(attached(), ["", "k"]);
  applyOne(store, put("k", "kept", { ignoreLease: true }));
  assert.deepEqual(attached(), ["", "k"]);
  applyOne(store, put("k"));
  assert.deepEqual(attached(), ["", ""]);
  applyAll(store, [put("k", "", { lease: 1n }), del("k")]);
  assert.deepEqual(attached(), ["", ""]);
  applyOne(store, txn([], [put("k", "", { lease: 2n })]));
  assert.deepEqual(attached(), ["", "k"]);
});

test("refusals: a lease that exists, that does not, a TTL beyond measure, no space", () => {
  const store = opened();
  const alarm = { kind: "alarm", action: "activate", member: "m", alarm: "nospace" } as const;
  const results = applyAll(store, [
    grant(1n),
    grant(1n),
    grant(2n, 9_000_000_001),
    grant(-3n, 9_000_000_000),
    revoke(2n),
    put("k", "", { lease: 2n }),
    alarm,
    grant(4n),
    revoke(1n),
  ]);
  assert.deepEqual(codes(results), [
    "done",
    "leaseExists",
    "leaseTtlTooLarge",
    "done",
    "leaseNotFound",
    "leaseNotFound",
    "done",
    "noSpace",
    "done",
  ]);
});

test("checkpoints carry what is left, ordered by when the leases would end", () => {
  const store = opened();
  const at = (command: Parameters<typeof applyOne>[1], ms: number) => applyOne(store, command, ms);
  at(grant(1n, 100), 1000);
  at(grant(2n, 50), 2000);
  at({ kind: "leaseCheckpoint", leases: [{ lease: 1n, remainingSeconds: 5 }] }, 60_000);
  at({ kind: "leaseCheckpoint", leases: [{ lease: 9n, remainingSeconds: 5 }] }, 61_000);
  const second = { lease: 2n, ttlSeconds: 50, remainingSeconds: 50, asOfMs: 2000 };
  const first = { lease: 1n, ttlSeconds: 100, remainingSeconds: 5, asOfMs: 60_000 };
  assert.deepEqual(store.leases(), [second, first]);
  at({ kind: "leaseCheckpoint", leases: [{ lease: 1n, remainingSeconds: 0 }] }, 70_000);
  assert.deepEqual(store.lease(1n), { ...first, remainingSeconds: 100, asOfMs: 70_000 });
});

test("the observer hears of every change, and of a snapshot that replaces everything", async () => {
  const store = opened();
  const changes: LeaseChange[] = [];
  store.observeLeases((change) => changes.push(change));
  applyOne(store, grant(1n, 9), 500);
  const checkpoint = { lease: 1n, remainingSeconds: 4 };
  applyOne(store, { kind: "leaseCheckpoint", leases: [checkpoint] }, 700);
  applyOne(store, revoke(1n));
  const writer = store.beginRestore();
  for (const chunk of snapshotOf(opened())) writer.write(chunk);
  writer.finish();
  await new Promise<void>((resolve) => writer.install(() => resolve()));
  applyOne(store, grant(2n, 9), 900);
  const state = { lease: 1n, ttlSeconds: 9, remainingSeconds: 9, asOfMs: 500 };
  assert.deepEqual(changes, [
    { kind: "granted", state },
    { kind: "checkpoint", state: { ...state, remainingSeconds: 4, asOfMs: 700 } },
    { kind: "revoked", lease: 1n },
    { kind: "replaced" },
    { kind: "granted", state: { ...state, lease: 2n, asOfMs: 900 } },
  ]);
});
