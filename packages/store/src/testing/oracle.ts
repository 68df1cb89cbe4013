// The store's semantics once more, written as plainly as possible: a list of all versions, searched
// from end to end. Slow and obvious. It shares no code with the store but the types.

import type {
  Command,
  Compare,
  EventsRequest,
  Key,
  KeyValue,
  LeaseState,
  RangeRequest,
  Result,
  StoreErrorCode,
  StoreEvent,
  TxnCommand,
  TxnOp,
} from "../contract.ts";

interface Version {
  readonly kv: KeyValue;
  readonly deleted: boolean;
}

class Refused extends Error {
  readonly code: StoreErrorCode;
  constructor(code: StoreErrorCode) {
    super(code);
    this.code = code;
  }
}

export class Oracle {
  versions: Version[] = [];
  revision = 1;
  compactRevision = -1;
  leases = new Map<bigint, LeaseState>();
  #writing = 0;

  apply(command: Command, leaderTimeMs = 0): Result {
    const before = { versions: [...this.versions], revision: this.revision };
    this.#writing = 0;
    try {
      const result = this.#run(command, leaderTimeMs);
      if (this.#writing > 0) this.revision++;
      this.#writing = 0;
      return result;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#writing = 0;
      this.versions = before.versions;
      return { kind: "error", revision: before.revision, code: error.code };
    }
  }

  range(request: RangeRequest): Result {
    try {
      return this.#range(request);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { kind: "error", revision: this.revision, code: error.code };
    }
  }

  leaseKeys(lease: bigint): Key[] {
    const all = this.#visible("\0", "\0", Number.POSITIVE_INFINITY);
    return all.filter((kv) => kv.lease === lease).map((kv) => kv.key);
  }

  /** Every change from a revision on. The state at a revision is found by looking back each time. */
  events(request: EventsRequest): StoreEvent[] | "compacted" {
    if (request.fromRevision < this.compactRevision) return "compacted";
    const events: StoreEvent[] = [];
    this.versions.forEach(({ kv, deleted }) => {
      const main = kv.modRevision;
      if (main < request.fromRevision || !covers(request, kv.key)) return;
      const isCreation = !deleted && kv.createRevision === main;
      const previous = this.#visible(kv.key, "", main - 1)[0];
      const wanted = request.prevKv && !isCreation && main - 1 >= this.compactRevision;
      const gone = { createRevision: 0, version: 0, lease: 0n, value: new Uint8Array(0) };
      // At the floor itself, only what was not replaced within its own revision is still known.
      const last = this.versions.findLast(
        (v) => v.kv.key === kv.key && v.kv.modRevision === main,
      )!.kv;
      if (main === this.compactRevision && last !== kv) return;
      events.push({
        type: deleted ? "delete" : "put",
        kv: deleted ? { ...kv, ...gone } : kv,
        prevKv: wanted ? previous : undefined,
      });
    });
    return events;
  }

  #now(): number {
    return this.revision + (this.#writing > 0 ? 1 : 0);
  }

  #run(command: Command, leaderTimeMs: number): Result {
    switch (command.kind) {
      case "put":
        if (command.key === "") throw new Refused("keyEmpty");
        if (command.ignoreValue && command.value.length > 0) throw new Refused("valueProvided");
        if (command.ignoreLease && command.lease !== 0n) throw new Refused("leaseProvided");
        if (command.lease !== 0n && !this.leases.has(command.lease)) {
          throw new Refused("leaseNotFound");
        }
        this.#needsKey(command);
        return this.#op(command);
      case "deleteRange":
        if (command.key === "") throw new Refused("keyEmpty");
        return this.#op(command);
      case "txn": {
        const taken = new Map<TxnCommand, boolean>();
        this.#resolve(command, taken);
        this.#check(command, taken, "put");
        this.#check(command, taken, "range");
        return this.#txn(command, taken);
      }
      case "compact":
        if (command.revision <= this.compactRevision) throw new Refused("compacted");
        if (command.revision > this.revision) throw new Refused("futureRevision");
        this.compactRevision = command.revision;
        return { kind: "compact", revision: this.revision };
      case "leaseGrant": {
        const { lease, ttlSeconds } = command;
        if (ttlSeconds > 9_000_000_000) throw new Refused("leaseTtlTooLarge");
        if (this.leases.has(lease)) throw new Refused("leaseExists");
        const state = { lease, ttlSeconds, remainingSeconds: ttlSeconds, asOfMs: leaderTimeMs };
        this.leases.set(lease, state);
        return { kind: "done", revision: this.revision };
      }
      case "leaseRevoke":
        if (!this.leases.delete(command.lease)) throw new Refused("leaseNotFound");
        for (const key of this.leaseKeys(command.lease)) {
          this.#op({ kind: "deleteRange", key, rangeEnd: "", prevKv: false });
        }
        return { kind: "done", revision: this.#now() };
      case "leaseCheckpoint":
        for (const { lease, remainingSeconds } of command.leases) {
          const { ttlSeconds } = this.leases.get(lease) ?? {};
          if (ttlSeconds === undefined) continue;
          const left = remainingSeconds === 0 ? ttlSeconds : Math.min(remainingSeconds, ttlSeconds);
          this.leases.set(lease, {
            lease,
            ttlSeconds,
            remainingSeconds: left,
            asOfMs: leaderTimeMs,
          });
        }
        return { kind: "done", revision: this.revision };
      default:
        return { kind: "done", revision: this.revision };
    }
  }

  #needsKey(op: { key: Key; ignoreValue: boolean; ignoreLease: boolean }): void {
    if ((op.ignoreValue || op.ignoreLease) && this.#live(op.key) === undefined) {
      throw new Refused("keyNotFound");
    }
  }

  #resolve(txn: TxnCommand, taken: Map<TxnCommand, boolean>): void {
    const succeeded = txn.compares.every((compare) => this.#holds(compare));
    taken.set(txn, succeeded);
    for (const op of succeeded ? txn.success : txn.failure) {
      if (op.kind === "txn") this.#resolve(op, taken);
    }
  }

  #check(txn: TxnCommand, taken: Map<TxnCommand, boolean>, kind: "put" | "range"): void {
    for (const op of taken.get(txn) ? txn.success : txn.failure) {
      if (op.kind === "txn") this.#check(op, taken, kind);
      if (op.kind === "put" && kind === "put") {
        this.#needsKey(op);
        if (op.lease !== 0n && !this.leases.has(op.lease)) throw new Refused("leaseNotFound");
      }
      if (op.kind === "range" && kind === "range" && op.revision !== 0) {
        if (op.revision > this.revision) throw new Refused("futureRevision");
        if (op.revision < this.compactRevision) throw new Refused("compacted");
      }
    }
  }

  #txn(txn: TxnCommand, taken: Map<TxnCommand, boolean>): Extract<Result, { kind: "txn" }> {
    const succeeded = taken.get(txn)!;
    const responses = (succeeded ? txn.success : txn.failure).map((op) =>
      op.kind === "txn" ? this.#txn(op, taken) : (this.#op(op) as never),
    );
    return { kind: "txn", revision: this.#now(), succeeded, responses };
  }

  #op(op: Exclude<TxnOp, TxnCommand>): Result {
    if (op.kind === "range") return this.#range(op);
    if (op.kind === "put") {
      const previous = this.#live(op.key);
      const main = this.revision + 1;
      const kv: KeyValue = {
        key: op.key,
        createRevision: previous?.createRevision ?? main,
        modRevision: main,
        version: (previous?.version ?? 0) + 1,
        lease: op.ignoreLease ? (previous?.lease ?? 0n) : op.lease,
        value: op.ignoreValue ? previous!.value : op.value,
      };
      this.versions.push({ kv, deleted: false });
      this.#writing++;
      return { kind: "put", revision: this.#now(), prevKv: op.prevKv ? previous : undefined };
    }
    const found = this.#visible(op.key, op.rangeEnd, Number.POSITIVE_INFINITY);
    for (const kv of found) {
      const main = this.revision + 1;
      this.versions.push({ kv: { ...kv, modRevision: main }, deleted: true });
      this.#writing++;
    }
    return {
      kind: "deleteRange",
      revision: this.#now(),
      deleted: found.length,
      prevKvs: op.prevKv ? found : [],
    };
  }

  #range(request: RangeRequest): Extract<Result, { kind: "range" }> {
    if (request.revision > this.#now()) throw new Refused("futureRevision");
    const revision = request.revision <= 0 ? this.#now() : request.revision;
    if (revision < this.compactRevision) throw new Refused("compacted");
    const all = this.#visible(request.key, request.rangeEnd, revision);
    const base = { kind: "range", revision: this.#now(), count: all.length } as const;
    if (request.countOnly) return { ...base, kvs: [], more: false };
    const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
    const filters = [minModRevision, maxModRevision, minCreateRevision, maxCreateRevision];
    let kvs = all;
    if (request.limit > 0 && request.sortOrder === "none" && filters.every((f) => f === 0)) {
      kvs = kvs.slice(0, request.limit + 1);
    }
    kvs = kvs.filter(
      (kv) =>
        (maxModRevision === 0 || kv.modRevision <= maxModRevision) &&
        (minModRevision === 0 || kv.modRevision >= minModRevision) &&
        (maxCreateRevision === 0 || kv.createRevision <= maxCreateRevision) &&
        (minCreateRevision === 0 || kv.createRevision >= minCreateRevision),
    );
    const sign = request.sortOrder === "descend" ? -1 : 1;
    kvs = [...kvs].sort((a, b) => sign * order(a, b, request.sortTarget));
    const more = request.limit > 0 && kvs.length > request.limit;
    if (more) kvs = kvs.slice(0, request.limit);
    if (request.keysOnly) kvs = kvs.map((kv) => ({ ...kv, value: new Uint8Array(0) }));
    return { ...base, kvs, more };
  }

  #holds(compare: Compare): boolean {
    const kvs = this.#visible(compare.key, compare.rangeEnd, Number.POSITIVE_INFINITY);
    if (kvs.length === 0) {
      if (compare.target === "value") return false;
      return relation(compare.result, 0 < compare.value ? -1 : 0 > compare.value ? 1 : 0);
    }
    return kvs.every((kv) => {
      if (compare.target === "value") {
        return relation(compare.result, Buffer.compare(kv.value, compare.value));
      }
      const stored = {
        version: kv.version,
        create: kv.createRevision,
        mod: kv.modRevision,
        lease: kv.lease,
      }[compare.target];
      const given = compare.value;
      return relation(compare.result, stored < given ? -1 : stored > given ? 1 : 0);
    });
  }

  #live(key: Key): KeyValue | undefined {
    return this.#visible(key, "", Number.POSITIVE_INFINITY)[0];
  }

  #visible(key: Key, rangeEnd: Key, revision: number): KeyValue[] {
    const last = new Map<Key, Version>();
    for (const version of this.versions) {
      const k = version.kv.key;
      if (covers({ key, rangeEnd }, k) && version.kv.modRevision <= revision) last.set(k, version);
    }
    return [...last.values()]
      .filter((version) => !version.deleted)
      .map((version) => version.kv)
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }
}

function covers(range: { key: Key; rangeEnd: Key }, key: Key): boolean {
  if (range.rangeEnd === "") return key === range.key;
  return key >= range.key && (range.rangeEnd === "\0" || key < range.rangeEnd);
}

function relation(result: Compare["result"], sign: number): boolean {
  if (result === "equal") return sign === 0;
  if (result === "notEqual") return sign !== 0;
  if (result === "greater") return sign > 0;
  return result === "unknown" || sign < 0;
}

function order(a: KeyValue, b: KeyValue, target: RangeRequest["sortTarget"]): number {
  if (target === "key") return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
  if (target === "version") return a.version - b.version;
  if (target === "create") return a.createRevision - b.createRevision;
  if (target === "mod") return a.modRevision - b.modRevision;
  return Buffer.compare(a.value, b.value);
}
