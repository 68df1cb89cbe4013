// What waits for its reader is not touched by what is encoded later.

import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { encodeMessage, keepRest } from "./message-encoder.ts";

test("the rest of a message stays as it is while others are encoded, whatever its size", () => {
  const encode = (writer: { raw(bytes: Uint8Array): void }, content: Uint8Array) =>
    writer.raw(content);
  for (const size of [10, 5000, 32 * 1024, 70 * 1024]) {
    encodeMessage(encode, new Uint8Array(size).fill(1));
    const rest = keepRest(5);
    encodeMessage(encode, new Uint8Array(size).fill(2));
    deepEqual(new Uint8Array(rest), new Uint8Array(size).fill(1), `${size} bytes`);
  }
});
