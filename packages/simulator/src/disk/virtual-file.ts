// One file of a virtual disk: what the operating system shows, what the platter holds, and the
// writes in between, each of which may or may not survive a power cut, whole or in part.

import type { Prng } from "../random/prng.ts";

/** A power cut keeps or loses whole sectors; inside one, a write is atomic. */
const sectorBytes = 512;

interface Change {
  readonly order: number;
  readonly offset: number;
  /** Undefined: a truncation to `offset`. */
  readonly bytes: Uint8Array | undefined;
}

export class VirtualFile {
  #live = new Uint8Array(256);
  #liveSize = 0;
  #durable = new Uint8Array(0);
  /** Written and not yet synced, in order. */
  #pending: Change[] = [];
  /** A sync over these failed: shown until the next power cut, never written by a later sync. */
  #orphaned: Change[] = [];
  #nextOrder = 1;
  /** Where the last synced write began: what lies before it is old, and damage to it is not tearing. */
  settledBytes = 0;

  get size(): number {
    return this.#liveSize;
  }

  get hasUnsynced(): boolean {
    return this.#pending.length > 0 || this.#orphaned.length > 0;
  }

  /** Orders handed out so far: a sync covers every change up to here. */
  get lastOrder(): number {
    return this.#nextOrder - 1;
  }

  read(offset: number, length: number): Uint8Array {
    return this.#live.slice(offset, Math.min(offset + length, this.#liveSize));
  }

  write(offset: number, bytes: Uint8Array): void {
    const change = { order: this.#nextOrder++, offset, bytes: bytes.slice() };
    this.#pending.push(change);
    this.#show(change);
  }

  truncate(size: number): void {
    const change = { order: this.#nextOrder++, offset: size, bytes: undefined };
    this.#pending.push(change);
    this.#show(change);
  }

  /** The platter now holds every change up to `order`. */
  sync(order: number): void {
    const done = this.#pending.filter((change) => change.order <= order);
    if (done.length === 0) return;
    this.#pending = this.#pending.filter((change) => change.order > order);
    for (const change of done) this.#durable = applied(this.#durable, change);
    const last = done[done.length - 1];
    if (last?.bytes !== undefined) this.settledBytes = done[0]?.offset ?? 0;
  }

  /** A failed sync: the pages count as clean, but the platter has not got them. */
  abandon(order: number): void {
    this.#orphaned.push(...this.#pending.filter((change) => change.order <= order));
    this.#pending = this.#pending.filter((change) => change.order > order);
  }

  /** A power cut: of what was not synced any subset survives, in whole or in part. */
  cutPower(prng: Prng): void {
    let image = this.#durable;
    const loose = [...this.#orphaned, ...this.#pending].sort((a, b) => a.order - b.order);
    const manner = prng.below(4);
    for (const change of loose) {
      if (manner === 0) continue;
      if (manner === 1 || prng.chance(0.5)) {
        image = applied(image, change);
      } else if (change.bytes !== undefined && prng.chance(0.7)) {
        for (const part of survivingSectors(change.offset, change.bytes, prng)) {
          image = applied(image, part);
        }
      }
    }
    this.#durable = image;
    this.#live = image.slice();
    this.#liveSize = image.length;
    this.#pending = [];
    this.#orphaned = [];
  }

  /** Damages one settled byte, on the platter and as it is read. False when there is none. */
  rot(prng: Prng): boolean {
    const reach = Math.min(this.settledBytes, this.#durable.length, this.#liveSize);
    if (reach < 64) return false;
    const at = prng.below(reach);
    const bit = 1 << prng.below(8);
    this.#durable[at] = (this.#durable[at] as number) ^ bit;
    this.#live[at] = (this.#live[at] as number) ^ bit;
    return true;
  }

  #show(change: Change): void {
    if (change.bytes === undefined) {
      if (change.offset < this.#liveSize) this.#live.fill(0, change.offset, this.#liveSize);
      this.#grow(change.offset);
      this.#liveSize = change.offset;
      return;
    }
    const end = change.offset + change.bytes.length;
    this.#grow(end);
    this.#live.set(change.bytes, change.offset);
    if (end > this.#liveSize) this.#liveSize = end;
  }

  #grow(size: number): void {
    if (size <= this.#live.length) return;
    const larger = new Uint8Array(Math.max(size, this.#live.length * 2));
    larger.set(this.#live.subarray(0, this.#liveSize));
    this.#live = larger;
  }
}

/** The image after a change; a fresh array only when the size changes. */
function applied(image: Uint8Array, change: Omit<Change, "order">): Uint8Array<ArrayBuffer> {
  const { offset, bytes } = change;
  const size = bytes === undefined ? offset : Math.max(image.length, offset + bytes.length);
  let out = image as Uint8Array<ArrayBuffer>;
  if (size !== image.length) {
    out = new Uint8Array(size);
    out.set(size < image.length ? image.subarray(0, size) : image);
  }
  if (bytes !== undefined) out.set(bytes, offset);
  return out;
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
