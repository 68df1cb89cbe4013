// The examples of state machines, run as people would run them: the bank's books go on from run to run, and
// what three counters acknowledged outlives each of them.

import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { guard, unguard } from "../test/cluster/guard.ts";
import { claimPorts, releasePorts } from "../test/cluster/ports.ts";

const run = promisify(execFile);
const repository = fileURLToPath(new URL("..", import.meta.url));
const example = (name: string) => join(repository, "examples", name);
let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "althing-state-machines-"));
  guard("dir", folder);
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
  unguard("dir", folder);
});

test("bank-replicate.ts makes a transfer once, and the books go on from run to run", async () => {
  const bank = async () => {
    const args = [example("bank-replicate.ts"), join(folder, "bank")];
    const { stdout } = await run(process.execPath, args, { timeout: 60_000 });
    return stdout.trim().split("\n");
  };
  const rest = ["too much: not enough", "ann has 70, bob has 30"];
  const again = "the rent, asked for again: done before";
  assert.deepEqual(await bank(), ["ann opens an account: done", "the rent: done", again, ...rest]);
  const before = ["ann opens an account: account exists", "the rent: done before", again];
  assert.deepEqual(await bank(), [...before, ...rest]);
});

test("counter.ts and bank-simulate.ts find nothing wrong", async () => {
  const options = { timeout: 120_000 };
  const counter = await run(process.execPath, [example("counter.ts"), "simulate"], options);
  assert.match(counter.stdout, /^\d+ faults, \d+ answers, nothing wrong\n$/);
  const bank = await run(process.execPath, [example("bank-simulate.ts"), "zab", "3"], options);
  assert.match(bank.stdout, /^3 runs, \d+ faults, \d+ commands and reads answered\n$/);
});

/** One process of counter.ts. */
class Counter {
  readonly #process: ChildProcess;
  readonly #waiting: ((line: string) => void)[] = [];
  readonly #unread: string[] = [];

  constructor(args: readonly string[]) {
    this.#process = spawn(process.execPath, [example("counter.ts"), ...args], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    guard("pid", String(this.#process.pid));
    this.#process.stdin!.on("error", () => {});
    createInterface({ input: this.#process.stdout! })
      .on("line", (line) => {
        const waiting = this.#waiting.shift();
        if (waiting === undefined) this.#unread.push(line);
        else waiting(line);
      })
      .on("close", () => {
        for (const waiting of this.#waiting.splice(0)) waiting("gone");
      });
  }

  line(): Promise<string> {
    const [unread] = this.#unread.splice(0, 1);
    if (unread !== undefined) return Promise.resolve(unread);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  ask(text: string): Promise<string> {
    this.#process.stdin!.write(`${text}\n`);
    return this.line();
  }

  async kill(): Promise<void> {
    const gone = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await gone;
    unguard("pid", String(this.#process.pid));
  }
}

for (const protocol of ["raft", "paxos", "zab"]) {
  test(`three counters under ${protocol} lose no acknowledged increment as each is killed`, async () => {
    const ports = await claimPorts(3);
    const names = ["a", "b", "c"];
    const list = names.map((name, i) => `${name}=http://127.0.0.1:${ports[i]}`).join(",");
    const start = (name: string) =>
      new Counter([name, join(folder, protocol, name), list, protocol]);
    const counters = new Map(names.map((name) => [name, start(name)]));
    for (const counter of counters.values()) assert.equal(await counter.line(), "ready");

    let [acknowledged, unknown] = [0, 0];
    const addAt = async (name: string): Promise<void> => {
      const answer = await counters.get(name)!.ask("add 1");
      if (answer.startsWith("added")) acknowledged++;
      else if (answer === "gone" || answer.endsWith("unknown")) unknown++;
    };
    for (const victim of names) {
      const others = names.filter((name) => name !== victim);
      for (let i = 0; i < 10; i++) for (const name of names) await addAt(name);
      // In the middle of what it was asked for.
      const pending = addAt(victim);
      await counters.get(victim)!.kill();
      await pending;
      for (let i = 0; i < 10; i++) for (const name of others) await addAt(name);
      counters.set(victim, start(victim));
      assert.equal(await counters.get(victim)!.line(), "ready");
      const value = Number((await counters.get(victim)!.ask("get")).replace("value ", ""));
      assert.ok(
        value >= acknowledged && value <= acknowledged + unknown,
        `${value} after ${acknowledged} acknowledged and ${unknown} of unknown outcome`,
      );
    }
    assert.ok(acknowledged > 100, `${acknowledged} were acknowledged`);
    for (const counter of counters.values()) await counter.kill();
    releasePorts(ports);
  });
}
