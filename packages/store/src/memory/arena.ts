// Records in large slabs outside the JavaScript heap. A record is written once and never changed in
// place; a slab that has lost half of its bytes is copied into a smaller one, and one that has lost
// all is dropped. A handle stays valid through that: it names the slab and the record's ordinal in
// it. Appends come in revision order, so walking the slabs is walking history.
//
// Known weakness: a slab that keeps one record of many costs some 300 bytes for its own books.

import type { Revision } from "../contract.ts";
import type { Handle, RecordPlace, RecordVisitor } from "../engine/port.ts";

const ordinalsMax = 65536;
const slabBytesMin = 4096;
const removed = 0xffffffff;
/** Before each record: main (f64), sub (u32), length (u32). */
const headerBytes = 16;

interface Slab {
  bytes: Uint8Array;
  view: DataView;
  used: number;
  liveBytes: number;
  liveRecords: number;
  /** Offset of each record by ordinal, or `removed`; by place in `ordinals` once sparse. */
  offsets: Uint32Array;
  count: number;
  ordinals: Uint32Array | undefined;
  readonly firstMain: Revision;
}

export class Arena {
  readonly #slabBytesMax: number;
  readonly #slabs: (Slab | undefined)[] = [];
  /** Slabs before this one are all dropped. */
  #firstSlab = 0;
  #allocated = 0;
  #live = 0;
  #count = 0;

  constructor(slabBytesMax = 1 << 20) {
    this.#slabBytesMax = slabBytesMax;
  }

  get bytes(): number {
    return this.#allocated;
  }
  get bytesInUse(): number {
    return this.#live;
  }
  get count(): number {
    return this.#count;
  }
  /** The slab that the next record may still go into: all before it are complete. */
  get openSlab(): number {
    return this.#slabs.length - 1;
  }

  append(main: Revision, sub: number, record: Uint8Array): Handle {
    const size = headerBytes + record.length;
    let slab = this.#slabs[this.#slabs.length - 1];
    if (
      slab === undefined ||
      slab.used + size > slab.bytes.length ||
      slab.count === ordinalsMax ||
      slab.ordinals !== undefined
    ) {
      slab = this.#addSlab(main, size);
    }
    if (slab.count === slab.offsets.length) {
      const larger = new Uint32Array(Math.min(ordinalsMax, slab.offsets.length * 2));
      larger.set(slab.offsets);
      slab.offsets = larger;
    }
    const offset = slab.used;
    slab.view.setFloat64(offset, main);
    slab.view.setUint32(offset + 8, sub);
    slab.view.setUint32(offset + 12, record.length);
    slab.bytes.set(record, offset + headerBytes);
    slab.used += size;
    slab.liveBytes += size;
    slab.liveRecords++;
    this.#live += size;
    this.#count++;
    const ordinal = slab.count++;
    slab.offsets[ordinal] = offset;
    return (this.#slabs.length - 1) * ordinalsMax + ordinal;
  }

  /** Undefined when the record was removed or dropped. */
  read(handle: Handle): Uint8Array | undefined {
    const slab = this.#slabs[Math.floor(handle / ordinalsMax)];
    if (slab === undefined) return undefined;
    const offset = offsetOf(slab, handle % ordinalsMax);
    if (offset === removed) return undefined;
    const start = offset + headerBytes;
    return slab.bytes.subarray(start, start + slab.view.getUint32(offset + 12));
  }

  /** As `read`; false when the record was removed or dropped. */
  readPlace(handle: Handle, place: RecordPlace): boolean {
    const slab = this.#slabs[Math.floor(handle / ordinalsMax)];
    if (slab === undefined) return false;
    const offset = offsetOf(slab, handle % ordinalsMax);
    if (offset === removed) return false;
    place.bytes = slab.bytes;
    place.start = offset + headerBytes;
    place.end = place.start + slab.view.getUint32(offset + 12);
    return true;
  }

  remove(handle: Handle): void {
    const id = Math.floor(handle / ordinalsMax);
    const slab = this.#slabs[id];
    if (slab === undefined) return;
    const place = placeOf(slab, handle % ordinalsMax);
    const offset = place < 0 ? removed : slab.offsets[place]!;
    if (offset === removed) return;
    const size = headerBytes + slab.view.getUint32(offset + 12);
    slab.offsets[place] = removed;
    slab.liveBytes -= size;
    slab.liveRecords--;
    this.#live -= size;
    this.#count--;
    if (id === this.#slabs.length - 1) return;
    if (slab.liveRecords === 0) this.#drop(id);
    else if (slab.liveBytes * 2 < slab.bytes.length) this.#shrink(slab);
  }

  /** Forgets the oldest slabs before `slabId`, whatever they hold, until `bytesMax` are left. */
  trim(slabId: number, bytesMax: number): void {
    const end = Math.min(slabId, this.#slabs.length);
    for (let id = this.#firstSlab; id < end && this.#allocated > bytesMax; id++) {
      const slab = this.#slabs[id];
      if (slab === undefined) continue;
      this.#live -= slab.liveBytes;
      this.#count -= slab.liveRecords;
      this.#drop(id);
    }
  }

  scan(main: Revision, sub: number, visit: RecordVisitor): void {
    for (let id = this.#slabOf(main); id < this.#slabs.length; id++) {
      const slab = this.#slabs[id];
      if (slab === undefined) continue;
      for (let place = firstPlace(slab, main, sub); place < slab.count; place++) {
        const offset = slab.offsets[place]!;
        if (offset === removed) continue;
        const start = offset + headerBytes;
        const record = slab.bytes.subarray(start, start + slab.view.getUint32(offset + 12));
        const ordinal = slab.ordinals === undefined ? place : slab.ordinals[place]!;
        const handle = id * ordinalsMax + ordinal;
        const recordMain = slab.view.getFloat64(offset);
        if (!visit(recordMain, slab.view.getUint32(offset + 8), handle, record)) return;
      }
    }
  }

  /** The last slab that may hold a revision of `main` as its first, or the first slab there is. */
  #slabOf(main: Revision): number {
    let candidate = this.#firstSlab;
    let low = this.#firstSlab;
    let high = this.#slabs.length - 1;
    while (low <= high) {
      let middle = (low + high) >>> 1;
      while (middle > low && this.#slabs[middle] === undefined) middle--;
      const slab = this.#slabs[middle];
      if (slab !== undefined && slab.firstMain >= main) high = middle - 1;
      else {
        if (slab !== undefined) candidate = middle;
        low = ((low + high) >>> 1) + 1;
      }
    }
    return candidate;
  }

  #addSlab(firstMain: Revision, needed: number): Slab {
    this.#seal();
    // Slabs grow with the arena: a small store must stay small.
    const wanted = Math.min(this.#slabBytesMax, Math.max(slabBytesMin, this.#allocated));
    const bytes = new Uint8Array(Math.max(wanted, needed));
    const slab: Slab = {
      bytes,
      view: new DataView(bytes.buffer),
      used: 0,
      liveBytes: 0,
      liveRecords: 0,
      offsets: new Uint32Array(16),
      count: 0,
      ordinals: undefined,
      firstMain,
    };
    this.#slabs.push(slab);
    this.#allocated += bytes.length;
    return slab;
  }

  #seal(): void {
    const id = this.#slabs.length - 1;
    const slab = this.#slabs[id];
    if (slab === undefined) return;
    slab.offsets = slab.offsets.slice(0, slab.count);
    if (slab.liveRecords === 0) this.#drop(id);
    else if (slab.liveBytes * 2 < slab.bytes.length) this.#shrink(slab);
  }

  #drop(id: number): void {
    this.#allocated -= this.#slabs[id]!.bytes.length;
    this.#slabs[id] = undefined;
    while (this.#firstSlab < this.#slabs.length && this.#slabs[this.#firstSlab] === undefined) {
      this.#firstSlab++;
    }
  }

  #shrink(slab: Slab): void {
    const bytes = new Uint8Array(slab.liveBytes);
    const ordinals = new Uint32Array(slab.liveRecords);
    const offsets = new Uint32Array(slab.liveRecords);
    let used = 0;
    let kept = 0;
    for (let place = 0; place < slab.count; place++) {
      const offset = slab.offsets[place]!;
      if (offset === removed) continue;
      const size = headerBytes + slab.view.getUint32(offset + 12);
      bytes.set(slab.bytes.subarray(offset, offset + size), used);
      ordinals[kept] = slab.ordinals === undefined ? place : slab.ordinals[place]!;
      offsets[kept] = used;
      used += size;
      kept++;
    }
    this.#allocated += bytes.length - slab.bytes.length;
    slab.bytes = bytes;
    slab.view = new DataView(bytes.buffer);
    slab.used = used;
    slab.offsets = offsets;
    slab.ordinals = ordinals;
    slab.count = kept;
  }
}

function placeOf(slab: Slab, ordinal: number): number {
  if (slab.ordinals === undefined) return ordinal < slab.count ? ordinal : -1;
  let low = 0;
  let high = slab.count - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const found = slab.ordinals[middle]!;
    if (found === ordinal) return middle;
    if (found < ordinal) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

function offsetOf(slab: Slab, ordinal: number): number {
  const place = placeOf(slab, ordinal);
  return place < 0 ? removed : slab.offsets[place]!;
}

/** The first place in the slab at or after (main, sub). */
function firstPlace(slab: Slab, main: Revision, sub: number): number {
  if (slab.firstMain > main) return 0;
  let low = 0;
  let high = slab.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    // A removed record's place says nothing: the next one that is left decides for it.
    let place = middle;
    while (place < high && slab.offsets[place] === removed) place++;
    if (place === high) {
      high = middle;
      continue;
    }
    const offset = slab.offsets[place]!;
    const recordMain = slab.view.getFloat64(offset);
    if (recordMain > main || (recordMain === main && slab.view.getUint32(offset + 8) >= sub)) {
      high = middle;
    } else low = place + 1;
  }
  return low;
}
