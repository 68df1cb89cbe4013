// Frames on the gateway's WebSockets, from the handshake's end on. Frames are those of `ws`; what is asked here is that
// nothing of what it makes of them reaches the process as an error, that a refused connection is closed, and that
// nothing stays charged. Masks are taken away first, so that what is changed in an input is changed in the message.

import { strictEqual } from "node:assert/strict";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { Duplex } from "node:stream";
import { JsonSequence } from "../../../packages/server/src/doors/etcd/gateway/json.ts";
import { limitsOf, MemoryBudget } from "../../../packages/server/src/transport/budget.ts";
import { headOf } from "../../../packages/server/src/transport/http1-exchange.ts";
import type { HttpStreamRoute } from "../../../packages/server/src/transport/port.ts";
import { WebSockets } from "../../../packages/server/src/transport/websocket.ts";
import { PropertyBroken, type Target } from "../target.ts";

const never = 1e9;
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** From a client: masked, with a mask of zeros. */
function frame(first: number, payload: string | Buffer): Buffer {
  const body = Buffer.from(payload);
  const length =
    body.length < 126 ? [0x80 | body.length] : [0x80 | 126, body.length >>> 8, body.length & 255];
  return Buffer.concat([Buffer.from([first, ...length, 0, 0, 0, 0]), body]);
}

export const target: Target = {
  name: "websocket",
  inputsPerSecondMin: 20,
  seeds: () =>
    [
      [frame(0x81, '{"create_request":{"key":"YQ=="}}')],
      [frame(0x01, '{"key":'), frame(0x80, '"YQ=="}')],
      [frame(0x82, "{}{}"), frame(0x89, "ping"), frame(0x8a, "pong")],
      [frame(0x88, Buffer.from([0x03, 0xe8])), frame(0x81, "{}")],
      [frame(0x81, "x".repeat(300))],
      [Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0])],
    ].map((frames) => Buffer.concat([Buffer.from([7]), ...frames])),
  dictionary: [
    Buffer.from([0x81, 0x80, 0, 0, 0, 0]),
    Buffer.from([0x88, 0x80, 0, 0, 0, 0]),
    Buffer.from([0x00, 0x81, 0, 0, 0, 0, 65]),
    "{}",
  ],
  async run(input) {
    const account = new MemoryBudget(limitsOf(never)).open("", () => {});
    const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    const socket = Object.assign(stream, { setTimeout() {} });
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    const sockets = new WebSockets({ stallMs: never, bodyMs: 2 ** 31 - 1 });
    const head = headOf(upgrade(), { address: "", encrypted: false, commonName: "" });
    const turns = { mustWait: false, add: (serve: () => void) => serve() };
    const visit = { head, socket, route: echo, account, turns };
    sockets.take(upgrade(), Buffer.alloc(0), visit);
    const chunkBytes = ((input[0] ?? 0) % 16) ** 2 + 1;
    for (let at = 1; at < input.length; at += chunkBytes)
      socket.push(input.subarray(at, at + chunkBytes));
    await turn();
    await turn();
    socket.destroy();
    await closed;
    await turn();
    strictEqual(account.usedBytes, 0, "bytes that are still charged");
  },
};

/** As the gateway does: objects out of messages, an answer to each. */
const echo: HttpStreamRoute = {
  path: "/v3/watch",
  open: (_request, reply) => {
    const sequence = new JsonSequence(1000);
    let isClosed = false;
    reply.onCancel(() => {
      isClosed = true;
    });
    return {
      data(bytes) {
        if (isClosed) throw new PropertyBroken("a message after the end");
        try {
          for (const text of sequence.push(bytes)) reply.write(`${text}\n`);
        } catch {
          reply.respond(400, {}, "too large");
        }
      },
      ended() {},
      closing() {},
    };
  },
};

function upgrade(): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.method = "GET";
  request.url = "/v3/watch";
  request.headers = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
  };
  return request;
}
