import assert from "node:assert/strict";
import { test } from "node:test";
import { REQUEST_LIMIT } from "./envelope.ts";
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

test("numbers that have grown as far as an envelope can hold begin anew", () => {
  const table = new PendingTable(4);
  const [one, other] = [table.take()!, table.take()!];
  const { request } = other;
  other.request = REQUEST_LIMIT - 2 ** 16 + other.slot;
  for (const pending of [one, other]) pending.state = "fresh";
  assert.equal(table.find(other.request), other);
  table.settle(other);
  assert.ok(other.request < REQUEST_LIMIT);
  assert.equal(other.request, request);
  other.state = "fresh";
  assert.equal(table.find(request), other);
});
