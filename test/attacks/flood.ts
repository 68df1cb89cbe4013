// What attacks on a client port have in common: a connection that says what no library would and keeps what it
// was told, and the watch on what an attack costs others: memory, the loop's silence, another client's calls.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { connect, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import {
  hello,
  rawFrame,
  requestBlock,
  settings,
} from "../../packages/server/src/transport/testing/raw-http2.ts";
import { failureOf } from "../client/etcd-client.ts";
import { Cluster } from "../cluster/cluster.ts";
import type { MemberProcess } from "../cluster/member-process.ts";
import { program, skip } from "../process/subject.ts";

export const attackOptions = {
  skip: skip || (program === "etcd" && "what etcd bounds, and how, is its own affair"),
  timeout: 180_000,
};
export const silenceMsMax = 200;

export const mebibyte = 2 ** 20;
export const frameTypes = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const endStream = 1;
export const endHeaders = 4;
export const enhanceYourCalm = 11;
export const refusedStream = 7;

export interface SeenFrame {
  readonly type: number;
  readonly id: number;
  /** Of RST_STREAM and GOAWAY. */
  readonly code: number;
  readonly flags: number;
}

export class Flood {
  readonly socket: Socket;
  readonly frames: SeenFrame[] = [];
  isClosed = false;
  #rest: Buffer = Buffer.alloc(0);

  /** `localAddress`: of 127.0.0.0/8, whom it seems to come from. */
  constructor(member: MemberProcess, localAddress = "127.0.0.1") {
    const { port } = new URL(member.spec.clientUrl);
    this.socket = connect({ port: Number(port), host: "127.0.0.1", localAddress });
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.isClosed = true;
    });
    this.socket.on("data", (chunk: Buffer) => this.#take(chunk));
    this.send(hello, settings);
  }

  send(...parts: readonly Uint8Array[]): void {
    if (!this.isClosed) this.socket.write(Buffer.concat(parts));
  }

  /** Sends, and waits until nearly all of it is on its way. */
  async push(...parts: readonly Uint8Array[]): Promise<void> {
    this.send(...parts);
    while (!this.isClosed && this.socket.writableLength > mebibyte) await turn();
  }

  /** The error codes of all frames of a kind. */
  codes(type: number): number[] {
    return this.frames.filter((frame) => frame.type === type).map(({ code }) => code);
  }

  #take(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const end =
        this.#rest.length < 9 ? Number.POSITIVE_INFINITY : 9 + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < end) return;
      const type = this.#rest[3] ?? 0;
      const at = type === frameTypes.reset ? 9 : type === frameTypes.goAway ? 13 : undefined;
      const code = at === undefined ? 0 : this.#rest.readUInt32BE(at);
      const flags = this.#rest[4] ?? 0;
      this.frames.push({ type, id: this.#rest.readUInt32BE(5), code, flags });
      this.#rest = this.#rest.subarray(end);
    }
  }
}

/** What it is sent is never held back. */
export function openWindows(flood: Flood): void {
  const wide = Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff]);
  flood.send(
    rawFrame(frameTypes.settings, 0, 0, wide),
    rawFrame(frameTypes.windowUpdate, 0, 0, Buffer.from([0x3f, 0, 0, 0])),
  );
}

export const turn = () => new Promise((resolve) => setImmediate(resolve));
export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export const block = (path: string, extra: readonly string[] = []) =>
  Buffer.from(requestBlock(path, extra));
export const open = (id: number, of: Uint8Array, flags = endHeaders) =>
  rawFrame(frameTypes.headers, flags, id, of);
export const data = (id: number, bytes: Uint8Array, flags = 0) =>
  rawFrame(frameTypes.data, flags, id, bytes);

/** A connection that has said nothing yet. */
export function dial(member: MemberProcess): Socket {
  const socket = connect({ port: Number(new URL(member.spec.clientUrl).port), host: "127.0.0.1" });
  socket.on("error", () => {});
  return socket;
}

/** The same once they are all open. */
export async function dialMany(member: MemberProcess, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => dial(member).resume());
  await Promise.all(
    sockets.map((socket) => new Promise<void>((resolve) => socket.once("connect", resolve))),
  );
  return sockets;
}

/** A message with gRPC's prefix. */
export function framed(body: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

export interface Cost {
  /** By which its memory grew at most. */
  readonly grownBytes: number;
  /** For which its event loop did nothing at most, as it says itself, */
  readonly silenceMs: number;
  /** and a loop beside it that had nothing to do: that much the machine is to blame for. */
  readonly machineMs: number;
  /** The slowest call of another client. */
  readonly slowestMs: number;
}

/** What an attack costs a member, while one client is served: everything, or this fails. */
export async function costOf(member: MemberProcess, attack: () => Promise<void>): Promise<Cost> {
  const client = member.client(20_000);
  const before = member.anonymousBytes();
  let grownBytes = 0;
  let slowestMs = 0;
  let isOver = false;
  const idler = spawn(process.execPath, [fileURLToPath(new URL("idler.ts", import.meta.url))], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const machineMsOf = () =>
    new Promise<number>((resolve) => {
      idler.stdout.once("data", (text: Buffer) => resolve(Number(text)));
      idler.stdin.write("?");
    });
  await machineMsOf();
  await silenceMsOf(member);
  const serving = (async () => {
    for (let i = 0; !isOver || i === 0; i++) {
      const started = performance.now();
      const answer = await client.put({ key: `beside/${i % 100}`, value: "v" });
      assert.equal(answer.code, 0, failureOf(answer));
      slowestMs = Math.max(slowestMs, performance.now() - started);
      grownBytes = Math.max(grownBytes, member.anonymousBytes() - before);
      await turn();
    }
  })();
  try {
    await Promise.race([attack(), serving]);
  } finally {
    isOver = true;
    await serving;
    client.close();
  }
  const silenceMs = await silenceMsOf(member);
  const machineMs = await machineMsOf();
  idler.stdin.end();
  return { grownBytes, silenceMs, machineMs, slowestMs };
}

/** Attacks a single member that was started for it. */
export async function attacked(
  t: TestContext,
  attack: (member: MemberProcess) => Promise<void>,
  args: readonly string[] = [],
): Promise<Cost> {
  const cluster = await Cluster.start({ program, members: 1, args });
  t.after(() => cluster.stop());
  const member = cluster.member(0);
  const cost = await costOf(member, () => attack(member));
  t.diagnostic(describeCost(cost));
  return cost;
}

/** `slowestMsMax`: loose where the attack itself asks for what tells of the silence. */
export function isQuiet(cost: Cost, slowestMsMax = 2000): void {
  const told = describeCost(cost);
  // On a machine whose cores are taken by others everything takes longer, and not only waking up.
  assert.ok(cost.silenceMs < silenceMsMax + 3 * cost.machineMs, told);
  assert.ok(cost.slowestMs < slowestMsMax + 3 * cost.machineMs, told);
}

/** Since the last time that it was asked. */
async function silenceMsOf(member: MemberProcess): Promise<number> {
  const text = await (await fetch(`${member.spec.clientUrl}/metrics`)).text();
  const found = /^althing_event_loop_delay_seconds\{quantile="1"\} (\S+)$/m.exec(text);
  assert.ok(found !== null, "the member says how late its loop was");
  return Number(found[1]) * 1000;
}

export function describeCost({ grownBytes, silenceMs, machineMs, slowestMs }: Cost): string {
  const machine = `(${Math.round(machineMs)} ms of it the machine's)`;
  return `${Math.round(grownBytes / mebibyte)} MiB, silent ${Math.round(silenceMs)} ms ${machine}, others up to ${Math.round(slowestMs)} ms`;
}
