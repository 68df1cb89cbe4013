import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type LoginTurn, LoginTurns } from "./login-turns.ts";

interface Named extends LoginTurn {
  readonly name: string;
}

const turnOf = (name: string, connection: string, user: string, isWanted = true): Named => ({
  name,
  origin: { connection, user },
  isWanted: () => isWanted,
});
const first = (name: string): Named => ({ name, origin: undefined, isWanted: () => true });

function order(turns: LoginTurns<Named>): string[] {
  const names: string[] = [];
  for (let turn = turns.next(); turn !== undefined; turn = turns.next()) names.push(turn.name);
  return names;
}

test("one after the other, and whoever cost something goes behind whoever did not", () => {
  const turns = new LoginTurns<Named>(100, () => 0);
  for (const name of ["a1", "a2", "a3"]) turns.add(turnOf(name, "1.1.1.1:1", "u"));
  turns.add(turnOf("same user", "2001:db8::7:1", "u"));
  turns.add(turnOf("same address", "1.1.1.1:2", "v"));
  turns.add(turnOf("neither", "3.3.3.3:1", "w"));
  turns.add(first("proved"));
  assert.deepEqual(order(turns), [
    "proved",
    "a1",
    "neither",
    "same user",
    "same address",
    "a2",
    "a3",
  ]);
});

test("what it cost is forgotten with time, and forgiven to who was right", () => {
  let now = 0;
  const turns = new LoginTurns<Named>(100, () => now);
  for (let i = 0; i < 8; i++) turns.add(turnOf(`${i}`, "1.1.1.1:1", "u"));
  order(turns);
  // Half a minute and a half: what was eight is one.
  now = 90_000;
  for (const [name, user] of [
    ["once bad", "u"],
    ["new", "v"],
  ] as const) {
    turns.add(turnOf(name, "2.2.2.2:1", user));
  }
  assert.deepEqual(order(turns), ["new", "once bad"]);
  const right = { connection: "5.5.5.5:1", user: "x" };
  for (let i = 0; i < 5; i++) {
    turns.add({ name: "right", origin: right, isWanted: () => true });
    order(turns);
    turns.forgive(right);
  }
  turns.add(turnOf("right", "5.5.5.5:1", "x"));
  turns.add(turnOf("other", "6.6.6.6:1", "y"));
  assert.deepEqual(order(turns), ["right", "other"]);
});

test("where there is no room the latest of the greatest crowd is turned away, and the gone before him", () => {
  const turns = new LoginTurns<Named>(4, () => 0);
  const add = (turn: Named) => turns.add(turn).map(({ name }) => name);
  for (const name of ["a1", "a2", "a3", "a4"]) {
    assert.deepEqual(add(turnOf(name, "1.1.1.1:1", "u")), []);
  }
  assert.deepEqual(add(turnOf("a5", "1.1.1.1:1", "u")), ["a5"]);
  assert.deepEqual(add(turnOf("b", "2.2.2.2:1", "v")), ["a4"]);
  assert.deepEqual(add(turnOf("c", "3.3.3.3:1", "w")), ["a3"]);
  assert.deepEqual(add(first("proved")), ["a2"]);
  assert.equal(turns.waiting, 4);
  const gone = new LoginTurns<Named>(2, () => 0);
  gone.add(turnOf("here", "1.1.1.1:1", "u"));
  gone.add(turnOf("gone", "2.2.2.2:1", "v", false));
  assert.deepEqual(
    gone.add(turnOf("new", "1.1.1.1:1", "u")).map(({ name }) => name),
    ["gone"],
  );
});

test("of names that somebody makes up little is kept, however long they are", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const turns = new LoginTurns<Named>(100, () => 0);
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 100; i++) {
    const user = Buffer.alloc(1_000_000, `${i} `).toString("latin1");
    turns.add(turnOf("login", `1.1.1.1:${i}`, user));
    turns.next();
  }
  collect();
  const grown = process.memoryUsage().heapUsed - before;
  assert.ok(grown < 10_000_000, `${grown} bytes are kept`);
});
