// Which versions a range consists of: those visible at its revision that pass the filters, sorted,
// cut to the limit, and weighed, all before a single value is read (unless it is values that they are
// sorted by). It can stop after any key and go on later; the versions that it stands on must stay, so
// whoever lets the loop run in between holds a pin.

import type { Key, RangeRequest, Revision } from "../contract.ts";
import type { KeyIndex } from "./key-index.ts";
import { keyRange } from "./key-range.ts";
import type { Keyspace, ReadPoint } from "./keyspace.ts";
import { PackedValues } from "./packed-values.ts";
import { SteppedSort } from "./stepped-sort.ts";
import type { VersionId } from "./versions.ts";
import { type Meter, workOf } from "./work.ts";

const idBytes = 8;
/** Revisions, version and lease in a record, at most. */
const numberBytes = 48;

export class Selection {
  /** Of the keys in the range, whatever the limit and the filters. */
  count = 0;
  more = false;
  found: VersionId[] = [];
  /** About what the selection holds in memory now. */
  heldBytes = 0;
  /** What of the records belongs to the answer, at most. */
  recordBytes = 0;
  readonly #keyspace: Keyspace;
  readonly #request: RangeRequest;
  readonly #revision: Revision;
  readonly #meter: Meter;
  /** Tombstones before it may be gone on another member. */
  readonly #floor: Revision;
  readonly #enough: number;
  #stage: "begin" | "walk" | "sort" | "weigh" | "done" = "begin";
  #counts = false;
  /** What is still to be walked. */
  #start: Key;
  /** The version to go on from with the first key of it; 0: its newest. */
  #resumeAt: VersionId = 0;
  #end: Key | undefined;
  #sort: SteppedSort | undefined;
  #values = new PackedValues();
  #weighed = 0;

  /** The revision is one that can be read, `request` of more than one key. */
  constructor(keyspace: Keyspace, request: RangeRequest, at: ReadPoint, meter: Meter) {
    this.#keyspace = keyspace;
    this.#request = request;
    this.#revision = at.revision;
    this.#meter = meter;
    this.#floor = at.floor;
    const { start, end } = keyRange(request.key, request.rangeEnd);
    this.#start = start;
    this.#end = end;
    this.#enough = stopsEarly(request) ? request.limit + 1 : Number.POSITIVE_INFINITY;
  }

  /** Works until the meter says that it is due. True: all is known. */
  step(): boolean {
    if (this.#stage === "begin" && !this.#begin()) return false;
    if (this.#stage === "walk" && !this.#walk()) return false;
    if (this.#stage === "sort" && !this.#order()) return false;
    if (this.#stage === "weigh" && !this.#weigh()) return false;
    return !this.#meter.isExhausted;
  }

  #begin(): boolean {
    const { index } = this.#keyspace;
    const request = this.#request;
    const isNewest = index.newestMain <= this.#revision;
    this.#counts = !isNewest;
    if (isNewest) this.count = index.tree.countLive(this.#start, this.#end);
    this.#meter.charge(workOf.look);
    const isEmpty = isNewest && this.count === 0;
    this.#stage = isEmpty || (isNewest && request.countOnly) ? "done" : "walk";
    return !isNewest || !this.#meter.refuses(leastWorkOf(request, this.count));
  }

  #walk(): boolean {
    const { index } = this.#keyspace;
    const { tree, versions } = index;
    const { countOnly, keysOnly } = this.#request;
    const meter = this.#meter;
    const { found } = this;
    const isReverse = this.#isReverse;
    let isDone = true;
    const before = found.length;
    const visit = (head: number, address: number): boolean => {
      if (head < 0 && versions.main(-head) < this.#floor) meter.pass(workOf.look);
      else {
        meter.charge(workOf.look);
        const id = this.#visible(head);
        if (id < 0) {
          // In the midst of a key's past: the step after this one goes on from there.
          this.#resumeAt = -id;
          isDone = false;
          const key = tree.key(address);
          if (isReverse) this.#end = `${key}\0`;
          else this.#start = key;
          return false;
        }
        if (id !== 0) {
          if (this.#counts) this.count++;
          const isWanted = !countOnly && found.length < this.#enough;
          if (isWanted && passes(this.#keyspace, this.#request, id)) {
            found.push(id);
            if (keysOnly) this.recordBytes += numberBytes + tree.keyLength(address);
          }
        }
      }
      if (!this.#counts && found.length >= this.#enough) return false;
      if (!meter.isDue) return true;
      isDone = false;
      if (isReverse) this.#end = tree.key(address);
      else this.#start = `${tree.key(address)}\0`;
      return false;
    };
    if (isReverse) tree.descend(this.#start, this.#end, visit);
    else tree.ascend(this.#start, this.#end, visit);
    this.heldBytes += (found.length - before) * idBytes;
    if (!isDone) return false;
    this.#stage = this.#sorts ? "sort" : "weigh";
    if (this.#stage === "weigh") this.#cut();
    return true;
  }

  /** Below 0: the step is over before it is found. */
  #visible(head: number): number {
    const { index } = this.#keyspace;
    if (index.newestMain <= this.#revision) return Math.max(head, 0);
    const from = this.#resumeAt === 0 ? Math.abs(head) : this.#resumeAt;
    this.#resumeAt = 0;
    return visibleFrom(index, from, this.#revision, this.#meter);
  }

  get #isReverse(): boolean {
    return this.#request.sortOrder === "descend" && this.#request.sortTarget === "key";
  }

  get #sorts(): boolean {
    return this.#request.sortTarget !== "key" && this.found.length > 1;
  }

  #order(): boolean {
    if (this.#request.sortTarget === "value" && !this.#readValues()) return false;
    if (this.#sort === undefined) {
      const { found } = this;
      this.#sort = new SteppedSort(found.length, this.#comparison(), this.#meter);
      this.heldBytes += found.length * idBytes;
    }
    if (!this.#sort.step()) return false;
    const { found } = this;
    const limit = this.#request.limit > 0 ? this.#request.limit : Number.POSITIVE_INFINITY;
    this.more = found.length > limit;
    const kept: VersionId[] = [];
    const { order } = this.#sort;
    for (let i = 0; i < order.length && i < limit; i++) kept.push(found[order[i]!]!);
    this.found = kept;
    this.#sort = undefined;
    this.#values = new PackedValues();
    this.heldBytes = this.found.length * idBytes;
    this.#stage = "weigh";
    return true;
  }

  #readValues(): boolean {
    const values = this.#values;
    const { found } = this;
    while (values.count < found.length) {
      if (this.#meter.isDue) return false;
      const { value } = this.#keyspace.load("", found[values.count]!);
      this.#meter.charge(workOf.pair + value.length);
      const before = values.heldBytes;
      values.add(value);
      this.heldBytes += values.heldBytes - before;
    }
    return true;
  }

  /** Ties stay in key order: any order is allowed, but all members must choose the same. */
  #comparison(): (a: number, b: number) => number {
    const { versions } = this.#keyspace.index;
    const { found } = this;
    const values = this.#values;
    const sign = this.#request.sortOrder === "descend" ? -1 : 1;
    switch (this.#request.sortTarget) {
      case "key":
        return (a, b) => a - b;
      case "version":
        return (a, b) => sign * (versions.version(found[a]!) - versions.version(found[b]!));
      case "create":
        return (a, b) => sign * (versions.create(found[a]!) - versions.create(found[b]!));
      case "mod":
        return (a, b) => sign * (versions.main(found[a]!) - versions.main(found[b]!));
      case "value":
        return (a, b) => sign * values.compare(a, b, this.#meter);
    }
  }

  #cut(): void {
    const { limit } = this.#request;
    this.more = limit > 0 && this.found.length > limit;
    if (this.more) this.found.length = limit;
  }

  #weigh(): boolean {
    const { keysOnly } = this.#request;
    const { versions } = this.#keyspace.index;
    const { found } = this;
    while (this.#weighed < found.length) {
      const size = versions.size(found[this.#weighed++]!);
      if (!keysOnly) this.recordBytes += size;
      // Reading them is work of the steps to come.
      this.#meter.spent += workOf.pair + size;
      this.#meter.pass(workOf.look);
      if (this.#meter.isDue) return false;
    }
    this.#stage = "done";
    return true;
  }
}

/** What a range costs at least, as far as the index tells before the first key is looked at. */
export function leastWork(index: KeyIndex, request: RangeRequest, revision: Revision): number {
  if (request.rangeEnd === "" || index.newestMain > revision) return 0;
  const { start, end } = keyRange(request.key, request.rangeEnd);
  return leastWorkOf(request, index.tree.countLive(start, end));
}

function leastWorkOf(request: RangeRequest, count: number): number {
  if (request.countOnly || hasFilters(request)) return 0;
  return (request.limit > 0 ? Math.min(request.limit, count) : count) * workOf.pair;
}

/**
 * Without an order the limit is applied in key order even when a target is named, unless filters
 * are: etcd's rule, which clients can observe.
 */
function stopsEarly(request: RangeRequest): boolean {
  if (request.limit <= 0) return false;
  if (request.sortOrder !== "none") return request.sortTarget === "key";
  return request.sortTarget === "key" || !hasFilters(request);
}

/**
 * The version of a key that is visible at `revision`, 0 for none, looked for from `id` backwards.
 * Below 0: the meter was due on the way; it goes on from that version.
 */
export function visibleFrom(
  index: KeyIndex,
  id: VersionId,
  revision: Revision,
  meter: Meter,
): number {
  const { versions } = index;
  let at = id;
  while (at !== 0 && versions.main(at) > revision) {
    at = versions.older(at);
    meter.charge(workOf.look);
    if (at !== 0 && meter.isDue) return -at;
  }
  return at !== 0 && versions.isTombstone(at) ? 0 : at;
}

/** The same without a stop, but where it costs more than it may. */
export function visibleAt(
  index: KeyIndex,
  head: number,
  revision: Revision,
  meter: Meter,
): VersionId {
  if (index.newestMain <= revision) return Math.max(head, 0);
  let id = visibleFrom(index, Math.abs(head), revision, meter);
  while (id < 0 && !meter.isExhausted) id = visibleFrom(index, -id, revision, meter);
  return Math.max(id, 0);
}

export function passes(keyspace: Keyspace, request: RangeRequest, id: VersionId): boolean {
  if (!hasFilters(request)) return true;
  const mod = keyspace.index.versions.main(id);
  const create = keyspace.index.versions.create(id);
  return (
    (request.maxModRevision === 0 || mod <= request.maxModRevision) &&
    (request.minModRevision === 0 || mod >= request.minModRevision) &&
    (request.maxCreateRevision === 0 || create <= request.maxCreateRevision) &&
    (request.minCreateRevision === 0 || create >= request.minCreateRevision)
  );
}

function hasFilters(request: RangeRequest): boolean {
  return (
    request.minModRevision !== 0 ||
    request.maxModRevision !== 0 ||
    request.minCreateRevision !== 0 ||
    request.maxCreateRevision !== 0
  );
}
