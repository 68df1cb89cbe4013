// Joins bytes that arrive in pieces of any size, in memory that doubles as it fills: neither many tiny pieces
// nor pieces of large chunks can pin more than twice what was received.

const firstBytes = 256;

export class ByteCollector {
  private memory = Buffer.alloc(0);
  private used = 0;

  get size(): number {
    return this.used;
  }

  /** What it really holds. */
  get capacity(): number {
    return this.memory.length;
  }

  /** `wanted`: no more than this will be collected. */
  push(bytes: Uint8Array, wanted: number): void {
    const size = this.used + bytes.length;
    if (size > this.memory.length) {
      const capacity = Math.max(size, Math.min(wanted, Math.max(firstBytes, size * 2)));
      const larger = Buffer.allocUnsafe(capacity);
      larger.set(this.memory.subarray(0, this.used));
      this.memory = larger;
    }
    this.memory.set(bytes, this.used);
    this.used = size;
  }

  bytes(): Buffer {
    return this.memory.subarray(0, this.used);
  }

  clear(): void {
    this.memory = Buffer.alloc(0);
    this.used = 0;
  }
}
