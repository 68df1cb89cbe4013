// A disk in memory that keeps what is durable apart from what was only written, sector by sector,
// so that a crash may keep any subset of the rest. Deterministic: nothing happens by itself, every
// callback goes through the scheduler. It is the twin of the real disk and the simulator's disk.
//
// After a failed sync it behaves like Linux: what was written stays readable, counts as clean and is
// not made durable by a later sync (only writing it again does); a crash may or may not have kept it.
//
// Longer than most files, because a file, its handle and the crash share one picture of what is durable.

import { type Disk, type DiskDone, DiskError, type DiskErrorCode, type DiskFile } from "./disk.ts";
import { sectorBytes } from "./segment-format.ts";

export type MemoryDiskOperation = "write" | "sync" | "syncDirectory" | "read";

export interface MemoryDiskOptions {
  /** Runs a completed operation's callback, later. Default: a queue that `run` empties. */
  readonly schedule?: (run: () => void, operation: MemoryDiskOperation, bytes: number) => void;
  /** Files may not grow beyond this together: "full". */
  readonly capacityBytes?: number;
  /** Syncs report success and make nothing durable. */
  readonly lazySync?: boolean;
}

/** Fails the next `times` operations of the kind, after `after` that succeed. */
export interface MemoryDiskFault {
  readonly operation: MemoryDiskOperation;
  readonly code: DiskErrorCode;
  readonly after?: number;
  readonly times?: number;
  readonly file?: string;
}

/** What a crash may keep or lose, in the order it was done. */
export type Unsynced =
  | {
      readonly kind: "sector";
      readonly file: string;
      readonly offset: number;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: "resize"; readonly file: string; readonly size: number }
  | { readonly kind: "create" | "remove"; readonly file: string }
  | { readonly kind: "rename"; readonly file: string; readonly to: string };

type Change = Extract<Unsynced, { kind: "sector" | "resize" }>;

interface Inode {
  name: string;
  current: Content;
  durable: Content;
  /** Not yet durable; `isLost` when a failed sync has made a later sync forget it. */
  changes: { change: Change; isLost: boolean }[];
}

interface DirectoryChange {
  readonly change: Extract<Unsynced, { kind: "create" | "remove" | "rename" }>;
  readonly inode: Inode;
}

export class MemoryDisk implements Disk {
  readonly #schedule: NonNullable<MemoryDiskOptions["schedule"]>;
  readonly #lazySync: boolean;
  readonly #queue: (() => void)[] = [];
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #directoryChanges: DirectoryChange[] = [];
  #faults: { fault: MemoryDiskFault; after: number; times: number }[] = [];
  #life = 0;
  capacityBytes: number;
  /** Operations performed, for tests of group commit. */
  readonly counts = { write: 0, sync: 0, syncDirectory: 0, read: 0 };

  constructor(options: MemoryDiskOptions = {}) {
    this.#schedule = options.schedule ?? ((run) => this.#queue.push(run));
    this.#lazySync = options.lazySync ?? false;
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Calls back what is complete, and what that starts, at most `steps` of them. */
  run(steps = Number.POSITIVE_INFINITY): number {
    let count = 0;
    while (count < steps) {
      const next = this.#queue.shift();
      if (next === undefined) break;
      next();
      count += 1;
    }
    return count;
  }

  inject(fault: MemoryDiskFault): void {
    this.#faults.push({ fault, after: fault.after ?? 0, times: fault.times ?? 1 });
  }

  clearFaults(): void {
    this.#faults = [];
  }

  /** Everything a crash now could keep or lose. */
  unsynced(): Unsynced[] {
    const inodes = new Set([...this.#names.values(), ...this.#durableNames.values()]);
    const found: Unsynced[] = this.#directoryChanges.map(({ change }) => change);
    for (const inode of inodes) {
      for (const { change } of inode.changes) found.push({ ...change, file: inode.name });
    }
    return found;
  }

  /**
   * Power is lost: only what is durable is left, and of the rest what `keep` chooses. Every callback
   * still under way is dropped, every open file dead, every injected fault cured.
   */
  crash(options: { readonly keep?: "all" | "none" | ((unit: Unsynced) => boolean) } = {}): void {
    const { keep = "none" } = options;
    const isKept = typeof keep === "function" ? keep : () => keep === "all";
    this.#life += 1;
    this.#queue.length = 0;
    this.#faults = [];
    for (const directoryChange of this.#directoryChanges) {
      if (isKept(directoryChange.change)) applyName(this.#durableNames, directoryChange);
    }
    this.#directoryChanges = [];
    for (const [name, inode] of this.#durableNames) {
      inode.name = name;
      for (const { change } of inode.changes) {
        if (isKept({ ...change, file: name })) inode.durable.apply(change);
      }
      inode.changes = [];
      inode.current = inode.durable.copy();
    }
    this.#names = new Map(this.#durableNames);
  }

  /** The process dies, the machine lives: nothing is lost but callbacks and open files. */
  killProcess(): void {
    this.#life += 1;
    this.#queue.length = 0;
  }

  /** Damage that no crash explains: both what is read and what is durable change. */
  flipBit(name: string, bit: number): void {
    const inode = this.#inode(name);
    for (const content of [inode.current, inode.durable]) content.flip(bit);
  }

  /** Cuts or replaces a file behind everybody's back. */
  overwrite(name: string, bytes: Uint8Array): void {
    const inode = this.#inode(name);
    inode.current = new Content(bytes);
    inode.durable = inode.current.copy();
    inode.changes = [];
  }

  /** An independent disk with the same durable and pending content. */
  clone(options: MemoryDiskOptions = {}): MemoryDisk {
    const twin = new MemoryDisk({ capacityBytes: this.capacityBytes, ...options });
    const copies = new Map<Inode, Inode>();
    const copy = (inode: Inode): Inode => {
      const known = copies.get(inode);
      if (known !== undefined) return known;
      const { current, durable, changes, name } = inode;
      const made = {
        name,
        current: current.copy(),
        durable: durable.copy(),
        changes: [...changes],
      };
      copies.set(inode, made);
      return made;
    };
    for (const [name, inode] of this.#names) twin.#names.set(name, copy(inode));
    for (const [name, inode] of this.#durableNames) twin.#durableNames.set(name, copy(inode));
    for (const { change, inode } of this.#directoryChanges) {
      twin.#directoryChanges.push({ change, inode: copy(inode) });
    }
    return twin;
  }

  list(): string[] {
    return [...this.#names.keys()].sort();
  }

  readAll(name: string): Uint8Array {
    return this.#inode(name).current.bytes().slice();
  }

  open(name: string, options: { create?: boolean } = {}): DiskFile {
    let inode = this.#names.get(name);
    if (inode === undefined) {
      if (options.create !== true) throw new DiskError("notFound", name, `no file ${name}`);
      inode = { name, current: new Content(), durable: new Content(), changes: [] };
      this.#changeName({ change: { kind: "create", file: name }, inode });
    }
    return this.#file(inode);
  }

  rename(from: string, to: string): void {
    this.#changeName({ change: { kind: "rename", file: from, to }, inode: this.#inode(from) });
  }

  remove(name: string): void {
    this.#changeName({ change: { kind: "remove", file: name }, inode: this.#inode(name) });
  }

  syncDirectory(done: DiskDone): void {
    const upTo = this.#directoryChanges.length;
    const first = this.#directoryChanges.slice(0, upTo);
    this.#complete("syncDirectory", "", 0, (error) => {
      if (error === undefined) this.#settleNames(new Set(first));
      done(error);
    });
  }

  syncDirectoryNow(): void {
    this.#throwFault("syncDirectory", "");
    this.#settleNames(new Set(this.#directoryChanges));
  }

  #file(inode: Inode): DiskFile {
    const life = this.#life;
    let isOpen = true;
    const check = () => {
      if (life !== this.#life || !isOpen) {
        throw new DiskError("io", inode.name, `${inode.name} is not open any more`);
      }
    };
    return {
      size: () => inode.current.size,
      write: (offset, parts, done) => {
        check();
        const fault = this.#takeFault("write", inode.name);
        const written = fault ?? this.#write(inode, offset, parts);
        const bytes = parts.reduce((sum, part) => sum + part.length, 0);
        this.#later("write", bytes, () => done(written));
      },
      sync: (done) => {
        check();
        const upTo = new Set(inode.changes);
        this.#complete("sync", inode.name, 0, (error) => {
          this.#settle(inode, upTo, error);
          done(error);
        });
      },
      read: (offset, length, done) => {
        check();
        const bytes = inode.current.bytes().slice(offset, offset + length);
        this.#complete("read", inode.name, length, (error) => {
          done(error, error === undefined ? bytes : new Uint8Array(0));
        });
      },
      writeNow: (offset, bytes) => {
        check();
        this.#throwFault("write", inode.name);
        const error = this.#write(inode, offset, [bytes]);
        if (error !== undefined) throw error;
      },
      truncateNow: (size) => {
        check();
        this.#change(inode, { kind: "resize", file: inode.name, size });
      },
      syncNow: () => {
        check();
        const upTo = new Set(inode.changes);
        const error = this.#takeFault("sync", inode.name);
        this.#settle(inode, upTo, error);
        if (error !== undefined) throw error;
      },
      close: () => {
        isOpen = false;
      },
    };
  }

  /** What still fits is written, as on a real disk that fills up in the middle of a write. */
  #write(inode: Inode, offset: number, parts: readonly Uint8Array[]): DiskError | undefined {
    let at = offset;
    for (const part of parts) {
      for (let from = 0; from < part.length; ) {
        const end = Math.min(part.length, from + sectorBytes - (at % sectorBytes));
        const grows = Math.max(0, at + end - from - inode.current.size);
        if (grows > 0 && this.#usedBytes() + grows > this.capacityBytes) {
          return new DiskError("full", inode.name, "no space left");
        }
        const bytes = part.slice(from, end);
        this.#change(inode, { kind: "sector", file: inode.name, offset: at, bytes });
        at += end - from;
        from = end;
      }
    }
    return undefined;
  }

  #change(inode: Inode, change: Change): void {
    inode.current.apply(change);
    inode.changes.push({ change, isLost: false });
  }

  #settle(inode: Inode, upTo: ReadonlySet<object>, error: DiskError | undefined): void {
    if (this.#lazySync && error === undefined) return;
    const rest: Inode["changes"] = [];
    for (const pending of inode.changes) {
      if (!upTo.has(pending)) rest.push(pending);
      else if (error !== undefined || pending.isLost) rest.push({ ...pending, isLost: true });
      else inode.durable.apply(pending.change);
    }
    // What was rewritten and synced settles what a failed sync left open in the same place.
    inode.changes = rest.filter(
      ({ change, isLost }) => !isLost || error !== undefined || !isCovered(change, upTo),
    );
  }

  #settleNames(upTo: ReadonlySet<DirectoryChange>): void {
    if (this.#lazySync) return;
    for (const change of upTo) {
      if (this.#directoryChanges.includes(change)) applyName(this.#durableNames, change);
    }
    this.#directoryChanges = this.#directoryChanges.filter((change) => !upTo.has(change));
  }

  #changeName(change: DirectoryChange): void {
    applyName(this.#names, change);
    this.#directoryChanges.push(change);
  }

  #complete(
    operation: MemoryDiskOperation,
    file: string,
    bytes: number,
    finish: (error: DiskError | undefined) => void,
  ): void {
    const error = this.#takeFault(operation, file);
    this.#later(operation, bytes, () => finish(error));
  }

  #later(operation: MemoryDiskOperation, bytes: number, run: () => void): void {
    const life = this.#life;
    const runIfAlive = () => {
      if (life === this.#life) run();
    };
    this.#schedule(runIfAlive, operation, bytes);
  }

  #takeFault(operation: MemoryDiskOperation, file: string): DiskError | undefined {
    this.counts[operation] += 1;
    for (const pending of this.#faults) {
      const { fault } = pending;
      if (fault.operation !== operation) continue;
      if (fault.file !== undefined && fault.file !== file) continue;
      if (pending.after > 0) pending.after -= 1;
      else if (pending.times > 0) {
        pending.times -= 1;
        return new DiskError(fault.code, file, `injected: ${operation} fails`);
      }
    }
    return undefined;
  }

  #throwFault(operation: MemoryDiskOperation, file: string): void {
    const error = this.#takeFault(operation, file);
    if (error !== undefined) throw error;
  }

  #usedBytes(): number {
    let bytes = 0;
    for (const inode of this.#names.values()) bytes += inode.current.size;
    return bytes;
  }

  #inode(name: string): Inode {
    const inode = this.#names.get(name);
    if (inode === undefined) throw new DiskError("notFound", name, `no file ${name}`);
    return inode;
  }
}

/** Bytes that grow with zeros, in a buffer with room to spare. */
class Content {
  #buffer: Uint8Array;
  size: number;

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.#buffer = bytes.slice();
    this.size = bytes.length;
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.size);
  }

  copy(): Content {
    return new Content(this.bytes());
  }

  flip(bit: number): void {
    const at = bit >>> 3;
    if (at < this.size) this.#buffer[at] = this.#buffer[at]! ^ (1 << (bit & 7));
  }

  apply(change: Change): void {
    if (change.kind === "resize") {
      this.#reserve(change.size);
      if (change.size < this.size) this.#buffer.fill(0, change.size, this.size);
      this.size = change.size;
      return;
    }
    const end = change.offset + change.bytes.length;
    this.#reserve(end);
    this.#buffer.set(change.bytes, change.offset);
    this.size = Math.max(this.size, end);
  }

  #reserve(size: number): void {
    if (size <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(size, this.#buffer.length * 2, 1024));
    larger.set(this.bytes());
    this.#buffer = larger;
  }
}

function applyName(names: Map<string, Inode>, { change, inode }: DirectoryChange): void {
  if (change.kind === "rename") {
    names.delete(change.file);
    names.set(change.to, inode);
    inode.name = change.to;
  } else if (change.kind === "create") names.set(change.file, inode);
  else names.delete(change.file);
}

function isCovered(lost: Change, upTo: ReadonlySet<object>): boolean {
  if (lost.kind === "resize") return false;
  for (const pending of upTo) {
    const { change, isLost } = pending as Inode["changes"][number];
    if (isLost || change.kind === "resize") continue;
    const end = change.offset + change.bytes.length;
    if (change.offset <= lost.offset && end >= lost.offset + lost.bytes.length) return true;
  }
  return false;
}
