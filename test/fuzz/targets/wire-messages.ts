// Every message of etcd's API as a client may send it: by the generic codec, by the hand-written ones of the hot path,
// which must refuse and accept the same, and as JSON. The first byte of an input says which message.

import { deepStrictEqual } from "node:assert/strict";
import {
  createJsonMapping,
  decodeDeleteRangeRequest,
  decodePutRequest,
  decodeRangeRequest,
  decodeTxnRequest,
  type EtcdMessageName,
  etcdCodecs,
  etcdSchema,
  type MessageCodec,
  WireError,
} from "@althing/wire";
import { accepted, PropertyBroken, plain, type Target } from "../target.ts";

const names = Object.keys(etcdSchema.messages) as EtcdMessageName[];
const json = createJsonMapping(etcdSchema);
const isRefusal = (error: unknown) => error instanceof WireError;
const hot: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  PutRequest: decodePutRequest,
  RangeRequest: decodeRangeRequest,
  DeleteRangeRequest: decodeDeleteRangeRequest,
  TxnRequest: decodeTxnRequest,
};

function codecOf(name: EtcdMessageName): MessageCodec<object, object> {
  // Each is asked only to write what it has read itself.
  return etcdCodecs[name] as unknown as MessageCodec<object, object>;
}

/** A message with something in every field, three messages deep. */
function sampleOf(name: string, depth = 0): object {
  const message: Record<string, unknown> = {};
  const spec = etcdSchema.messages[name as EtcdMessageName] as Record<
    string,
    readonly [number, string, string?]
  >;
  for (const [field, [, type, label]] of Object.entries(spec)) {
    const value = sampleValue(type, depth);
    if (value !== undefined) message[field] = label === "repeated" ? [value, value] : value;
  }
  return message;
}

function sampleValue(type: string, depth: number): unknown {
  if (type in etcdSchema.messages) return depth < 3 ? sampleOf(type, depth + 1) : undefined;
  switch (type) {
    case "bool":
      return true;
    case "string":
      return "tëxt";
    case "bytes":
      return Buffer.from("key");
    case "bigInt64":
    case "bigUint64":
      return 7n;
    default:
      return 1;
  }
}

export const target: Target = {
  name: "wire-messages",
  seeds: () =>
    names.map((name, at) =>
      Buffer.concat([Buffer.from([at]), codecOf(name).encode(sampleOf(name))]),
    ),
  run(input) {
    const name = names[(input[0] ?? 0) % names.length]!;
    const codec = codecOf(name);
    const bytes = plain(input.subarray(1));
    const message = accepted(() => codec.decode(bytes), isRefusal);
    const byHand = hot[name];
    if (byHand !== undefined) {
      const found = accepted(() => byHand(bytes), isRefusal);
      if ((found === undefined) !== (message === undefined))
        throw new PropertyBroken("the two codecs disagree");
      if (message !== undefined) deepStrictEqual(byHand(codec.encode(message)), found);
    }
    if (message === undefined) return;
    const encoded = codec.encode(message);
    const again = codec.decode(encoded);
    deepStrictEqual(Buffer.from(codec.encode(again)), Buffer.from(encoded));
    const asJson = json.toJson(name, again);
    deepStrictEqual(
      json.toJson(name, codec.decode(codec.encode(json.fromJson(name, asJson)))),
      asJson,
    );
  },
};
