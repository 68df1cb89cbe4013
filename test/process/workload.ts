// Clients that use a cluster as applications do while it is being hurt: each talks to one member at a time, moves
// to the next when that one fails, and writes down everything that it was told.
//
// Two kinds of evidence are collected. Registers: puts, reads, deletes and compare-and-swaps of a few
// keys, judged for linearizability. A ledger: keys written once each; every acknowledged one must be
// found at the end, on every member.

import assert from "node:assert/strict";
import type { Answer, EtcdClient } from "../client/etcd-client.ts";
import type { KeyValue, TxnResponse } from "../client/messages.ts";
import { type Cluster, eventually } from "../cluster/cluster.ts";
import type { MemberProcess } from "../cluster/member-process.ts";
import { Random } from "../differential/random.ts";
import { History } from "./history.ts";

export interface WorkloadOptions {
  readonly cluster: Cluster;
  readonly seed: number;
  readonly clients?: number;
  /** Between two operations of one client: histories stay small enough to judge. */
  readonly pauseMs?: number;
  readonly timeoutMs?: number;
}

const registersAtOnce = 4;
/** A register is left alone after a while, so that each one's history is short. */
const operationsPerEpoch = 400;

export class Workload implements AsyncDisposable {
  readonly #options: Required<WorkloadOptions>;
  readonly #history = new History();
  readonly #acknowledged = new Set<string>();
  readonly #running: Promise<void>[] = [];
  #isStopping = false;
  #nextValue = 1;
  #operations = 0;
  #lastAcknowledgedAt = performance.now();
  /** The longest time in which no write at all was acknowledged. */
  longestSilenceMs = 0;

  private constructor(options: WorkloadOptions) {
    this.#options = { clients: 9, pauseMs: 4, timeoutMs: 3000, ...options };
  }

  static start(options: WorkloadOptions): Workload {
    const workload = new Workload(options);
    for (let client = 0; client < workload.#options.clients; client++) {
      workload.#running.push(workload.#runClient(client));
    }
    return workload;
  }

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  /** Resolves when a write that was started after now has been acknowledged. */
  async nextAcknowledgedWrite(timeoutMs = 30_000): Promise<void> {
    const before = this.#acknowledged.size + this.#options.clients;
    await eventually("writes are acknowledged again", timeoutMs, () => {
      return this.#acknowledged.size > before;
    });
  }

  /** Ends the load, lets the cluster settle, reads everything once more and judges. */
  async finish(): Promise<void> {
    // A history of a few operations proves nothing.
    await eventually("the workload did something", 30_000, () => this.#history.answered > 200);
    this.#isStopping = true;
    await Promise.all(this.#running);
    const { cluster } = this.#options;
    await cluster.waitUntilReady(cluster.members.filter((member) => member.isRunning));
    await this.#readAllRegisters();
    this.#history.check();
    await this.#checkLedger();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#running);
  }

  async #runClient(client: number): Promise<void> {
    const { cluster, pauseMs, timeoutMs } = this.#options;
    const random = new Random(this.#options.seed * 1000 + client);
    let at = client % cluster.members.length;
    let connection = cluster.member(at).client(timeoutMs);
    while (!this.#isStopping) {
      const isFine =
        client % 3 === 0
          ? await this.#writeLedger(connection)
          : await this.#useRegister(connection, client, random);
      if (!isFine) {
        connection.close();
        at = (at + 1) % cluster.members.length;
        connection = cluster.member(at).client(timeoutMs);
      }
      await new Promise((resolve) => setTimeout(resolve, isFine ? pauseMs : 20));
    }
    connection.close();
  }

  async #writeLedger(connection: EtcdClient): Promise<boolean> {
    const key = `ledger/${String(this.#nextValue++).padStart(8, "0")}`;
    const answer = await connection.put({ key, value: key });
    if (answer.code !== 0) return false;
    this.#acknowledged.add(key);
    const now = performance.now();
    this.longestSilenceMs = Math.max(this.longestSilenceMs, now - this.#lastAcknowledgedAt);
    this.#lastAcknowledgedAt = now;
    return true;
  }

  async #useRegister(connection: EtcdClient, client: number, random: Random): Promise<boolean> {
    const epoch = Math.floor(this.#operations++ / operationsPerEpoch);
    const key = epoch * registersAtOnce + random.below(registersAtOnce);
    const work = random.weighted([
      [4, () => this.#read(connection, client, key)],
      [4, () => this.#put(connection, client, key)],
      [2, () => this.#swap(connection, client, key, random)],
      [1, () => this.#remove(connection, client, key)],
    ]);
    return await work;
  }

  async #read(connection: EtcdClient, client: number, key: number): Promise<boolean> {
    const end = this.#history.begin({
      client,
      compares: [],
      success: [{ kind: "get", key }],
      failure: [],
    });
    const answer = await connection.range({ key: nameOf(key) });
    if (answer.response === undefined) return lost(end);
    end({ succeeded: true, found: [valueOfKv(answer.response.kvs?.[0])] });
    return true;
  }

  async #put(connection: EtcdClient, client: number, key: number): Promise<boolean> {
    const value = this.#nextValue++;
    const end = this.#history.begin({
      client,
      compares: [],
      success: [{ kind: "put", key, value }],
      failure: [],
    });
    const answer = await connection.put({ key: nameOf(key), value: `${value}`, prev_kv: true });
    if (answer.response === undefined) return lost(end);
    end({ succeeded: true, found: [valueOfKv(answer.response.prev_kv)] });
    return true;
  }

  async #remove(connection: EtcdClient, client: number, key: number): Promise<boolean> {
    const end = this.#history.begin({
      client,
      compares: [],
      success: [{ kind: "delete", key }],
      failure: [],
    });
    const answer = await connection.deleteRange({ key: nameOf(key), prev_kv: true });
    if (answer.response === undefined) return lost(end);
    end({ succeeded: true, found: [valueOfKv(answer.response.prev_kvs?.[0])] });
    return true;
  }

  /** Compare-and-swap from a value that was current a moment ago, or from absence. */
  async #swap(
    connection: EtcdClient,
    client: number,
    key: number,
    random: Random,
  ): Promise<boolean> {
    const seen = await connection.range({ key: nameOf(key), serializable: true });
    if (seen.response === undefined) return false;
    const equals = random.chance(0.1) ? 0 : valueOfKv(seen.response.kvs?.[0]);
    const value = this.#nextValue++;
    const end = this.#history.begin({
      client,
      compares: [{ key, equals }],
      success: [{ kind: "put", key, value }],
      failure: [{ kind: "get", key }],
    });
    const name = nameOf(key);
    const answer: Answer<TxnResponse> = await connection.txn({
      compare: [
        equals === 0
          ? { key: name, target: 1, result: 0, create_revision: 0 }
          : { key: name, target: 3, result: 0, value: `${equals}` },
      ],
      success: [{ request_put: { key: name, value: `${value}`, prev_kv: true } }],
      failure: [{ request_range: { key: name } }],
    });
    const { response } = answer;
    if (response === undefined) return lost(end);
    const first = response.responses?.[0];
    end({
      succeeded: response.succeeded === true,
      found: [
        response.succeeded === true
          ? valueOfKv(first?.response_put?.prev_kv)
          : valueOfKv(first?.response_range?.kvs?.[0]),
      ],
    });
    return true;
  }

  async #readAllRegisters(): Promise<void> {
    const { cluster } = this.#options;
    const connection = cluster.members.find((member) => member.isRunning)?.client();
    if (connection === undefined) throw new Error("no member runs");
    const registers = Math.ceil(this.#operations / operationsPerEpoch) * registersAtOnce;
    for (let key = 0; key < registers; key++) {
      assert.ok(await this.#read(connection, this.#options.clients, key), "the last read answers");
    }
    connection.close();
  }

  async #checkLedger(): Promise<void> {
    const { cluster } = this.#options;
    for (const member of cluster.members.filter((one) => one.isRunning)) {
      const found = new Set(await keysOn(member, "ledger/"));
      const lost = [...this.#acknowledged].filter((key) => !found.has(key));
      assert.deepEqual(lost.slice(0, 10), [], `acknowledged writes missing on ${member.name}`);
    }
  }
}

/** All keys under a prefix as one member has them after it caught up with a linearizable read. */
export async function keysOn(member: MemberProcess, prefix: string): Promise<string[]> {
  const client = member.client(20_000);
  const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
  const answer = await client.range({ key: prefix, range_end: end, keys_only: true });
  client.close();
  assert.equal(answer.code, 0, `${member.name} answers a read of everything`);
  return (answer.response?.kvs ?? []).map((kv) => kv.key ?? "");
}

function lost(end: (outcome: "unknown") => void): false {
  end("unknown");
  return false;
}

function nameOf(key: number): string {
  return `register/${String(key).padStart(6, "0")}`;
}

function valueOfKv(kv: KeyValue | undefined): number {
  return kv === undefined ? 0 : Number(kv.value);
}
