import assert from "node:assert/strict";
import type { ClientHttp2Stream } from "node:http2";
import { after, test } from "node:test";
import { type EtcdInit, type EtcdMessage, etcdCodecs } from "@althing/wire";
import { frame, GrpcClient, unframe } from "../../../transport/testing/grpc-client.ts";
import { until } from "../testing/in-process-cluster.ts";
import { EtcdClient, type ServedDoor, serveDoor } from "../testing/served-door.ts";

type Response = EtcdMessage<"WatchResponse">;
const bytes = (text: string) => Buffer.from(text, "latin1");
const opened: { served: ServedDoor; client: EtcdClient }[] = [];
after(async () => {
  for (const { client } of opened) client.close();
  await Promise.all(opened.map(({ served }) => served.close()));
});

class WatchClient {
  readonly stream: ClientHttp2Stream;
  readonly heard: Response[] = [];
  private rest = Buffer.alloc(0);
  private taken = 0;

  constructor(client: Pick<EtcdClient, "grpc">) {
    this.stream = client.grpc.open("/etcdserverpb.Watch/Watch");
    this.stream.on("data", (chunk: Buffer) => {
      this.rest = Buffer.concat([this.rest, chunk]);
      while (this.rest.length >= 5 && this.rest.length >= 5 + this.rest.readUInt32BE(1)) {
        const end = 5 + this.rest.readUInt32BE(1);
        const [message] = unframe(this.rest.subarray(0, end));
        this.heard.push(etcdCodecs.WatchResponse.decode(message!));
        this.rest = this.rest.subarray(end);
      }
    });
  }

  ask(request: EtcdInit<"WatchRequest">): void {
    this.stream.write(frame(etcdCodecs.WatchRequest.encode(request)));
  }

  create(request: EtcdInit<"WatchCreateRequest">): Promise<Response> {
    this.ask({ create_request: request });
    return this.next();
  }

  async next(): Promise<Response> {
    await until(() => this.heard.length > this.taken);
    return this.heard[this.taken++]!;
  }
}

async function fixture(options: Parameters<typeof serveDoor>[0] = {}) {
  const served = await serveDoor(options);
  const client = new EtcdClient(served.port);
  opened.push({ served, client });
  const put = (key: string, value = "") => client.put({ key: bytes(key), value: bytes(value) });
  const del = (key: string) => client.deleteRange({ key: bytes(key) });
  return { served, client, put, del, watch: () => new WatchClient(client) };
}

/** The connection is open and its settings are exchanged. */
async function settled(client: EtcdClient): Promise<void> {
  await client.range({ key: bytes("any") });
}

/** "5 PUT k=v was w": the revision, then each event. */
function told(response: Response): string {
  const events = response.events.map(({ type, kv, prev_kv }) => {
    const before = prev_kv === undefined ? "" : ` was ${prev_kv.value}`;
    return `${type === 1 ? "DELETE" : "PUT"} ${kv!.key}=${kv!.value}@${kv!.mod_revision}${before}`;
  });
  return `${response.header!.revision} ${events.join(", ")}`;
}

test("a watcher is created at the present revision and told each later one as a whole", async () => {
  const { client, put, del, watch } = await fixture();
  await put("k", "0");
  const watching = watch();
  const created = await watching.create({ key: bytes("k"), range_end: bytes("l") });
  assert.deepEqual(
    [created.created, created.watch_id, created.header?.revision, created.events],
    [true, 0n, 2, []],
  );
  await put("other");
  await put("k", "1");
  const put2 = (key: string) => ({ request_put: { key: bytes(key), value: bytes("t") } });
  await client.txn({ success: [put2("kb"), put2("ka"), put2("x")] });
  await del("k");
  assert.equal(told(await watching.next()), "4 PUT k=1@4");
  assert.equal(told(await watching.next()), "5 PUT kb=t@5, PUT ka=t@5");
  assert.equal(told(await watching.next()), "6 DELETE k=@6");
});

test("history is told first, then the present, and nothing twice or out of order", async () => {
  const { put, watch } = await fixture();
  for (let i = 0; i < 1500; i++) await put("k", String(i));
  const watching = watch();
  await watching.create({ key: bytes("k"), start_revision: 1, prev_kv: true });
  const writing = (async () => {
    for (let i = 1500; i < 1600; i++) await put("k", String(i));
  })();
  const seen: string[] = [];
  while (seen.length < 1600) {
    for (const { kv, prev_kv } of (await watching.next()).events) {
      assert.equal(String(prev_kv?.value ?? ""), seen.at(-1) ?? "");
      seen.push(String(kv!.value));
    }
  }
  await writing;
  assert.deepEqual(
    seen,
    Array.from({ length: 1600 }, (_, i) => String(i)),
  );
});

test("a start in the future waits; one before the floor is created, then ended with the floor", async () => {
  const { client, put, watch } = await fixture();
  for (let i = 0; i < 5; i++) await put("k", String(i));
  const future = watch();
  await future.create({ key: bytes("k"), start_revision: 8 });
  await put("k", "seven");
  await put("k", "eight");
  assert.equal(told(await future.next()), "8 PUT k=eight@8");

  await client.compact({ revision: 6 });
  const past = watch();
  const created = await past.create({ key: bytes("k"), start_revision: 3 });
  assert.deepEqual([created.created, created.canceled], [true, false]);
  const ended = await past.next();
  assert.deepEqual(
    [ended.canceled, ended.compact_revision, ended.header?.revision, ended.cancel_reason],
    [true, 6, 0, ""],
  );
  // Clients cancel it nevertheless.
  past.ask({ cancel_request: { watch_id: 0n } });
  assert.equal((await past.next()).canceled, true);
  const floor = watch();
  await floor.create({ key: bytes("k"), start_revision: 6 });
  assert.match(told(await floor.next()), /^8 PUT k=4@6, PUT k=seven@7/);
});

test("a watcher that was ended is charged for until it is cancelled", async () => {
  const { served, client, put, watch } = await fixture();
  for (let i = 0; i < 5; i++) await put("k");
  await client.compact({ revision: 4 });
  const watching = watch();
  const { memory } = served.transport;
  await watching.create({ key: bytes("k") });
  const before = memory!.usedBytes;
  const count = 1000;
  for (let i = 0; i < count; i++) {
    watching.ask({ create_request: { key: bytes("k"), start_revision: 1 } });
  }
  await until(() => watching.heard.filter(({ canceled }) => canceled).length === count);
  assert.ok(memory!.usedBytes - before >= 100 * count, "each is remembered");
  for (const { watch_id: id, canceled } of [...watching.heard]) {
    if (canceled) watching.ask({ cancel_request: { watch_id: id } });
  }
  await until(() => watching.heard.filter(({ canceled }) => canceled).length === 2 * count);
  assert.ok(memory!.usedBytes - before < 10 * count, "and forgotten");
});

test("who is up to date is not cancelled by a compaction that is applied together with writes", async () => {
  const { served, client, put, watch } = await fixture();
  const watching = watch();
  await watching.create({ key: bytes("k") });
  for (let round = 0; round < 20; round++) {
    const { revision } = served.member.store;
    // Pipelined on one connection: the member applies them in one turn.
    const answers = await Promise.all([
      put("k", "1"),
      put("k", "2"),
      client.compact({ revision: revision + 2 }),
    ]);
    assert.ok(answers.every(({ status }) => status === 0));
    const seen: number[] = [];
    while (seen.length < 2) {
      const { canceled, events } = await watching.next();
      assert.equal(canceled, false);
      seen.push(...events.map(({ kv }) => kv!.mod_revision));
    }
    assert.deepEqual(seen, [revision + 1, revision + 2]);
  }
});

test("filters leave out what they name, and a revision of which nothing is left", async () => {
  const { put, del, watch } = await fixture();
  const watching = watch();
  await watching.create({ key: bytes("k"), filters: [0], prev_kv: true });
  await put("k", "1");
  await del("k");
  assert.equal(told(await watching.next()), "3 DELETE k=@3 was 1");
  const puts = watch();
  await puts.create({ key: bytes("k"), filters: [1], start_revision: 1 });
  assert.equal(told(await puts.next()), "3 PUT k=1@2");
});

test("ids are given, taken, refused and given back as in etcd", async () => {
  const { put, watch } = await fixture();
  const watching = watch();
  const idOf = async (request: EtcdInit<"WatchCreateRequest">) =>
    (await watching.create({ key: bytes("k"), ...request })).watch_id;
  // What is refused uses up no number.
  const empty = await watching.create({ key: bytes("k"), range_end: bytes("a") });
  assert.equal(empty.cancel_reason, "mvcc: watcher range is empty");
  assert.deepEqual(
    [await idOf({}), await idOf({ watch_id: 1n }), await idOf({}), await idOf({ watch_id: -7n })],
    [0n, 1n, 2n, -7n],
  );
  const twice = await watching.create({ key: bytes("k"), watch_id: 2n });
  assert.deepEqual(
    [twice.created, twice.canceled, twice.watch_id, twice.cancel_reason],
    [true, true, -1n, "mvcc: duplicate watch ID provided on the WatchStream"],
  );
  const past = await watching.create({ key: bytes("k"), start_revision: -1 });
  assert.deepEqual([past.created, past.canceled, past.watch_id], [true, true, -1n]);
  for (const watch_id of [0n, 2n, -7n, 99n]) watching.ask({ cancel_request: { watch_id } });
  const canceled = [await watching.next(), await watching.next(), await watching.next()];
  assert.deepEqual(
    canceled.map((one) => [one.canceled, one.watch_id]),
    [
      [true, 0n],
      [true, 2n],
      [true, -7n],
    ],
  );
  await put("k", "v");
  assert.equal((await watching.next()).watch_id, 1n);
});

test("progress is told of a stream only when it is true of all its watchers", async () => {
  const { put, watch } = await fixture();
  const none = watch();
  none.ask({ progress_request: {} });
  const watching = watch();
  await watching.create({ key: bytes("k") });
  await put("other");
  watching.ask({ progress_request: {} });
  const progress = await watching.next();
  assert.deepEqual([progress.watch_id, told(progress)], [-1n, "2 "]);
  await watching.create({ key: bytes("k"), start_revision: 50 });
  watching.ask({ progress_request: {} });
  await put("k", "1");
  assert.equal(told(await watching.next()), "3 PUT k=1@3");
  assert.deepEqual(none.heard, []);
});

test("notices of progress come once to each that asked for them, and no faster than they are read", async () => {
  const { served } = await fixture({ watchProgressIntervalMs: 2000 });
  const grpc = new GrpcClient(served.port, { windowBytes: 65_535 });
  after(() => grpc.close());
  const watching = new WatchClient({ grpc });
  const count = 20_000;
  for (let i = 0; i < count; i++) {
    watching.ask({ create_request: { key: bytes("k"), progress_notify: i % 2 === 0 } });
  }
  await until(() => watching.heard.length >= count);
  const [counted] = [...served.transport.methods.values()].filter(
    ({ method }) => method === "Watch",
  );
  watching.stream.pause();
  await until(() => counted!.sent > count);
  for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
  const unread = counted!.sent - count;
  assert.ok(unread < count / 2, `${unread} notices that nobody reads`);
  watching.stream.resume();
  await until(() => watching.heard.length >= count + count / 2);
  const noticed = watching.heard.slice(count, count + count / 2);
  assert.ok(noticed.every(({ created, events }) => !created && events.length === 0));
  const ids = Array.from({ length: count / 2 }, (_, i) => BigInt(2 * i));
  assert.deepEqual(
    noticed.map(({ watch_id }) => watch_id),
    ids,
  );
});

test("a half-closed stream goes on", async () => {
  const { put, watch } = await fixture();
  const watching = watch();
  await watching.create({ key: bytes("k") });
  watching.stream.end();
  await put("k", "1");
  assert.equal(told(await watching.next()), "2 PUT k=1@2");
});

test("events of one revision are split for those who allow it, and only for those", async () => {
  const { client, watch } = await fixture();
  await settled(client);
  const [whole, split] = [watch(), watch()];
  await whole.create({ key: bytes("k"), range_end: bytes("l") });
  await split.create({ key: bytes("k"), range_end: bytes("l"), fragment: true });
  const values = 6;
  for (let i = 0; i < values; i++) {
    await client.put({ key: bytes(`k${i}`), value: Buffer.alloc(700_000, i) });
  }
  const gone = { key: bytes("k"), range_end: bytes("l") };
  const previous = watch();
  await previous.create({ ...gone, fragment: true, prev_kv: true });
  await client.deleteRange(gone);
  const pieces = [await previous.next(), await previous.next(), await previous.next()];
  assert.deepEqual(
    pieces.map(({ fragment, events }) => [fragment, events.length]),
    [
      [true, 2],
      [true, 2],
      [false, 2],
    ],
  );
  assert.equal(new Set(pieces.map(({ header }) => header!.revision)).size, 1);
  const deletes = ({ events }: Response) => events.filter(({ type }) => type === 1).length;
  await until(() => whole.heard.some((one) => deletes(one) > 0));
  assert.deepEqual(
    whole.heard.map(deletes).filter((count) => count > 0),
    [values],
  );
  assert.ok(whole.heard.every(({ fragment }) => !fragment));
});

test("a revision of thousands of events is one message, though it is read and encoded in pieces", async () => {
  const { client, watch } = await fixture();
  await settled(client);
  const count = 3000;
  const keys = Array.from({ length: count }, (_, i) => `k${10_000 + i}`);
  const putOf = (key: string) => ({ request_put: { key: bytes(key), value: bytes("v") } });
  for (let i = 0; i < count; i += 100) {
    await client.txn({ success: keys.slice(i, i + 100).map(putOf) });
  }
  const gone = { key: bytes("k"), range_end: bytes("l") };
  const [whole, split, puts] = [watch(), watch(), watch()];
  await whole.create({ ...gone, prev_kv: true });
  await split.create({ ...gone, fragment: true });
  await puts.create({ ...gone, filters: [1] });
  const written = await client.deleteRange(gone);
  assert.ok("response" in written);
  assert.equal(written.response.deleted, count);
  const revision = written.response.header!.revision;
  const late = watch();
  await late.create({ ...gone, start_revision: revision });
  for (const watching of [whole, late]) {
    const { header, fragment, events } = await watching.next();
    assert.deepEqual([header!.revision, fragment], [revision, false]);
    assert.deepEqual(
      events.map(({ kv }) => String(kv!.key)),
      keys,
    );
  }
  assert.equal(String(whole.heard[1]!.events[7]!.prev_kv!.value), "v");
  const pieces: string[] = [];
  for (let more = true; more; ) {
    const { fragment, events } = await split.next();
    pieces.push(...events.map(({ kv }) => String(kv!.key)));
    more = fragment;
  }
  assert.deepEqual(pieces, keys);
  await client.put({ key: bytes("k"), value: bytes("last") });
  for (const watching of [whole, split, puts, late]) {
    assert.equal(told(await watching.next()), `${revision + 1} PUT k=last@${revision + 1}`);
  }
  assert.equal(puts.heard.length, 2, "and nothing is told of what is filtered out");
});

test("ten thousand watchers of one key and a slow reader: everybody hears everything", async () => {
  const { client, put, watch } = await fixture();
  await settled(client);
  const many = watch();
  for (let i = 0; i < 10_000; i++) many.ask({ create_request: { key: bytes("k") } });
  await until(() => many.heard.length === 10_000);
  const slow = watch();
  await slow.create({ key: bytes("big") });
  slow.stream.pause();
  for (let i = 0; i < 100; i++) {
    await client.put({ key: bytes("big"), value: Buffer.alloc(200_000, i) });
  }
  await put("k", "1");
  await until(() => many.heard.length === 20_000);
  slow.stream.resume();
  const revisions: number[] = [];
  while (revisions.length < 100) {
    for (const { kv } of (await slow.next()).events) revisions.push(kv!.mod_revision);
  }
  assert.deepEqual(
    revisions,
    Array.from({ length: 100 }, (_, i) => i + 2),
  );
});
