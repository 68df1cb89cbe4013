// What many watchers must not cost others: two hundred thousand that watch one key, or a range each, of which a
// write touches all or one.

import { type TestContext, test } from "node:test";
import { rawFrame, requestBlock } from "../../packages/server/src/transport/testing/raw-http2.ts";
import { methods } from "../client/messages.ts";
import { encode } from "../client/protobuf.ts";
import { Cluster, eventually } from "../cluster/cluster.ts";
import type { MemberProcess } from "../cluster/member-process.ts";
import { program, skip } from "../process/subject.ts";
import {
  costOf,
  describeCost,
  endHeaders,
  Flood,
  framed,
  frameTypes,
  isQuiet,
  openWindows,
  turn,
} from "./flood.ts";

const options = {
  skip: skip || (program === "etcd" && "what etcd bounds, and how, is its own affair"),
  timeout: 240_000,
};
const watchers = 200_000;
const perStream = 2000;

interface Created {
  readonly key: string;
  readonly range_end?: string;
}

/** Watchers over many streams of one connection; those that follow are told of what comes after. */
async function watched(member: MemberProcess, created: (i: number) => Created): Promise<Flood> {
  const flood = new Flood(member);
  openWindows(flood);
  const path = Buffer.from(requestBlock(methods.watch.path));
  for (let i = 0; i < watchers; i += 500) {
    const id = 1 + 2 * Math.floor(i / perStream);
    if (i % perStream === 0) flood.send(rawFrame(frameTypes.headers, endHeaders, id, path));
    const messages = Array.from({ length: 500 }, (_, j) =>
      framed(encode(methods.watch.request, { create_request: created(i + j) })),
    );
    const bytes = Buffer.concat(messages);
    for (let at = 0; at < bytes.length; at += 16_384) {
      await flood.push(rawFrame(frameTypes.data, 0, id, bytes.subarray(at, at + 16_384)));
    }
    await turn();
  }
  await eventually("all are created", 60_000, () => told(flood) >= watchers);
  return flood;
}

const told = (flood: Flood) => flood.frames.filter(({ type }) => type === frameTypes.data).length;

/** Begun when everything stands; what was made before is not charged to what is measured. */
async function measured(
  t: TestContext,
  prepare: (member: MemberProcess) => Promise<Flood>,
  act: (member: MemberProcess, flood: Flood) => Promise<void>,
): Promise<void> {
  const cluster = await Cluster.start({ program, members: 1 });
  t.after(() => cluster.stop());
  const member = cluster.member(0);
  const flood = await prepare(member);
  const cost = await costOf(member, () => act(member, flood));
  flood.socket.destroy();
  t.diagnostic(describeCost(cost));
  isQuiet(cost);
}

async function put(member: MemberProcess, key: string, times = 1): Promise<void> {
  const client = member.client(20_000);
  for (let i = 0; i < times; i++) await client.put({ key, value: "v" });
  client.close();
}

test("one put that two hundred thousand watch", options, async (t) => {
  await measured(
    t,
    (member) => watched(member, () => ({ key: "watched" })),
    async (member, flood) => {
      await put(member, "watched");
      await eventually("each is told", 60_000, () => told(flood) >= 2 * watchers);
    },
  );
});

test("puts that touch one of two hundred thousand watched ranges", options, async (t) => {
  await measured(
    t,
    (member) =>
      watched(member, (i) => ({ key: `r${1_000_000 + i}`, range_end: `r${1_000_001 + i}` })),
    async (member, flood) => {
      await put(member, "r1070000x", 200);
      await eventually("it is told", 60_000, () => told(flood) >= watchers + 200);
    },
  );
});
