import assert from "node:assert/strict";
import { after, test } from "node:test";
import { inspect } from "node:util";
import type { EtcdMessage } from "@althing/wire";
import { InProcessCluster, type Running } from "../testing/in-process-cluster.ts";
import type { EtcdClient } from "../testing/served-door.ts";

const cluster = new InProcessCluster();
after(() => cluster.close());
const bytes = (text: string) => Buffer.from(text, "latin1");

async function login(client: EtcdClient, name: string): Promise<string> {
  const request = { name, password: name };
  const answer = await client.call(
    "Authenticate",
    "AuthenticateRequest",
    "AuthenticateResponse",
    request,
  );
  assert.ok("response" in answer, inspect(answer));
  return answer.response.token;
}

async function found(): Promise<readonly Running[]> {
  const members = await cluster.found(["a", "b", "c"], { bcryptCost: 4 });
  const { client } = members[0]!;
  for (const name of ["root", "u"]) {
    const request = { name, password: name };
    await client.call("UserAdd", "AuthUserAddRequest", "AuthUserAddResponse", request);
  }
  const grant = (user: string, role: string) => {
    const request = { user, role };
    return client.call(
      "UserGrantRole",
      "AuthUserGrantRoleRequest",
      "AuthUserGrantRoleResponse",
      request,
    );
  };
  await client.call("RoleAdd", "AuthRoleAddRequest", "AuthRoleAddResponse", { name: "r" });
  const perm = { permType: 2, key: bytes("a"), range_end: bytes("b") };
  await client.call(
    "RoleGrantPermission",
    "AuthRoleGrantPermissionRequest",
    "AuthRoleGrantPermissionResponse",
    { name: "r", perm },
  );
  await grant("u", "r");
  await grant("root", "root");
  const enabled = await client.call("AuthEnable", "AuthEnableRequest", "AuthEnableResponse", {});
  assert.ok("response" in enabled, inspect(enabled));
  return members;
}

test("a token counts on every member at once, and what was revoked on one is gone on all", async () => {
  const members = await found();
  const tokens = await Promise.all(members.map(({ client }) => login(client, "u")));
  for (const token of tokens) {
    for (const { client } of members) {
      const put = await client.put({ key: bytes("a"), value: bytes("v") }, { token });
      assert.equal(put.status, 0, inspect(put));
      const range = await client.range({ key: bytes("a") }, { token });
      assert.equal(range.status, 0, inspect(range));
      const denied = await client.put({ key: bytes("b") }, { token });
      assert.deepEqual("message" in denied && denied.message, "etcdserver: permission denied");
    }
  }
  // Fresh ones, taken straight to another member: it may have to hear of them first.
  for (let i = 0; i < 12; i++) {
    const token = await login(members[i % 3]!.client, "u");
    const range = await members[(i + 1) % 3]!.client.range({ key: bytes("a") }, { token });
    assert.equal(range.status, 0, inspect(range));
  }
  const token = await login(members[1]!.client, "root");
  const request = { role: "r", key: bytes("a"), range_end: bytes("b") };
  await members[2]!.client.call(
    "RoleRevokePermission",
    "AuthRoleRevokePermissionRequest",
    "AuthRoleRevokePermissionResponse",
    request,
    { token },
  );
  const texts = await Promise.all(
    members.map(async ({ client }, i) => {
      const answer = await client.put({ key: bytes("a") }, { token: tokens[i]! });
      return "message" in answer ? answer.message : "";
    }),
  );
  // A member that had yet to hear of it took the request by the older state: it is refused as well.
  for (const text of texts) {
    assert.match(text, /permission denied|revision of auth store is old/);
  }
});

test("a member that comes back knows users, roles and that auth is enabled", async () => {
  const member = cluster.running[0]!;
  await cluster.stop(member);
  const again = await cluster.start(member.name, { bcryptCost: 4 });
  // Answered once the member has applied all that the cluster decided while it was away.
  const token = await login(again.client, "root");
  const nobody = await again.client.range({ key: bytes("a"), serializable: true });
  assert.deepEqual("message" in nobody && nobody.message, "etcdserver: user name is empty");
  const listed = await again.client.call(
    "UserList",
    "AuthUserListRequest",
    "AuthUserListResponse",
    {},
    { token },
  );
  assert.ok("response" in listed, inspect(listed));
  const { users }: EtcdMessage<"AuthUserListResponse"> = listed.response;
  assert.deepEqual(users, ["root", "u"]);
});

test("what one member has acknowledged about auth counts for writes at the others at once", async () => {
  const [first, ...others] = cluster.running;
  const set = (method: "AuthEnable" | "AuthDisable", token?: string) =>
    first!.client.call(
      method,
      `${method}Request`,
      `${method}Response`,
      {},
      token === undefined ? {} : { token },
    );
  const put = (to: Running, headers: Record<string, string>) =>
    to.client.put({ key: bytes("a") }, headers);
  for (let round = 0; round < 15; round++) {
    const disabled = await set("AuthDisable", await login(first!.client, "root"));
    assert.equal(disabled.status, 0, inspect(disabled));
    for (const answer of await Promise.all(others.map((member) => put(member, {})))) {
      assert.equal(answer.status, 0, inspect(answer));
    }
    assert.equal((await set("AuthEnable")).status, 0);
    const token = await login(first!.client, "root");
    for (const answer of await Promise.all(others.map((member) => put(member, { token })))) {
      assert.equal(answer.status, 0, inspect(answer));
    }
    for (const answer of await Promise.all(others.map((member) => put(member, {})))) {
      assert.deepEqual("message" in answer && answer.message, "etcdserver: user name is empty");
    }
  }
});
