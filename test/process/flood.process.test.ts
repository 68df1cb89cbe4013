// Clients that ask for more than they may: streams without number, resets as fast as they come, headers without end,
// answers that nobody reads. Each costs its own connection at most: others are served all the while, and
// memory stays bounded.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { rawFrame, requestBlock } from "../../packages/server/src/transport/testing/raw-http2.ts";
import {
  endHeaders,
  endStream,
  enhanceYourCalm,
  Flood,
  framed,
  frameTypes,
  mebibyte,
  refusedStream,
} from "../attacks/flood.ts";
import { methods } from "../client/messages.ts";
import { encode } from "../client/protobuf.ts";
import { Cluster, eventually } from "../cluster/cluster.ts";
import { program, skip } from "./subject.ts";

const options = {
  skip: skip || (program === "etcd" && "what etcd bounds, and how, is its own affair"),
  timeout: 120_000,
};

let cluster: Cluster;

before(async () => {
  if (options.skip) return;
  cluster = await Cluster.start({ program, members: 1, args: ["--max-concurrent-streams=500"] });
  const client = cluster.member(0).client();
  const value = new Uint8Array(1_000_000).fill(120);
  for (let i = 0; i < 5; i++) assert.equal((await client.put({ key: `big/${i}`, value })).code, 0);
  client.close();
});

after(async () => {
  if (!options.skip) await cluster.stop();
});

/** What one client is served while another floods: everything. And what the flood costs, in memory. */
async function beside(flood: () => Promise<void>): Promise<number> {
  const member = cluster.member(0);
  const client = member.client(20_000);
  const before = member.anonymousBytes();
  let most = before;
  let isOver = false;
  let served = 0;
  const serving = (async () => {
    do {
      const key = `beside/${served}`;
      assert.equal((await client.put({ key, value: "v" })).code, 0);
      served += 1;
      most = Math.max(most, member.anonymousBytes());
    } while (!isOver);
  })();
  await Promise.race([flood(), serving]);
  isOver = true;
  await serving;
  client.close();
  assert.ok(served > 0);
  return most - before;
}

const block = (path: string) => Buffer.from(requestBlock(path));

test("streams beyond the limit are refused, one by one", options, async () => {
  let flood: Flood | undefined;
  const grown = await beside(async () => {
    flood = new Flood(cluster.member(0));
    const made = flood;
    const watch = block(methods.watch.path);
    for (let i = 0; i < 3000; i++)
      made.send(rawFrame(frameTypes.headers, endHeaders, 2 * i + 1, watch));
    await eventually("some are refused, or the connection ends", 20_000, () => {
      return made.isClosed || made.codes(frameTypes.reset).includes(refusedStream);
    });
  });
  assert.ok(grown < 300 * mebibyte, `${grown / mebibyte} MiB`);
  flood?.socket.destroy();
});

test(
  "streams that are opened and reset as fast as can be end their connection",
  options,
  async () => {
    let flood: Flood | undefined;
    const grown = await beside(async () => {
      flood = new Flood(cluster.member(0));
      const made = flood;
      const watch = block(methods.watch.path);
      const cancel = Buffer.from([0, 0, 0, 8]);
      for (let id = 1; id < 2_000_000 && !made.isClosed; id += 200) {
        const frames: Buffer[] = [];
        for (let i = id; i < id + 200; i += 2) {
          frames.push(rawFrame(frameTypes.headers, endHeaders, i, watch));
          frames.push(rawFrame(frameTypes.reset, 0, i, cancel));
        }
        made.send(...frames);
        await new Promise(setImmediate);
      }
      await eventually("it is cut off", 20_000, () => made.isClosed);
    });
    assert.ok(flood?.codes(frameTypes.goAway).includes(enhanceYourCalm), "and told why");
    assert.ok(grown < 300 * mebibyte, `${grown / mebibyte} MiB`);
  },
);

test("headers without an end are not collected", options, async () => {
  let flood: Flood | undefined;
  const grown = await beside(async () => {
    flood = new Flood(cluster.member(0));
    const made = flood;
    made.send(rawFrame(frameTypes.headers, 0, 1, block(methods.put.path)));
    // A literal that is never indexed, again and again: 16 KiB a frame, up to 160 MiB.
    const literal = Buffer.concat([
      Buffer.from([0, 1, 120, 127, 129, 126]),
      Buffer.alloc(16_256, 97),
    ]);
    for (let i = 0; i < 10_000 && !made.isClosed; i++) {
      made.send(rawFrame(frameTypes.continuation, 0, 1, literal));
      if (i % 50 === 0) await new Promise(setImmediate);
    }
    await eventually("it is cut off", 20_000, () => made.isClosed);
  });
  assert.ok(grown < 100 * mebibyte, `${grown / mebibyte} MiB`);
});

test("answers that nobody reads are not piled up without bound", options, async () => {
  const floods: Flood[] = [];
  const grown = await beside(async () => {
    const range = framed(encode(methods.range.request, { key: "big/", range_end: "big0" }));
    for (let n = 0; n < 20; n++) {
      const flood = new Flood(cluster.member(0));
      floods.push(flood);
      flood.socket.pause();
      for (let i = 0; i < 100; i++) {
        flood.send(
          rawFrame(frameTypes.headers, endHeaders, 2 * i + 1, block(methods.range.path)),
          rawFrame(frameTypes.data, endStream, 2 * i + 1, range),
        );
      }
      // One after the other, as the member takes them in.
      const client = cluster.member(0).client(20_000);
      assert.equal((await client.range({ key: "big/", keys_only: true })).code, 0);
      client.close();
    }
  });
  // Ten gigabytes were asked for; half of one may wait, and garbage is not collected at once.
  assert.ok(grown < 2400 * mebibyte, `${grown / mebibyte} MiB`);
  for (const flood of floods) flood.socket.destroy();
  const client = cluster.member(0).client(20_000);
  assert.equal((await client.put({ key: "after", value: "v" })).code, 0);
  client.close();
});
