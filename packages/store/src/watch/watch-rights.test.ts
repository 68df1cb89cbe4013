import assert from "node:assert/strict";
import { test } from "node:test";
import { authorizeCommand } from "../auth/authorized.ts";
import { encodeCommand } from "../command/encode.ts";
import type { AuthCaller, AuthChange } from "../contract.ts";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import { openStore } from "../store.ts";
import { WatchRights } from "./watch-rights.ts";

const addUser = (user: string): AuthChange => ({
  kind: "addUser",
  user,
  password: "hash",
  hasPassword: true,
});
const permission = { kind: "read", key: "k", rangeEnd: "l" } as const;
const founding: AuthChange[] = [
  addUser("root"),
  { kind: "grantRole", user: "root", role: "root" },
  addUser("u"),
  { kind: "addRole", role: "r" },
  { kind: "grantPermission", role: "r", permission },
  { kind: "grantRole", user: "u", role: "r" },
];
const enable: AuthChange = { kind: "enable" };
const disable: AuthChange = { kind: "disable" };

function bench(...more: AuthChange[]) {
  const store = openStore({ engine: createMemoryEngine() });
  const write = (...changes: AuthChange[]) => {
    for (const change of changes) {
      const index = store.appliedIndex + 1;
      const point = { index, epoch: 1, proposer: "", leaderTimeMs: 0 };
      const root = { user: "root", authRevision: store.auth.revision };
      const command = encodeCommand({ kind: "auth", change });
      const result = store.apply(authorizeCommand(root, command), point);
      assert.equal(result.kind, "done", JSON.stringify(result));
    }
  };
  write(...founding, ...more);
  const soon: (() => void)[] = [];
  const rights = new WatchRights<"userEmpty">(store, (run) => soon.push(run));
  const told: string[] = [];
  const watch = (name: string, key: string, rangeEnd: string, who = name) =>
    rights.hold({
      key,
      rangeEnd,
      caller(): AuthCaller | "userEmpty" | undefined {
        if (!store.auth.enabled) return undefined;
        return who === "" ? "userEmpty" : { user: who, authRevision: store.auth.revision };
      },
      ended: (why) => told.push(`${name} ${key}: ${why}`),
    });
  /** Who is told of what after the changes. */
  const after = (...changes: AuthChange[]) => {
    write(...changes);
    rights.review();
    return told.splice(0);
  };
  return { watch, after, write, rights, told, soon };
}

test("a watch ends when what it sees is no longer permitted, and others go on", () => {
  const { watch, after } = bench(enable);
  watch("u", "k", "l");
  watch("u", "k1", "");
  watch("root", "k", "l");
  assert.deepEqual(after({ kind: "addRole", role: "other" }, addUser("v")), []);
  const narrow = { kind: "read", key: "k1", rangeEnd: "" } as const;
  assert.deepEqual(after({ kind: "grantPermission", role: "r", permission: narrow }), []);
  assert.deepEqual(after({ kind: "revokePermission", role: "r", key: "k", rangeEnd: "l" }), [
    "u k: permissionDenied",
  ]);
  assert.deepEqual(after({ kind: "deleteRole", role: "r" }), ["u k1: permissionDenied"]);
  assert.deepEqual(after({ kind: "addRole", role: "r" }), []);
});

test("it ends with its user, with another password of his, and with auth, and not with others'", () => {
  const grant: AuthChange = { kind: "grantRole", user: "u", role: "r" };
  for (const [changes, expected] of [
    [[{ kind: "deleteUser", user: "u" }], "permissionDenied"],
    [[{ kind: "deleteUser", user: "u" }, addUser("u"), grant], "revoked"],
    [[{ kind: "changePassword", user: "u", password: "new" }], "revoked"],
    [[disable, enable], "revoked"],
  ] as const satisfies [AuthChange[], string][]) {
    const { watch, after } = bench(enable);
    watch("u", "k", "");
    assert.deepEqual(after({ kind: "changePassword", user: "root", password: "new" }), []);
    assert.deepEqual(after(...changes), [`u k: ${expected}`]);
  }
});

test("one that was created while nobody was asked is judged when auth is enabled", () => {
  const { watch, after } = bench();
  watch("u", "k", "l");
  watch("u", "a", "b");
  watch("nobody", "k", "l", "");
  watch("root", "a", "b");
  assert.deepEqual(after(addUser("v")), []);
  assert.deepEqual(after(enable), ["u a: permissionDenied", "nobody k: userEmpty"]);
  assert.deepEqual(after(disable), []);
});

test("one that has ended by itself is told nothing", () => {
  const { watch, after } = bench(enable);
  watch("u", "k", "").forget();
  assert.deepEqual(after({ kind: "deleteUser", user: "u" }), []);
});

test("very many are judged in turns, each before it is told anything, and none twice", () => {
  const { watch, write, rights, told, soon } = bench(enable);
  const count = 2000;
  const rightOf = Array.from({ length: count }, (_, i) =>
    watch(i % 2 === 0 ? "u" : "root", "k", ""),
  );
  write({ kind: "revokePermission", role: "r", key: "k", rangeEnd: "l" });
  assert.equal(rights.review(), false);
  assert.ok(told.length > 0 && told.length <= 256, `${told.length} were told in one turn`);
  const atFirst = told.length;
  // Whoever has something for one of those that are left asks it first.
  assert.equal(rightOf[count - 2]!.check(), false);
  assert.equal(rightOf[count - 1]!.check(), true);
  assert.equal(told.length, atFirst + 1);
  rightOf[count - 4]!.forget();
  let turns = 1;
  for (; soon.length > 0; turns++) {
    const before = told.length;
    assert.equal(rights.review(), false);
    soon.shift()!();
    assert.ok(told.length - before <= 256);
  }
  assert.ok(turns >= count / 256);
  assert.equal(rights.review(), true);
  assert.equal(told.length, count / 2 - 1);
});

test("a change while they are judged is what those count by that were not", () => {
  const { watch, write, rights, told, soon } = bench(enable);
  const count = 1000;
  for (let i = 0; i < count; i++) watch("u", "k", "");
  write({ kind: "revokePermission", role: "r", key: "k", rangeEnd: "l" });
  rights.review();
  const ended = told.length;
  assert.ok(ended > 0 && ended < count);
  write({ kind: "grantPermission", role: "r", permission });
  rights.review();
  while (soon.length > 0) soon.shift()!();
  assert.equal(told.length, ended);
  write({ kind: "deleteUser", user: "u" });
  rights.review();
  while (soon.length > 0) soon.shift()!();
  assert.equal(told.length, count);
  assert.equal(rights.review(), true);
});
