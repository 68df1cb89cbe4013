import assert from "node:assert/strict";
import { after, test } from "node:test";
import { inspect } from "node:util";
import { InProcessCluster, type Running, until } from "../testing/in-process-cluster.ts";

const cluster = new InProcessCluster();
const members = await cluster.found(["a", "b", "c"]);
after(() => cluster.close());

const bytes = (text: string) => Buffer.from(text, "latin1");
const grant = ({ client }: Running, ID: bigint) =>
  client.call("LeaseGrant", "LeaseGrantRequest", "LeaseGrantResponse", { ID, TTL: 60 });
const lock = ({ client }: Running, lease: bigint) =>
  client.call("Lock", "LockRequest", "LockResponse", { name: bytes("l"), lease });
const unlock = ({ client }: Running, key: string) =>
  client.call("Unlock", "UnlockRequest", "UnlockResponse", { key: bytes(key) });

async function insist<T>(ask: () => Promise<{ response: T } | { message: string }>): Promise<T> {
  let answer = await ask();
  await until(async () => {
    if ("response" in answer) return true;
    answer = await ask();
    return "response" in answer;
  });
  assert.ok("response" in answer, inspect(answer));
  return answer.response;
}
const standing = async ({ client }: Running) => {
  const range = { key: bytes("l/"), range_end: bytes("l0"), count_only: true };
  const answer = await client.range(range);
  return "response" in answer ? Number(answer.response.count) : -1;
};

test("a lock waits out a change of leaders and passes on, whichever members are asked", async () => {
  const leads = ({ server }: Running) => server.member.status().role === "leader";
  await until(() => members.some(leads));
  const leader = members.find(leads)!;
  const [first, second] = members.filter((member) => member !== leader) as [Running, Running];
  for (const lease of [1n, 2n, 3n]) await insist(() => grant(first, lease));
  await insist(() => lock(first, 1n));
  const waiting = [lock(first, 2n)];
  await until(async () => (await standing(first)) === 2);
  waiting.push(lock(second, 3n));
  await until(async () => (await standing(first)) === 3);
  await cluster.stop(leader);
  await insist(() => unlock(first, "l/1"));
  const held = await waiting[0]!;
  assert.equal("response" in held && String(held.response.key), "l/2", inspect(held));
  await insist(() => unlock(second, "l/2"));
  const passed = await waiting[1]!;
  assert.equal("response" in passed && String(passed.response.key), "l/3", inspect(passed));
});
