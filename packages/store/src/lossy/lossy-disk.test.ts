// A lossy disk keeps what it committed and loses, at a crash, what was under way: whole, in order, and in every
// way there is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../testing/random-commands.ts";
import type { Landing, LossyDevice } from "./device.ts";
import { LossyDisk } from "./lossy-disk.ts";

const key = Uint8Array.of(1);
const bytes = (value: number): Uint8Array => Uint8Array.of(value);

function deviceOf(fails: { onSwitch?: boolean } = {}) {
  const commits: Landing[] = [];
  const device: LossyDevice = {
    commit: (_name, _bytes, _growth, landing) => commits.push(landing),
    writeName: () => {},
    syncName: () => {
      if (fails.onSwitch) throw new Error("input/output error");
    },
    soon: (run) => run(),
    showsEarly: () => false,
  };
  const finish = (error?: Error): void => {
    const landing = commits.shift();
    landing?.land(error);
    landing?.tell();
  };
  return { device, commits, finish };
}

function found(disk: LossyDisk): number | undefined {
  const folder = disk.open(deviceOf().device);
  return folder.open(folder.current).get("head", key)?.[0];
}

test("what is under way when the process ends is there in part, in its order", () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    const disk = new LossyDisk();
    const { device, finish } = deviceOf();
    const space = disk.open(device).open("state-1");
    for (const value of [1, 2, 3]) {
      space.commit(
        () => {
          space.put("head", key, bytes(value));
          space.put("records", bytes(value), bytes(value));
        },
        () => {},
      );
    }
    finish();
    disk.endLife(createRandom(seed));
    const after = disk.open(deviceOf().device).open("state-1");
    const records = [...after.keys("records")].map(([first]) => first);
    assert.deepEqual(records, [1, 2, 3].slice(0, found(disk)));
    outcomes.add(`${found(disk)}`);
  }
  assert.deepEqual([...outcomes].sort(), ["1", "2", "3"]);
});

test("a commit that failed may be found by a restart, and by nobody before", () => {
  const outcomes = new Set<unknown>();
  for (let seed = 0; seed < 50; seed++) {
    const disk = new LossyDisk();
    const { device, finish } = deviceOf();
    const space = disk.open(device).open("state-1");
    space.commit(
      () => space.put("head", key, bytes(1)),
      () => {},
    );
    finish(new Error("input/output error"));
    assert.equal(space.get("head", key), undefined);
    disk.endLife(createRandom(seed));
    outcomes.add(found(disk));
  }
  assert.deepEqual([...outcomes].sort(), [1, undefined]);
});

test("a disk that lies loses with the power what it said it had, and shows it until then", () => {
  const outcomes = new Set<unknown>();
  for (let seed = 0; seed < 50; seed++) {
    const disk = new LossyDisk();
    disk.isLying = true;
    const { device, finish } = deviceOf();
    const space = disk.open(device).open("state-1");
    for (const value of [1, 2]) {
      space.commit(
        () => space.put("head", key, bytes(value)),
        () => {},
      );
      finish();
    }
    disk.endLife(createRandom(seed));
    assert.equal(found(disk), 2);
    disk.cutPower(createRandom(seed));
    outcomes.add(found(disk));
  }
  assert.deepEqual([...outcomes].sort(), [1, 2, undefined]);
});

test("a view shows what was before until it is renewed", () => {
  const disk = new LossyDisk();
  const { device, finish } = deviceOf();
  const space = disk.open(device).open("state-1");
  space.commit(
    () => space.put("head", key, bytes(1)),
    () => {},
  );
  finish();
  assert.equal(space.get("head", key), undefined);
  space.renew();
  assert.deepEqual(space.get("head", key), bytes(1));
});

test("which state is in force is not known when naming it could not be synced", () => {
  const names = new Set<string>();
  for (let seed = 0; seed < 50; seed++) {
    const disk = new LossyDisk();
    disk.open(deviceOf().device).open("state-1");
    const fails = { onSwitch: false };
    const folder = disk.open(deviceOf(fails).device);
    folder.open("state-2");
    fails.onSwitch = true;
    assert.throws(() => folder.switchTo("state-2"));
    assert.equal(folder.current, "state-2");
    if (seed % 2 === 0) {
      // A restart without a power cut settles it.
      disk.open(deviceOf().device);
      disk.cutPower(createRandom(seed));
      assert.equal(disk.open(deviceOf().device).current, "state-2");
      continue;
    }
    disk.cutPower(createRandom(seed));
    names.add(disk.open(deviceOf().device).current);
  }
  assert.deepEqual([...names].sort(), ["state-1", "state-2"]);
});

test("a state that is named and was removed is missed", () => {
  const disk = new LossyDisk();
  const folder = disk.open(deviceOf().device);
  folder.open("state-2");
  folder.switchTo("state-2");
  folder.remove("state-2");
  assert.throws(() => disk.open(deviceOf().device), /state is missing/);
});
