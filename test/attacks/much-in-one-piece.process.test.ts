// What fits into one chunk of a connection, or is held for one, and used to be dealt with in one piece or kept for
// nothing: thousands of requests that cost a little each, questions about a hundred thousand watchers, messages that
// are not complete, answers that take another form.

import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBlock } from "../../packages/server/src/transport/http2/hpack/encoder.ts";
import { failureOf } from "../client/etcd-client.ts";
import { methods } from "../client/messages.ts";
import { encode } from "../client/protobuf.ts";
import { Cluster, eventually } from "../cluster/cluster.ts";
import type { MemberProcess } from "../cluster/member-process.ts";
import { program } from "../process/subject.ts";
import {
  attacked,
  attackOptions,
  block,
  data,
  describeCost,
  dial,
  endHeaders,
  endStream,
  Flood,
  framed,
  frameTypes,
  isQuiet,
  mebibyte,
  open,
  openWindows,
  pause,
  turn,
} from "./flood.ts";

const get = (path: string) =>
  Buffer.from(
    encodeBlock([":method", "GET", ":scheme", "http", ":path", path, ":authority", "localhost"]),
  );

async function putMany(member: MemberProcess, count: number, valueBytes: number): Promise<void> {
  const client = member.client(30_000);
  for (let i = 0; i < count; i++) {
    const answer = await client.put({ key: `many/${i}`, value: new Uint8Array(valueBytes) });
    assert.equal(answer.code, 0, failureOf(answer));
  }
  client.close();
}

test("three thousand GETs of /metrics in one piece: HTTP/2", attackOptions, async (t) => {
  const cost = await attacked(t, async (member) => {
    const flood = new Flood(member);
    const block = get("/metrics");
    const ids = Array.from({ length: 3000 }, (_, i) => 2 * i + 1);
    flood.send(...ids.map((id) => open(id, block, endHeaders | endStream)));
    await pause(4000);
    flood.socket.destroy();
  });
  isQuiet(cost);
});

test("fifteen hundred GETs of /metrics in one piece: HTTP/1.1", attackOptions, async (t) => {
  const cost = await attacked(t, async (member) => {
    const socket = dial(member).resume();
    socket.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1500));
    await pause(4000);
    socket.destroy();
  });
  isQuiet(cost);
});

test("a thousand reads of a large value in one piece", attackOptions, async (t) => {
  const cost = await attacked(t, async (member) => {
    await putMany(member, 1, mebibyte);
    const flood = new Flood(member);
    const message = framed(encode(methods.range.request, { key: "many/0" }));
    const frames: Buffer[] = [];
    for (let id = 1; id < 2000; id += 2) {
      frames.push(open(id, block(methods.range.path)), data(id, message, endStream));
    }
    flood.send(...frames);
    await pause(4000);
    flood.socket.destroy();
  });
  isQuiet(cost);
});

test(
  "thousands of questions at once about the progress of a hundred thousand watchers",
  attackOptions,
  async (t) => {
    const cost = await attacked(t, async (member) => {
      const flood = new Flood(member);
      openWindows(flood);
      flood.send(open(1, block(methods.watch.path)));
      const watchers = 100_000;
      for (let i = 0; i < watchers; i += 500) {
        const messages = Array.from({ length: 500 }, (_, j) =>
          framed(encode(methods.watch.request, { create_request: { key: `${i + j}` } })),
        );
        const bytes = Buffer.concat(messages);
        for (let at = 0; at < bytes.length; at += 16_384) {
          await flood.push(data(1, bytes.subarray(at, at + 16_384)));
        }
        await turn();
      }
      const answers = () => flood.frames.filter(({ type }) => type === frameTypes.data).length;
      await eventually("all are created", 60_000, () => answers() >= watchers);
      const question = framed(encode(methods.watch.request, { progress_request: {} }));
      const many = data(1, Buffer.concat(Array.from({ length: 2000 }, () => question)));
      flood.send(many, many);
      await eventually("each is answered", 60_000, () => answers() >= watchers + 4000);
      flood.socket.destroy();
    });
    isQuiet(cost);
  },
);

test("two thousand snapshots at once", attackOptions, async (t) => {
  const cost = await attacked(t, async (member) => {
    await putMany(member, 100, mebibyte / 4);
    const floods = [new Flood(member), new Flood(member)];
    for (const flood of floods) {
      const frames: Buffer[] = [];
      const asked = block("/etcdserverpb.Maintenance/Snapshot");
      for (let id = 1; id < 2000; id += 2) {
        frames.push(open(id, asked), data(id, framed(Buffer.alloc(0)), endStream));
      }
      flood.send(...frames);
    }
    await pause(6000);
    for (const flood of floods) flood.socket.destroy();
  });
  isQuiet(cost);
});

test(
  "messages that are never completed over WebSocket stay within the budget",
  attackOptions,
  async (t) => {
    const budget = 64 * mebibyte;
    const cost = await attacked(
      t,
      async (member) => {
        const key = Buffer.alloc(16).toString("base64");
        const sockets = Array.from({ length: 50 }, () => dial(member).resume());
        for (const socket of sockets) {
          socket.write(
            `GET /v3/watch HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
          );
        }
        await pause(500);
        for (let i = 0; i < 7; i++) {
          for (const socket of sockets) {
            if (socket.destroyed) continue;
            const head = Buffer.alloc(14);
            head[0] = i === 0 ? 1 : 0;
            head[1] = 0xff;
            head.writeUInt32BE(mebibyte, 6);
            socket.write(Buffer.concat([head, Buffer.alloc(mebibyte, 97)]));
            await turn();
          }
        }
        await pause(1500);
        assert.ok(
          sockets.some(({ destroyed }) => destroyed),
          "there was not room for all",
        );
        for (const socket of sockets) socket.destroy();
      },
      [`--max-client-memory-bytes=${budget}`],
    );
    assert.ok(cost.grownBytes < budget + 150 * mebibyte, describeCost(cost));
  },
);

test(
  "large answers in JSON stay within the budget, with what they are made of",
  attackOptions,
  async (t) => {
    const budget = 256 * mebibyte;
    const cost = await attacked(
      t,
      async (member) => {
        await putMany(member, 100, mebibyte / 4);
        const base64 = (text: string) => Buffer.from(text).toString("base64");
        const body = JSON.stringify({ key: base64("many/"), range_end: base64("many0") });
        const sockets = Array.from({ length: 20 }, () => dial(member).pause());
        for (const socket of sockets) {
          socket.write(
            `POST /v3/kv/range HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
          );
        }
        await pause(8000);
        for (const socket of sockets) socket.destroy();
      },
      [`--max-client-memory-bytes=${budget}`],
    );
    assert.ok(cost.grownBytes < budget + 256 * mebibyte, describeCost(cost));
  },
);

test("a listing of 300 MiB is answered by default", attackOptions, async (t) => {
  const cluster = await Cluster.start({ program, members: 1 });
  t.after(() => cluster.stop());
  const member = cluster.member(0);
  await putMany(member, 300, mebibyte);
  const client = member.client(60_000);
  const answer = await client.range({ key: "many/", range_end: "many0" });
  client.close();
  assert.equal(answer.code, 0, failureOf(answer));
});
