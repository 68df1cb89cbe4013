import assert from "node:assert/strict";
import { test } from "node:test";
import { compactionIntervalMs, createAutoCompaction } from "./auto-compaction.ts";
import type { Config } from "./config/config.ts";

const minuteMs = 60_000;

function run(retention: Config["autoCompaction"]) {
  const world = { revision: 1, isLeader: true, compacted: [] as number[] };
  const tick = createAutoCompaction({
    retention,
    revision: () => world.revision,
    isLeader: () => world.isLeader,
    compact: (revision) => world.compacted.push(revision),
  });
  return { world, tick };
}

test("by revision: all but the newest so many, by the leader alone, and not twice the same", () => {
  const { world, tick } = run({ mode: "revision", revisions: 100 });
  tick();
  world.revision = 250;
  world.isLeader = false;
  tick();
  world.isLeader = true;
  tick();
  tick();
  world.revision = 300;
  tick();
  assert.deepEqual(world.compacted, [150, 200]);
  assert.equal(compactionIntervalMs({ mode: "revision", revisions: 1 }), 5 * minuteMs);
});

test("by time: what is older than the retention, and nothing before it has passed", () => {
  const retention = { mode: "periodic", retentionMs: 10 * minuteMs } as const;
  assert.equal(compactionIntervalMs(retention), minuteMs);
  const { world, tick } = run(retention);
  // A sample a minute; at minute m the revision is 100 m.
  for (let minute = 1; minute <= 32; minute++) {
    world.revision = 100 * minute;
    tick();
    const [last] = world.compacted.slice(-1);
    if (last !== undefined) assert.ok(last <= 100 * (minute - 10), `minute ${minute}`);
  }
  assert.deepEqual(world.compacted, [100, 1100, 2100]);
});

test("by hours: samples every six minutes, compactions every hour", () => {
  const retention = { mode: "periodic", retentionMs: 180 * minuteMs } as const;
  assert.equal(compactionIntervalMs(retention), 6 * minuteMs);
  const { world, tick } = run(retention);
  for (let minute = 6; minute <= 360; minute += 6) {
    world.revision = 10 * minute;
    tick();
  }
  assert.deepEqual(world.compacted, [60, 660, 1260]);
});

test("a member that comes to lead knows the past from its own samples", () => {
  const { world, tick } = run({ mode: "periodic", retentionMs: 10 * minuteMs });
  world.isLeader = false;
  for (let minute = 1; minute <= 15; minute++) {
    world.revision = 100 * minute;
    tick();
  }
  assert.deepEqual(world.compacted, []);
  world.isLeader = true;
  for (let minute = 16; minute <= 20 && world.compacted.length === 0; minute++) tick();
  assert.ok(world.compacted.length === 1 && world.compacted[0]! >= 500);
});

test("off is off", () => {
  const { world, tick } = run({ mode: "off" });
  world.revision = 1_000_000;
  tick();
  assert.deepEqual(world.compacted, []);
  assert.equal(compactionIntervalMs({ mode: "off" }), 0);
});
