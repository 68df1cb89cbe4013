import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTxn, TxnUnreadable } from "./txn-text.ts";

const bytes = (text: string) => Buffer.from(text, "utf8");
const none = new Uint8Array(0);

test("compares, what is done if they hold, and what otherwise", () => {
  const text = `mod("a key") > "0"
value(plain) != "x\\ny"
lease("l") = "1f"

put a "two words"
get a

del b c
get --prefix p/
`;
  assert.deepEqual(parseTxn(text), {
    compare: [
      { key: bytes("a key"), target: 2, result: 1, mod_revision: 0 },
      { key: bytes("plain"), target: 3, result: 3, value: bytes("x\ny") },
      { key: bytes("l"), target: 4, result: 0, lease: 0x1fn },
    ],
    success: [
      { request_put: { key: bytes("a"), value: bytes("two words") } },
      { request_range: { key: bytes("a"), range_end: none } },
    ],
    failure: [
      { request_delete_range: { key: bytes("b"), range_end: bytes("c") } },
      { request_range: { key: bytes("p/"), range_end: Uint8Array.from(bytes("p0")) } },
    ],
  });
});

test("no compares: what is done follows an empty line", () => {
  assert.deepEqual(parseTxn("\nput a 1\n").success, [
    { request_put: { key: bytes("a"), value: bytes("1") } },
  ]);
});

for (const [text, why] of [
  ['mode("a") = "1"', /"mode" cannot be compared/],
  ["mod(a) ~ 1", /no compare/],
  ['mod("a") = "many"', /no whole number/],
  ['lease("a") = "xyz"', /no lease id/],
  ["\nput a", /the value is missing/],
  ["\nput a b c", /too many words/],
  ["\nmove a b", /put, get and del, not "move"/],
  ["\nput a b --prefix", /no option --prefix/],
  ['\nput a "\\q"', /no quoted text/],
] as const) {
  test(`refused with the reason: ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => parseTxn(text),
      (error) => error instanceof TxnUnreadable && why.test(error.message),
    );
  });
}
