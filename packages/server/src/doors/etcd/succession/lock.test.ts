import assert from "node:assert/strict";
import { after, test } from "node:test";
import { inspect } from "node:util";
import { MemberError, type ProposeOutcome } from "@althing/member";
import { etcdCodecs } from "@althing/wire";
import { frame } from "../../../transport/testing/grpc-client.ts";
import { until } from "../testing/in-process-cluster.ts";
import { type Answer, EtcdClient, serveDoor } from "../testing/served-door.ts";

const served = await serveDoor();
const client = new EtcdClient(served.port);
after(async () => {
  client.close();
  await served.close();
});
const { store } = served.member;

const name = (text: string) => Buffer.from(text, "latin1");
const lock = (text: string, lease: bigint) =>
  client.call("Lock", "LockRequest", "LockResponse", { name: name(text), lease });
const unlock = (key: Uint8Array) =>
  client.call("Unlock", "UnlockRequest", "UnlockResponse", { key });
const grant = (ID: bigint) =>
  client.call("LeaseGrant", "LeaseGrantRequest", "LeaseGrantResponse", { ID, TTL: 60 });
const revoke = (ID: bigint) =>
  client.call("LeaseRevoke", "LeaseRevokeRequest", "LeaseRevokeResponse", { ID });

function response<T>(answer: { response: T } | { message: string }): T {
  assert.ok("response" in answer, inspect(answer));
  return answer.response;
}
function refusal(answer: Answer<never>): [number, string] {
  assert.ok("message" in answer, "the request was served");
  return [answer.status, answer.message];
}
/** Keys under a name, oldest first. */
async function queue(text: string): Promise<string[]> {
  const range = { key: name(`${text}/`), range_end: name(`${text}0`), sort_target: 2 };
  return response(await client.range(range)).kvs.map(({ key }) => String(key));
}

for (const lease of [1n, 2n, 3n, -2n, 0xabcn]) response(await grant(lease));

test("a lock is held by one, and passes on in the order in which it was asked for", async () => {
  const held: string[] = [];
  const take = async (lease: bigint) => {
    const { key } = response(await lock("l", lease));
    held.push(String(key));
    return key;
  };
  const first = await take(1n);
  const second = take(2n);
  await until(async () => (await queue("l")).length === 2);
  const third = take(-2n);
  await until(async () => (await queue("l")).length === 3);
  assert.deepEqual(await queue("l"), ["l/1", "l/2", "l/-2"]);
  // The holder asks again and has it still.
  assert.equal(String(response(await lock("l", 1n)).key), "l/1");
  assert.deepEqual(held, ["l/1"]);
  response(await unlock(first));
  response(await unlock(await second));
  await third;
  assert.deepEqual(held, ["l/1", "l/2", "l/-2"]);
});

test("whose lease ends while it waits never holds the lock, and whose ends while it holds loses it", async () => {
  response(await grant(21n));
  response(await grant(22n));
  response(await lock("m", 21n));
  const waiting = lock("m", 22n);
  const next = lock("m", 3n);
  await until(async () => (await queue("m")).length === 3);
  response(await revoke(22n));
  assert.deepEqual(refusal(await waiting), [2, "mutex: session is expired"]);
  response(await revoke(21n));
  assert.equal(String(response(await next).key), "m/3");
});

test("who gives up waiting leaves the queue; a foreign key counts as a holder", async () => {
  response(await client.put({ key: name("n/foreign") }));
  const stream = client.grpc.open("/v3lockpb.Lock/Lock");
  stream.end(frame(etcdCodecs.LockRequest.encode({ name: name("n"), lease: 0xabcn })));
  await until(async () => (await queue("n")).length === 2);
  assert.deepEqual(await queue("n"), ["n/foreign", "n/abc"]);
  stream.close(8);
  await until(async () => (await queue("n")).length === 1);
  const next = lock("n", 1n);
  await until(async () => (await queue("n")).length === 2);
  response(await unlock(name("n/foreign")));
  assert.equal(String(response(await next).key), "n/1");
});

test("without a lease one of a minute is granted; failures have the code UNKNOWN", async () => {
  const before = new Set(store.leases().map(({ lease }) => lease));
  const { key } = response(await lock("o", 0n));
  const granted = store.leases().find(({ lease }) => !before.has(lease))!;
  assert.equal(granted.ttlSeconds, 60);
  assert.equal(String(key), `o/${granted.lease.toString(16)}`);
  assert.deepEqual(refusal(await lock("p", 404n)), [2, "etcdserver: requested lease not found"]);
  assert.deepEqual(refusal(await unlock(name(""))), [2, "etcdserver: key is not provided"]);
  response(await unlock(name("nobody")));
});

/** The next proposals take effect, and that their outcome is unknown is told no sooner than `after`. */
function loseOutcomes(count: number, after: Promise<void> = Promise.resolve()): void {
  const { member } = served;
  const propose = member.propose.bind(member);
  let left = count;
  member.propose = (command, done) => {
    if (left-- <= 0) propose(command, done);
    else {
      const error = new MemberError("leaderChanged", "unknown", "the leader was lost");
      const lost: ProposeOutcome = { kind: "failed", error };
      propose(command, () => after.then(() => done(lost)));
    }
  };
}

test("of a write whose outcome was lost it is found out what became of it", async () => {
  loseOutcomes(1);
  assert.equal(String(response(await lock("q", 1n)).key), "q/1");
  loseOutcomes(2);
  const waiting = lock("q", 2n);
  await until(async () => (await queue("q")).length === 2);
  response(await unlock(name("q/1")));
  assert.equal(String(response(await waiting).key), "q/2");
});

test("who gives up while it is not known whether it entered leaves nothing behind", async () => {
  response(await lock("u", 1n));
  for (const held of ["u", "v"]) {
    let tell = () => {};
    loseOutcomes(
      1,
      new Promise((resolve) => {
        tell = resolve;
      }),
    );
    const stream = client.grpc.open("/v3lockpb.Lock/Lock");
    stream.end(frame(etcdCodecs.LockRequest.encode({ name: name(held), lease: 2n })));
    await until(async () => (await queue(held)).includes(`${held}/2`));
    stream.close(8);
    // On the same connection: once it is answered, the end of the call has been seen.
    response(await client.put({ key: name("after") }));
    tell();
    await until(async () => !(await queue(held)).includes(`${held}/2`));
  }
});

test("asked twice and given up once, a lock that is held stays held", async () => {
  response(await lock("w", 1n));
  const stream = client.grpc.open("/v3lockpb.Lock/Lock");
  stream.end(frame(etcdCodecs.LockRequest.encode({ name: name("w"), lease: 1n })));
  stream.close(8);
  response(await client.put({ key: name("after") }));
  response(await client.put({ key: name("after") }));
  assert.deepEqual(await queue("w"), ["w/1"]);
});
