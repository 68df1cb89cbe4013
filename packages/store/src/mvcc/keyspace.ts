// The keys and their revisions: the index in memory, the records in the engine. All writes of one
// command share a main revision and are numbered by `sub` in the order of execution. Whoever writes
// has checked everything before: nothing here can fail half-way.

import {
  ByteWriter,
  byteStringOf,
  type Crc32,
  crc32 as crc32Table,
  writeByteString,
} from "@althing/bytes";
import type { Key, KeyValue, LeaseId, Revision } from "../contract.ts";
import type { Engine, RecordPlace, StatePin } from "../engine/port.ts";
import { KeyIndex } from "./key-index.ts";
import { keyRange } from "./key-range.ts";
import { decodeRecord, decodeRecordAt, noBytes, RecordWriter } from "./record.ts";
import type { VersionId } from "./versions.ts";

export interface PutRequest {
  readonly key: Key;
  readonly value: Uint8Array;
  readonly lease: LeaseId;
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
}

/** What is read: the state at a revision, by the floor of compaction that was in force when it began. */
export interface ReadPoint {
  readonly revision: Revision;
  readonly floor: Revision;
}

/** For who reads all of it in one step. */
export function readPoint({ compactRevision }: Keyspace, revision: Revision): ReadPoint {
  return { revision, floor: compactRevision };
}

/** Held by who reads in many steps: all that is visible at or above the floor stays for it. */
export interface ReadPin extends StatePin {
  /** Of compaction, when it was taken. */
  readonly floor: Revision;
  /** May be called twice. */
  release(): void;
}

/** To pass over a key costs so much less than to look one up and delete it. */
const passedPerDeletion = 8;

/** A shorter record is hashed sooner here than the call into native code takes. */
const callWorthBytes = 128;

export class Keyspace {
  readonly engine: Engine;
  index = new KeyIndex();
  revision: Revision = 1;
  compactRevision: Revision = -1;
  /** Above it nothing was removed yet. Invariant: <= `compactRevision`. */
  historyFloor: Revision = -1;
  /** From where on somebody is still to read what happened, whatever the floor. */
  readonly holds = new Set<() => Revision>();
  /** Of those that read in many steps, by age: the floor never goes back. */
  #pins = new Set<ReadPin>();
  /** The running hash over every record written. */
  hash = 0;
  readonly #crc32: Crc32;
  readonly #records = new RecordWriter();
  /** Of the record read last. */
  readonly #place: RecordPlace = { bytes: noBytes, start: 0, end: 0 };
  #keyBytes = new Uint8Array(256);
  /** Records of the command under way. */
  #sub = 0;
  #deleted = false;

  constructor(engine: Engine, crc32: Crc32) {
    this.engine = engine;
    this.#crc32 = crc32;
  }

  /** Up to where compaction may remove what is obsolete. */
  get removableRevision(): Revision {
    let revision = this.compactRevision;
    for (const from of this.holds) revision = Math.min(revision, from() - 1);
    for (const oldest of this.#pins) return Math.min(revision, oldest.floor);
    return revision;
  }

  /**
   * What was obsolete before it was taken is of no use to its holder. Were that to stay as well, reads that
   * overlap without end would end compaction.
   */
  pin(): ReadPin {
    const pins = this.#pins;
    const pin: ReadPin = {
      ...this.engine.pin(),
      floor: this.compactRevision,
      release: () => {
        pins.delete(pin);
      },
    };
    pins.add(pin);
    return pin;
  }

  /** The pins on what was there before hold nothing of it. */
  replaceBy(index: KeyIndex): void {
    this.index = index;
    this.#pins = new Set();
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
    const revision = new ByteWriter(8);
    revision.f64(this.revision);
    this.mix(revision.written());
  }

  /** Mixes an effect into the hash. */
  mix(effect: Uint8Array): void {
    const crc32 = effect.length < callWorthBytes ? crc32Table : this.#crc32;
    this.hash = crc32(effect, this.hash);
  }

  /** A version that is a put. `key` is given where the caller has it already. */
  load(key: Key | undefined, id: VersionId): KeyValue {
    const { versions } = this.index;
    const place = this.#place;
    this.engine.readPlace(versions.main(id), versions.sub(id), versions.handle(id), place);
    return decodeRecordAt(place.bytes, place.start, place.end, key);
  }

  loadKeyOnly(id: VersionId): KeyValue {
    return { ...decodeRecord(this.record(id)), value: noBytes };
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
    const keeps = request.ignoreValue || request.ignoreLease;
    const previous = keeps ? this.newest(request.key) : undefined;
    const lease = request.ignoreLease ? (previous?.lease ?? 0n) : request.lease;
    const value = request.ignoreValue ? (previous?.value ?? noBytes) : request.value;
    const keyEnd = this.#writeKey(request.key);
    this.putBytes(this.#keyBytes, 0, keyEnd, value, 0, lease);
  }

  /** The hot path: key and value as they lie in the command, the value at its end. */
  putBytes(
    keySource: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueSource: Uint8Array,
    valueStart: number,
    lease: LeaseId,
  ): void {
    const { index } = this;
    const head = index.tree.locateBytes(keySource, keyStart, keyEnd);
    const main = this.revision + 1;
    const sub = this.#sub++;
    const create = head > 0 ? index.versions.create(head) : main;
    const version = head > 0 ? index.versions.version(head) + 1 : 1;
    const record = this.#records.put(
      keySource,
      keyStart,
      keyEnd,
      create,
      main,
      version,
      valueSource,
      valueStart,
      lease,
    );
    this.mix(record);
    const handle = this.engine.append(main, sub, record);
    if (lease !== 0n || (head > 0 && index.versions.hasLease(head))) {
      index.attachments.set(byteStringOf(keySource, keyStart, keyEnd), lease);
    }
    index.addPut(head, main, sub, handle, create, version, lease !== 0n, record.length);
  }

  /** Live keys in the range, in key order. */
  liveKeys(key: Key, rangeEnd: Key): Key[] {
    if (rangeEnd === "") return this.exists(key) ? [key] : [];
    const { start, end } = keyRange(key, rangeEnd);
    const keys: Key[] = [];
    const { tree } = this.index;
    tree.ascend(start, end, (head, address) => {
      if (head > 0) keys.push(tree.key(address));
      return true;
    });
    return keys;
  }

  /** The key must be live. */
  deleteKey(key: Key): void {
    const { index } = this;
    const keyEnd = this.#writeKey(key);
    const head = index.tree.locateBytes(this.#keyBytes, 0, keyEnd);
    if (index.versions.hasLease(head)) index.attachments.set(key, 0n);
    const main = this.revision + 1;
    const sub = this.#sub++;
    this.#deleted = true;
    const record = this.#records.tombstone(this.#keyBytes, 0, keyEnd);
    this.mix(record);
    const handle = this.engine.append(main, sub, record);
    index.addTombstone(head, main, sub, handle, record.length);
  }

  /** Deletes the live keys of the range, in key order. Returns how many. */
  deleteLive(key: Key, rangeEnd: Key): number {
    if (rangeEnd === "") {
      if (!this.exists(key)) return 0;
      this.deleteKey(key);
      return 1;
    }
    const { start, end } = keyRange(key, rangeEnd);
    const { attachments, versions } = this.index;
    // To look at each version, wherever it lies in memory, is a good part of what a deletion takes.
    const mayHang = attachments.areAny;
    return this.#deleteWhere(start, end, (head, bytes, keyStart, keyEnd) => {
      if (mayHang && versions.hasLease(head)) {
        attachments.set(byteStringOf(bytes, keyStart, keyEnd), 0n);
      }
      return true;
    });
  }

  /**
   * Deletes what hangs on the lease, in key order. To sort a hundred thousand keys and look each up takes
   * longer than to go through all keys from the first of them to the last, unless those are many more.
   */
  deleteAttached(lease: LeaseId): void {
    const { attachments, tree, versions } = this.index;
    const keys = attachments.copyOf(lease);
    const { first, last } = boundsOf(keys);
    const end = `${last}\0`;
    if (tree.countLive(first, end) > keys.length * passedPerDeletion) {
      for (const key of keys.sort()) this.deleteKey(key);
      return;
    }
    let leased = 0;
    tree.ascend(first, end, (head) => {
      if (head > 0 && versions.hasLease(head)) leased++;
      return true;
    });
    // Mostly no other lease has keys among them, and then none is asked whose it is.
    const areAllIts = leased === keys.length;
    this.#deleteWhere(first, end, (head, bytes, keyStart, keyEnd) => {
      if (!versions.hasLease(head)) return false;
      return areAllIts || attachments.leaseOf(byteStringOf(bytes, keyStart, keyEnd)) === lease;
    });
    attachments.detachAll(lease);
  }

  /** Deletes live keys in key order. Returns how many. */
  #deleteWhere(
    start: Key,
    end: Key | undefined,
    isDeleted: (head: number, bytes: Uint8Array, keyStart: number, keyEnd: number) => boolean,
  ): number {
    const { index } = this;
    const main = this.revision + 1;
    const before = this.#sub;
    index.tree.replaceLive(start, end, (head, bytes, keyStart, keyEnd) => {
      if (!isDeleted(head, bytes, keyStart, keyEnd)) return head;
      const sub = this.#sub++;
      const record = this.#records.tombstone(bytes, keyStart, keyEnd);
      this.mix(record);
      const handle = this.engine.append(main, sub, record);
      return index.tombstone(head, main, sub, handle, record.length);
    });
    if (this.#sub > before) this.#deleted = true;
    return this.#sub - before;
  }

  #writeKey(key: Key): number {
    if (key.length > this.#keyBytes.length) this.#keyBytes = new Uint8Array(key.length * 2);
    return writeByteString(key, this.#keyBytes, 0);
  }
}

function boundsOf(keys: readonly Key[]): { readonly first: Key; readonly last: Key } {
  let first = keys[0] ?? "";
  let last = first;
  for (const key of keys) {
    if (key < first) first = key;
    if (key > last) last = key;
  }
  return { first, last };
}
