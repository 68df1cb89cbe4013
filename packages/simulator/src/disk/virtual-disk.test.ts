// A disk keeps what was synced, whatever happens, and of the rest any part: the checkers are only as
// strict as this is mean.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DiskError } from "@althing/log";
import { Prng } from "../random/prng.ts";
import { Turns, World } from "../world/world.ts";
import { Device } from "./device.ts";
import { diskPort } from "./disk-port.ts";
import { VirtualDisk } from "./virtual-disk.ts";

const latency = { write: 10, sync: 100, slowRate: 0, slowSync: 0 };
const ones = (length: number): Uint8Array => new Uint8Array(length).fill(1);

function setUp(disk = new VirtualDisk()) {
  const world = new World();
  const turns = new Turns();
  const port = diskPort({
    world,
    turns,
    disk,
    device: new Device(world, disk, latency, new Prng(1, 1)),
    trace: { write() {}, synced() {} },
  });
  const settle = (): void => world.runUntil(world.now + 1_000_000, () => false);
  return { world, turns, disk, port, settle };
}

test("what was synced survives every power cut; the rest survives in every way there is", () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 400; seed++) {
    const { disk, port, settle } = setUp();
    const file = port.open("a", { create: true });
    port.syncDirectoryNow();
    file.writeNow(0, ones(1024));
    file.syncNow();
    file.write(1024, [ones(1024)], () => {});
    settle();
    disk.cutPower(new Prng(9, seed));
    const bytes = port.readAll("a");
    assert.deepEqual(bytes.subarray(0, 1024), ones(1024));
    const [first, second] = [1024, 1536].map((at) => bytes[at] ?? 0);
    outcomes.add(`${first}${second}`);
  }
  assert.deepEqual([...outcomes].sort(), ["00", "01", "10", "11"]);
});

test("a killed process loses nothing that it wrote", () => {
  const { disk, port } = setUp();
  port.open("a", { create: true }).writeNow(0, ones(10));
  assert.deepEqual(setUp(disk).port.readAll("a"), ones(10));
});

test("a name is lost with the power until its directory is synced", () => {
  let lost = 0;
  for (let seed = 0; seed < 100; seed++) {
    const { disk, port } = setUp();
    const file = port.open("a", { create: true });
    file.writeNow(0, ones(10));
    file.syncNow();
    disk.cutPower(new Prng(3, seed));
    if (!port.list().includes("a")) lost++;
  }
  assert.ok(lost > 10 && lost < 90, `${lost}`);
});

test("after a failed sync the data is shown, is not durable, and a later sync does not make it so", () => {
  let lost = 0;
  for (let seed = 0; seed < 100; seed++) {
    const { disk, port, settle } = setUp();
    const file = port.open("a", { create: true });
    port.syncDirectoryNow();
    file.writeNow(0, ones(512));
    disk.faults.fails.sync = 1;
    const errors: (string | undefined)[] = [];
    file.sync((error) => errors.push(error?.code));
    settle();
    file.sync((error) => errors.push(error?.code));
    settle();
    assert.deepEqual(errors, ["io", undefined]);
    assert.deepEqual(port.readAll("a"), ones(512));
    disk.cutPower(new Prng(4, seed));
    if (port.readAll("a").length === 0) lost++;
  }
  assert.ok(lost > 10, `${lost}`);
});

test("a full disk says so and takes what does not grow", () => {
  const { disk, port, settle } = setUp();
  const file = port.open("a", { create: true });
  file.writeNow(0, ones(100));
  disk.faults.freeBytes = 50;
  const errors: (string | undefined)[] = [];
  file.write(100, [ones(51)], (error) => errors.push(error?.code));
  file.write(0, [ones(100)], (error) => errors.push(error?.code));
  settle();
  assert.deepEqual(errors, ["full", undefined]);
  assert.throws(() => file.writeNow(100, ones(51)), DiskError);
});

test("only old bytes rot: what was written last stays, so that damage is never a torn tail", () => {
  for (let seed = 0; seed < 50; seed++) {
    const { disk, port } = setUp();
    const file = port.open("a", { create: true });
    file.writeNow(0, ones(1000));
    file.syncNow();
    file.writeNow(1000, ones(1000));
    file.syncNow();
    assert.equal(disk.rot(new Prng(2, seed), "a"), "a");
    const bytes = port.readAll("a");
    assert.deepEqual(bytes.subarray(1000), ones(1000));
    assert.equal(bytes.subarray(0, 1000).filter((byte) => byte !== 1).length, 1);
  }
});
