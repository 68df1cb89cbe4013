import assert from "node:assert/strict";
import { test } from "node:test";
import { visitorOf } from "./peer-address.ts";

test("one visitor is one IPv4 address, or one network of 64 bits", () => {
  assert.deepEqual(
    [
      "10.0.0.7",
      "::ffff:10.0.0.7",
      "2001:db8:1:2:3:4:5:6",
      "2001:db8:1:2::9",
      "2001:db8::1",
      "::1",
      "fe80::1%eth0",
      undefined,
    ].map(visitorOf),
    [
      "10.0.0.7",
      "10.0.0.7",
      "2001:db8:1:2::/64",
      "2001:db8:1:2::/64",
      "2001:db8:0:0::/64",
      "0:0:0:0::/64",
      "fe80:0:0:0::/64",
      "",
    ],
  );
});
