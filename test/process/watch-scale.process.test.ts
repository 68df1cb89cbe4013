// Watchers by the ten thousands, and one that does not read. Everybody is told everything once and in order, what a
// slow reader has not read is not kept in memory for it, and what is cancelled is forgotten.

import assert from "node:assert/strict";
import { type ClientHttp2Stream, connect as connectHttp2 } from "node:http2";
import type { EtcdClient, OpenStream } from "../client/etcd-client.ts";
import { methods, type WatchResponse } from "../client/messages.ts";
import { decode, encode } from "../client/protobuf.ts";
import { eventually } from "../cluster/cluster.ts";
import type { MemberProcess } from "../cluster/member-process.ts";
import { clusterTest } from "./subject.ts";

const timeoutMs = 240_000;
const mebibyte = 2 ** 20;
// So that the log in memory does not blur what is measured.
const prepare = async () => ({ args: ["--snapshot-count=500"] });

/** Many watchers of one stream, and what each was told: revisions, in the order in which they came. */
class Crowd {
  readonly told: number[][] = [];
  created = 0;
  events = 0;
  end: string | undefined;
  #stream: OpenStream | undefined;

  static async open(client: EtcdClient, keys: readonly string[]): Promise<Crowd> {
    const crowd = new Crowd();
    crowd.#stream = await client.open<WatchResponse>(methods.watch, {
      onMessage: (message) => crowd.#take(message),
      onEnd: (code, text) => {
        crowd.end = `${code} ${text}`;
      },
    });
    for (const key of keys) crowd.#stream.send({ create_request: { key } });
    await eventually("all are created", 60_000, () => crowd.created === keys.length);
    return crowd;
  }

  cancel(): void {
    this.#stream?.cancel();
  }

  #take({ created, watch_id = 0, events = [] }: WatchResponse): void {
    if (created === true) {
      this.created += 1;
      this.told[Number(watch_id)] = [];
    }
    for (const { kv } of events) this.told[Number(watch_id)]?.push(kv?.mod_revision ?? 0);
    this.events += events.length;
  }
}

clusterTest(
  "ten thousand watchers of one key are all told of every change",
  { timeoutMs },
  async ({ cluster }) => {
    const clients = cluster.members.map((member) => member.client(60_000));
    const [writer] = clients;
    assert.ok(writer);
    const before = cluster.members.map((member) => member.anonymousBytes());
    const crowds = await Promise.all(
      Array.from({ length: 10 }, (_, i) => {
        return Crowd.open(clients[i % 3] ?? writer, Array(1000).fill("one"));
      }),
    );
    const revisions: number[] = [];
    for (let i = 0; i < 10; i++) {
      const answer = await writer.put({ key: "one", value: `${i}` });
      revisions.push(answer.response?.header?.revision ?? 0);
    }
    await eventually("each is told ten times", 60_000, () => {
      return crowds.every((crowd) => crowd.events >= 10_000);
    });
    for (const crowd of crowds) {
      for (const told of crowd.told) assert.deepEqual(told, revisions);
    }
    for (const [i, member] of cluster.members.entries()) {
      const grown = (member.anonymousBytes() - (before[i] ?? 0)) / mebibyte;
      assert.ok(grown < 200, `${member.name} grew by ${grown} MiB`);
    }
    for (const client of clients) client.close();
  },
);

clusterTest(
  "a hundred thousand keys may be watched one each, and forgotten again",
  {
    timeoutMs,
    prepare,
  },
  async ({ cluster }) => {
    const [member] = await cluster.followers();
    assert.ok(member);
    const count = 100_000;
    const sizes: number[] = [];
    const nameOf = (i: number) => `each/${String(i).padStart(6, "0")}`;
    const client = member.client(60_000);
    for (let round = 0; round < 12; round++) {
      const crowds: Crowd[] = [];
      for (let start = 0; start < count; start += 5000) {
        crowds.push(
          await Crowd.open(
            client,
            Array.from({ length: 5000 }, (_, i) => nameOf(start + i)),
          ),
        );
      }
      await touch(client, round === 0 ? count : 10_000, nameOf);
      const due = round === 0 ? count : 10_000;
      const total = () => crowds.reduce((sum, crowd) => sum + crowd.events, 0);
      await eventually("each key's watcher is told", 60_000, () => total() >= due);
      const told = crowds.flatMap((crowd) => crowd.told.map((revisions) => revisions.length));
      assert.equal(told.length, count);
      assert.equal(told.filter((times) => times === 1).length, due);
      assert.equal(total(), due);
      sizes.push(member.anonymousBytes());
      for (const crowd of crowds) crowd.cancel();
    }
    // Kept, each round would add what the first took; garbage that is not yet collected levels off by the sixth.
    const told = sizes.map((bytes) => Math.round(bytes / mebibyte)).join(", ");
    const [first = 0, eighth = 0, twelfth = 0] = [sizes[0], sizes[7], sizes[11]];
    assert.ok(first < 900 * mebibyte, told);
    assert.ok(twelfth < eighth * 1.3, told);
    client.close();
  },
);

async function touch(client: EtcdClient, count: number, nameOf: (i: number) => string) {
  for (let start = 0; start < count; start += 1000) {
    const txns = Array.from({ length: 10 }, (_, n) => {
      const success = Array.from({ length: 100 }, (_, i) => {
        return { request_put: { key: nameOf(start + n * 100 + i), value: "v" } };
      });
      return client.txn({ success });
    });
    for (const { code } of await Promise.all(txns)) assert.equal(code, 0);
  }
}

clusterTest(
  "a watcher that does not read costs no memory and nobody's time, and misses nothing",
  {
    timeoutMs,
    prepare,
  },
  async ({ cluster }) => {
    const [member, other] = await cluster.followers();
    assert.ok(member && other);
    const writer = other.client(30_000);
    const client = member.client(30_000);
    const fast = await Crowd.open(client, ["large"]);
    const puts = 400;
    const value = new Uint8Array(200_000).fill(120);
    const write = async () => {
      for (let i = 0; i < puts; i++) {
        assert.equal((await writer.put({ key: "large", value })).code, 0);
      }
    };
    await write();
    await eventually("the fast one has all", 30_000, () => fast.events === puts);
    const before = member.anonymousBytes();
    const slow = new SlowWatch(member, "large");
    await slow.created;
    await write();
    // Eighty megabytes are due to the slow one by now.
    await eventually("the fast one has all, while the slow one reads nothing", 30_000, () => {
      return fast.events === 2 * puts;
    });
    assert.ok(slow.revisions.length < 5, `${slow.revisions.length} events were read`);
    const grown = (member.anonymousBytes() - before) / mebibyte;
    assert.ok(grown < 50, `grew by ${grown} MiB`);
    slow.read();
    await eventually("the slow one has all", 60_000, () => slow.revisions.length >= puts);
    assert.deepEqual(slow.revisions, fast.told[0]?.slice(puts));
    slow.close();
    fast.cancel();
    writer.close();
    client.close();
  },
);

/** A watch on a connection of its own that stops reading as soon as it is created. */
class SlowWatch {
  readonly revisions: number[] = [];
  readonly created: Promise<void>;
  readonly #session;
  readonly #stream: ClientHttp2Stream;
  #rest = Buffer.alloc(0);

  constructor(member: MemberProcess, key: string) {
    this.#session = connectHttp2(member.spec.clientUrl);
    this.#stream = this.#session.request({
      ":method": "POST",
      ":path": methods.watch.path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const body = encode(methods.watch.request, { create_request: { key } });
    const head = Buffer.alloc(5);
    head.writeUInt32BE(body.length, 1);
    this.#stream.write(Buffer.concat([head, body]));
    this.created = new Promise((resolve) => {
      this.#stream.on("data", (chunk: Buffer) => {
        this.#take(chunk);
        if (this.#isCreated) resolve();
      });
    });
    void this.created.then(() => this.#stream.pause());
  }

  read(): void {
    this.#stream.resume();
  }

  close(): void {
    this.#session.destroy();
  }

  #isCreated = false;

  #take(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 5) {
      const end = 5 + this.#rest.readUInt32BE(1);
      if (this.#rest.length < end) return;
      const message = decode(methods.watch.response, this.#rest.subarray(5, end)) as WatchResponse;
      this.#rest = this.#rest.subarray(end);
      this.#isCreated ||= message.created === true;
      for (const { kv } of message.events ?? []) this.revisions.push(kv?.mod_revision ?? 0);
    }
  }
}
