// What every kind of load counts: calls and their latencies while it measures, failures with the first few
// reasons, and how busy the generator itself was.

import { Histogram } from "./histogram.ts";
import type { LoadPlan, LoadResult } from "./plan.ts";

export class Meter {
  readonly #histogram = new Histogram();
  readonly #failures: string[] = [];
  #isMeasuring = false;
  #isStopping = false;
  #failed = 0;
  #total = 0;
  #measuredMs = 0;
  #cpuMicroseconds = 0;

  /** Nothing new is begun any more. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  answered(startedAt: number): void {
    this.#total += 1;
    if (this.#isMeasuring) this.#histogram.record((performance.now() - startedAt) * 1000);
  }

  failed(why: string): void {
    this.#total += 1;
    if (this.#isMeasuring) this.#failed += 1;
    if (this.#failures.length < 5) this.#failures.push(why);
  }

  /** Warm-up, then the measured part. The load runs meanwhile. */
  async measure(plan: LoadPlan): Promise<void> {
    await pause(plan.warmupSeconds * 1000);
    this.#isMeasuring = true;
    const cpuBefore = process.cpuUsage();
    const from = performance.now();
    await pause(plan.seconds * 1000);
    this.#isMeasuring = false;
    this.#measuredMs = performance.now() - from;
    const cpu = process.cpuUsage(cpuBefore);
    this.#cpuMicroseconds = cpu.user + cpu.system;
    this.#isStopping = true;
  }

  result(plan: LoadPlan, connections: number): LoadResult {
    const seconds = this.#measuredMs / 1000;
    return {
      work: plan.work,
      clients: plan.clients,
      connections,
      seconds,
      callsPerSecond: Math.round(this.#histogram.count / seconds),
      callsTotal: this.#total,
      failed: this.#failed,
      failures: this.#failures,
      latency: this.#histogram.summary(),
      generatorCpuPercent: Math.round(this.#cpuMicroseconds / 1e4 / seconds),
    };
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** For a race: what wins earlier need not wait for this to end with the process. */
export function pauseAtMost(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
