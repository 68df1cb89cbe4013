import assert from "node:assert/strict";
import { test } from "node:test";
import { armDeadline } from "./deadline.ts";

test("one that is further off than a timer can be set does not expire at once", async () => {
  let isExpired = false;
  const timer = armDeadline(2 ** 40, () => {
    isExpired = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  clearTimeout(timer);
  assert.equal(isExpired, false);
});
