// The fallback gives exactly what the native CRC-32 gives, whole or continued.

import { equal } from "node:assert/strict";
import { test } from "node:test";
import * as zlib from "node:zlib";
import fc from "fast-check";
import { crc32 } from "./index.ts";

test("equals zlib's, in one piece or continued from a seed", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 9 }),
      (head, tail) => {
        equal(crc32(head), zlib.crc32(head));
        equal(crc32(tail, crc32(head)), zlib.crc32(Buffer.concat([head, tail])));
      },
    ),
  );
});
