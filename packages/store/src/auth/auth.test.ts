// Who may do what, as the replicated state says it. Long: a test for each refusal that etcd has.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "@althing/bytes";
import { encodeCommand } from "../command/encode.ts";
import type {
  AuthCaller,
  AuthChange,
  Command,
  Permission,
  Result,
  TokenChange,
} from "../contract.ts";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import { type OpenedStore, openStore } from "../store.ts";
import { compare, del, put, range, txn } from "../testing/commands.ts";
import { applyOne, snapshotOf } from "../testing/driver.ts";
import { authorizeCommand } from "./authorized.ts";
import { ReplicatedAuth } from "./replicated-auth.ts";

function as(store: OpenedStore, user: string, command: Command, authRevision?: number): Result {
  const caller: AuthCaller = { user, authRevision: authRevision ?? store.auth.revision };
  const index = store.appliedIndex + 1;
  const point = { index, epoch: 1, proposer: "", leaderTimeMs: 0 };
  return store.apply(authorizeCommand(caller, encodeCommand(command)), point);
}

function outcome(result: Result): string {
  return result.kind === "error" ? result.code : "done";
}

const auth = (change: AuthChange): Command => ({ kind: "auth", change });
const addUser = (user: string): AuthChange => ({
  kind: "addUser",
  user,
  password: `hash of ${user}`,
  hasPassword: true,
});
const grant = (role: string, kind: Permission["kind"], key: string, rangeEnd = ""): AuthChange => ({
  kind: "grantPermission",
  role,
  permission: { kind, key, rangeEnd },
});

/** root, and a user u with a role r that may read and write what begins with "u". */
const founding: AuthChange[] = [
  addUser("root"),
  { kind: "grantRole", user: "root", role: "root" },
  addUser("u"),
  { kind: "addRole", role: "r" },
  grant("r", "readWrite", "u", "v"),
  { kind: "grantRole", user: "u", role: "r" },
];

function opened(...more: AuthChange[]): OpenedStore {
  const store = openStore({ engine: createMemoryEngine() });
  for (const change of [...founding, ...more]) {
    assert.equal(outcome(applyOne(store, auth(change))), "done");
  }
  assert.equal(outcome(applyOne(store, auth({ kind: "enable" }))), "done");
  return store;
}

test("changes are refused as etcd refuses them, and count when they have an effect", () => {
  const store = openStore({ engine: createMemoryEngine() });
  const steps: [AuthChange, string, revision: number][] = [
    [{ kind: "enable" }, "rootUserMissing", 1],
    [{ kind: "disable" }, "done", 1],
    [addUser(""), "userEmpty", 1],
    [addUser("x".repeat(513)), "authManagementInvalid", 1],
    [addUser("root"), "done", 2],
    [addUser("root"), "userExists", 2],
    [{ kind: "enable" }, "rootRoleMissing", 2],
    [{ kind: "grantRole", user: "nobody", role: "root" }, "userNotFound", 2],
    [{ kind: "grantRole", user: "root", role: "r" }, "roleNotFound", 2],
    [{ kind: "grantRole", user: "root", role: "root" }, "done", 3],
    [{ kind: "grantRole", user: "root", role: "root" }, "done", 3],
    [{ kind: "addRole", role: "" }, "roleEmpty", 3],
    [{ kind: "addRole", role: "r" }, "done", 4],
    [{ kind: "addRole", role: "r" }, "roleExists", 4],
    [grant("r", "read", ""), "authManagementInvalid", 4],
    [grant("r", "read", "b", "b"), "authManagementInvalid", 4],
    [grant("missing", "read", "b"), "roleNotFound", 4],
    [grant("r", "read", "b", "\0"), "done", 5],
    [grant("r", "write", "a"), "done", 6],
    [grant("r", "readWrite", "b", "\0"), "done", 7],
    [{ kind: "revokePermission", role: "r", key: "b", rangeEnd: "" }, "permissionNotGranted", 7],
    [{ kind: "revokePermission", role: "x", key: "b", rangeEnd: "" }, "roleNotFound", 7],
    [addUser("u"), "done", 8],
    [{ kind: "grantRole", user: "u", role: "r" }, "done", 9],
    [{ kind: "revokeRole", user: "u", role: "x" }, "roleNotGranted", 9],
    [{ kind: "revokeRole", user: "x", role: "r" }, "userNotFound", 9],
    [{ kind: "changePassword", user: "x", password: "p" }, "userNotFound", 9],
    [{ kind: "changePassword", user: "u", password: "p" }, "done", 10],
    [{ kind: "enable" }, "done", 10],
    [{ kind: "disable" }, "done", 11],
    [{ kind: "deleteRole", role: "r" }, "done", 12],
    [{ kind: "deleteRole", role: "r" }, "roleNotFound", 12],
    [{ kind: "deleteUser", user: "x" }, "userNotFound", 12],
  ];
  for (const [change, expected, revision] of steps) {
    const result = as(store, "root", auth(change));
    assert.deepEqual(
      [outcome(result), store.auth.revision],
      [expected, revision],
      JSON.stringify(change),
    );
  }
  assert.deepEqual(store.auth.user("u"), {
    password: "p",
    hasPassword: true,
    roles: [],
    since: 10,
  });
  assert.deepEqual(store.auth.users(), ["root", "u"]);
  assert.deepEqual(store.auth.roles(), []);
});

test("a grant for the same range replaces the one before; the list is sorted", () => {
  const store = opened(
    grant("r", "read", "z"),
    grant("r", "read", "a", "b"),
    grant("r", "read", "a"),
    grant("r", "write", "z"),
  );
  assert.deepEqual(store.auth.role("r")?.permissions, [
    { kind: "read", key: "a", rangeEnd: "" },
    { kind: "read", key: "a", rangeEnd: "b" },
    { kind: "readWrite", key: "u", rangeEnd: "v" },
    { kind: "write", key: "z", rangeEnd: "" },
  ]);
});

test("while auth is enabled, root keeps what makes it root", () => {
  const store = opened({ kind: "addRole", role: "root" });
  const refused: AuthChange[] = [
    { kind: "deleteUser", user: "root" },
    { kind: "deleteRole", role: "root" },
    { kind: "revokeRole", user: "root", role: "root" },
  ];
  for (const change of refused) {
    assert.equal(outcome(as(store, "root", auth(change))), "authManagementInvalid");
  }
  assert.equal(outcome(as(store, "root", auth({ kind: "disable" }))), "done");
  for (const change of [refused[2]!, refused[1]!, refused[0]!]) {
    assert.equal(outcome(applyOne(store, auth(change))), "done");
  }
});

test("what a command needs, by the user who asks", () => {
  const store = opened(
    addUser("reader"),
    addUser("writer"),
    { kind: "addRole", role: "reads" },
    { kind: "addRole", role: "writes" },
    grant("reads", "read", "u", "v"),
    grant("writes", "write", "u", "v"),
    { kind: "grantRole", user: "reader", role: "reads" },
    { kind: "grantRole", user: "writer", role: "writes" },
  );
  as(store, "root", { kind: "leaseGrant", lease: 7n, ttlSeconds: 60 });
  as(store, "root", { kind: "leaseGrant", lease: 8n, ttlSeconds: 60 });
  assert.equal(outcome(as(store, "root", put("foreign", "", { lease: 7n }))), "done");
  const nested = (op: Parameters<typeof txn>[1][number]) => txn([], [], [txn([], [], [op])]);
  const table: [Command, allowed: readonly string[]][] = [
    [put("u1", "x"), ["root", "u", "writer"]],
    [put("u1", "x", { prevKv: true }), ["root", "u"]],
    [put("w", "x"), ["root"]],
    // root's own, and nothing hangs on it.
    [put("u1", "x", { lease: 8n }), ["root"]],
    [put("u1", "x", { lease: 7n }), ["root"]],
    [del("u1"), ["root", "u", "writer"]],
    [del("u1", "u2", true), ["root", "u"]],
    [del("u", "v"), ["root", "u", "writer"]],
    [del("u", "v\0"), ["root"]],
    [del("u", "\0"), ["root"]],
    [txn([], []), ["root", "u", "reader", "writer"]],
    [txn([compare("u", "version", "equal", 0)], []), ["root", "u", "reader"]],
    [txn([compare("u", "version", "equal", 0, "\0")], []), ["root"]],
    [txn([], [range("u", "v"), put("u")]), ["root", "u"]],
    [nested(put("u")), ["root", "u", "writer"]],
    [nested(put("w")), ["root"]],
    [nested(range("w")), ["root"]],
    [nested(del("u", "\0")), ["root"]],
    [nested(put("u", "", { lease: 7n })), ["root"]],
    [{ kind: "leaseGrant", lease: 9n, ttlSeconds: 60 }, ["root", "u", "reader", "writer"]],
    [{ kind: "leaseRevoke", lease: 7n }, ["root"]],
    [{ kind: "compact", revision: 1 }, ["root"]],
    [{ kind: "alarm", action: "activate", member: "m", alarm: "nospace" }, ["root"]],
    [auth({ kind: "addRole", role: "other" }), ["root"]],
  ];
  const users = ["root", "u", "reader", "writer", "stranger", ""];
  for (const [command, allowed] of table) {
    const told = users.map((user) => {
      const caller = { user, authRevision: store.auth.revision };
      return store.auth.refuses(command, caller) ?? "may";
    });
    const expected = users.map((user) =>
      user === "" ? "userEmpty" : allowed.includes(user) ? "may" : "permissionDenied",
    );
    assert.deepEqual(
      told,
      expected,
      JSON.stringify(command, (_key, value) => String(value)),
    );
  }
  assert.equal(
    store.auth.refusesLease(7n, "read", { user: "u", authRevision: 1 }),
    "authRevisionOld",
  );
});

test("what is wrong with a transaction for anybody is told before who may not make it", () => {
  const store = opened();
  const duplicate = txn([], [put("z", "1"), put("z", "2")]);
  const nested = txn([], [put("u")], [duplicate]);
  for (const user of ["u", "root", "nobody", ""]) {
    for (const command of [duplicate, nested]) {
      assert.equal(outcome(as(store, user, command)), "duplicateKey");
    }
  }
  assert.equal(outcome(as(store, "u", duplicate, 1)), "duplicateKey");
  assert.equal(outcome(as(store, "u", txn([], [put("z")]))), "permissionDenied");
});

test("a lease without keys is of whom it was granted to, while he is there", () => {
  const store = opened(addUser("other"), { kind: "grantRole", user: "other", role: "r" });
  const revoke = (lease: bigint): Command => ({ kind: "leaseRevoke", lease });
  for (const lease of [1n, 2n, 3n, 4n]) {
    const grant: Command = { kind: "leaseGrant", lease, ttlSeconds: 60 };
    assert.equal(outcome(as(store, "u", grant)), "done");
  }
  for (const command of [revoke(1n), put("u1", "", { lease: 1n })]) {
    assert.equal(outcome(as(store, "other", command)), "permissionDenied");
  }
  // Checkpoints leave it as it was.
  applyOne(store, { kind: "leaseCheckpoint", leases: [{ lease: 1n, remainingSeconds: 30 }] });
  assert.equal(outcome(as(store, "other", revoke(1n))), "permissionDenied");
  assert.equal(outcome(as(store, "u", revoke(1n))), "done");
  assert.equal(outcome(as(store, "root", revoke(2n))), "done");
  // With keys it is whose may write them all, as in etcd.
  assert.equal(outcome(as(store, "u", put("u1", "", { lease: 3n }))), "done");
  assert.equal(outcome(as(store, "other", revoke(3n))), "done");
  as(store, "root", auth({ kind: "deleteUser", user: "u" }));
  assert.equal(outcome(as(store, "other", revoke(4n))), "done");
  // Granted while nobody was asked: it is nobody's.
  as(store, "root", auth({ kind: "disable" }));
  applyOne(store, { kind: "leaseGrant", lease: 5n, ttlSeconds: 60 });
  applyOne(store, auth({ kind: "enable" }));
  assert.equal(outcome(as(store, "other", revoke(5n))), "done");
});

test("a command that puts many keys on one lease has what hangs on it looked through once", () => {
  const engine = createMemoryEngine();
  const auth = new ReplicatedAuth();
  founding.forEach((change, i) => {
    auth.apply(engine, change, i);
  });
  auth.apply(engine, { kind: "enable" }, founding.length);
  let visited = 0;
  let foreign = "";
  auth.visitLeaseKeys = (_lease, visit) => {
    for (let i = 0; i < 100 && visit(`u${i}`); i++) visited++;
    if (foreign !== "") visit(foreign);
  };
  const caller = { user: "u", authRevision: auth.revision };
  const puts = Array.from({ length: 50 }, (_, i) => put(`u${i}`, "", { lease: i < 25 ? 7n : 8n }));
  const command = txn([], [txn([], puts), ...puts], puts);
  assert.equal(auth.refuses(command, caller), undefined);
  assert.equal(visited, 200);
  // What hangs on it by the next command is looked at anew.
  foreign = "foreign";
  assert.equal(auth.refuses(command, caller), "permissionDenied");
});

test("whose a lease is comes with snapshots and counts for the state hash", () => {
  const grant: Command = { kind: "leaseGrant", lease: 1n, ttlSeconds: 60 };
  const [one, other] = [opened(addUser("other")), opened(addUser("other"))];
  as(one, "u", grant);
  as(other, "other", grant);
  assert.notEqual(one.stateHash().hash, other.stateHash().hash);
  const target = openStore({ engine: createMemoryEngine() });
  const writer = target.beginRestore();
  for (const chunk of snapshotOf(one)) writer.write(chunk);
  writer.finish();
  writer.install((error) => assert.equal(error, undefined));
  assert.deepEqual(target.leases(), one.leases());
  assert.equal(target.leases()[0]?.owner, "u");
  assert.equal(
    outcome(as(target, "other", { kind: "leaseRevoke", lease: 1n })),
    "permissionDenied",
  );
});

test("what was shown before a new password, a user made anew or auth disabled is worth nothing", () => {
  const store = opened(addUser("admin"), { kind: "grantRole", user: "admin", role: "root" });
  const before = store.auth.revision;
  const then = { user: "admin", authRevision: before };
  const compact: Command = { kind: "compact", revision: 1 };
  const grant: Command = { kind: "leaseGrant", lease: 9n, ttlSeconds: 60 };
  as(store, "root", auth({ kind: "addRole", role: "unrelated" }));
  assert.equal(store.auth.isRevoked(then), false);
  assert.equal(store.auth.refuses(compact, then), undefined);
  as(store, "root", auth({ kind: "changePassword", user: "admin", password: "new" }));
  assert.equal(store.auth.isRevoked(then), true);
  assert.equal(outcome(as(store, "admin", compact, before)), "authRevisionOld");
  assert.equal(outcome(as(store, "admin", grant, before)), "authRevisionOld");
  const changed = store.auth.revision;
  assert.equal(store.auth.refuses(compact, { user: "admin", authRevision: changed }), undefined);
  as(store, "root", auth({ kind: "deleteUser", user: "admin" }));
  as(store, "root", auth(addUser("admin")));
  as(store, "root", auth({ kind: "grantRole", user: "admin", role: "root" }));
  assert.equal(outcome(as(store, "admin", compact, changed)), "authRevisionOld");
  const again = store.auth.revision;
  as(store, "root", auth({ kind: "disable" }));
  applyOne(store, auth({ kind: "enable" }));
  assert.equal(outcome(as(store, "admin", compact, again)), "authRevisionOld");
  // It all comes with a snapshot.
  const target = openStore({ engine: createMemoryEngine() });
  const writer = target.beginRestore();
  for (const chunk of snapshotOf(store)) writer.write(chunk);
  writer.finish();
  writer.install((error) => assert.equal(error, undefined));
  assert.deepEqual(target.auth.user("admin"), store.auth.user("admin"));
  assert.equal(target.auth.isRevoked({ user: "admin", authRevision: again }), true);
  assert.equal(outcome(as(target, "admin", compact)), "done");
});

test("users, leases and the state of auth as the first versions wrote them are read", () => {
  const engine = createMemoryEngine();
  const written = (write: (out: ByteWriter) => void) => {
    const out = new ByteWriter(64);
    write(out);
    return out.copy();
  };
  engine.put("auth", "state", Uint8Array.from([1, 7]));
  const user = written((out) => {
    out.text("hash");
    out.u8(1);
    out.varint(1);
    out.byteString("root");
  });
  engine.put("auth", "user/u", user);
  engine.put("lease", "0000000000000001", Uint8Array.from([60, 60, 0, 0, 0, 0, 0, 0, 0, 0]));
  const store = openStore({ engine });
  const { enabled, revision } = store.auth;
  assert.deepEqual([enabled, revision], [true, 7]);
  const expected = { password: "hash", hasPassword: true, roles: ["root"], since: 0 };
  assert.deepEqual(store.auth.user("u"), expected);
  assert.equal(store.auth.isRevoked({ user: "u", authRevision: 0 }), false);
  assert.deepEqual(store.leases(), [
    { lease: 1n, ttlSeconds: 60, remainingSeconds: 60, asOfMs: 0 },
  ]);
});

test("what the log says before a command counts for it", () => {
  const store = opened();
  const { revision } = store.auth;
  assert.equal(outcome(as(store, "u", put("u1"), revision)), "done");
  const before = store.revision;
  as(store, "root", auth({ kind: "revokeRole", user: "u", role: "r" }));
  assert.equal(outcome(as(store, "u", put("u1"), revision)), "authRevisionOld");
  assert.equal(outcome(as(store, "u", put("u1"))), "permissionDenied");
  as(store, "root", auth({ kind: "deleteUser", user: "u" }));
  assert.equal(outcome(as(store, "u", put("u1"))), "permissionDenied");
  // Administration asks who it is now, and not what the token says of then.
  assert.equal(outcome(as(store, "root", { kind: "compact", revision: 1 }, revision)), "done");
  assert.equal(store.revision, before);
});

test("a command from before auth was enabled has no caller and is refused after it", () => {
  const store = opened();
  for (const command of [put("u1"), del("u1"), txn([], []), auth({ kind: "disable" })]) {
    assert.equal(outcome(applyOne(store, command)), "userEmpty");
    assert.equal(outcome(as(store, "", command, 0)), "userEmpty");
  }
  applyOne(store, auth({ kind: "authenticate", user: "u", secret: "s", authRevision: 1 }));
  // What members propose by themselves goes on; what a client proposed as nobody does not.
  const compact: Command = { kind: "compact", revision: 1 };
  assert.equal(outcome(as(store, "", compact, 0)), "userEmpty");
  assert.equal(outcome(applyOne(store, compact)), "done");
});

test("without auth the one who asks does not matter", () => {
  const store = openStore({ engine: createMemoryEngine() });
  assert.equal(outcome(as(store, "", put("a"), 0)), "done");
  assert.equal(outcome(as(store, "x", { kind: "compact", revision: 1 }, 5)), "done");
  assert.equal(store.auth.refusesAdmin({ user: "", authRevision: 0 }), undefined);
});

test("tokens are told of when they begin and when they end", () => {
  const store = opened();
  const told: TokenChange[] = [];
  store.observeTokens((change) => told.push(change));
  const login = (user: string, authRevision = store.auth.revision) =>
    outcome(applyOne(store, auth({ kind: "authenticate", user, secret: "s", authRevision })));
  assert.equal(login("u"), "done");
  assert.equal(login("stranger"), "authFailed");
  assert.equal(login("u", store.auth.revision - 1), "authRevisionOld");
  as(store, "root", auth({ kind: "changePassword", user: "u", password: "new" }));
  as(store, "root", auth({ kind: "deleteUser", user: "u" }));
  as(store, "root", auth({ kind: "disable" }));
  assert.equal(login("root"), "authNotEnabled");
  assert.deepEqual(told, [
    { kind: "assigned", token: `s.${store.appliedIndex - 6}`, user: "u" },
    { kind: "userEnded", user: "u" },
    { kind: "userEnded", user: "u" },
    { kind: "allEnded" },
  ]);
});

test("the state hash covers every change of auth, and only changes", () => {
  const [one, other] = [opened(), opened()];
  assert.deepEqual(one.stateHash(), other.stateHash());
  const { hash } = one.stateHash();
  as(one, "u", auth({ kind: "addRole", role: "refused" }));
  as(one, "root", auth({ kind: "grantRole", user: "u", role: "r" }));
  assert.equal(one.stateHash().hash, hash);
  as(one, "root", auth({ kind: "addRole", role: "new" }));
  assert.notEqual(one.stateHash().hash, hash);
});

test("a snapshot carries users, roles and permissions, and ends the tokens where it is installed", () => {
  const store = opened(grant("r", "read", "a\xff", "\0"));
  applyOne(store, put("u1", "", {}));
  const target = openStore({ engine: createMemoryEngine() });
  const told: TokenChange[] = [];
  target.observeTokens((change) => told.push(change));
  const writer = target.beginRestore();
  for (const chunk of snapshotOf(store)) writer.write(chunk);
  writer.finish();
  writer.install((error) => assert.equal(error, undefined));
  assert.deepEqual(told, [{ kind: "allEnded" }]);
  assert.deepEqual(
    [target.auth.enabled, target.auth.revision, target.auth.users(), target.auth.user("u")],
    [true, store.auth.revision, ["root", "u"], store.auth.user("u")],
  );
  assert.deepEqual(target.auth.role("r"), store.auth.role("r"));
  assert.equal(outcome(as(target, "u", put("u2"))), "done");
  assert.equal(outcome(as(target, "u", put("w"))), "permissionDenied");
});
