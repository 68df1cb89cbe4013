import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Althing, AlthingError } from "./embedded.ts";
import { type Machine, type Replica, replicate } from "./replicate.ts";

const folder = mkdtempSync(join(tmpdir(), "althing-replicate-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A list that remembers when each word came. */
class Words implements Machine<string, number, readonly string[]> {
  words: string[] = [];
  readonly timesMs: number[] = [];
  apply(word: string, { timeMs }: { readonly timeMs: number }): number {
    if (word === "") throw new RangeError("that is no word");
    this.timesMs.push(timeMs);
    return this.words.push(word);
  }
  snapshot() {
    return this.words;
  }
  restore(words: readonly string[]): void {
    this.words = [...words];
  }
}

async function freeUrl(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return `http://127.0.0.1:${port}`;
}

async function until(holds: () => boolean, ms = 15_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!holds()) {
    assert.ok(Date.now() < deadline, `it did not come to be: ${holds}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** Asks again while there is no leader, as after a change of the members. */
async function submitted(replica: Replica<string, number>, word: string): Promise<number> {
  for (;;) {
    try {
      return await replica.submit(word);
    } catch (error) {
      if (!(error instanceof AlthingError) || error.outcome === "unknown") throw error;
    }
  }
}

test("alone, it answers, refuses, and is there again with all that was acknowledged", async () => {
  const dataDir = join(folder, "alone");
  {
    const words = new Words();
    await using replica = await replicate({ stateMachine: words, dataDir });
    assert.equal(await replica.submit("one"), 1);
    await assert.rejects(replica.submit(""), /that is no word/);
    assert.equal(await replica.submit("two"), 2);
    assert.ok(Math.abs(words.timesMs[0]! - Date.now()) < 60_000);
    await assert.rejects(replica.submit(undefined as never), TypeError);
    await assert.rejects(
      replica.query(() => {
        throw new Error("read badly");
      }),
      /read badly/,
    );
  }
  const words = new Words();
  await using replica = await replicate({ stateMachine: words, dataDir });
  assert.deepEqual(await replica.query(() => words.words), ["one", "two"]);
  assert.deepEqual(
    replica.members().map(({ name }) => name),
    ["default"],
  );
});

test("a directory serves what it was made for, and nothing else", async () => {
  const [own, keyValue] = [join(folder, "own"), join(folder, "key-value")];
  await (await replicate({ stateMachine: new Words(), dataDir: own })).close();
  await (await Althing.open({ dataDir: keyValue })).close();
  await assert.rejects(Althing.open({ dataDir: own }), { code: "usedOtherwise" });
  const asWords = replicate({ stateMachine: new Words(), dataDir: keyValue });
  await assert.rejects(asWords, { code: "usedOtherwise" });
});

test("what cannot be meant is refused before anything is made", async () => {
  const stateMachine = new Words();
  const open = (options: object) =>
    replicate({ stateMachine, dataDir: join(folder, "no"), ...options });
  await assert.rejects(open({ name: "a", members: { b: "http://127.0.0.1:1" } }), /this one, a/);
  await assert.rejects(open({ name: "a", members: { a: "127.0.0.1:1" } }), /write it like/);
  await assert.rejects(open({ joins: true }), /needs members/);
});

for (const protocol of ["raft", "paxos", "zab"] as const) {
  test(`under ${protocol} members read what others wrote, join by snapshot, and leave`, async () => {
    const names = ["a", "b", "c"];
    const members: Record<string, string> = {};
    for (const name of names) members[name] = await freeUrl();
    const machines = new Map<string, Words>();
    const open = (name: string, more: object = {}) => {
      const stateMachine = new Words();
      machines.set(name, stateMachine);
      const dataDir = join(folder, protocol, name);
      return replicate({
        stateMachine,
        name,
        dataDir,
        members,
        protocol,
        snapshotCount: 20,
        logLevel: "error",
        ...more,
      });
    };
    const [a, b, c] = (await Promise.all(names.map((name) => open(name)))) as [
      Replica<string, number>,
      Replica<string, number>,
      Replica<string, number>,
    ];
    for (let i = 1; i <= 60; i++) assert.equal(await submitted([a, b, c][i % 3]!, `w${i}`), i);
    assert.equal((await c.query(() => machines.get("c")!.words)).length, 60);

    const url = await freeUrl();
    await a.add(url);
    const d = await open("d", { members: { ...members, d: url }, joins: true });
    await until(() => a.members().some(({ name, isLearner }) => name === "d" && !isLearner));
    await d.sync();
    assert.deepEqual(machines.get("d")!.words, machines.get("a")!.words);
    // The names and addresses came with the snapshot.
    assert.deepEqual(d.members(), a.members());
    assert.equal(await submitted(d, "from d"), 61);

    await a.remove("b");
    assert.equal((await b.ended).code, "removed");
    assert.equal(await submitted(c, "without b"), 62);
    await Promise.all([a.close(), c.close(), d.close()]);
  });
}
