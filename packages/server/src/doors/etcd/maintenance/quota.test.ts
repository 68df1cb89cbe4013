import assert from "node:assert/strict";
import { test } from "node:test";
import type { PutMessage } from "@althing/wire";
import type { DoorContext } from "../../context.ts";
import { Quota } from "./quota.ts";

/** A store of a given size that counts how often it is asked for it. */
function storeOf(size: number, bytesMax: number) {
  const world = { size, asked: 0, raised: 0 };
  const store = {
    get bytesInUse() {
      world.asked++;
      return world.size;
    },
    alarms: () => [],
  };
  const member = {
    id: "1",
    propose: () => {
      world.raised++;
    },
  };
  const context = { member, store, quotaBackendBytes: bytesMax, observe: () => {} };
  return { world, quota: new Quota(context as unknown as DoorContext) };
}

const put = (valueBytes: number): PutMessage => ({
  kind: "put",
  key: "k",
  value: new Uint8Array(valueBytes),
  lease: 0n,
  prevKv: false,
  ignoreValue: false,
  ignoreLease: false,
});
/** A put of this value costs a thousand bytes. */
const thousand = put(743);

test("a store that grows is noticed within 64 KiB of puts, without asking it for each", () => {
  const { world, quota } = storeOf(0, 10_000_000);
  for (let i = 0; i < 1000; i++) assert.equal(quota.allows(thousand), true);
  assert.ok(world.asked <= 17, `asked ${world.asked} times`);
  world.size = 10_000_000;
  let allowed = 0;
  while (quota.allows(thousand)) allowed++;
  assert.ok(allowed * 1000 <= 66_000, `${allowed} were allowed`);
  assert.equal(world.raised, 1);
});

test("nothing is refused on an old measurement, and the last byte counts", () => {
  const { world, quota } = storeOf(0, 5000);
  // The store is asked again when what was let in could have filled it: here it has not grown.
  for (let i = 0; i < 20; i++) assert.equal(quota.allows(thousand), true);
  world.size = 4001;
  while (quota.allows(thousand));
  world.size = 4000;
  assert.equal(quota.allows(thousand), false);
  world.size = 3999;
  assert.equal(quota.allows(thousand), true);
});
