// Users, roles, tokens and who may do what, through the door as clients see it. Long, because etcd has many calls
// and each is tried by each kind of caller.

import assert from "node:assert/strict";
import { createSecretKey } from "node:crypto";
import { after, test } from "node:test";
import { inspect } from "node:util";
import { encodeCommand } from "@althing/store";
import {
  type EtcdInit,
  type EtcdMessage,
  type EtcdMessageName,
  etcdCodecs,
  etcdRpcs,
} from "@althing/wire";
import type { CallContext } from "../../../transport/index.ts";
import { frame, unframe } from "../../../transport/testing/grpc-client.ts";
import { type Answer, EtcdClient, serveDoor } from "../testing/served-door.ts";
import { createTestContext } from "../testing/single-member.ts";
import { Access } from "./access.ts";
import { createTokens } from "./token-options.ts";

const served = await serveDoor();
const client = new EtcdClient(served.port);
after(async () => {
  client.close();
  await served.close();
});
const { store } = served.member;
const bytes = (text: string) => Buffer.from(text, "latin1");

/** By the method's name: its messages follow from it. */
function call(method: string, request: object, token?: string): Promise<Answer<EtcdMessageName>> {
  const rpc = etcdRpcs.find((one) => one.method === method)!;
  const headers = token === undefined ? {} : { token };
  return client.call(method, rpc.request, rpc.response, request as EtcdInit<never>, headers);
}

/** "" when it was served. */
async function refusal(method: string, request: object, token?: string): Promise<string> {
  const answer = await call(method, request, token);
  return answer.status === 0 ? "" : `${answer.status} ${"message" in answer && answer.message}`;
}

async function done(method: string, request: object, token?: string): Promise<void> {
  assert.equal(await refusal(method, request, token), "", `${method} ${inspect(request)}`);
}

async function login(name: string, password = name): Promise<string> {
  const answer = await call("Authenticate", { name, password });
  assert.ok("response" in answer, inspect(answer));
  return (answer.response as EtcdMessage<"AuthenticateResponse">).token;
}

const texts = {
  empty: "3 etcdserver: user name is empty",
  token: "16 etcdserver: invalid auth token",
  denied: "7 etcdserver: permission denied",
  failed: "3 etcdserver: authentication failed, invalid user ID or password",
};

test("auth is enabled by way of root, and then everybody says who asks", async () => {
  assert.equal(
    await refusal("Authenticate", { name: "root", password: "" }),
    "9 etcdserver: authentication is not enabled",
  );
  assert.equal(await refusal("AuthEnable", {}), "9 etcdserver: root user does not exist");
  await done("UserAdd", { name: "root", password: "root" });
  assert.equal(await refusal("AuthEnable", {}), "9 etcdserver: root user does not have root role");
  await done("UserGrantRole", { user: "root", role: "root" });
  for (const name of ["u", "ünïcode", "stranger", ""]) {
    const expected = name === "" ? texts.empty : "";
    assert.equal(await refusal("UserAdd", { name, password: name }), expected);
  }
  await done("UserAdd", { name: "none", options: { no_password: true } });
  await done("RoleAdd", { name: "r" });
  const perm = { permType: 2, key: bytes("a"), range_end: bytes("b") };
  await done("RoleGrantPermission", { name: "r", perm });
  for (const user of ["u", "ünïcode"]) await done("UserGrantRole", { user, role: "r" });
  await done("Put", { key: bytes("z"), value: bytes("before") });
  // Credentials are not looked at while auth is disabled.
  await done("Range", { key: bytes("z") }, "any");
  await done("AuthEnable", {});
  assert.equal(await refusal("Range", { key: bytes("z") }), texts.empty);
  assert.equal(await refusal("Range", { key: bytes("z") }, "any"), texts.token);
  const status = await call("AuthStatus", {});
  assert.ok("response" in status);
  assert.deepEqual(
    { ...(status.response as EtcdMessage<"AuthStatusResponse">), header: undefined },
    { header: undefined, enabled: true, authRevision: store.auth.revision },
  );
});

test("no clear password reaches the store", () => {
  for (const name of store.auth.users()) {
    const { password, hasPassword } = store.auth.user(name)!;
    if (hasPassword) assert.match(password, /^\$scrypt\$ln=8,r=8,p=5\$[\w+/]{22}\$[\w+/]{43}$/);
    else assert.equal(password, "");
  }
});

test("a login fails alike for a wrong password, for nobody and for a user that has none", async () => {
  for (const [name, password] of [
    ["u", "wrong"],
    ["u", ""],
    ["u", "x".repeat(1025)],
    ["nobody", "u"],
    ["none", "u"],
    ["none", ""],
    ["", ""],
  ]) {
    assert.equal(await refusal("Authenticate", { name, password }), texts.failed, `${name}`);
  }
  assert.match(await login("u"), /^[a-zA-Z]{16}\.\d+$/);
});

test("a user without password and an unknown one take as long as a wrong password", async () => {
  const costly = await serveDoor({ auth: { passwordCost: 9 } });
  const own = new EtcdClient(costly.port);
  after(async () => {
    own.close();
    await costly.close();
  });
  const ask = (method: string, request: object) => {
    const rpc = etcdRpcs.find((one) => one.method === method)!;
    return own.call(method, rpc.request, rpc.response, request as EtcdInit<never>);
  };
  for (const name of ["root", "u"]) await ask("UserAdd", { name, password: name });
  await ask("UserAdd", { name: "none", options: { no_password: true } });
  await ask("UserGrantRole", { user: "root", role: "root" });
  await ask("AuthEnable", {});
  // Logged in a moment ago: what is remembered of it makes no wrong password any faster.
  assert.equal((await ask("Authenticate", { name: "u", password: "u" })).status, 0);
  const costs = new Map<string, number>();
  // The least of several: the machine may have other things to do.
  for (let round = 0; round < 6; round++) {
    for (const name of ["u", "none", "nobody"]) {
      const started = performance.now();
      assert.equal((await ask("Authenticate", { name, password: "x" })).status, 3);
      const cost = performance.now() - started;
      costs.set(name, Math.min(costs.get(name) ?? cost, cost));
    }
  }
  const [u = 0, none = 0, nobody = 0] = costs.values();
  assert.ok(u > 20, `a wrong password costs ${u} ms`);
  for (const cost of [none, nobody]) {
    assert.ok(cost > u / 3 && cost < u * 3, `a wrong password ${u} ms, nobody's ${cost} ms`);
  }
  const started = performance.now();
  assert.equal((await ask("Authenticate", { name: "u", password: "u" })).status, 0);
  const again = performance.now() - started;
  assert.ok(again < u / 2, `a password that was right a moment ago costs ${again} ms`);
});

test("a key that is put twice is told of before whoever asks", async () => {
  const put = { request_put: { key: bytes("z"), value: bytes("") } };
  const duplicate = "3 etcdserver: duplicate key given in txn request";
  for (const token of [undefined, "any", await login("u")]) {
    assert.equal(await refusal("Txn", { success: [put, put] }, token), duplicate);
    assert.equal(await refusal("Txn", { failure: [put, put] }, token), duplicate);
  }
});

test("the token may come as metadata of two names, with Bearer or without", async () => {
  const token = await login("ünïcode");
  for (const headers of [
    { token },
    { authorization: token },
    { authorization: `Bearer ${token}` },
  ]) {
    assert.equal((await client.range({ key: bytes("a") }, headers)).status, 0);
  }
});

test("of two tokens the one called token counts", async () => {
  const token = await login("ünïcode");
  const asked = (headers: Readonly<Record<string, string>>) =>
    client.range({ key: bytes("a") }, headers);
  assert.equal((await asked({ token, authorization: "none" })).status, 0);
  const answer = await asked({ token: "none", authorization: token });
  assert.equal(`${answer.status} ${"message" in answer && answer.message}`, texts.token);
});

test("leases are listed to users alone, also when no key hangs on any", () => {
  const context = createTestContext(served.member, { auth: { namesByCertificate: true } });
  const access = new Access(context, createTokens(context.auth.tokens));
  const by = (commonName: string) =>
    ({ metadata: () => undefined, caller: { commonName } }) as unknown as CallContext;
  assert.equal(access.refusesLeases(by("u"), []), undefined);
  assert.equal(access.refusesLeases(by("root"), []), undefined);
  assert.equal(access.refusesLeases(by("nobody"), []), access.refusesStranger(by("nobody")));
  assert.notEqual(access.refusesLeases(by("nobody"), []), undefined);
});

test("who may do what", async () => {
  const [root, u, stranger] = [await login("root"), await login("u"), await login("stranger")];
  await done("LeaseGrant", { ID: 7n, TTL: 60 }, stranger);
  await done("LeaseGrant", { ID: 8n, TTL: 60 }, u);
  await done("Put", { key: bytes("z"), value: bytes(""), lease: 7n }, root);
  const self = (await call("MemberList", {}, root)) as {
    response: EtcdMessage<"MemberListResponse">;
  };
  const id = self.response.members[0]!.ID;
  const put = (key: string) => ({ request_put: { key: bytes(key) } });
  const nested = { request_txn: { success: [put("z")] } };
  const table: [method: string, request: object, may: string][] = [
    ["Range", { key: bytes("a") }, "root u"],
    ["Range", { key: bytes("a"), serializable: true }, "root u"],
    ["Range", { key: bytes("a"), range_end: bytes("b") }, "root u"],
    ["Range", { key: bytes("a"), range_end: bytes("b\0") }, "root"],
    ["Range", { key: bytes("a"), range_end: bytes("\0") }, "root"],
    ["Put", { key: bytes("a1"), prev_kv: true }, "root u"],
    ["Put", { key: bytes("b1") }, "root"],
    ["Put", { key: bytes("a1"), lease: 8n }, "root u"],
    ["Put", { key: bytes("a1"), lease: 7n }, "root"],
    ["DeleteRange", { key: bytes("a"), range_end: bytes("b") }, "root u"],
    ["DeleteRange", { key: bytes("a"), range_end: bytes("\0") }, "root"],
    ["Txn", { success: [put("a1")] }, "root u"],
    ["Txn", { failure: [nested] }, "root"],
    ["Txn", { success: [{ request_range: { key: bytes("z") } }] }, "root"],
    ["Txn", { success: [{ request_range: { key: bytes("z"), serializable: true } }] }, "root"],
    ["Txn", { compare: [{ key: bytes("z"), target: 0 }], success: [put("a")] }, "root"],
    ["Compact", { revision: 0 }, "root?"],
    ["LeaseGrant", { TTL: 60 }, "root u stranger"],
    ["Put", { key: bytes("z"), lease: 7n }, "root"],
    ["LeaseTimeToLive", { ID: 7n }, "root u stranger"],
    ["LeaseTimeToLive", { ID: 7n, keys: true }, "root"],
    ["LeaseLeases", {}, "root"],
    ["MemberList", {}, "root u stranger"],
    ["MemberUpdate", { ID: id, peerURLs: ["http://localhost:2380"] }, "root?"],
    ["MemberAdd", { peerURLs: ["http://localhost:2399"] }, "root?"],
    ["MemberRemove", { ID: 1n }, "root?"],
    ["MemberPromote", { ID: 1n }, "root?"],
    ["Status", {}, "root u stranger"],
    ["Alarm", { action: 0 }, "root u stranger"],
    ["Alarm", { action: 2, alarm: 1, memberID: id }, "root"],
    ["Defragment", {}, "root"],
    ["Hash", {}, "root"],
    ["HashKV", {}, "root"],
    ["MoveLeader", { targetID: id }, "root"],
    ["Downgrade", { action: 2 }, "root"],
    ["Snapshot", {}, "root"],
    ["UserGet", { name: "u" }, "root u"],
    ["UserGet", { name: "root" }, "root"],
    ["RoleGet", { role: "r" }, "root u"],
    ["UserList", {}, "root"],
    ["RoleList", {}, "root"],
    ["UserAdd", { name: "x", password: "x" }, "root"],
    ["UserChangePassword", { name: "x", password: "y" }, "root"],
    ["UserGrantRole", { user: "x", role: "r" }, "root"],
    ["UserRevokeRole", { name: "x", role: "r" }, "root"],
    ["UserDelete", { name: "x" }, "root"],
    ["RoleAdd", { name: "x" }, "root"],
    ["RoleGrantPermission", { name: "x", perm: { key: bytes("k") } }, "root"],
    ["RoleRevokePermission", { role: "x", key: bytes("k") }, "root"],
    ["RoleDelete", { role: "x" }, "root"],
    ["LeaseRevoke", { ID: 7n }, "root"],
    ["AuthEnable", {}, "root"],
  ];
  for (const [method, request, may] of table) {
    const what = `${method} ${inspect(request)}`;
    assert.equal(await refusal(method, request), texts.empty, what);
    assert.equal(await refusal(method, request, "x".repeat(16)), texts.token, what);
    for (const [name, token] of [
      ["stranger", stranger],
      ["u", u],
      ["root", root],
    ] as const) {
      const told = await refusal(method, request, token);
      if (may.split(" ").includes(name)) assert.equal(told, "", `${name}: ${what}`);
      // "root?": permitted, and refused for another reason.
      else if (name === "root") assert.notEqual(told, texts.denied, `${name}: ${what}`);
      else assert.equal(told, texts.denied, `${name}: ${what}`);
    }
  }
});

test("a watch that is not permitted is created and canceled in one answer", async () => {
  const u = await login("u");
  const ask = async (request: EtcdInit<"WatchCreateRequest">, headers: Record<string, string>) => {
    const stream = client.grpc.open("/etcdserverpb.Watch/Watch", headers);
    stream.write(frame(etcdCodecs.WatchRequest.encode({ create_request: request })));
    const data = await new Promise<Buffer>((resolve) => stream.once("data", resolve));
    stream.close();
    const { created, canceled, watch_id, cancel_reason } = etcdCodecs.WatchResponse.decode(
      unframe(data)[0]!,
    );
    return { created, canceled, watch_id, cancel_reason };
  };
  const refused = (text: string) => ({
    created: true,
    canceled: true,
    watch_id: -1n,
    cancel_reason: `rpc error: code = ${text}`,
  });
  const denied = refused("PermissionDenied desc = etcdserver: permission denied");
  const prefix = { key: bytes("a"), range_end: bytes("b") };
  assert.deepEqual(await ask(prefix, { token: u }), {
    created: true,
    canceled: false,
    watch_id: 0n,
    cancel_reason: "",
  });
  assert.deepEqual(await ask({ key: bytes("a"), range_end: bytes("\0") }, { token: u }), denied);
  assert.deepEqual(await ask({ key: bytes("b") }, { token: u }), denied);
  assert.deepEqual(
    await ask(prefix, {}),
    refused("InvalidArgument desc = etcdserver: user name is empty"),
  );
  assert.deepEqual(
    await ask(prefix, { token: "x" }),
    refused("Unauthenticated desc = etcdserver: invalid auth token"),
  );
});

test("a watch ends with the right to it, before what came after", async () => {
  const [root, u] = [await login("root"), await login("u")];
  const open = (path: string, token: string, request: Uint8Array, times = 1) => {
    const stream = client.grpc.open(path, { token });
    for (let left = times; left > 0; left--) stream.write(frame(request));
    const frames: Buffer[] = [];
    let trailers: Record<string, unknown> = {};
    stream.on("data", (chunk: Buffer) => frames.push(chunk));
    stream.on("trailers", (headers) => {
      trailers = headers;
    });
    after(() => stream.close());
    const messages = () => unframe(Buffer.concat(frames));
    return { messages, told: () => decodeURIComponent(String(trailers["grpc-message"])) };
  };
  const watch = (token: string) => {
    const create_request = { key: bytes("a"), range_end: bytes("b") };
    const stream = open(
      "/etcdserverpb.Watch/Watch",
      token,
      etcdCodecs.WatchRequest.encode({ create_request }),
    );
    return () =>
      stream.messages().map((message) => {
        const { created, canceled, cancel_reason, events } =
          etcdCodecs.WatchResponse.decode(message);
        if (created) return "created";
        return canceled ? cancel_reason : events.map(({ kv }) => String(kv?.value)).join();
      });
  };
  const until = async (isTrue: () => boolean) => {
    const deadline = performance.now() + 5000;
    while (!isTrue()) {
      assert.ok(performance.now() < deadline, "it did not come to that");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  // So many that not all are judged in the turn of the change.
  const many = open(
    "/etcdserverpb.Watch/Watch",
    root,
    etcdCodecs.WatchRequest.encode({ create_request: { key: bytes("b") } }),
    1000,
  );
  await until(() => many.messages().length === 1000);
  const [ofRoot, ofU] = [watch(root), watch(u)];
  const observed = open(
    "/v3electionpb.Election/Observe",
    u,
    etcdCodecs.LeaderRequest.encode({ name: bytes("a/e") }),
  );
  await until(() => ofRoot().length === 1 && ofU().length === 1);
  await done("Put", { key: bytes("a/e/1"), value: bytes("before") }, root);
  await until(() => ofU().length === 2 && observed.messages().length === 1);
  // Both in one piece of the log.
  const revoked = { role: "r", key: bytes("a"), range_end: bytes("b") };
  await Promise.all([
    done("RoleRevokePermission", revoked, root),
    done("Put", { key: bytes("a/e/1"), value: bytes("after") }, root),
  ]);
  await until(() => ofRoot().length === 3 && ofU().length === 3);
  assert.deepEqual(ofRoot(), ["created", "before", "after"]);
  assert.deepEqual(ofU(), [
    "created",
    "before",
    "rpc error: code = PermissionDenied desc = etcdserver: permission denied",
  ]);
  await until(() => observed.told() !== "undefined");
  assert.deepEqual([observed.messages().length, observed.told()], [1, texts.denied.slice(2)]);
  const perm = { permType: 2, key: bytes("a"), range_end: bytes("b") };
  await done("RoleGrantPermission", { name: "r", perm }, root);
  const again = watch(u);
  await until(() => again().length === 1);
  await done("UserChangePassword", { name: "u", password: "u" }, root);
  await until(() => again().length === 2);
  assert.match(again()[1]!, /Unauthenticated desc = etcdserver: invalid auth token/);
});

test("a lease is kept alive by those who may write what hangs on it", async () => {
  const [root, u] = [await login("root"), await login("u")];
  await done("LeaseGrant", { ID: 70n, TTL: 60 }, u);
  const keep = async (token: string): Promise<string> => {
    const stream = client.grpc.open("/etcdserverpb.Lease/LeaseKeepAlive", { token });
    let trailers: Record<string, unknown> = {};
    stream.on("response", (headers) => Object.assign(trailers, headers));
    stream.on("trailers", (headers) => {
      trailers = { ...trailers, ...headers };
    });
    stream.resume();
    stream.end(frame(etcdCodecs.LeaseKeepAliveRequest.encode({ ID: 70n })));
    await new Promise((resolve) => stream.once("close", resolve));
    return decodeURIComponent(`${trailers["grpc-status"]} ${trailers["grpc-message"] ?? ""}`);
  };
  assert.equal(await keep(u), "0 ");
  await done("Put", { key: bytes("z"), lease: 70n }, root);
  assert.equal(await keep(u), texts.denied);
  assert.equal(await keep(root), "0 ");
});

test("locks are taken in the name of the one who asks", async () => {
  const u = await login("u");
  const lock = { name: bytes("a/lock") };
  assert.equal(await refusal("Lock", lock), "2 etcdserver: user name is empty");
  const elsewhere = { name: bytes("z/lock") };
  assert.equal(await refusal("Lock", elsewhere, u), "2 etcdserver: permission denied");
  const held = (await call("Lock", lock, u)) as { response: EtcdMessage<"LockResponse"> };
  const { key } = held.response;
  assert.equal(await refusal("Unlock", { key }), "2 etcdserver: user name is empty");
  await done("Unlock", { key }, u);
});

test("tokens end with a new password, with their user and with auth; other changes leave them", async () => {
  const root = await login("root");
  await done("UserAdd", { name: "t", password: "t" }, root);
  await done("UserGrantRole", { user: "t", role: "r" }, root);
  const read = (token: string) => refusal("Range", { key: bytes("a") }, token);
  let token = await login("t");
  assert.equal(await read(token), "");
  await done("UserChangePassword", { name: "t", password: "new" }, root);
  assert.equal(await read(token), texts.token);
  assert.equal(await refusal("Authenticate", { name: "t", password: "t" }), texts.failed);
  token = await login("t", "new");
  assert.equal(await read(token), "");
  await done("UserDelete", { name: "t" }, root);
  assert.equal(await read(token), texts.token);
  await done("AuthDisable", {}, root);
  await done("AuthEnable", {});
  assert.equal(await read(root), texts.token);
});

test("a user that is added with an empty password has none, and cannot log in by it", async () => {
  const root = await login("root");
  await done("UserAdd", { name: "empty", password: "" }, root);
  assert.equal(await refusal("Authenticate", { name: "empty", password: "" }), texts.failed);
});

test("a user comes with etcd's own hash of a password, and logs in with the password", async () => {
  const root = await login("root");
  // As etcd's bcrypt (golang.org/x/crypto) made them.
  const geheim = "JDJhJDA0JDhNRUhHN2x2T2hCUncyWVR2WlVRWHVyQ00wZ3dubTEwT3NVOXptSHFnWkdZMjl2WUc1NHYu";
  const umlauts =
    "JDJhJDA1JEpENmlXN3pjOEJVQ1U4QTR4UTR3V081SUJrVE1CYi5EeE90SnR4VUFYOG91VGFOUXRSY3ky";
  await done("UserAdd", { name: "moved", hashedPassword: geheim }, root);
  const token = await login("moved", "geheim");
  assert.equal(await refusal("Authenticate", { name: "moved", password: "wrong" }), texts.failed);
  await done("UserChangePassword", { name: "moved", hashedPassword: umlauts }, root);
  assert.equal(await refusal("Range", { key: bytes("a") }, token), texts.token);
  assert.equal(await refusal("Authenticate", { name: "moved", password: "geheim" }), texts.failed);
  await login("moved", "pässwörd");
  // A password counts, and a hash beside it does not; as with etcd, which writes over it.
  await done(
    "UserChangePassword",
    { name: "moved", password: "new", hashedPassword: geheim },
    root,
  );
  await login("moved", "new");
  await done("UserDelete", { name: "moved" }, root);
});

test("a hashed password that is none, an empty new one, one without end and a missing permission are refused by name", async () => {
  const root = await login("root");
  for (const [method, name] of [
    ["UserAdd", "h"],
    ["UserChangePassword", "u"],
  ] as const) {
    const password = "x".repeat(1025);
    assert.match(await refusal(method, { name, password }, root), /^3 etcdserver: .* longer than/);
  }
  assert.match(
    await refusal("UserChangePassword", { name: "u" }, root),
    /^3 etcdserver: password is empty/,
  );
  // Cut short; of no kind that is known; of more work than anybody is given.
  const hash = "$2a$04$8MEHG7lvOhBRw2YTvZUQXurCM0gwnm10OsU9zmHqgZGY29vYG54v.";
  for (const text of [hash.slice(0, 6), hash.replace("2a", "1"), hash.replace("$04", "$15")]) {
    for (const method of ["UserAdd", "UserChangePassword"]) {
      const hashedPassword = Buffer.from(text).toString("base64");
      const said = await refusal(method, { name: "h", hashedPassword }, root);
      assert.match(said, /^3 etcdserver: the hashed password is not the base64 of a bcrypt hash/);
    }
  }
  assert.equal(
    await refusal("RoleGrantPermission", { name: "r" }, root),
    "3 etcdserver: permission not given",
  );
  const perm = { key: bytes("b"), range_end: bytes("a") };
  assert.equal(
    await refusal("RoleGrantPermission", { name: "r", perm }, root),
    "3 etcdserver: invalid auth management",
  );
});

test("the gateway passes the Authorization header on", async () => {
  const token = await login("u");
  const post = async (path: string, body: object, authorization?: string) => {
    const response = await fetch(`http://127.0.0.1:${served.port}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: authorization === undefined ? {} : { authorization },
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const key = bytes("a").toString("base64");
  assert.equal((await post("/v3/kv/range", { key }, token)).status, 200);
  const nobody = await post("/v3/kv/range", { key });
  assert.deepEqual([nobody.status, nobody.body["message"]], [400, texts.empty.slice(2)]);
  const login2 = await post("/v3/auth/authenticate", { name: "u", password: "u" });
  assert.match(String(login2.body["token"]), /^[a-zA-Z]{16}\.\d+$/);
});

test("a call whose token this member has yet to hear of waits until it has", async () => {
  const root = await login("root");
  // The next entry will be the login's: its token is used before that.
  const secret = "abcdefghijklmnop";
  const early = `${secret}.${store.appliedIndex + 1}`;
  const reading = refusal("Range", { key: bytes("z") }, early);
  await done("MemberList", {}, root);
  const change = {
    kind: "authenticate",
    user: "root",
    secret,
    authRevision: store.auth.revision,
  } as const;
  served.member.propose(encodeCommand({ kind: "auth", change }), () => {});
  assert.equal(await reading, "");
});

test("a login at a member without a leader fails with a code, in the time of an election", async () => {
  const alone = await serveDoor();
  const own = new EtcdClient(alone.port);
  after(async () => {
    own.close();
    await alone.close();
  });
  // As a real member does, it waits for a leader as long as a request may take.
  alone.member.override.status = { leader: undefined };
  alone.member.read = () => {};
  const started = performance.now();
  const answer = await own.call("Authenticate", "AuthenticateRequest", "AuthenticateResponse", {
    name: "u",
    password: "u",
  });
  assert.deepEqual(answer, { status: 14, message: "etcdserver: no leader" });
  assert.ok(performance.now() - started < 4000);
});

test("a JWT is too old for keys after any change of auth, and goes on to administer", async () => {
  const key = createSecretKey(Buffer.from("a secret of the members"));
  const keys = { algorithm: "HS256", signing: key, checking: key, ttlMs: 60_000 } as const;
  const other = await serveDoor({ auth: { tokens: { kind: "jwt", keys } } });
  const own = new EtcdClient(other.port);
  after(async () => {
    own.close();
    await other.close();
  });
  const ask = async (method: string, request: object, token = "") => {
    const rpc = etcdRpcs.find((one) => one.method === method)!;
    const headers = token === "" ? {} : { token };
    const init = request as EtcdInit<never>;
    const answer = await own.call(method, rpc.request, rpc.response, init, headers);
    return "message" in answer ? `${answer.status} ${answer.message}` : answer.response;
  };
  await ask("UserAdd", { name: "root", password: "root" });
  await ask("UserGrantRole", { user: "root", role: "root" });
  await ask("AuthEnable", {});
  const login = () => ask("Authenticate", { name: "root", password: "root" });
  const { token } = (await login()) as EtcdMessage<"AuthenticateResponse">;
  assert.equal(token.split(".").length, 3);
  assert.equal(typeof (await ask("Put", { key: bytes("a") }, token)), "object");
  assert.equal(typeof (await ask("RoleAdd", { name: "r" }, token)), "object");
  const old = "3 etcdserver: revision of auth store is old";
  assert.equal(await ask("Put", { key: bytes("a") }, token), old);
  assert.equal(await ask("Range", { key: bytes("a") }, token), old);
  assert.equal(typeof (await ask("UserList", {}, token)), "object");
  const { token: fresh } = (await login()) as EtcdMessage<"AuthenticateResponse">;
  assert.equal(typeof (await ask("Range", { key: bytes("a") }, fresh)), "object");
  assert.equal(await ask("Range", { key: bytes("a") }, `${fresh}x`), texts.token);
});
