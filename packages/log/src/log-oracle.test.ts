// Random appends, truncations, compactions, resets, crashes and restarts against a model so simple
// that it is plainly right: a list of the states after each request. After a crash the log is one of
// them, and not an older one than the last acknowledged. The seed is printed by fast-check.

import { deepEqual, ok } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Log, type LogEntry, MemoryDisk } from "./index.ts";
import {
  baseAt,
  type Contents,
  contentsOf,
  describeEntry,
  entryAt,
  recover,
} from "./testing/log-harness.ts";

interface Model {
  state: number[] | undefined;
  base: number;
  entries: Map<number, LogEntry>;
}

type Step =
  | { kind: "append"; index: number; count: number; epoch: number; bytes: number; state: boolean }
  | { kind: "truncate"; from: number; epoch: number }
  | { kind: "compact" | "reset"; index: number }
  | { kind: "run"; steps: number }
  | { kind: "crash"; seed: number }
  | { kind: "restart" };

const index = fc.integer({ min: 1, max: 30 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      index,
      count: fc.integer({ min: 0, max: 4 }),
      epoch: fc.integer({ min: 1, max: 9 }),
      bytes: fc.oneof(fc.integer({ min: 0, max: 90 }), fc.integer({ min: 400, max: 5000 })),
      state: fc.boolean(),
    }),
  },
  fc.record({ kind: fc.constant("truncate" as const), from: index, epoch: fc.nat(9) }),
  fc.record({ kind: fc.constantFrom("compact" as const, "reset" as const), index }),
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("run" as const), steps: fc.nat(6) }) },
  fc.record({ kind: fc.constant("crash" as const), seed: fc.nat() }),
  fc.record({ kind: fc.constant("restart" as const) }),
);

test("after any history and any crash, the log is a state it had, not older than acknowledged", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 512, max: 6000 }), check),
    { numRuns: 400 },
  );
});

function check(steps: readonly Step[], segmentBytes: number): void {
  const disk = new MemoryDisk();
  let log = recover(disk, { segmentBytes });
  let model: Model = { state: undefined, base: 0, entries: new Map() };
  let history: Contents[] = [contentsOfModel(model)];
  let acknowledged = 0;
  const request = (send: (log: Log, done: () => void) => void) => {
    history.push(contentsOfModel(model));
    const position = history.length - 1;
    const own = history;
    send(log, () => {
      if (own !== history) return;
      ok(acknowledged === position - 1, "acknowledged in order");
      acknowledged = position;
    });
  };
  for (const one of steps) {
    if (one.kind === "append") {
      const entries = Array.from({ length: one.count }, (_, at) =>
        entryAt(one.index + at, one.epoch, one.bytes),
      );
      model = append(model, entries, undefined, one.state ? [one.epoch, one.index] : undefined);
      const state = one.state ? { state: Uint8Array.of(one.epoch, one.index) } : {};
      request((it, done) => it.append({ entries, ...state }, done));
    } else if (one.kind === "truncate") {
      const entries = one.epoch > 4 ? [entryAt(one.from, one.epoch)] : [];
      model = append(model, entries, one.from, undefined);
      request((it, done) => it.append({ truncateFrom: one.from, entries }, done));
    } else if (one.kind === "compact" || one.kind === "reset") {
      const { kind } = one;
      model = rebase(model, kind, one.index);
      request((it, done) => it[kind](baseAt(one.index), done));
    } else if (one.kind === "run") disk.run(one.steps);
    else {
      let seed = one.kind === "crash" ? one.seed : 0;
      if (one.kind === "restart") disk.killProcess();
      else {
        const keep = () => {
          seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
          return (seed & 0x10000) !== 0;
        };
        disk.crash({ keep });
      }
      log = recover(disk, { segmentBytes });
      const found = contentsOf(log.recovered);
      const at = history.findLastIndex((past) => JSON.stringify(past) === JSON.stringify(found));
      ok(at >= acknowledged, `recovered ${at}, acknowledged ${acknowledged} of ${history.length}`);
      model = modelOf(log);
      history = [found];
      acknowledged = 0;
    }
  }
  disk.run();
  deepEqual(acknowledged, history.length - 1);
  disk.crash({ keep: "none" });
  deepEqual(contentsOf(recover(disk, { segmentBytes }).recovered), history.at(-1));
}

function append(
  model: Model,
  added: readonly LogEntry[],
  truncateFrom: number | undefined,
  state: number[] | undefined,
): Model {
  const entries = new Map(model.entries);
  if (truncateFrom !== undefined) {
    for (const at of model.entries.keys()) if (at >= truncateFrom) entries.delete(at);
  }
  for (const entry of added) if (entry.index > model.base) entries.set(entry.index, entry);
  return { ...model, entries, state: state ?? model.state };
}

function rebase(model: Model, kind: "compact" | "reset", at: number): Model {
  if (kind === "reset") return { ...model, base: at, entries: new Map() };
  if (at <= model.base) return model;
  const kept = [...model.entries].filter(([index]) => index > at);
  return { ...model, base: at, entries: new Map(kept) };
}

function contentsOfModel({ state, base, entries }: Model): Contents {
  const sorted = [...entries.values()].sort((left, right) => left.index - right.index);
  return { state, base, entries: sorted.map(describeEntry) };
}

function modelOf({ recovered }: Log): Model {
  return {
    state: recovered.state === undefined ? undefined : [...recovered.state],
    base: recovered.base.index,
    entries: new Map(recovered.entries.map((entry) => [entry.index, entry])),
  };
}
