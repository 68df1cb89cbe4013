import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Key, Permission } from "../contract.ts";
import { PermittedRanges } from "./permitted-ranges.ts";

/** Keys of at most two bytes out of three values, and one that is past all the others. */
const units = ["\0", "a", "\xff"];
const universe: readonly Key[] = [
  ...units,
  ...units.flatMap((one) => units.map((other) => one + other)),
  ...units.flatMap((one) => units.flatMap((two) => units.map((three) => one + two + three))),
].sort();
const short = universe.filter((key) => key.length < 3);

const key = fc.constantFrom(...short);
const end = fc.oneof(fc.constant(""), fc.constant("\0"), fc.constantFrom(...short));
const permission: fc.Arbitrary<Permission> = fc
  .record({
    kind: fc.constantFrom("read" as const, "write" as const, "readWrite" as const),
    key,
    rangeEnd: end,
  })
  .filter((one) => one.rangeEnd === "" || one.rangeEnd === "\0" || one.key < one.rangeEnd);

function within(one: Key, start: Key, rangeEnd: Key): boolean {
  if (rangeEnd === "") return one === start;
  return one >= start && (rangeEnd === "\0" || one < rangeEnd);
}

test("a request is permitted when each of its keys is", () => {
  let permitted = 0;
  fc.assert(
    fc.property(
      fc.array(permission, { maxLength: 6 }),
      key,
      end,
      fc.constantFrom("read" as const, "write" as const),
      (permissions, start, rangeEnd, access) => {
        const ranges = new PermittedRanges();
        for (const one of permissions) ranges.add(one);
        const usable = permissions.filter(({ kind }) => kind === access || kind === "readWrite");
        const asked = universe.filter((one) => one === start || within(one, start, rangeEnd));
        // Beyond the universe lie more keys; only an open grant holds those.
        const isOpen = rangeEnd === "\0" && usable.every((one) => one.rangeEnd !== "\0");
        const expected =
          !isOpen &&
          asked.every((one) => usable.some((grant) => within(one, grant.key, grant.rangeEnd)));
        const found = ranges.permit(access, start, rangeEnd);
        if (found) permitted++;
        assert.equal(found, expected);
      },
    ),
    { numRuns: 5000 },
  );
  assert.ok(permitted > 100, `${permitted} were permitted`);
});

test("ranges that touch count as one, whichever role gave them; a gap of one key does not pass", () => {
  const ranges = new PermittedRanges();
  ranges.add({ kind: "read", key: "b", rangeEnd: "c" });
  ranges.add({ kind: "read", key: "a", rangeEnd: "b" });
  assert.equal(ranges.permit("read", "a", "c"), true);
  assert.equal(ranges.permit("read", "a", "c\0"), false);
  ranges.add({ kind: "readWrite", key: "c", rangeEnd: "" });
  assert.equal(ranges.permit("read", "a", "c\0"), true);
  assert.equal(ranges.permit("read", "a", "c\0\0"), false);
  assert.equal(ranges.permit("write", "c", ""), true);
  assert.equal(ranges.permit("write", "b", ""), false);
});

test("only an open grant permits an open request", () => {
  const ranges = new PermittedRanges();
  ranges.add({ kind: "read", key: "a", rangeEnd: "\xff\xff\xff\xff" });
  assert.equal(ranges.permit("read", "a", "\0"), false);
  ranges.add({ kind: "read", key: "b", rangeEnd: "\0" });
  assert.equal(ranges.permit("read", "a", "\0"), true);
  assert.equal(ranges.permit("read", "\xff\xff\xff\xff\xff", ""), true);
});
