// The process itself: CPU, memory, open files, and how late the event loop runs.

import { readdirSync, readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { type Family, single } from "./metrics-text.ts";

const resolutionMs = 20;

export class ProcessMetrics {
  private readonly delay = monitorEventLoopDelay({ resolution: resolutionMs });
  private readonly startSeconds = Date.now() / 1000 - process.uptime();
  readonly families: readonly Family[];

  constructor() {
    this.delay.enable();
    this.families = [
      single("counter", "process_cpu_seconds_total", "User and system CPU time.", () => {
        const { user, system } = process.cpuUsage();
        return (user + system) / 1e6;
      }),
      single("gauge", "process_resident_memory_bytes", "Resident memory.", () =>
        process.memoryUsage.rss(),
      ),
      single(
        "gauge",
        "process_start_time_seconds",
        "Start, in Unix time.",
        () => this.startSeconds,
      ),
      single("gauge", "process_open_fds", "Open file descriptors.", openFiles),
      single("gauge", "process_max_fds", "The limit on them.", fileLimit),
      single("gauge", "os_fd_used", "Open file descriptors.", openFiles),
      single("gauge", "os_fd_limit", "The limit on them.", fileLimit),
      single(
        "gauge",
        "nodejs_heap_size_used_bytes",
        "Live and garbage heap.",
        () => process.memoryUsage().heapUsed,
      ),
      single(
        "gauge",
        "nodejs_external_memory_bytes",
        "Memory outside the heap.",
        () => process.memoryUsage().external,
      ),
      {
        name: "althing_event_loop_delay_seconds",
        type: "gauge",
        help: "Lateness of the event loop since the last scrape.",
        samples: () => this.delays(),
      },
    ];
  }

  close(): void {
    this.delay.disable();
  }

  private delays() {
    const seconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - resolutionMs / 1000);
    const samples = [
      { labels: { quantile: "0.5" }, value: seconds(this.delay.percentile(50)) },
      { labels: { quantile: "0.99" }, value: seconds(this.delay.percentile(99)) },
      { labels: { quantile: "1" }, value: seconds(this.delay.max) },
    ];
    this.delay.reset();
    return samples;
  }
}

function openFiles(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    // Elsewhere than on Linux nobody says.
    return Number.NaN;
  }
}

function fileLimit(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1]);
  } catch {
    return Number.NaN;
  }
}
