// What is read in many steps, and loses what it reads on the way: the call ends with a code, and nothing else does.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { MemberEvent } from "@althing/member";
import { createMemoryEngine, encodeCommand, type OpenedStore, openStore } from "@althing/store";
import { EtcdClient, serveDoor } from "./testing/served-door.ts";

const keys = 20_000;

function put(store: OpenedStore, key: string, value: Uint8Array): void {
  const command = {
    kind: "put",
    key,
    value,
    lease: 0n,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
  } as const;
  const point = { index: store.appliedIndex + 1, epoch: 2, proposer: "", leaderTimeMs: 0 };
  store.apply(encodeCommand(command), point);
}

/** What a leader would send: a later state of the same history. */
function laterState(): Uint8Array[] {
  const store = openStore({ engine: createMemoryEngine() });
  for (let i = 0; i < 2 * keys; i++) put(store, `k${i % keys}`, new Uint8Array(1));
  const reader = store.openSnapshot();
  const chunks: Uint8Array[] = [];
  for (let chunk = reader.next(); chunk !== undefined; chunk = reader.next()) chunks.push(chunk);
  return chunks;
}

type Opening = "openHashKv" | "openSnapshot" | "openRange";

/** Does something once the reading has been opened and has made its first steps. */
function onceOpened(store: OpenedStore, opening: Opening, run: (opened: object) => void): void {
  const original = store[opening].bind(store) as (request: never) => object;
  Object.defineProperty(store, opening, {
    value: (request: never) => {
      const opened = original(request);
      setImmediate(() => run(opened));
      return opened;
    },
  });
}

interface Reading {
  readonly opening: Opening;
  read(client: EtcdClient): Promise<{ readonly status: number; readonly message?: string }>;
}

/** Each of these takes many steps. */
const readings: Readonly<Record<string, Reading>> = {
  HashKV: {
    opening: "openHashKv",
    read: (client) => client.call("HashKV", "HashKVRequest", "HashKVResponse", { revision: 0 }),
  },
  Hash: {
    opening: "openSnapshot",
    read: (client) => client.call("Hash", "HashRequest", "HashResponse", {}),
  },
  Range: {
    opening: "openRange",
    read: (client) =>
      client.range({ key: Buffer.from("k"), range_end: Buffer.from("l"), serializable: true }),
  },
  Snapshot: {
    opening: "openSnapshot",
    read: (client) => client.grpc.call("/etcdserverpb.Maintenance/Snapshot", new Uint8Array(0), {}),
  },
};

for (const [name, { opening, read }] of Object.entries(readings)) {
  test(`${name} ends with a code when a snapshot takes the place of what it reads`, async () => {
    await using held = new AsyncDisposableStack();
    const { store, client } = await filledDoor(held, () => assert.fail("nothing is wrong here"));
    const writer = store.beginRestore();
    for (const chunk of laterState()) writer.write(chunk);
    writer.finish();
    onceOpened(store, opening, () => writer.install(() => {}));
    const { status, message } = await read(client);
    assert.deepEqual([status, message], [14, "etcdserver: leader changed"]);
  });

  test(`${name} ends with a code when its store cannot be read on, and nothing else ends`, async () => {
    await using held = new AsyncDisposableStack();
    const told: string[] = [];
    const { store, client } = await filledDoor(held, (event) => told.push(event.kind));
    onceOpened(store, opening, (opened) => {
      Object.defineProperty(opened, "next", {
        value: () => {
          throw new Error("the disk does not give it back");
        },
      });
    });
    const { status, message } = await read(client);
    assert.deepEqual([status, message], [14, "etcdserver: server stopped"]);
    assert.deepEqual(told, ["read.failed"]);
    assert.equal(store.compactionLeft, false);
    const put = await client.put({ key: Buffer.from("k") });
    assert.equal(put.status, 0, "others are served");
  });
}

async function filledDoor(
  held: AsyncDisposableStack,
  observe: (event: MemberEvent) => void,
): Promise<{ readonly store: OpenedStore; readonly client: EtcdClient }> {
  const served = await serveDoor({ observe });
  held.defer(() => served.close());
  const client = new EtcdClient(served.port);
  held.defer(() => client.close());
  const { store } = served.member;
  for (let i = 0; i < keys; i++) put(store, `k${i}`, new Uint8Array(100));
  return { store, client };
}
