import assert from "node:assert/strict";
import { test } from "node:test";
import { PendingTable } from "./pending.ts";

test("a request is found until it is answered, and its number is never found again", () => {
  const table = new PendingTable(4);
  const seen = new Set<number>();
  for (let round = 0; round < 1000; round++) {
    const pending = table.take()!;
    pending.state = "fresh";
    const { request } = pending;
    assert.equal(seen.has(request), false);
    seen.add(request);
    assert.equal(table.find(request), pending);
    table.settle(pending);
    assert.equal(table.find(request), undefined);
  }
  assert.equal(table.count, 0);
});

test("beyond the limit there is no slot, until one is answered", () => {
  const table = new PendingTable(2);
  const one = table.take()!;
  one.state = "fresh";
  table.take()!.state = "fresh";
  assert.equal(table.take(), undefined);
  table.settle(one);
  assert.notEqual(table.take(), undefined);
});
