// What `put-process.ts` does, over node:http2 and with nothing around it: no limits, no deadlines, no counters,
// no routing. It stands for the least that node:http2 can cost.

import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { decodePutRequest, encodeHeaderIds, encodePutResponse, Writer } from "@althing/wire";
import { installFastText } from "../../doors/etcd/fast-text.ts";

installFastText();
const ids = encodeHeaderIds(1n, 2n);
const result = { revision: 7, prevKv: undefined };
const writer = new Writer(4096, (size) => Buffer.allocUnsafeSlow(size));
const head = { ":status": 200, "content-type": "application/grpc" };
const answering = { waitForTrailers: true, sendDate: false };
const trailers = { "grpc-status": "0" };

const server = createServer({ settings: { maxConcurrentStreams: 100_000 } });
server.on("stream", (stream) => {
  stream.on("error", () => {});
  // The generator's messages are small: each lies in one chunk.
  stream.once("data", (chunk: Buffer) => {
    decodePutRequest(chunk.subarray(5));
    writer.reset();
    encodePutResponse(writer, ids, 3, result);
    const answer = Buffer.alloc(5 + writer.size);
    answer.writeUInt32BE(writer.size, 1);
    answer.set(writer.bytes.subarray(writer.at), 5);
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    stream.respond(head, answering);
    stream.end(answer);
  });
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
