// The keys and their revisions: the index in memory, the records in the engine. All writes of one
// command share a main revision and are numbered by `sub` in the order of execution. Whoever writes
// has checked everything before: nothing here can fail half-way.

import { ByteWriter } from "../bytes/byte-writer.ts";
import type { Crc32 } from "../bytes/crc32.ts";
import type { Key, KeyValue, LeaseId, Revision } from "../contract.ts";
import type { Engine } from "../engine/port.ts";
import { KeyIndex } from "./key-index.ts";
import { keyRange } from "./key-range.ts";
import { decodeRecord, encodePut, encodeTombstone, noBytes } from "./record.ts";
import type { VersionId } from "./versions.ts";

export interface PutRequest {
  readonly key: Key;
  readonly value: Uint8Array;
  readonly lease: LeaseId;
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
}

export class Keyspace {
  readonly engine: Engine;
  index = new KeyIndex();
  revision: Revision = 1;
  compactRevision: Revision = -1;
  /** The running hash over every record written. */
  hash = 0;
  readonly #crc32: Crc32;
  readonly #out = new ByteWriter(1024);
  /** Records of the command under way. */
  #sub = 0;
  #deleted = false;

  constructor(engine: Engine, crc32: Crc32) {
    this.engine = engine;
    this.#crc32 = crc32;
  }

  /** What a read sees now: within a command, its own writes. */
  get visibleRevision(): Revision {
    return this.#sub === 0 ? this.revision : this.revision + 1;
  }

  /** Ends a command: its writes, if any, become one revision. */
  endCommand(): void {
    if (this.#sub === 0) return;
    this.revision++;
    this.#sub = 0;
    if (!this.#deleted) return;
    // A put's record says its revision, a tombstone's does not.
    this.#deleted = false;
    this.#out.reset();
    this.#out.f64(this.revision);
    this.mix(this.#out.written());
  }

  /** Mixes an effect that is not a record into the hash. */
  mix(effect: Uint8Array): void {
    this.hash = this.#crc32(effect, this.hash);
  }

  /** The value of a version that is a put. */
  load(key: Key, id: VersionId): KeyValue {
    return decodeRecord(this.record(id), key);
  }

  /** As `load` without the value, and without reading it where the index knows the rest. */
  loadKeyOnly(key: Key, id: VersionId): KeyValue {
    const { versions } = this.index;
    return {
      key,
      createRevision: versions.create(id),
      modRevision: versions.main(id),
      version: versions.version(id),
      lease: this.leaseOf(id),
      value: noBytes,
    };
  }

  leaseOf(id: VersionId): LeaseId {
    return this.index.versions.hasLease(id) ? decodeRecord(this.record(id), "").lease : 0n;
  }

  record(id: VersionId): Uint8Array {
    const { versions } = this.index;
    return this.engine.read(versions.main(id), versions.sub(id), versions.handle(id));
  }

  newest(key: Key): KeyValue | undefined {
    const head = this.index.tree.find(key);
    return head > 0 ? this.load(key, head) : undefined;
  }

  exists(key: Key): boolean {
    return this.index.tree.find(key) > 0;
  }

  /** `ignoreValue` and `ignoreLease` ask for a key that exists: checked by the caller. */
  put(request: PutRequest): void {
    const { index } = this;
    const head = index.tree.locate(request.key);
    const main = this.revision + 1;
    const sub = this.#sub++;
    const isLive = head > 0;
    const keeps = request.ignoreValue || request.ignoreLease;
    const previous = keeps && isLive ? this.load(request.key, head) : undefined;
    const createRevision = isLive ? index.versions.create(head) : main;
    const version = isLive ? index.versions.version(head) + 1 : 1;
    const lease = request.ignoreLease ? (previous?.lease ?? 0n) : request.lease;
    const record = encodePut(this.#out, {
      key: request.key,
      createRevision,
      modRevision: main,
      version,
      value: request.ignoreValue ? (previous?.value ?? noBytes) : request.value,
      lease,
    });
    this.hash = this.#crc32(record, this.hash);
    const handle = this.engine.append(main, sub, record);
    index.add(head, main, sub, handle, {
      create: createRevision,
      version,
      hasLease: lease !== 0n,
    });
  }

  /** Live keys in the range, in key order. */
  liveKeys(key: Key, rangeEnd: Key): Key[] {
    if (rangeEnd === "") return this.exists(key) ? [key] : [];
    const { start, end } = keyRange(key, rangeEnd);
    const keys: Key[] = [];
    this.index.tree.ascend(start, end, (found, head) => {
      if (head > 0) keys.push(found);
      return true;
    });
    return keys;
  }

  /** The key must be live. */
  deleteKey(key: Key): void {
    const head = this.index.tree.locate(key);
    const main = this.revision + 1;
    const sub = this.#sub++;
    this.#deleted = true;
    const record = encodeTombstone(this.#out, key);
    this.hash = this.#crc32(record, this.hash);
    this.index.add(head, main, sub, this.engine.append(main, sub, record), undefined);
  }
}
