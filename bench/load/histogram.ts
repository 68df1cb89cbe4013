// Latencies in microseconds, kept in buckets of at most 1.6 % width (64 per power of two), so that a
// percentile of millions of calls costs a few kilobytes and nothing per call.

const subBits = 6;
const sub = 1 << subBits;
const buckets = sub * 40;

export interface LatencySummary {
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

export class Histogram {
  readonly #counts = new Float64Array(buckets);
  #count = 0;
  #sum = 0;
  #max = 0;

  record(microseconds: number): void {
    const value = Math.max(microseconds, 0);
    const bucket = bucketOf(value);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#sum += value;
    if (value > this.#max) this.#max = value;
  }

  get count(): number {
    return this.#count;
  }

  /** The upper edge of the bucket that holds the given share (0..1) of all values. */
  percentile(share: number): number {
    const wanted = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < buckets; bucket++) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= wanted) return Math.min(upperEdge(bucket), this.#max);
    }
    return this.#max;
  }

  summary(): LatencySummary {
    const ms = (microseconds: number) => Math.round(microseconds) / 1000;
    return {
      count: this.#count,
      meanMs: ms(this.#count === 0 ? 0 : this.#sum / this.#count),
      p50Ms: ms(this.percentile(0.5)),
      p90Ms: ms(this.percentile(0.9)),
      p99Ms: ms(this.percentile(0.99)),
      p999Ms: ms(this.percentile(0.999)),
      maxMs: ms(this.#max),
    };
  }
}

function bucketOf(value: number): number {
  if (value < sub) return Math.floor(value);
  const exponent = 31 - Math.clz32(Math.min(value, 2 ** 31));
  const shift = exponent - subBits;
  return Math.min(buckets - 1, (shift + 1) * sub + (Math.floor(value / 2 ** shift) - sub));
}

function upperEdge(bucket: number): number {
  if (bucket < sub) return bucket;
  const shift = Math.floor(bucket / sub) - 1;
  return ((bucket % sub) + sub + 1) * 2 ** shift;
}
