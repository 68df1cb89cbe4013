// The table's arithmetic: a ratio above one always speaks for the first program, and a median is a median.

import assert from "node:assert/strict";
import { test } from "node:test";
import { formatReport, median } from "./report.ts";
import type { RowResult } from "./rows.ts";

test("the median of an even number of rounds lies between the middle two", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
});

test("ratios above one mean that the first program is better, for rates and for costs", () => {
  const result = (callsPerSecond: number, p99Ms: number, generatorCpuPercent = 10): RowResult => ({
    load: {
      work: "put",
      clients: 100,
      connections: 10,
      seconds: 1,
      callsPerSecond,
      callsTotal: 1,
      failed: 0,
      failures: [],
      generatorCpuPercent,
      latency: { count: 1, meanMs: 1, p50Ms: 1, p90Ms: 1, p99Ms, p999Ms: 1, maxMs: 1 },
    },
    cpuSecondsPer10k: 1,
    leaderCpuSecondsPer10k: 1,
    residentBytes: 2 ** 20,
  });
  const held = (mebibytes: number, restartMs: readonly number[]) => {
    const bytes = mebibytes * 2 ** 20;
    return {
      memory: [{ title: "at rest", largest: bytes, sum: bytes, anonymous: bytes / 2 }],
      restartMs,
    };
  };
  const text = formatReport({
    conditions: { members: 3 },
    programs: ["althing", "etcd"],
    rows: new Map([
      [
        "put-100",
        new Map([
          ["althing", [result(3000, 5, 95)]],
          ["etcd", [result(1000, 20)]],
        ]),
      ],
    ]),
    peaks: new Map([
      ["althing", { largest: 50 * 2 ** 20, sum: 150 * 2 ** 20 }],
      ["etcd", { largest: 100 * 2 ** 20, sum: 150 * 2 ** 20 }],
    ]),
    holding: new Map([
      [
        1,
        new Map([
          ["althing", held(10, [200])],
          ["etcd", held(40, [300, 500])],
        ]),
      ],
    ]),
    failover: new Map([
      ["althing", { killMs: [100, 300, 200], freezeMs: [] }],
      ["etcd", { killMs: [1000], freezeMs: [] }],
    ]),
  });
  const ratio = (pattern: RegExp) => pattern.exec(text)?.[1];
  assert.equal(ratio(/put-100\* +\| calls\/s .*\| +([\d.]+) \|/), "3.00");
  assert.equal(ratio(/p99 ms .*\| +([\d.]+) \|/), "4.00");
  assert.equal(ratio(/peak +\| largest RSS MiB .*\| +([\d.]+) \|/), "2.00");
  assert.equal(ratio(/summed RSS MiB +\| +150 +\| +150 +\| +([\d.]+) \|/), "1.00");
  assert.equal(ratio(/alone, at rest +\| largest RSS MiB .*\| +([\d.]+) \|/), "4.00");
  assert.equal(ratio(/largest, anonymous MiB .*\| +([\d.]+) \|/), "4.00");
  assert.equal(ratio(/restart, alone +\| median ms .*\| +([\d.]+) \|/), "2.00");
  assert.equal(ratio(/kill -9 +\| median ms .*\| +([\d.]+) \|/), "5.00");
});
