// A running 64-bit hash in two 32-bit lanes: equal runs have equal hashes, and any event that
// differs in any number moves both lanes. Not cryptographic; it guards against accidents.

export class RunningHash {
  #high = 0x243f6a88;
  #low = 0x85a308d3;

  /** Mixes in one number; whole numbers beyond 32 bits keep their upper part. */
  number(value: number): void {
    const low = value | 0;
    const upper = Math.floor(value / 4294967296) | 0;
    let high = Math.imul(this.#high ^ low, 0xcc9e2d51);
    high = (high << 15) | (high >>> 17);
    let next = Math.imul(this.#low ^ upper ^ high, 0x1b873593);
    next = (next << 13) | (next >>> 19);
    this.#high = (Math.imul(high, 5) + 0x561ccd1b + next) | 0;
    this.#low = (Math.imul(next, 5) + 0x0bcaa747 + low) | 0;
  }

  text(value: string): void {
    this.number(value.length);
    for (let i = 0; i < value.length; i++) this.number(value.charCodeAt(i));
  }

  bytes(value: Uint8Array): void {
    this.number(value.length);
    for (let i = 0; i < value.length; i++) this.number(value[i] as number);
  }

  /** Sixteen hexadecimal digits. */
  get digest(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
    return hex(this.#high) + hex(this.#low);
  }
}

/** Of long contents, which many look at and nobody changes. */
const known = new WeakMap<Uint8Array, number>();
const longBytes = 256;

/** A 32-bit hash of all of the contents, for comparing them. They must not change afterwards. */
export function hashBytes(bytes: Uint8Array): number {
  if (bytes.length < longBytes) return hashOf(bytes);
  let hash = known.get(bytes);
  if (hash === undefined) {
    hash = hashOf(bytes);
    known.set(bytes, hash);
  }
  return hash;
}

function hashOf(bytes: Uint8Array): number {
  const { length } = bytes;
  let hash = 0x811c9dc5 ^ length;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  return hash >>> 0;
}
