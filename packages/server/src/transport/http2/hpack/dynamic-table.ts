// HPACK's dynamic table (RFC 7541 section 2.3.2 and 4) as a ring. `generation` changes with every change of
// its contents: as long as it stays, equal header blocks mean equal headers.

const entryOverheadBytes = 32;

export class DynamicTable {
  generation = 0;
  private readonly bytesLimit: number;
  private bytesMax: number;
  private bytes = 0;
  private names: string[] = [];
  private values: string[] = [];
  /** Where the newest entry lies. */
  private newest = -1;
  private count = 0;

  /** `bytesLimit`: the size that our SETTINGS allow. */
  constructor(bytesLimit: number) {
    this.bytesLimit = bytesLimit;
    this.bytesMax = bytesLimit;
  }

  get length(): number {
    return this.count;
  }

  get size(): number {
    return this.bytes;
  }

  /** False: more than was allowed. */
  resize(bytesMax: number): boolean {
    if (bytesMax > this.bytesLimit) return false;
    this.bytesMax = bytesMax;
    this.generation++;
    this.evict(0);
    return true;
  }

  /** Index 0 is the newest entry. */
  name(index: number): string | undefined {
    return index < this.count ? this.names[this.slot(index)] : undefined;
  }

  value(index: number): string {
    return this.values[this.slot(index)]!;
  }

  insert(name: string, value: string): void {
    const size = name.length + value.length + entryOverheadBytes;
    this.generation++;
    this.evict(size);
    // An entry larger than the table leaves it empty, which is no error.
    if (size > this.bytesMax) return;
    if (this.count === this.names.length) this.grow();
    this.newest = (this.newest + 1) % this.names.length;
    this.names[this.newest] = name;
    this.values[this.newest] = value;
    this.count++;
    this.bytes += size;
  }

  private evict(room: number): void {
    while (this.count > 0 && this.bytes + room > this.bytesMax) {
      const oldest = this.slot(this.count - 1);
      this.bytes -= this.names[oldest]!.length + this.values[oldest]!.length + entryOverheadBytes;
      this.names[oldest] = "";
      this.values[oldest] = "";
      this.count--;
    }
  }

  private slot(index: number): number {
    const slots = this.names.length;
    return (this.newest - index + slots) % slots;
  }

  /** Twice the slots, entries in order from the oldest. */
  private grow(): void {
    const slots = Math.max(16, this.names.length * 2);
    const names = new Array<string>(slots).fill("");
    const values = new Array<string>(slots).fill("");
    for (let i = 0; i < this.count; i++) {
      const from = this.slot(this.count - 1 - i);
      names[i] = this.names[from]!;
      values[i] = this.values[from]!;
    }
    this.names = names;
    this.values = values;
    this.newest = this.count - 1;
  }
}
