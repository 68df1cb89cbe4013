import assert from "node:assert/strict";
import { test } from "node:test";
import { Handshakes } from "./handshakes.ts";

test("of a thousand handshakes at once some are begun, and the others as these end", () => {
  const handshakes = new Handshakes();
  const begun: (() => void)[] = [];
  for (let i = 0; i < 1000; i++) {
    const address = `10.0.0.${i % 10}`;
    const leave = handshakes.enter(
      address,
      () => begun.push(() => leave()),
      () => assert.fail("nobody stalls"),
    );
  }
  assert.equal(handshakes.underWay, 48);
  // A place was free for the first ones before they could be told how to leave it.
  for (let i = 0; i < 1000; i++) {
    assert.ok(handshakes.underWay <= 48);
    begun[i]!();
  }
  assert.deepEqual([begun.length, handshakes.underWay], [1000, 0]);
});

test("one address has three quarters of the places, and who has none is next", () => {
  const handshakes = new Handshakes();
  const begun: string[] = [];
  const leaves: (() => void)[] = [];
  const enter = (address: string) =>
    leaves.push(
      handshakes.enter(
        address,
        () => begun.push(address),
        () => {},
      ),
    );
  for (let i = 0; i < 100; i++) enter("crowd");
  assert.equal(begun.length, 36);
  for (let i = 0; i < 12; i++) enter("other crowd");
  assert.equal(handshakes.underWay, 48);
  enter("crowd");
  enter("somebody");
  leaves[0]!();
  assert.equal(begun.at(-1), "somebody");
  assert.equal(handshakes.underWay, 48);
});

test("who does not go on while others wait loses its place", async () => {
  const handshakes = new Handshakes();
  let cut = 0;
  for (let i = 0; i < 36; i++)
    handshakes.enter(
      "stalls",
      () => {},
      () => cut++,
    );
  await new Promise((resolve) => setTimeout(resolve, 2300));
  assert.equal(cut, 0, "nobody waits");
  await new Promise<void>((resolve) => handshakes.enter("stalls", resolve, assert.fail));
  assert.equal(cut, 1);
});
