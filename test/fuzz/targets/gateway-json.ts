// Bodies of the JSON gateway: cut into objects, parsed, and made messages of. The first byte says of which method.

import { deepStrictEqual } from "node:assert/strict";
import {
  createJsonMapping,
  type EtcdMessageName,
  etcdCodecs,
  etcdRpcs,
  etcdSchema,
  type MessageCodec,
  WireError,
} from "@althing/wire";
import {
  JsonSequence,
  messageFromJson,
} from "../../../packages/server/src/doors/etcd/gateway/json.ts";
import { accepted, type Target } from "../target.ts";

const requests = [...new Set(etcdRpcs.map(({ request }) => request))] as EtcdMessageName[];
const json = createJsonMapping(etcdSchema);
const objectBytesMax = 2000;
const isRefusal = (error: unknown) => error instanceof WireError;

const bodies: Readonly<Partial<Record<EtcdMessageName, string>>> = {
  PutRequest: '{"key":"Zm9v","value":"YmFy","lease":"7","prevKv":true}',
  RangeRequest:
    '{"key":"Zm9v","range_end":"","limit":3,"sort_order":"DESCEND","sort_target":4,"revision":"9007199254740993"}',
  WatchRequest:
    '{"create_request":{"key":"YQ==","filters":["NOPUT",1]}} {"cancel_request":{"watch_id":"1"}}',
  TxnRequest:
    '{"compare":[{"target":"VALUE","key":"YQ","value":"Yg=="}],"success":[{"requestPut":{"key":"YQ==","value":"\\u0041=="}}],"failure":[{"request_txn":{}}]}',
  AuthRoleGrantPermissionRequest:
    '{"name":"r\\"","perm":{"permType":"READWRITE","key":"AA==","range_end":"AA=="}}',
};

export const target: Target = {
  name: "gateway-json",
  seeds: () =>
    requests.map((name, at) =>
      Buffer.concat([Buffer.from([at]), Buffer.from(bodies[name] ?? "{}")]),
    ),
  dictionary: [
    '{"',
    '":',
    "[]",
    "{}",
    "null",
    "true",
    "-1",
    "1e400",
    "18446744073709551615",
    '"__proto__":',
    '"constructor"',
    "\\u",
    "\\\\",
    '"key":"',
  ],
  run(input) {
    const name = requests[(input[0] ?? 0) % requests.length]!;
    const body = input.subarray(1);
    const whole = objectsOf(body, body.length);
    deepStrictEqual(objectsOf(body, 1), whole);
    const codec = etcdCodecs[name] as unknown as MessageCodec<object, object>;
    for (const text of whole.objects) {
      const bytes = accepted(() => messageFromJson(name, text), isRefusal);
      if (bytes === undefined) continue;
      const message = codec.decode(bytes.slice());
      const again = messageFromJson(name, JSON.stringify(json.toJson(name, message))).slice();
      deepStrictEqual(json.toJson(name, codec.decode(again)), json.toJson(name, message));
    }
  },
};

function objectsOf(body: Buffer, chunkBytes: number): { objects: string[]; rest: string } {
  const sequence = new JsonSequence(objectBytesMax);
  const objects: string[] = [];
  for (let at = 0; at < body.length; at += chunkBytes) {
    const found = accepted(() => sequence.push(body.subarray(at, at + chunkBytes)), isRefusal);
    // In one piece the objects before one that is too large are lost with it.
    if (found === undefined) return { objects: [], rest: "too large" };
    objects.push(...found);
  }
  return { objects, rest: sequence.rest() };
}
