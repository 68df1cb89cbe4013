// The checkers of those who use the cluster as applications do: each rejects what it is there to reject,
// and nothing that a store really does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { putOf } from "@althing/service";
import {
  type Command,
  createMemoryEngine,
  decodeCommand,
  encodeCommand,
  type OpenedStore,
  openStore,
  type StoreEvent,
} from "@althing/store";
import { encodeValue, Reference } from "../observe/reference.ts";
import { wholeRange } from "../workload/actors/actor.ts";
import { HistoryReads } from "./history-reads.ts";
import { LeaseTime } from "./lease-time.ts";
import { SuccessionOrder } from "./succession.ts";
import { Verdicts } from "./verdicts.ts";
import { WatchDelivery } from "./watch-delivery.ts";

const everything = { key: "\0", rangeEnd: "\0", prevKv: false, puts: true, deletes: true };

/** A store, the reference beside it, and every checker over both. */
class Bench {
  readonly verdicts = new Verdicts(() => {});
  readonly reference = new Reference(this.verdicts);
  readonly store: OpenedStore = openStore({ engine: createMemoryEngine() });
  nowMicros = 0;
  readonly leases = new LeaseTime(this.verdicts, this.reference, () => this.nowMicros, 0.1);
  readonly succession = new SuccessionOrder(this.verdicts, this.reference, () => this.nowMicros);
  readonly history = new HistoryReads(this.verdicts, this.reference);

  apply(command: Command): void {
    const bytes = encodeCommand(command);
    const index = this.store.appliedIndex + 1;
    const result = this.store.apply(bytes, { index, epoch: 1, proposer: "", leaderTimeMs: 0 });
    this.reference.applied("m0", index, bytes, result, decodeCommand);
  }

  put(key: string, value: number): void {
    this.apply(putOf(key, encodeValue(value, 0), 0n));
  }

  remove(key: string): void {
    this.apply({ kind: "deleteRange", key, rangeEnd: "", prevKv: false });
  }

  events(fromRevision: number): readonly StoreEvent[] {
    const piece = this.store.readEvents({ ...everything, fromRevision, eventsMax: 100 });
    assert.equal(piece.kind, "events");
    return piece.kind === "events" ? piece.events : [];
  }

  watch(next: number): WatchDelivery {
    return new WatchDelivery("w", everything, next, this);
  }
}

/** What `act` makes the checkers say. */
function found(act: (bench: Bench) => void): string[] {
  const bench = new Bench();
  act(bench);
  return bench.verdicts.violations.map(({ property }) => property);
}

test("watch: what is missed, told twice, torn, invented, or called compacted too soon", () => {
  const watched = (
    act: (watch: WatchDelivery, events: readonly StoreEvent[], bench: Bench) => void,
  ) =>
    found((bench) => {
      bench.put("k0", 1);
      bench.put("k1", 2);
      bench.remove("k0");
      act(bench.watch(2), bench.events(2), bench);
    });
  assert.deepEqual(
    watched((watch, events) => {
      watch.events(4, events.slice(0, 1));
      watch.events(4, events.slice(1));
      watch.progress(4);
      assert.ok(watch.isComplete(4));
    }),
    [],
  );
  const wrong: ((watch: WatchDelivery, events: readonly StoreEvent[]) => void)[] = [
    (watch, events) => watch.events(4, events.slice(1)),
    (watch, events) => watch.events(4, [...events.slice(0, 1), ...events.slice(0, 1)]),
    (watch, events) => watch.events(4, [...events].reverse()),
    (watch, events) => watch.events(5, events),
    (watch, events) => watch.events(3, events),
    (watch) => watch.progress(4),
    (watch) => watch.compacted(3),
  ];
  for (const act of wrong) assert.deepEqual(watched(act).slice(0, 1), ["watch"], `${act}`);
  const torn = found((bench) => {
    const success = ["k0", "k1"].map((key) => putOf(key, encodeValue(1, 0), 0n));
    bench.apply({ kind: "txn", compares: [], success, failure: [] });
    bench.watch(2).events(2, bench.events(2).slice(0, 1));
  });
  assert.deepEqual(torn, ["watch"]);
});

test("lease: one that ends early, is kept alive when it is gone, or is called gone when it is not", () => {
  const leased = (act: (bench: Bench) => void) =>
    found((bench) => {
      bench.apply({ kind: "leaseGrant", lease: 7n, ttlSeconds: 1 });
      bench.leases.granted(7n, 1, 0);
      act(bench);
    });
  const end = (bench: Bench, atMicros: number) => {
    bench.nowMicros = atMicros;
    bench.apply({ kind: "leaseRevoke", lease: 7n });
  };
  // Clocks may be a tenth fast.
  assert.deepEqual(
    leased((bench) => end(bench, 910_000)),
    [],
  );
  assert.deepEqual(
    leased((bench) => end(bench, 900_000)),
    ["lease"],
  );
  const revoked = leased((bench) => {
    bench.leases.revoking(7n);
    end(bench, 1);
    bench.leases.gone(7n);
  });
  assert.deepEqual(revoked, []);
  const renewed = (endAt: number) =>
    leased((bench) => {
      bench.leases.renewed(7n, 1000, 500_000);
      end(bench, endAt);
    });
  assert.deepEqual(renewed(1_410_000), []);
  assert.deepEqual(renewed(1_400_000), ["lease"]);
  // Also when the answer comes after the end.
  const late = leased((bench) => {
    end(bench, 1_000_000);
    bench.leases.renewed(7n, 1000, 500_000);
  });
  assert.deepEqual(late, ["lease"]);
  const revived = leased((bench) => {
    end(bench, 1_000_000);
    bench.leases.renewed(7n, 1000, 1_000_001);
  });
  assert.deepEqual(revived, ["lease"]);
  assert.deepEqual(
    leased((bench) => bench.leases.gone(7n)),
    ["lease"],
  );
});

test("succession: an owner that was never first, a token held twice, an old token that writes", () => {
  const line = (act: (succession: SuccessionOrder, bench: Bench) => void) =>
    found((bench) => {
      bench.put("lock/a/1", 1);
      bench.put("lock/a/2", 1);
      bench.nowMicros = 10;
      act(bench.succession, bench);
    });
  assert.deepEqual(
    line((succession, bench) => {
      succession.entered({ key: "lock/a/1", token: 2, lease: 0n, revision: 3 });
      succession.owns("lock/a", "lock/a/1", 2, 0);
      succession.observed("lock/a", "lock/a/1", 2, 10);
      bench.remove("lock/a/1");
      succession.owns("lock/a", "lock/a/2", 3, 0);
      succession.expired("lock/a/1", 3);
      bench.put("guarded/a", 2);
      bench.put("guarded/a", 3);
    }),
    [],
  );
  const wrong: ((succession: SuccessionOrder, bench: Bench) => void)[] = [
    (succession) => succession.owns("lock/a", "lock/a/2", 3, 0),
    (succession) => succession.observed("lock/a", "", 0, 10),
    (succession) => succession.entered({ key: "lock/a/2", token: 2, lease: 0n, revision: 3 }),
    (succession) => succession.expired("lock/a/1", 3),
    (_, bench) => {
      bench.put("guarded/a", 3);
      bench.put("guarded/a", 2);
    },
    // Its lease ended while it waited, before the other was gone.
    (succession, bench) => {
      bench.remove("lock/a/2");
      bench.nowMicros = 20;
      bench.remove("lock/a/1");
      succession.owns("lock/a", "lock/a/2", 3, 0);
    },
  ];
  for (const act of wrong) assert.deepEqual(line(act), ["succession"], `${act}`);
});

test("history: another revision than was asked for, a floor that was forgotten, a lease too many", () => {
  const kept = (act: (history: HistoryReads, bench: Bench) => void) =>
    found((bench) => {
      bench.put("k0", 1);
      bench.put("k0", 2);
      bench.put("k1", 3);
      bench.apply({ kind: "compact", revision: 3 });
      bench.apply({ kind: "leaseGrant", lease: 7n, ttlSeconds: 1 });
      act(bench.history, bench);
    });
  const at = (revision: number) => ({ ...wholeRange, revision });
  assert.deepEqual(
    kept((history, { store }) => {
      for (const revision of [0, 1, 2, 3, 4, 5]) {
        history.read("m0", revision, store, store.range(at(revision)));
      }
      history.stands("m0", store);
    }),
    [],
  );
  const wrong: ((history: HistoryReads, bench: Bench) => void)[] = [
    (history, { store }) => history.read("m0", 3, store, store.range(at(4))),
    (history, { store }) => history.read("m0", 2, store, store.range(at(3))),
    (history, { store }) => {
      const { appliedIndex, revision } = store;
      history.stands("m0", { ...withLeases(store), appliedIndex, revision, compactRevision: -1 });
    },
    (history, { store }) => {
      const { appliedIndex, revision, compactRevision } = store;
      const leases = { ...withLeases(store), leases: () => [] };
      history.stands("m0", { ...leases, appliedIndex, revision, compactRevision });
    },
  ];
  for (const act of wrong) assert.deepEqual(kept(act), ["history"], `${act}`);
});

function withLeases(store: OpenedStore) {
  return {
    lease: (lease: bigint) => store.lease(lease),
    leases: () => store.leases(),
    leaseEnds: () => store.leaseEnds(),
    leaseKeys: (lease: bigint) => store.leaseKeys(lease),
    observeLeases: () => {},
  };
}
