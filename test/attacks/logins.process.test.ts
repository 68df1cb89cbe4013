// A flood of bad logins, each of which costs a good part of a second of a core: those who come honestly get in
// meanwhile, from the same address too, and nobody else notices. Nor is a login dear to who makes many.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inspect } from "node:util";
import type { EtcdClient } from "../client/etcd-client.ts";
import { methods } from "../client/messages.ts";
import { Cluster } from "../cluster/cluster.ts";
import { program, skip } from "../process/subject.ts";

const options = {
  skip: skip || (program === "etcd" && "etcd hashes whatever comes, one after the other"),
  timeout: 120_000,
};
const mebibyte = 2 ** 20;
/** Far below the half minute and more that the flood itself has to wait, and above what a busy machine takes. */
const promptMs = 3000;
const users = ["root", "victim", "honest", "other"];

let cluster: Cluster;
let token = "";

before(async () => {
  if (options.skip) return;
  // With the hashes that a member has by default: they are what is attacked.
  cluster = await Cluster.start({ program, members: 1 });
  const client = cluster.member(0).client();
  for (const name of users) await served(client.call(methods.userAdd, { name, password: name }));
  await served(client.call(methods.userGrantRole, { user: "root", role: "root" }));
  await served(client.call(methods.authEnable, {}));
  token = (await login("root", client)).token;
  client.close();
});

after(async () => {
  if (!options.skip) await cluster.stop();
});

async function served<Response>(
  answer: Promise<{ readonly code: number; readonly response?: Response }>,
): Promise<Response> {
  const told = await answer;
  assert.equal(told.code, 0, inspect(told));
  return told.response!;
}

/** On a connection of its own, unless one is given. */
async function login(name: string, given?: EtcdClient): Promise<{ token: string; tookMs: number }> {
  const client = given ?? cluster.member(0).client(30_000);
  const started = performance.now();
  const request = { name, password: name };
  const { token: told = "" } = await served<{ token?: string }>(
    client.call(methods.authenticate, request) as Promise<{ code: number; response?: object }>,
  );
  const tookMs = performance.now() - started;
  if (given === undefined) client.close();
  return { token: told, tookMs };
}

/** Many connections, each with many bad logins under way for as long as the work takes. */
async function flooded(nameOf: (n: number) => string, work: () => Promise<void>): Promise<number> {
  let isOver = false;
  let answers = 0;
  const clients = Array.from({ length: 8 }, () => cluster.member(0).client(60_000));
  const floods = clients.flatMap((client) =>
    Array.from({ length: 60 }, async () => {
      while (!isOver) {
        const request = { name: nameOf(answers), password: `guess ${answers}` };
        const { code } = await client.call(methods.authenticate, request);
        if (!isOver) assert.notEqual(code, 0);
        answers += 1;
      }
    }),
  );
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const all = Promise.all(floods);
  try {
    await Promise.race([work(), all]);
  } finally {
    isOver = true;
    for (const client of clients) client.close();
  }
  await all;
  return answers;
}

async function putsWell(): Promise<void> {
  const client = cluster.member(0).client(10_000, [["token", token]]);
  let slowest = 0;
  for (let i = 0; i < 50; i++) {
    const started = performance.now();
    await served(client.put({ key: `k${i}`, value: "v" }));
    slowest = Math.max(slowest, performance.now() - started);
  }
  client.close();
  assert.ok(slowest < promptMs, `a put took ${slowest} ms`);
}

test(
  "a flood against one user: another logs in after what is under way, from the same address",
  options,
  async () => {
    const before = cluster.member(0).anonymousBytes();
    const answers = await flooded(
      () => "victim",
      async () => {
        const first = await login("honest");
        assert.ok(first.tookMs < 4000, `a first login took ${first.tookMs} ms`);
        const again = await login("honest");
        assert.ok(again.tookMs < promptMs, `a login that is remembered took ${again.tookMs} ms`);
        await putsWell();
      },
    );
    assert.ok(answers > 480, `${answers} were answered: that is no flood`);
    const grown = (cluster.member(0).anonymousBytes() - before) / mebibyte;
    assert.ok(grown < 300, `${grown} MiB`);
  },
);

test(
  "a flood of made-up names from one address keeps nobody out whose password was right of late",
  options,
  async () => {
    await login("other");
    await flooded(
      (n) => `nobody-${n}`,
      async () => {
        for (let i = 0; i < 5; i++) {
          const { tookMs } = await login("other");
          assert.ok(tookMs < promptMs, `a login took ${tookMs} ms`);
        }
        await putsWell();
      },
    );
  },
);

test("who logs in for every command pays for one hash in five minutes", options, async () => {
  await login("honest");
  const started = performance.now();
  for (let i = 0; i < 50; i++) await login("honest");
  const each = (performance.now() - started) / 50;
  assert.ok(each < 60, `each took ${each} ms`);
});
