import assert from "node:assert/strict";
import { test } from "node:test";
import { type Account, MemoryBudget, Tally } from "./budget.ts";

const limits = { processBytes: 1000, addressBytes: 600, connectionBytes: 400 };

/** A connection that gives back all it holds, and remembers that it had to. */
function visitor(budget: MemoryBudget, address: string): Account & { wasShed?: boolean } {
  const account: Account & { wasShed?: boolean } = budget.open(address, () => {
    account.wasShed = true;
    account.release(account.usedBytes);
  });
  return account;
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

test("what is charged counts for the connection, its address and the process, until it is released", () => {
  const budget = new MemoryBudget(limits);
  const [a, b, c] = [visitor(budget, "1"), visitor(budget, "1"), visitor(budget, "2")];
  assert.deepEqual([a.charge(100), b.charge(50), c.charge(20)], [true, true, true]);
  assert.deepEqual([a.usedBytes, budget.usedBytesOf("1"), budget.usedBytes], [100, 150, 170]);
  a.release(60);
  b.close();
  assert.deepEqual([a.usedBytes, budget.usedBytesOf("1"), budget.usedBytes], [40, 40, 60]);
  a.close();
  c.close();
  assert.deepEqual([budget.usedBytesOf("1"), budget.usedBytes], [0, 0]);
});

test("a connection and an address are refused beyond their limits, whatever room there is elsewhere", () => {
  const budget = new MemoryBudget(limits);
  const a = visitor(budget, "1");
  assert.deepEqual([a.charge(400), a.charge(1), a.usedBytes], [true, false, 400]);
  const b = visitor(budget, "1");
  assert.deepEqual([b.charge(200), b.charge(150), b.usedBytes], [true, false, 200]);
  assert.deepEqual([budget.refused, budget.shed], [2, 0]);
});

test("in a full address, one within its share gets it from the one that holds most", () => {
  const budget = new MemoryBudget(limits);
  const [hog, other, small] = [visitor(budget, "1"), visitor(budget, "1"), visitor(budget, "1")];
  assert.deepEqual([hog.charge(400), other.charge(200)], [true, true]);
  // A third of 600 is the share of each.
  assert.equal(small.charge(201), false);
  assert.equal(small.charge(150), true);
  assert.deepEqual([hog.wasShed, other.wasShed, hog.usedBytes], [true, undefined, 0]);
});

test("in a full process, the address that holds most gives way, however many connections it has", () => {
  const budget = new MemoryBudget(limits);
  const many = Array.from({ length: 60 }, () => visitor(budget, "many"));
  for (const one of many) assert.equal(one.charge(10), true);
  const busy = visitor(budget, "busy");
  assert.equal(busy.charge(390), true);
  const quiet = visitor(budget, "quiet");
  assert.equal(quiet.charge(100), true);
  // No connection of "many" holds much, but all of them together do.
  assert.equal(busy.wasShed, undefined);
  assert.equal(many.filter(({ wasShed }) => wasShed).length, 9);
  assert.ok(budget.usedBytes <= limits.processBytes);
});

test("who is refused by one that will not let go is refused, and nothing is charged", () => {
  const budget = new MemoryBudget(limits);
  const stubborn = budget.open("1", () => {});
  const second = budget.open("1", () => {});
  assert.deepEqual([stubborn.charge(400), second.charge(150)], [true, true]);
  const asker = budget.open("1", () => {});
  assert.deepEqual([asker.charge(100), asker.usedBytes, budget.usedBytes], [false, 0, 550]);
});

test("what cannot be refused is taken beyond the limit, and given back by the heaviest soon", async () => {
  const budget = new MemoryBudget(limits);
  const [a, b] = [visitor(budget, "1"), visitor(budget, "2")];
  a.take(300);
  b.take(800);
  assert.equal(budget.usedBytes, 1100);
  await nextTurn();
  assert.deepEqual([a.usedBytes, b.usedBytes, b.wasShed], [300, 0, true]);
});

test("a closed account charges and releases nothing", () => {
  const budget = new MemoryBudget(limits);
  const a = visitor(budget, "1");
  a.charge(10);
  a.close();
  a.close();
  a.release(10);
  a.take(10);
  assert.deepEqual([a.charge(1), budget.usedBytes], [false, 0]);
});

test("a tally releases what is left of it, and never more than it charged", () => {
  const budget = new MemoryBudget(limits);
  const account = visitor(budget, "1");
  account.charge(5);
  const tally = new Tally(account);
  assert.deepEqual([tally.charge(100), tally.charge(500)], [true, false]);
  tally.release(30);
  tally.release(1000);
  tally.clear();
  assert.equal(account.usedBytes, 5);
});

test("any order of charges and releases keeps the sums, and the limits", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return seed % below;
  };
  const budget = new MemoryBudget(limits);
  let open: { readonly account: Account; readonly address: string }[] = [];
  for (let step = 0; step < 20_000; step++) {
    const one = open[random(Math.max(1, open.length))];
    const what = random(10);
    if (one === undefined || what === 0) {
      const address = String(random(4));
      if (open.length < 30) open.push({ account: visitor(budget, address), address });
    } else if (what === 1) {
      one.account.close();
      open = open.filter((other) => other !== one);
    } else if (what < 7) one.account.charge(random(200));
    else one.account.release(random(one.account.usedBytes + 1));
    const sum = (address?: string) =>
      open
        .filter((other) => address === undefined || other.address === address)
        .reduce((bytes, { account }) => bytes + account.usedBytes, 0);
    assert.equal(budget.usedBytes, sum());
    assert.ok(budget.usedBytes <= limits.processBytes);
    for (const address of ["0", "1", "2", "3"]) {
      assert.equal(budget.usedBytesOf(address), sum(address));
      assert.ok(sum(address) <= limits.addressBytes);
    }
  }
});
