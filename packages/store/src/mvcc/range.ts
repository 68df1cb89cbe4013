// Range: pick the visible versions, filter, sort, cut to the limit, load the values. The index alone
// answers everything but values, so only what is returned is read from the engine.

import type { KeyValue, RangeRequest, RangeResult, Revision, StoreErrorCode } from "../contract.ts";
import { keyRange } from "./key-range.ts";
import type { Keyspace } from "./keyspace.ts";
import type { VersionId } from "./versions.ts";

export function readRange(keyspace: Keyspace, request: RangeRequest): RangeResult | StoreErrorCode {
  const selected = select(keyspace, request);
  if (typeof selected === "string") return selected;
  const { revision, count, more, found } = selected;
  const kvs = found.map((id) => load(keyspace, request, id));
  return { kind: "range", revision, count, kvs, more };
}

/** What a range answers with, and which versions it consists of; their values are still to be read. */
export interface Selection {
  readonly revision: Revision;
  readonly count: number;
  readonly more: boolean;
  readonly found: readonly VersionId[];
}

export function select(keyspace: Keyspace, request: RangeRequest): Selection | StoreErrorCode {
  const newest = keyspace.visibleRevision;
  if (request.key === "") return "keyEmpty";
  if (request.revision > newest) return "futureRevision";
  const revision = request.revision <= 0 ? newest : request.revision;
  if (revision < keyspace.compactRevision) return "compacted";

  const count = countKeys(keyspace, request, revision);
  const selection = { revision: newest, count } as const;
  if (request.countOnly || count === 0) return { ...selection, found: [], more: false };
  const found = collect(keyspace, request, revision);
  sort(keyspace, request, found);
  const more = request.limit > 0 && found.length > request.limit;
  if (more) found.length = request.limit;
  return { ...selection, found, more };
}

export function load(keyspace: Keyspace, request: RangeRequest, id: VersionId): KeyValue {
  return request.keysOnly ? keyspace.loadKeyOnly(id) : keyspace.load(undefined, id);
}

function countKeys(keyspace: Keyspace, request: RangeRequest, revision: number): number {
  if (request.rangeEnd === "") return keyspace.index.at(request.key, revision) === 0 ? 0 : 1;
  const { start, end } = keyRange(request.key, request.rangeEnd);
  return keyspace.index.count(start, end, revision);
}

/**
 * Visible versions that pass the filters, in key order (in reverse for the one order that may stop
 * early from the end). Stops one beyond the limit where nothing later can come before it.
 */
function collect(keyspace: Keyspace, request: RangeRequest, revision: number): VersionId[] {
  const { index } = keyspace;
  if (request.rangeEnd === "") {
    const id = index.at(request.key, revision);
    return id !== 0 && passes(keyspace, request, id) ? [id] : [];
  }
  const found: VersionId[] = [];
  const enough = stopsEarly(request) ? request.limit + 1 : Number.POSITIVE_INFINITY;
  const visit = (head: number): boolean => {
    const id = index.visible(head, revision);
    if (id !== 0 && passes(keyspace, request, id)) found.push(id);
    return found.length < enough;
  };
  const { start, end } = keyRange(request.key, request.rangeEnd);
  if (isReverse(request)) index.tree.descend(start, end, visit);
  else index.tree.ascend(start, end, visit);
  return found;
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

function isReverse(request: RangeRequest): boolean {
  return request.sortOrder === "descend" && request.sortTarget === "key";
}

function hasFilters(request: RangeRequest): boolean {
  return (
    request.minModRevision !== 0 ||
    request.maxModRevision !== 0 ||
    request.minCreateRevision !== 0 ||
    request.maxCreateRevision !== 0
  );
}

function passes(keyspace: Keyspace, request: RangeRequest, id: VersionId): boolean {
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

/** Ties stay in key order: any order is allowed, but all members must choose the same. */
function sort(keyspace: Keyspace, request: RangeRequest, found: VersionId[]): void {
  const { versions } = keyspace.index;
  const sign = request.sortOrder === "descend" ? -1 : 1;
  switch (request.sortTarget) {
    case "key":
      return;
    case "version":
      found.sort((a, b) => sign * (versions.version(a) - versions.version(b)));
      return;
    case "create":
      found.sort((a, b) => sign * (versions.create(a) - versions.create(b)));
      return;
    case "mod":
      found.sort((a, b) => sign * (versions.main(a) - versions.main(b)));
      return;
    case "value": {
      const values = new Map<VersionId, Uint8Array>();
      for (const id of found) values.set(id, keyspace.load("", id).value);
      found.sort((a, b) => sign * compareBytes(values.get(a)!, values.get(b)!));
      return;
    }
  }
}

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
