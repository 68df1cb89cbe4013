// Header blocks: what is no valid one ends the connection with the coded fault, the table stays within its size, and
// the fields of a valid one are the same after they were encoded again.

import { deepStrictEqual } from "node:assert/strict";
import { ConnectionFault } from "../../../packages/server/src/transport/http2/codes.ts";
import { HpackDecoder } from "../../../packages/server/src/transport/http2/hpack/decoder.ts";
import { encodeBlock } from "../../../packages/server/src/transport/http2/hpack/encoder.ts";
import {
  areTrailersValid,
  readRequestHead,
} from "../../../packages/server/src/transport/http2/request-head.ts";
import { requestBlock } from "../../../packages/server/src/transport/testing/raw-http2.ts";
import { accepted, PropertyBroken, type Target } from "../target.ts";

const tableBytesMax = 4096;
const listBytesMax = 2000;

export const target: Target = {
  name: "hpack",
  seeds: () => [
    requestBlock("/etcdserverpb.KV/Put"),
    requestBlock("/a.B/C", ["grpc-timeout", "5S", "authorization", "token"]),
    encodeBlock(["grpc-status", "0"]),
    Buffer.from("828684410f7777772e6578616d706c652e636f6d", "hex"),
    Buffer.from("828684418cf1e3c2e5f23a6ba0ab90f4ff", "hex"),
    Buffer.from(
      "3f e1 1f 20 40 0a 63 75 73 74 6f 6d 2d 6b 65 79 01 61 be be".replaceAll(" ", ""),
      "hex",
    ),
    Buffer.from("100870617373776f726406736563726574", "hex"),
  ],
  dictionary: [
    "content-length",
    "te",
    "trailers",
    "connection",
    ":path",
    ":authority",
    Buffer.from("3fe11f", "hex"),
    Buffer.from("ff80808001", "hex"),
  ],
  run(input) {
    const decoder = new HpackDecoder(tableBytesMax, listBytesMax);
    // Twice on one connection: the second time with what the first has left in the table.
    for (let round = 0; round < 2; round++) {
      const list = accepted(
        () => decoder.decode(input, 0, input.length),
        (error) => error instanceof ConnectionFault,
      );
      if (list === undefined) return;
      if (list.fields.length % 2 !== 0) throw new PropertyBroken("a name without a value");
      const bytes = list.fields.reduce((sum, text) => sum + text.length, 0);
      if (bytes > listBytesMax) throw new PropertyBroken(`${bytes} bytes of fields`);
      areTrailersValid(list);
      readRequestHead(list)?.header("content-type");
      if (list.isTooLarge) continue;
      const block = Buffer.from(encodeBlock(list.fields));
      deepStrictEqual(
        new HpackDecoder(tableBytesMax, listBytesMax).decode(block, 0, block.length),
        list,
      );
    }
  },
};
