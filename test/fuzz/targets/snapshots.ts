// Snapshot streams, as another member sends them or an operator's file holds them: chunks with lengths before them,
// whose magic, places and checksums are made right first. What does not hold is refused as damaged, by every reader
// alike, and nothing that was refused is ever installed; what holds is carried on without a change.

import { deepStrictEqual } from "node:assert/strict";
import { crc32 } from "node:zlib";
import {
  createMemoryEngine,
  encodeCommand,
  openStore,
  SnapshotDamaged,
  SnapshotRefounder,
  type Store,
  summarizeSnapshot,
} from "@althing/store";
import {
  createRandom,
  randomCommand,
} from "../../../packages/store/src/testing/random-commands.ts";
import { accepted, PropertyBroken, type Target } from "../target.ts";

const headerBytes = 17;
const magic = 0x414c5453;
const isRefusal = (error: unknown) => error instanceof SnapshotDamaged;
const founded = { index: 1, epoch: 1, proposer: "", meta: new Uint8Array(0) };

export const target: Target = {
  name: "snapshots",
  inputBytesMax: 8192,
  seeds: () => [0, 1, 5, 40].map((count) => streamOf(storeAfter(count))),
  dictionary: ["a\0l\0a\0r\0m\0", "\0l\0e\0a\0s\0e", "\0m\0e\0m\0b\0e\0r", "\0a\0u\0t\0h"],
  run(input) {
    const chunks = chunksOf(input);
    const store = openStore({ engine: createMemoryEngine() });
    const before = store.stateHash();
    const writer = store.beginRestore();
    const point = accepted(() => {
      for (const chunk of chunks) writer.write(chunk);
      return writer.finish();
    }, isRefusal);
    const summary = accepted(() => summarizeSnapshot(cursor(chunks)), isRefusal);
    const refounder = new SnapshotRefounder({
      point: founded,
      revisionsSkipped: 3,
      compacted: true,
    });
    const refoundedChunks = accepted(
      () => [
        ...chunks.flatMap((chunk) => [...refounder.write(chunk)]),
        ...refounder.finish().chunks,
      ],
      isRefusal,
    );
    if (point === undefined) {
      writer.abort();
      deepStrictEqual(store.stateHash(), before);
      return;
    }
    if (summary === undefined || refoundedChunks === undefined)
      throw new PropertyBroken("readers disagree");
    install(writer);
    if (store.revision !== summary.revision)
      throw new PropertyBroken("another revision than was told");
    const copy = openStore({ engine: createMemoryEngine() });
    const second = copy.beginRestore();
    for (const chunk of snapshotOf(store)) second.write(chunk);
    second.finish();
    install(second);
    deepStrictEqual(copy.stateHash(), store.stateHash());
    store.range({
      key: "\0",
      rangeEnd: "\0",
      limit: 0,
      revision: 0,
      sortOrder: "none",
      sortTarget: "key",
      keysOnly: false,
      countOnly: false,
      minModRevision: 0,
      maxModRevision: 0,
      minCreateRevision: 0,
      maxCreateRevision: 0,
    });
  },
};

function install(writer: ReturnType<Store["beginRestore"]>): void {
  let installed = false;
  writer.install((error) => {
    if (error !== undefined) throw error;
    installed = true;
  });
  if (!installed) throw new PropertyBroken("a memory engine that takes its time");
}

function storeAfter(count: number): Store {
  const store = openStore({ engine: createMemoryEngine() });
  const random = createRandom(count);
  const commands = Array.from({ length: count }, () =>
    encodeCommand(randomCommand(random, store.revision)),
  );
  if (count > 10) {
    const publish = {
      member: "a",
      name: "n",
      peerUrls: ["http://a:1"],
      clientUrls: [],
      incarnation: "i",
    };
    commands.push(encodeCommand({ kind: "publishMember", ...publish }));
    commands.push(
      encodeCommand({ kind: "alarm", action: "activate", member: "a", alarm: "nospace" }),
    );
    commands.push(encodeCommand({ kind: "leaseGrant", lease: 77n, ttlSeconds: 60 }));
    commands.push(encodeCommand({ kind: "auth", change: { kind: "addRole", role: "root" } }));
    commands.push(
      encodeCommand({
        kind: "auth",
        change: { kind: "addUser", user: "root", password: "x", hasPassword: true },
      }),
    );
  }
  commands.forEach((command, at) => {
    store.apply(command, { index: at + 1, epoch: 1, proposer: "", leaderTimeMs: at });
  });
  return store;
}

function snapshotOf(store: Store): Uint8Array[] {
  const reader = store.openSnapshot();
  const chunks: Uint8Array[] = [];
  for (let chunk = reader.next(); chunk !== undefined; chunk = reader.next()) chunks.push(chunk);
  return chunks;
}

/** Kind, length and payload of each: what `chunksOf` completes. */
function streamOf(store: Store): Buffer {
  return Buffer.concat(
    snapshotOf(store).map((chunk) => {
      const head = Buffer.from([chunk[4]!, 0, 0]);
      head.writeUInt16LE(chunk.length - headerBytes, 1);
      return Buffer.concat([head, chunk.subarray(headerBytes)]);
    }),
  );
}

function chunksOf(input: Buffer): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at + 3 <= input.length; ) {
    const payload = input.subarray(at + 3, at + 3 + input.readUInt16LE(at + 1));
    const chunk = Buffer.alloc(headerBytes + payload.length);
    chunk.writeUInt32BE(magic, 0);
    chunk[4] = input[at]!;
    chunk.writeUInt32BE(chunks.length, 5);
    chunk.writeUInt32BE(payload.length, 9);
    chunk.set(payload, headerBytes);
    chunk.writeUInt32BE(crc32(payload, crc32(chunk.subarray(0, 13))), 13);
    chunks.push(chunk);
    at += 3 + payload.length;
  }
  return chunks;
}

function cursor(chunks: readonly Uint8Array[]): () => Uint8Array | undefined {
  let next = 0;
  return () => chunks[next++];
}
