// One file of a virtual disk: what the operating system shows, what the platter holds, and the
// writes in between, each of which may or may not survive a power cut, whole or in part.

import type { Prng } from "../random/prng.ts";
import { Image } from "./image.ts";

/** A power cut keeps or loses whole sectors; inside one, a write is atomic. */
const sectorBytes = 512;

interface Change {
  readonly order: number;
  readonly offset: number;
  /** Undefined: a truncation to `offset`. */
  readonly bytes: Uint8Array | undefined;
}

export class VirtualFile {
  #live = new Image();
  #durable = new Image();
  /** Written and not yet synced, in order. */
  #pending: Change[] = [];
  /** A sync over these failed: shown until the next power cut, never written by a later sync. */
  #orphaned: Change[] = [];
  #nextOrder = 1;
  /** Where the last synced write began: what lies before it is old, and damage to it is not tearing. */
  settledBytes = 0;

  get size(): number {
    return this.#live.size;
  }

  /** Orders handed out so far: a sync covers every change up to here. */
  get lastOrder(): number {
    return this.#nextOrder - 1;
  }

  read(offset: number, length: number): Uint8Array {
    return this.#live.read(offset, length);
  }

  write(offset: number, bytes: Uint8Array): void {
    const change = { order: this.#nextOrder++, offset, bytes: bytes.slice() };
    this.#pending.push(change);
    apply(this.#live, change);
  }

  truncate(size: number): void {
    const change = { order: this.#nextOrder++, offset: size, bytes: undefined };
    this.#pending.push(change);
    apply(this.#live, change);
  }

  /** The platter now holds every change up to `order`. */
  sync(order: number): void {
    const done = this.#take(order);
    for (const change of done) apply(this.#durable, change);
    const last = done[done.length - 1];
    if (last?.bytes !== undefined) this.settledBytes = done[0]?.offset ?? 0;
  }

  /** A failed sync: the pages count as clean, but the platter has not got them. */
  abandon(order: number): void {
    this.#orphaned.push(...this.#take(order));
  }

  /** A power cut: of what was not synced any subset survives, in whole or in part. */
  cutPower(prng: Prng): void {
    const loose = [...this.#orphaned, ...this.#pending].sort((a, b) => a.order - b.order);
    const manner = prng.below(4);
    for (const change of loose) {
      if (manner === 0) continue;
      if (manner === 1 || prng.chance(0.5)) {
        apply(this.#durable, change);
      } else if (change.bytes !== undefined && prng.chance(0.7)) {
        for (const part of survivingSectors(change.offset, change.bytes, prng)) {
          apply(this.#durable, part);
        }
      }
    }
    this.#live = this.#durable.copy();
    this.#pending = [];
    this.#orphaned = [];
  }

  copy(): VirtualFile {
    const copy = new VirtualFile();
    copy.#live = this.#live.copy();
    copy.#durable = this.#durable.copy();
    copy.#pending = [...this.#pending];
    copy.#orphaned = [...this.#orphaned];
    copy.#nextOrder = this.#nextOrder;
    copy.settledBytes = this.settledBytes;
    return copy;
  }

  /** Damages one settled byte, on the platter and as it is read. False when there is none. */
  rot(prng: Prng): boolean {
    const reach = Math.min(this.settledBytes, this.#durable.size, this.#live.size);
    if (reach < 64) return false;
    const at = prng.below(reach);
    const bit = 1 << prng.below(8);
    this.#durable.flip(at, bit);
    this.#live.flip(at, bit);
    return true;
  }

  #take(order: number): Change[] {
    let count = 0;
    while (count < this.#pending.length && (this.#pending[count] as Change).order <= order) count++;
    return this.#pending.splice(0, count);
  }
}

function apply(image: Image, change: Omit<Change, "order">): void {
  if (change.bytes === undefined) image.truncate(change.offset);
  else image.write(change.offset, change.bytes);
}

function survivingSectors(offset: number, bytes: Uint8Array, prng: Prng): Omit<Change, "order">[] {
  const parts: Omit<Change, "order">[] = [];
  const prefix = prng.chance(0.5);
  let at = 0;
  while (at < bytes.length) {
    const length = Math.min(sectorBytes - ((offset + at) % sectorBytes), bytes.length - at);
    const survives = prng.chance(0.5);
    if (survives) parts.push({ offset: offset + at, bytes: bytes.subarray(at, at + length) });
    else if (prefix) break;
    at += length;
  }
  return parts;
}
