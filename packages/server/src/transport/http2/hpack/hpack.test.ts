import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ConnectionFault, errorCode } from "../codes.ts";
import { BlockCache } from "./block-cache.ts";
import { HpackDecoder } from "./decoder.ts";
import { DynamicTable } from "./dynamic-table.ts";
import { encodeBlock } from "./encoder.ts";
import { decodeHuffman, encodeHuffman } from "./huffman.ts";
import { staticCount } from "./static-table.ts";

const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");
const decode = (decoder: HpackDecoder, block: Uint8Array) =>
  decoder.decode(Buffer.from(block), 0, block.length);
const fresh = () => new HpackDecoder(4096, 1 << 20);

const get = [":method", "GET", ":scheme", "http", ":path", "/"];
const authority = [":authority", "www.example.com"];
const third = [":method", "GET", ":scheme", "https", ":path", "/index.html", ...authority];
const date = "Mon, 21 Oct 2013 20:13:21 GMT";
const later = "Mon, 21 Oct 2013 20:13:22 GMT";
const location = ["location", "https://www.example.com"];
const cookie = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
const requests = [
  { fields: [...get, ...authority], size: 57 },
  { fields: [...get, ...authority, "cache-control", "no-cache"], size: 110 },
  { fields: [...third, "custom-key", "custom-value"], size: 164 },
];
const responses = [
  {
    fields: [":status", "302", "cache-control", "private", "date", date, ...location],
    size: 222,
  },
  {
    fields: [":status", "307", "cache-control", "private", "date", date, ...location],
    size: 222,
  },
  {
    fields: [
      ...[":status", "200", "cache-control", "private", "date", later, ...location],
      ...["content-encoding", "gzip", "set-cookie", cookie],
    ],
    size: 215,
  },
];

// RFC 7541 appendix C: blocks that follow each other on one connection, with the table's size after each.
const sequences = [
  {
    section: "C.2.1",
    tableBytes: 4096,
    blocks: ["400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572"],
    expected: [{ fields: ["custom-key", "custom-header"], size: 55 }],
  },
  {
    section: "C.2.2",
    tableBytes: 4096,
    blocks: ["040c 2f73 616d 706c 652f 7061 7468"],
    expected: [{ fields: [":path", "/sample/path"], size: 0 }],
  },
  {
    section: "C.2.3",
    tableBytes: 4096,
    blocks: ["1008 7061 7373 776f 7264 0673 6563 7265 74"],
    expected: [{ fields: ["password", "secret"], size: 0 }],
  },
  {
    section: "C.2.4",
    tableBytes: 4096,
    blocks: ["82"],
    expected: [{ fields: [":method", "GET"], size: 0 }],
  },
  {
    section: "C.3",
    tableBytes: 4096,
    blocks: [
      "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "8286 84be 5808 6e6f 2d63 6163 6865",
      "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ],
    expected: requests,
  },
  {
    section: "C.4",
    tableBytes: 4096,
    blocks: [
      "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
      "8286 84be 5886 a8eb 1064 9cbf",
      "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ],
    expected: requests,
  },
  {
    section: "C.5",
    tableBytes: 256,
    blocks: [
      "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a " +
        "3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "4803 3330 37c1 c0bf",
      "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 " +
        "677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 " +
        "553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
    ],
    expected: responses,
  },
  {
    section: "C.6",
    tableBytes: 256,
    blocks: [
      "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e " +
        "919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
      "4883 640e ffc1 c0bf",
      "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 " +
        "821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed " +
        "4ee5 b106 3d50 07",
    ],
    expected: responses,
  },
];

for (const { section, tableBytes, blocks, expected } of sequences) {
  test(`RFC 7541 ${section}: fields and the size of the table`, () => {
    const decoder = new HpackDecoder(tableBytes, 1 << 20);
    const decoded = blocks.map((block) => {
      const { fields } = decode(decoder, bytes(block));
      return { fields, size: decoder.table.size };
    });
    assert.deepEqual(decoded, expected);
  });
}

test("the static table has 61 entries, from :authority to www-authenticate", () => {
  assert.equal(staticCount, 61);
  assert.deepEqual(decode(fresh(), bytes("81 bd")).fields, [
    ":authority",
    "",
    "www-authenticate",
    "",
  ]);
});

test("damaged blocks are COMPRESSION_ERROR", () => {
  const damaged: Readonly<Record<string, string>> = {
    "index 0": "80",
    "an index beyond both tables": "be",
    "a name index beyond both tables": "7f00 0161",
    "an integer that ends early": "ff",
    "an integer beyond bounds": "ffff ffff ffff ffff 0f",
    "a string beyond its block": "4001 6105 62",
    "a literal without value": "4001 61",
    "a literal without name": "40",
    "a table larger than allowed": "3fe2 1f",
    "a table update after a field": "8220",
    "the end-of-string code": "4001 6184 ffff ffff",
    "padding of zeros": "4001 6181 18",
    "eight bits of padding": "4001 6182 1fff",
  };
  for (const [what, hex] of Object.entries(damaged)) {
    assert.throws(
      () => decode(fresh(), bytes(hex)),
      (error) => error instanceof ConnectionFault && error.code === errorCode.compressionError,
      what,
    );
  }
});

test("table size updates shrink, empty and restore the table", () => {
  const decoder = fresh();
  decode(decoder, bytes("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572"));
  assert.equal(decoder.table.length, 1);
  decode(decoder, bytes("20 3fe1 1f"));
  assert.equal(decoder.table.length, 0);
  decode(decoder, bytes("4001 6101 62"));
  assert.deepEqual(decode(decoder, bytes("be")).fields, ["a", "b"]);
});

test("an entry larger than the table empties it and is no error", () => {
  const table = new DynamicTable(64);
  table.insert("a", "b");
  table.insert("name", "v".repeat(100));
  assert.deepEqual([table.length, table.size], [0, 0]);
});

test("a list beyond its size is cut, and its entries still reach the table", () => {
  const decoder = new HpackDecoder(4096, 40);
  const list = decode(decoder, bytes("4001 6101 62 4001 6301 64"));
  assert.deepEqual(list, { fields: ["a", "b"], size: 68, isTooLarge: true });
  assert.deepEqual(decode(decoder, bytes("be")), {
    fields: ["c", "d"],
    size: 34,
    isTooLarge: false,
  });
});

test("Huffman: any bytes survive", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
      const text = Buffer.from(data).toString("latin1");
      const coded = encodeHuffman(text);
      assert.equal(decodeHuffman(coded, 0, coded.length), text);
    }),
  );
});

test("what is encoded is decoded, names and values of any bytes and lengths", () => {
  const text = fc
    .uint8Array({ maxLength: 400 })
    .map((data) => Buffer.from(data).toString("latin1"));
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { maxLength: 6 }), (pairs) => {
      const fields = pairs.flat();
      const decoder = fresh();
      assert.deepEqual(decode(decoder, encodeBlock(fields)).fields, fields);
      assert.equal(decoder.table.generation, 0);
    }),
  );
});

test("the table as a ring equals a plain list, over any inserts and resizes", () => {
  const step = fc.oneof(
    fc.record({ name: fc.string({ maxLength: 20 }), value: fc.string({ maxLength: 60 }) }),
    fc.nat({ max: 300 }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const table = new DynamicTable(300);
      let plain: [string, string][] = [];
      let limit = 300;
      const size = () => plain.reduce((sum, [n, v]) => sum + n.length + v.length + 32, 0);
      for (const one of steps) {
        if (typeof one === "number") {
          limit = one;
          table.resize(one);
        } else {
          table.insert(one.name, one.value);
          plain = [[one.name, one.value], ...plain];
        }
        while (size() > limit) plain.pop();
        const seen = plain.map((_, i) => [table.name(i), table.value(i)]);
        assert.deepEqual([seen, table.length, table.size], [plain, plain.length, size()]);
        assert.equal(table.name(plain.length), undefined);
      }
    }),
  );
});

test("a remembered block is found by its exact bytes and only while the table is the same", () => {
  const cache = new BlockCache<string>();
  const block = bytes("828684bf");
  cache.remember(block, 0, 4, 7, "head");
  assert.equal(cache.find(bytes("00828684bf"), 1, 5, 7), "head");
  assert.equal(cache.find(block, 0, 4, 8), undefined);
  assert.equal(cache.find(block, 0, 3, 7), undefined);
  assert.equal(cache.find(bytes("828684be"), 0, 4, 7), undefined);
  block[3] = 0;
  assert.equal(cache.find(bytes("828684bf"), 0, 4, 7), "head");
});
