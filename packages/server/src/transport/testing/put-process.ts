// The transport alone as a process of its own, for measuring: it decodes puts and answers each at once with a
// constant, under etcd's path. Prints its port; ends when its input does.

import {
  decodePutRequest,
  encodeHeaderIds,
  encodePutResponse,
  type PutMessage,
} from "@althing/wire";
import { installFastText } from "../../doors/etcd/fast-text.ts";
import { type GrpcMethod, listenClients, type UnaryMethod } from "../index.ts";

installFastText();
const ids = encodeHeaderIds(1n, 2n);
const result = { revision: 7, prevKv: undefined };
const put: UnaryMethod<PutMessage, typeof result> = {
  kind: "unary",
  service: "etcdserverpb.KV",
  method: "Put",
  decode: decodePutRequest,
  encode: (writer, answer) => encodePutResponse(writer, ids, 3, answer),
  handle: (_request, call) => call.respond(result),
};
const listener = await listenClients({
  host: "127.0.0.1",
  port: Number(process.argv[2] ?? 0),
  services: [{ name: "etcdserverpb.KV", methods: [put as unknown as GrpcMethod] }],
  routes: [],
  limits: { messageBytesMax: 2_097_152, concurrentStreamsMax: 100_000, connectionsMax: 10_000 },
  observe: () => {},
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
process.stdout.write(`${listener.address.port}\n`);
