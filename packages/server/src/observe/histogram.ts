// A histogram of durations: a handful of plain counters, cheap enough for every log write.

import type { Family, Sample } from "./metrics-text.ts";

/** Powers of two from 1 ms, as etcd's disk histograms have them. */
export const diskBucketsSeconds: readonly number[] = Array.from(
  { length: 14 },
  (_one, i) => 0.001 * 2 ** i,
);

/** From 0.1 ms, as etcd's histogram of peers has them. */
export const roundTripBucketsSeconds: readonly number[] = Array.from(
  { length: 16 },
  (_one, i) => 0.0001 * 2 ** i,
);

export class Histogram {
  private readonly bounds: readonly number[];
  /** One more than bounds: the last holds what is beyond all of them. */
  private readonly counts: number[];
  private sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    let at = 0;
    while (at < this.bounds.length && value > this.bounds[at]!) at++;
    this.counts[at]!++;
    this.sum += value;
  }

  family(name: string, help: string): Family {
    return { name, type: "histogram", help, samples: () => this.samples() };
  }

  /** `labels` tell this one from others of its family. */
  samples(labels: Readonly<Record<string, string>> = {}): Sample[] {
    const samples: Sample[] = [];
    let total = 0;
    for (let i = 0; i < this.bounds.length; i++) {
      total += this.counts[i]!;
      samples.push({ suffix: "_bucket", labels: { ...labels, le: this.bounds[i]! }, value: total });
    }
    total += this.counts[this.bounds.length]!;
    samples.push({ suffix: "_bucket", labels: { ...labels, le: "+Inf" }, value: total });
    samples.push(
      { suffix: "_sum", labels, value: this.sum },
      { suffix: "_count", labels, value: total },
    );
    return samples;
  }
}

/** The newest values, for quantiles of the recent past. */
export class RecentValues {
  private readonly values: Float64Array;
  private next = 0;
  private size = 0;

  constructor(capacity: number) {
    this.values = new Float64Array(capacity);
  }

  add(value: number): void {
    this.values[this.next] = value;
    this.next = (this.next + 1) % this.values.length;
    if (this.size < this.values.length) this.size++;
  }

  /** NaN while nothing was added. */
  quantile(share: number): number {
    if (this.size === 0) return Number.NaN;
    const sorted = this.values.slice(0, this.size).sort();
    return sorted[Math.min(this.size - 1, Math.floor(share * this.size))]!;
  }
}
