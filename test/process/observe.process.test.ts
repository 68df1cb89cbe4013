// An observer of an election at a member that was away for longer than the log and the history reach back: the
// member is given a snapshot, and its observer is told who leads now, and everything from then on, in order.

import assert from "node:assert/strict";
import type { EtcdClient } from "../client/etcd-client.ts";
import { type KeyValue, methods } from "../client/messages.ts";
import { eventually } from "../cluster/cluster.ts";
import type { MemberProcess } from "../cluster/member-process.ts";
import { clusterTest, program } from "./subject.ts";

const name = "office";
/** With their values far more than the log keeps for one who lags, and than sockets hold. */
const writes = 6000;
const prepare = async () => ({ args: ["--snapshot-count=200"] });

clusterTest(
  "whoever observes at a member that is given a snapshot misses nobody who leads since",
  { prepare },
  async ({ cluster }) => {
    const [away, other] = await cluster.followers();
    assert.ok(away && other);
    const client = other.client(20_000);
    const [late, steady] = [await observe(away), await observe(other)];
    const candidates = [new Candidate(client, 1), new Candidate(client, 2)];
    const [one, two] = candidates as [Candidate, Candidate];
    for (const candidate of candidates) await candidate.begin();

    await one.campaign("one");
    await bothAreTold("one");
    for (const leavesSomebody of [true, false]) {
      away.pause();
      for (let i = 0; i < 5; i++) await one.proclaim(`one goes on ${i}`);
      await one.resign();
      await two.campaign("two");
      await fillAndCompact(client);
      await two.proclaim("two goes on");
      await two.resign();
      // The same lease again, and so the same key, but another place.
      await one.campaign("one is back");
      if (!leavesSomebody) await one.resign();
      await fillAndCompact(client);
      away.resume();
      // What a snapshot jumps over is nobody's to tell: from here on there is none to come.
      await cluster.waitUntilReady([away]);
      if (leavesSomebody) await bothAreTold("one is back");
      else {
        await one.campaign("one after nobody");
        await bothAreTold("one after nobody");
      }
      for (let i = 0; i < 5; i++) await one.proclaim(`said ${i}`);
      await bothAreTold("said 4");
      assert.deepEqual(late.told.slice(-6).map(revisionOf), steady.told.slice(-6).map(revisionOf));
    }
    const all = steady.told.map(revisionOf);
    const heard = late.told.map(revisionOf);
    assert.deepEqual(
      heard,
      all.filter((revision) => heard.includes(revision)),
      "in order, nothing twice and nothing made up",
    );
    if (program === "althing") assert.match(away.log(), /snapshot\.installed/);
    for (const { close } of [late, steady]) close();
    client.close();

    async function bothAreTold(value: string): Promise<void> {
      await eventually(`both are told ${value}`, 60_000, () => {
        return [late, steady].every(({ told }) => told.at(-1)?.value === value);
      }).catch((error: Error) => {
        const said = [late, steady].map(({ told }) => told.map((kv) => kv.value));
        throw new Error(`${error.message}: ${JSON.stringify(said)}`);
      });
    }
  },
);

const revisionOf = (kv: KeyValue) => kv.mod_revision;

async function observe(member: MemberProcess) {
  const client = member.client(20_000);
  const told: KeyValue[] = [];
  let end: string | undefined;
  const stream = await client.open<{ kv?: KeyValue }>(methods.observe, {
    onMessage: ({ kv }) => void told.push(kv ?? {}),
    onEnd: (code, message) => {
      end = `${code} ${message}`;
    },
  });
  stream.send({ name });
  stream.endSending();
  const close = () => {
    assert.equal(end, undefined, "it was never cut off");
    client.close();
  };
  return { told, close };
}

class Candidate {
  readonly #client: EtcdClient;
  readonly #lease: number;
  #leader: object = {};

  constructor(client: EtcdClient, lease: number) {
    this.#client = client;
    this.#lease = lease;
  }

  async begin(): Promise<void> {
    await this.#call(methods.leaseGrant, { ID: this.#lease, TTL: 6000 });
  }

  async campaign(value: string): Promise<void> {
    const request = { name, lease: this.#lease, value };
    const { leader } = await this.#call<{ leader: object }>(methods.campaign, request);
    this.#leader = leader;
  }

  async proclaim(value: string): Promise<void> {
    await this.#call(methods.proclaim, { leader: this.#leader, value });
  }

  async resign(): Promise<void> {
    await this.#call(methods.resign, { leader: this.#leader });
  }

  async #call<T>(method: Parameters<EtcdClient["call"]>[0], request: object): Promise<T> {
    const answer = await this.#client.call<T>(method, request as never);
    if (answer.code !== 0) throw new Error(`${method.path}: ${JSON.stringify(answer)}`);
    return answer.response as T;
  }
}

async function fillAndCompact(client: EtcdClient): Promise<void> {
  let revision = 0;
  for (let start = 0; start < writes; start += 100) {
    const puts = Array.from({ length: 100 }, (_, i) =>
      client.put({ key: `fill/${start + i}`, value: "x".repeat(6000) }),
    );
    for (const { code, response } of await Promise.all(puts)) {
      assert.equal(code, 0);
      revision = Math.max(revision, response?.header?.revision ?? 0);
    }
  }
  assert.equal((await client.compact({ revision })).code, 0);
}
