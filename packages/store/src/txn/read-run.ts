// A range, or a txn of ranges, in short steps: first what it consists of, judged by its meter as that
// becomes known, then the values, piece by piece. All of it is as of one revision, which stays
// readable because of a pin; so a large answer does not hold the loop, and with
// it the heartbeats, while it is made.

import type {
  Compare,
  Key,
  KeyValue,
  RangeRequest,
  ReadPiece,
  ReadRun,
  Revision,
  SelectedRange,
  StoreErrorCode,
  TxnCommand,
} from "../contract.ts";
import type { Keyspace, ReadPin, ReadPoint } from "../mvcc/keyspace.ts";
import { load, rangeFault } from "../mvcc/range.ts";
import { leastWork, passes, Selection, visibleFrom } from "../mvcc/selection.ts";
import type { VersionId } from "../mvcc/versions.ts";
import { Meter, readWorkMax, workOf } from "../mvcc/work.ts";
import { checkShape, revisionFault } from "./checks.ts";
import { Comparison } from "./compare.ts";

/** Beside its record: its place here, and tag and length in an answer. */
const pairBytes = 16;

const paused: ReadPiece = { kind: "paused" };

export function openRange(
  keyspace: Keyspace,
  request: RangeRequest,
  workMax?: number,
): ReadRun | StoreErrorCode {
  const refused = rangeFault(keyspace, request);
  if (refused !== undefined) return refused;
  // A negative revision is the newest here, in a txn it is not.
  const range = request.revision < 0 ? { ...request, revision: 0 } : request;
  return new Reading(keyspace, { compares: [], success: [range], failure: [] }, workMax);
}

export function openTxn(
  keyspace: Keyspace,
  txn: TxnCommand,
  workMax?: number,
): ReadRun | StoreErrorCode {
  const malformed = checkShape(txn);
  if (malformed !== undefined) return malformed;
  const rangesOf = (ops: TxnCommand["success"]): RangeRequest[] =>
    ops.map((op) => {
      if (op.kind !== "range") throw new Error("only a txn of ranges is read in steps");
      return op;
    });
  const { compares, success, failure } = txn;
  const asked = { compares, success: rangesOf(success), failure: rangesOf(failure) };
  return new Reading(keyspace, asked, workMax);
}

interface Asked {
  readonly compares: readonly Compare[];
  readonly success: readonly RangeRequest[];
  readonly failure: readonly RangeRequest[];
}

/** A range that is selected, and how far it has been read. */
interface Selected extends SelectedRange {
  readonly found: readonly VersionId[];
}

class Reading implements ReadRun {
  readonly revision: Revision;
  succeeded = true;
  ranges: readonly SelectedRange[] | undefined;
  readonly #keyspace: Keyspace;
  readonly #index: Keyspace["index"];
  readonly #asked: Asked;
  readonly #meter: Meter;
  readonly #pin: ReadPin;
  #requests: readonly RangeRequest[] | undefined;
  #compare = 0;
  #comparison: Comparison | undefined;
  #selection: Selection | undefined;
  /** The version to go on from with the single key under way; 0: its newest. */
  #resumeAt: VersionId = 0;
  readonly #selected: Selected[] = [];
  #selectedBytes = 0;
  /** The range that is being read, and the place in it. */
  #range = 0;
  #at = 0;

  constructor(keyspace: Keyspace, asked: Asked, workMax = readWorkMax) {
    this.#keyspace = keyspace;
    this.#index = keyspace.index;
    this.#asked = asked;
    this.#meter = new Meter(workMax);
    this.#pin = keyspace.pin();
    this.revision = keyspace.visibleRevision;
  }

  get heldBytes(): number {
    return this.#selectedBytes + (this.#selection?.heldBytes ?? 0);
  }

  allow(work: number): void {
    this.#meter.allow(work);
  }

  next(): ReadPiece {
    this.#pin.check();
    if (this.ranges === undefined) {
      const decided = this.#decide();
      if (this.#meter.isExhausted) return this.#error("tooCostly");
      if (decided !== true) return decided === false ? paused : this.#error(decided);
      this.ranges = this.#selected;
    }
    return this.#read();
  }

  close(): void {
    this.#pin.release();
  }

  /** False: the step is over before all is decided. */
  #decide(): boolean | StoreErrorCode {
    if (this.#requests === undefined) {
      const succeeded = this.#compareAll();
      if (succeeded === undefined) return false;
      this.succeeded = succeeded;
      const requests = succeeded ? this.#asked.success : this.#asked.failure;
      for (const { revision } of requests) {
        const refused = revisionFault(revision, this.revision, this.#pin.floor);
        if (refused !== undefined) return refused;
      }
      this.#requests = requests;
      if (requests.length > 1 && this.#meter.refuses(this.#leastWork(requests))) return false;
    }
    while (this.#selected.length < this.#requests.length) {
      if (!this.#select(this.#requests[this.#selected.length]!)) return false;
    }
    return true;
  }

  /** By the floor of the pin: what a later one has passed may be what is asked for. */
  #pointAt(revision: Revision): ReadPoint {
    return { revision, floor: this.#pin.floor };
  }

  #leastWork(requests: readonly RangeRequest[]): number {
    let work = 0;
    for (const request of requests) work += leastWork(this.#index, request, this.revision);
    return work;
  }

  /** Undefined: not known yet. */
  #compareAll(): boolean | undefined {
    const { compares } = this.#asked;
    for (; this.#compare < compares.length; this.#compare++) {
      if (this.#meter.isDue) return undefined;
      const compare = compares[this.#compare]!;
      this.#comparison ??= new Comparison(
        this.#keyspace,
        compare,
        this.#pointAt(this.revision),
        this.#meter,
      );
      const holds = this.#comparison.step();
      if (holds === undefined) return undefined;
      this.#comparison = undefined;
      if (!holds) return false;
    }
    return true;
  }

  #select(request: RangeRequest): boolean {
    const meter = this.#meter;
    if (meter.isDue) return false;
    const keyspace = this.#keyspace;
    const revision = request.revision <= 0 ? this.revision : request.revision;
    if (request.rangeEnd === "") {
      meter.charge(workOf.look);
      const id = this.#visible(request.key, revision);
      if (id < 0) {
        this.#resumeAt = -id;
        return false;
      }
      const isWanted = id !== 0 && !request.countOnly && passes(keyspace, request, id);
      const size = isWanted ? this.#index.versions.size(id) : 0;
      if (isWanted) meter.charge(workOf.pair);
      meter.spent += size;
      this.#add(isWanted ? [id] : [], id === 0 ? 0 : 1, false, size);
      return !meter.isExhausted;
    }
    this.#selection ??= new Selection(keyspace, request, this.#pointAt(revision), meter);
    if (!this.#selection.step()) return false;
    const { found, count, more, recordBytes } = this.#selection;
    this.#selection = undefined;
    this.#add(found, count, more, recordBytes);
    return true;
  }

  /** Of a single key. Below 0: the step is over before it is found. */
  #visible(key: Key, revision: Revision): number {
    const index = this.#index;
    const head = index.tree.find(key);
    if (index.newestMain <= revision) return Math.max(head, 0);
    const from = this.#resumeAt === 0 ? Math.abs(head) : this.#resumeAt;
    this.#resumeAt = 0;
    return visibleFrom(index, from, revision, this.#meter);
  }

  #add(found: readonly VersionId[], count: number, more: boolean, recordBytes: number): void {
    this.#selected.push({ found, count, more, pairs: found.length });
    this.#selectedBytes += found.length * pairBytes + recordBytes;
  }

  #read(): ReadPiece {
    const meter = this.#meter;
    for (; this.#range < this.#selected.length; this.#range++, this.#at = 0) {
      const { found } = this.#selected[this.#range]!;
      if (this.#at === found.length) continue;
      if (meter.isDue) return paused;
      const request = this.#requests![this.#range]!;
      const kvs: KeyValue[] = [];
      while (this.#at < found.length && !meter.isDue) {
        const kv = load(this.#keyspace, request, found[this.#at++]!);
        kvs.push(kv);
        meter.pass(workOf.pair + kv.key.length + kv.value.length);
      }
      return { kind: "pairs", range: this.#range, kvs };
    }
    return { kind: "end" };
  }

  #error(code: StoreErrorCode): ReadPiece {
    return { kind: "error", revision: this.#keyspace.revision, code };
  }
}
