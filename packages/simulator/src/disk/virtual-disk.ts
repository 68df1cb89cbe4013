// The disk of one machine: it outlives its processes. A killed process loses nothing that it wrote;
// a power cut loses any subset of what was not synced, files and directory alike.

import { LossyDisk } from "@althing/store/lossy";
import type { DiskErrorKind } from "../faults/plan.ts";
import type { Prng } from "../random/prng.ts";
import { VirtualFile } from "./virtual-file.ts";

type DirectoryChange =
  | { readonly kind: "link"; readonly name: string; readonly file: VirtualFile }
  | { readonly kind: "unlink"; readonly name: string }
  | { readonly kind: "rename"; readonly from: string; readonly to: string };

export interface DiskFaults {
  /** The next so many of these fail with an input/output error. */
  fails: Partial<Record<DiskErrorKind, number>>;
  /** Bytes still free; undefined: without end. */
  freeBytes: number | undefined;
  /** Everything takes so much longer, in microseconds. */
  slowMicros: number;
  /** A disk that lies: a sync reports success and does nothing. No log can be right on it. */
  lying: boolean;
  /** Healed: no sync is slow by chance any more. */
  calm: boolean;
  /** Errors that were really given: whoever got one may fail. */
  given: number;
}

export class VirtualDisk {
  #live = new Map<string, VirtualFile>();
  #durable = new Map<string, VirtualFile>();
  #pending: DirectoryChange[] = [];
  readonly faults: DiskFaults = {
    fails: {},
    freeBytes: undefined,
    slowMicros: 0,
    lying: false,
    calm: false,
    given: 0,
  };
  /** Where the disk engine keeps its states. */
  readonly store: LossyDisk;
  /** When the device has finished what was asked of it so far, in world time. */
  busyUntil = 0;

  constructor(store = new LossyDisk()) {
    this.store = store;
  }

  names(): string[] {
    return [...this.#live.keys()].sort();
  }

  file(name: string): VirtualFile | undefined {
    return this.#live.get(name);
  }

  create(name: string): VirtualFile {
    const file = new VirtualFile();
    this.#live.set(name, file);
    this.#pending.push({ kind: "link", name, file });
    return file;
  }

  rename(from: string, to: string): boolean {
    const file = this.#live.get(from);
    if (file === undefined) return false;
    this.#live.delete(from);
    this.#live.set(to, file);
    this.#pending.push({ kind: "rename", from, to });
    return true;
  }

  remove(name: string): boolean {
    if (!this.#live.delete(name)) return false;
    this.#pending.push({ kind: "unlink", name });
    return true;
  }

  /** How many directory changes there are to make durable: what a sync started now covers. */
  get directoryMark(): number {
    return this.#pending.length;
  }

  /** Makes the first `mark` of the changes durable. */
  syncDirectory(mark: number): void {
    for (const change of this.#pending.splice(0, mark)) applyTo(this.#durable, change);
  }

  get bytes(): number {
    let total = 0;
    for (const file of this.#live.values()) total += file.size;
    return total;
  }

  cutPower(prng: Prng): void {
    // Journals keep the order of directory changes; some file systems do not.
    const ordered = prng.chance(0.6);
    const keep = prng.below(this.#pending.length + 1);
    for (const [position, change] of this.#pending.entries()) {
      if (ordered ? position < keep : prng.chance(0.5)) applyTo(this.#durable, change);
    }
    this.#pending = [];
    this.#live = new Map(this.#durable);
    for (const name of [...this.#live.keys()].sort()) this.#live.get(name)?.cutPower(prng);
    const own = prng.split("store");
    this.store.cutPower((below) => own.below(below));
  }

  /** A process is gone, the power is not: what was written to files stays, what was being committed may. */
  endLife(prng: Prng): void {
    this.store.endLife((below) => prng.below(below));
  }

  /** Of its own from now on, and without faults. */
  copy(): VirtualDisk {
    const copy = new VirtualDisk(this.store.copy());
    const copies = new Map<VirtualFile, VirtualFile>();
    const copied = (file: VirtualFile): VirtualFile => {
      const own = copies.get(file) ?? file.copy();
      copies.set(file, own);
      return own;
    };
    for (const [name, file] of this.#live) copy.#live.set(name, copied(file));
    for (const [name, file] of this.#durable) copy.#durable.set(name, copied(file));
    copy.#pending = this.#pending.map((change) =>
      change.kind === "link" ? { ...change, file: copied(change.file) } : change,
    );
    return copy;
  }

  wipe(): void {
    this.#live.clear();
    this.#durable.clear();
    this.#pending = [];
    this.store.wipe();
  }

  /** Flips a settled bit in one file whose name has `prefix`. Names the file, or undefined. */
  rot(prng: Prng, prefix: string): string | undefined {
    const names = this.names().filter((name) => name.startsWith(prefix));
    for (const name of prng.shuffle(names)) {
      if (this.#live.get(name)?.rot(prng)) return name;
    }
    return undefined;
  }
}

function applyTo(names: Map<string, VirtualFile>, change: DirectoryChange): void {
  switch (change.kind) {
    case "link":
      names.set(change.name, change.file);
      return;
    case "unlink":
      names.delete(change.name);
      return;
    case "rename": {
      const file = names.get(change.from);
      if (file === undefined) return;
      names.delete(change.from);
      names.set(change.to, file);
    }
  }
}
