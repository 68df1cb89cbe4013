// The bytes of a file, in memory that grows by doubling: appending is cheap however long it gets.

export class Image {
  #bytes: Uint8Array;
  #size: number;

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.#bytes = bytes;
    this.#size = bytes.length;
  }

  get size(): number {
    return this.#size;
  }

  /** A copy. */
  read(offset: number, length: number): Uint8Array {
    return this.#bytes.slice(offset, Math.min(offset + length, this.#size));
  }

  copy(): Image {
    return new Image(this.#bytes.slice(0, this.#size));
  }

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    this.#reserve(end);
    this.#bytes.set(bytes, offset);
    if (end > this.#size) this.#size = end;
  }

  /** What lies beyond the end is zero, also when the file grows again. */
  truncate(size: number): void {
    if (size < this.#size) this.#bytes.fill(0, size, this.#size);
    this.#reserve(size);
    this.#size = size;
  }

  flip(offset: number, bit: number): void {
    this.#bytes[offset] = (this.#bytes[offset] as number) ^ bit;
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(size, this.#bytes.length * 2, 256));
    larger.set(
      this.#size === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, this.#size),
    );
    this.#bytes = larger;
  }
}
