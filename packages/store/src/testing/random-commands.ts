// Random commands and ranges over few keys and revisions, so that they meet. No txn here breaks the
// duplicate rule: that rule has tests of its own.

import type { Command, Compare, EventsRequest, RangeOp, TxnCommand, TxnOp } from "../contract.ts";
import { compare, compareValue, del, put, range, txn } from "./commands.ts";

/** A small generator of its own: the same seed, the same commands, anywhere. */
export function createRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Random = (below: number) => number;

const keys = ["a", "a\0", "ab", "b", "c", "c\xff", "d", "\xff"];
/** One is negative: ids are signed. */
export const leases = [5n, 6n, 7n, -8n, 0x7fffffffffffffffn] as const;
const ends = ["", "", "", "\0", "b", "c", "d", "a", "\xff\xff"];

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random(list.length)]!;
}

export function randomRange(random: Random, revision: number): RangeOp {
  const bound = (): number => (random(4) === 0 ? random(revision + 2) : 0);
  return range(pick(random, keys), pick(random, ends), {
    limit: pick(random, [0, 0, 1, 2, 3, -1]),
    revision: random(2) === 0 ? 0 : random(revision + 3),
    sortOrder: pick(random, ["none", "none", "ascend", "descend"]),
    sortTarget: pick(random, ["key", "key", "version", "create", "mod", "value"]),
    keysOnly: random(5) === 0,
    countOnly: random(8) === 0,
    minModRevision: bound(),
    maxModRevision: bound(),
    minCreateRevision: bound(),
    maxCreateRevision: bound(),
  });
}

export function randomCommand(random: Random, revision: number): Command {
  const choice = random(24);
  if (choice < 9) return randomPut(random);
  if (choice < 12) return del(pick(random, keys), pick(random, ends), random(2) === 0);
  if (choice < 19) return randomTxn(random, revision, 0);
  if (choice < 23) return randomLease(random);
  return { kind: "compact", revision: random(revision + 2) };
}

function randomLease(random: Random): Command {
  const lease = pick(random, leases);
  const ttlSeconds = random(30) === 0 ? 9_000_000_001 : 1 + random(100);
  const kind = random(7);
  if (kind < 4) return { kind: "leaseGrant", lease, ttlSeconds };
  if (kind < 6) return { kind: "leaseRevoke", lease };
  const more = { lease: pick(random, leases), remainingSeconds: random(50) };
  return {
    kind: "leaseCheckpoint",
    leases: [{ lease, remainingSeconds: random(200) }, more],
  };
}

export function randomEvents(random: Random, revision: number): EventsRequest {
  return {
    key: pick(random, keys),
    rangeEnd: pick(random, ends),
    fromRevision: 1 + random(revision + 2),
    prevKv: random(2) === 0,
    eventsMax: 1 + random(5),
  };
}

function randomPut(random: Random): Command & { kind: "put" } {
  const ignoreValue = random(8) === 0;
  return put(pick(random, keys), ignoreValue ? "" : `v${random(5)}`, {
    prevKv: random(2) === 0,
    ignoreValue,
    ignoreLease: random(10) === 0,
    lease: random(4) === 0 ? pick(random, leases) : 0n,
  });
}

function randomCompare(random: Random, revision: number): Compare {
  const result = pick(random, ["equal", "notEqual", "greater", "less", "unknown"] as const);
  const key = pick(random, keys);
  const end = pick(random, ends);
  if (random(4) === 0) return compareValue(key, result, `v${random(5)}`, end);
  if (random(6) === 0) {
    return { key, rangeEnd: end, target: "lease", result, value: pick(random, [0n, ...leases]) };
  }
  const target = pick(random, ["version", "create", "mod"] as const);
  return compare(key, target, result, random(target === "version" ? 4 : revision + 2), end);
}

function randomTxn(random: Random, revision: number, depth: number): TxnCommand {
  const compares = Array.from({ length: random(3) }, () => randomCompare(random, revision));
  const branch = (): TxnOp[] => {
    // Either puts of distinct keys or deletes: nothing that overlaps.
    const free = new Set(keys);
    const writes = random(3);
    const nestedAt = depth < 2 && random(3) === 0 ? 0 : -1;
    const ops: TxnOp[] = [];
    for (let i = 0; i < random(5); i++) {
      if (i === nestedAt) {
        const inner = randomTxn(random, revision, depth + 1);
        if (!writesAnything(inner)) ops.push(inner);
      }
      if (random(2) === 0) ops.push(randomRange(random, revision));
      else if (writes === 0) ops.push(del(pick(random, keys), pick(random, ends), true));
      else {
        const op = randomPut(random);
        if (free.delete(op.key))
          ops.push(random(4) === 0 && !op.ignoreLease ? op : { ...op, lease: 0n });
      }
    }
    return ops;
  };
  return txn(compares, branch(), branch());
}

function writesAnything(inner: TxnCommand): boolean {
  return [...inner.success, ...inner.failure].some(
    (op) =>
      op.kind === "put" || op.kind === "deleteRange" || (op.kind === "txn" && writesAnything(op)),
  );
}
