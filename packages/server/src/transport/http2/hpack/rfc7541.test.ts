// RFC 7541 by the number of its sections: every header block that is to be taken for damaged, and the strange ones
// that are not. The examples of its appendix C are in `hpack.test.ts`. Any damage ends the connection, since both
// sides' tables are not the same any more; that it does, over the wire, is the last test here.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startEcho } from "../../testing/echo-service.ts";
import { hello, RawClient, rawFrame, requestBlock, settings } from "../../testing/raw-http2.ts";
import { ConnectionFault, errorCode } from "../codes.ts";
import { HpackDecoder } from "./decoder.ts";

const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");
const fresh = () => new HpackDecoder(4096, 64 * 1024);
const decode = (decoder: HpackDecoder, block: Buffer) => decoder.decode(block, 0, block.length);

/** The last block is damaged; those before it are not. */
const damaged: readonly (readonly [rule: string, ...blocks: string[]])[] = [
  ["2.3.3 an index beyond both tables", "be"],
  ["2.3.3 an index beyond the last entry of the dynamic table", "4001 6101 62", "bf"],
  ["2.3.3 an index that was good until its entry was dropped", "4001 6101 62", "20 be"],
  ["2.3.3 an index as large as can be", "ff80 ffff ff07"],
  ["2.3.3 the name of a literal beyond both tables", "7e01 62"],
  ["2.3.3 the name of a literal without indexing beyond both tables", "0f2f 0162"],
  ["2.3.3 the name of a literal never indexed beyond both tables", "1f2f 0162"],
  ["4.2 a table larger than the limit", "3fe2 1f"],
  ["4.2 a table larger than the limit, after a good size", "20 3fe2 1f"],
  ["4.2 a table size after a field", "82 20"],
  ["4.2 a table size after a literal", "0001 6101 62 3f01"],
  ["5.1 an integer that ends early", "ff"],
  ["5.1 an integer that ends within its continuation", "ff80 80"],
  ["5.1 an integer beyond any value", "ffff ffff ffff ffff ffff 7f"],
  ["5.1 an integer of many bytes that stand for nothing", "ff80 8080 8080 8080 8080 8001"],
  ["5.1 the length of a string beyond any value", "007f ffff ffff ffff ff7f"],
  ["5.1 a table size beyond any value", "3fff ffff ffff ffff 7f"],
  ["5.2 a string beyond its block", "0005 6162"],
  ["5.2 no string where a value is to be", "0001 61"],
  ["5.2 no string where a name is to be", "00"],
  ["5.2 no string after an index", "04"],
  ["5.2 a value longer than what is left", "0001 6102 62"],
  ["5.2 Huffman with the end of string in it", "0084 ffff fffc 0161"],
  ["5.2 Huffman with the end of string and more", "0085 1fff ffff ff01 61"],
  ["5.2 Huffman with eight bits of padding", "0082 1fff 0161"],
  ["5.2 Huffman with padding of zeros", "0081 1801 61"],
  ["5.2 Huffman that stops within a code", "0083 ffff e001 61"],
  ["5.2 Huffman of nothing but padding", "0081 ff01 61"],
  ["6.1 index 0", "80"],
  ["6.3 a table size that ends early", "3f"],
];

for (const [rule, ...blocks] of damaged) {
  test(`damaged: ${rule}`, () => {
    const decoder = fresh();
    for (const block of blocks.slice(0, -1)) decode(decoder, bytes(block));
    assert.throws(
      () => decode(decoder, bytes(blocks.at(-1)!)),
      (error) => error instanceof ConnectionFault && error.code === errorCode.compressionError,
    );
  });
}

const strange: readonly (readonly [rule: string, block: string, fields: readonly string[]])[] = [
  [
    "2.3.2 an entry twice in the table",
    "4001 6101 62 4001 6101 62 be bf",
    ["a", "b", "a", "b", "a", "b", "a", "b"],
  ],
  ["4.2 two table sizes at the beginning", "20 3fe1 1f 4001 6101 62 be", ["a", "b", "a", "b"]],
  ["4.3 a table that was emptied is filled again", "20 3fe1 1f 82", [":method", "GET"]],
  [
    "4.4 an entry larger than its table empties it",
    "20 4001 6101 62 82",
    ["a", "b", ":method", "GET"],
  ],
  ["5.1 an integer in more bytes than it needs", "0f80 8000 0162", ["accept-charset", "b"]],
  ["5.2 a Huffman string with seven bits of padding", "0001 6183 1a8a ff", ["a", "a %"]],
  ["5.2 empty strings", "0000 00", ["", ""]],
  ["6.2.3 a literal that is never indexed", "1001 6101 62", ["a", "b"]],
  ["no block at all", "", []],
];

for (const [rule, block, fields] of strange) {
  test(`allowed: ${rule}`, () => {
    assert.deepEqual(decode(fresh(), bytes(block)).fields, fields);
  });
}

test("4.2 a table size after a field that was too long to be kept", () => {
  const decoder = new HpackDecoder(4096, 40);
  const long = Buffer.concat([bytes("0001 6132"), Buffer.alloc(50, 0x62)]);
  assert.equal(decode(decoder, long).isTooLarge, true);
  assert.throws(() => decode(decoder, Buffer.concat([long, bytes("20")])), ConnectionFault);
});

const server = await startEcho();
after(() => server.close(0));

for (const [rule, ...blocks] of damaged.filter(([rule]) =>
  /^(2.3.3 an index bey|4.2|5.2 Huff|6.1)/.test(rule),
)) {
  test(`over the wire, COMPRESSION_ERROR: ${rule}`, async () => {
    const client = new RawClient(server.address.port);
    client.write(hello, settings);
    for (const [i, block] of blocks.entries()) {
      const isLast = i === blocks.length - 1;
      const head = isLast
        ? bytes(block)
        : Buffer.concat([requestBlock("/test.Echo/Wait"), bytes(block)]);
      client.write(rawFrame(1, 4, 2 * i + 1, head));
    }
    await client.closed();
    const goAway = client.find(7);
    assert.equal(goAway?.payload.readUInt32BE(4), errorCode.compressionError);
  });
}
