import assert from "node:assert/strict";
import { test } from "node:test";
import { Strangers } from "./strangers.ts";

test("the address that holds the most places loses one, and a /64 of IPv6 is one address", () => {
  const gone: string[] = [];
  const strangers = new Strangers(4);
  const enter = (address: string) => strangers.enter(address, () => gone.push(address));
  enter("10.0.0.1");
  enter("10.0.0.2").leave();
  enter("2001:db8::1:1");
  enter("2001:db8::2:1");
  enter("2001:db8:0:1::1");
  // Five of four: the oldest of the prefix that has two, though others have been there for longer.
  enter("10.0.0.3");
  assert.deepEqual(gone, ["2001:db8::1:1"]);
});
