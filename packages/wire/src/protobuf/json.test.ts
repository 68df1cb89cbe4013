import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { etcdCodecs } from "../etcd/codecs.ts";
import { etcdSchema } from "../etcd/schema.ts";
import { createJsonMapping } from "./json.ts";
import { decodeBase64, encodeBase64, portableText, utf8ToBytes } from "./text.ts";

const json = createJsonMapping(etcdSchema);

test("a message survives the way to JSON text and back", () => {
  const bytes = fc.uint8Array({ maxLength: 20 });
  const responses = fc.record({
    header: fc.record({
      cluster_id: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      revision: fc.maxSafeNat(),
    }),
    watch_id: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    created: fc.boolean(),
    cancel_reason: fc.string({ unit: "grapheme" }),
    events: fc.array(
      fc.record({
        type: fc.nat(1),
        kv: fc.record({ key: bytes, value: bytes, version: fc.nat() }),
      }),
      { maxLength: 3 },
    ),
  });
  const codec = etcdCodecs.WatchResponse;
  fc.assert(
    fc.property(responses, (response) => {
      const message = codec.decode(codec.encode(response));
      const text = JSON.stringify(json.toJson("WatchResponse", message));
      const back = json.fromJson("WatchResponse", JSON.parse(text));
      assert.deepEqual(codec.decode(codec.encode(back)), message);
    }),
  );
});

test("a oneof member is kept when it is zero, other defaults are left out", () => {
  const compare = etcdCodecs.Compare.decode(etcdCodecs.Compare.encode({ version: 0 }));
  assert.deepEqual(json.toJson("Compare", compare), { version: "0" });
});

test("base64 and UTF-8 agree with the platform's", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = Buffer.from(bytes).toString("base64");
      assert.equal(encodeBase64(bytes), text);
      assert.deepEqual(decodeBase64(text), bytes);
      assert.deepEqual(decodeBase64(text.replace(/=+$/, "")), bytes);
      assert.deepEqual(decodeBase64(Buffer.from(bytes).toString("base64url")), bytes);
    }),
  );
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 8 }), fc.string({ unit: "binary" }), (noise, text) => {
      assert.deepEqual(Buffer.from(utf8ToBytes(text)), Buffer.from(text));
      for (const bytes of [noise, Buffer.from(text)]) {
        let expected: string | undefined;
        try {
          expected = strict.decode(bytes);
        } catch {}
        if (expected === undefined) {
          assert.throws(() => portableText.decodeUtf8(bytes, 0, bytes.length), {
            code: "utf8Invalid",
          });
        } else assert.equal(portableText.decodeUtf8(bytes, 0, bytes.length), expected);
      }
    }),
  );
});
