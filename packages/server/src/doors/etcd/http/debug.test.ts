import assert from "node:assert/strict";
import { after, test } from "node:test";
import { serveDoor } from "../testing/served-door.ts";

const served = await serveDoor();
after(() => served.close());
const get = (path: string, method = "GET") =>
  fetch(`http://127.0.0.1:${served.port}${path}`, { method });

test("/debug/vars tells of the process and of the member under etcd's names", async () => {
  const answer = await get("/debug/vars");
  assert.equal(answer.headers.get("content-type"), "application/json; charset=utf-8");
  const vars = (await answer.json()) as Record<string, Record<string, unknown>>;
  assert.deepEqual(Object.keys(vars), [
    "cmdline",
    "file_descriptor_limit",
    "memstats",
    "raft.status",
  ]);
  assert.deepEqual(vars["cmdline"], process.argv);
  assert.ok(Number(vars["memstats"]!["HeapAlloc"]) > 0);
  const { id, term, raftState, lead } = vars["raft.status"]!;
  assert.deepEqual(
    { id, term, raftState, lead },
    {
      id: "8e9e05c52164694d",
      term: 2,
      raftState: "StateLeader",
      lead: "8e9e05c52164694d",
    },
  );
});

test("while auth is enabled /debug/vars is for administrators alone", async () => {
  const guarded = await serveDoor();
  const base = `http://127.0.0.1:${guarded.port}`;
  const post = async (path: string, body: object, token?: string) => {
    const headers = { "content-type": "application/json", ...(token && { authorization: token }) };
    const answer = await fetch(`${base}/v3/auth/${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      headers,
    });
    assert.equal(answer.status, 200, path);
    return (await answer.json()) as { token: string };
  };
  const vars = (token?: string) =>
    fetch(`${base}/debug/vars`, { headers: token === undefined ? {} : { authorization: token } });
  try {
    for (const name of ["root", "ada"]) await post("user/add", { name, password: "secret" });
    await post("user/grant", { user: "root", role: "root" });
    await post("enable", {});
    const root = await post("authenticate", { name: "root", password: "secret" });
    const ada = await post("authenticate", { name: "ada", password: "secret" });
    const nobody = await vars();
    assert.deepEqual(
      [nobody.status, await nobody.text()],
      [401, "etcdserver: user name is empty\n"],
    );
    assert.equal((await vars("made.1")).status, 401);
    const ordinary = await vars(ada.token);
    assert.deepEqual(
      [ordinary.status, await ordinary.text()],
      [403, "etcdserver: permission denied\n"],
    );
    assert.equal((await vars(root.token)).status, 200);
  } finally {
    await guarded.close();
  }
});

test("a method that a route does not have is answered with those that it has", async () => {
  for (const path of ["/debug/vars", "/version", "/health"]) {
    const answer = await get(path, "POST");
    assert.deepEqual([answer.status, answer.headers.get("allow")], [405, "GET"], path);
    assert.notEqual((await get(path, "HEAD")).status, 405, path);
  }
});

test("profiles are not offered", async () => {
  for (const path of ["/debug/pprof/", "/debug/pprof/profile", "/debug/requests"]) {
    assert.deepEqual([path, (await get(path)).status], [path, 404]);
  }
});

test("health without a leader: false and why, unless only this member is asked", async () => {
  const health = async (query: string) => {
    const answer = await get(`/health${query}`);
    return [answer.status, await answer.text()];
  };
  assert.deepEqual(await health(""), [200, '{"health":"true","reason":""}']);
  served.member.override.status = { leader: undefined };
  assert.deepEqual(await health(""), [503, '{"health":"false","reason":"RAFT NO LEADER"}\n']);
  assert.deepEqual(await health("?serializable=true"), [200, '{"health":"true","reason":""}']);
  assert.equal((await get("/livez")).status, 200);
  const ready = await get("/readyz?verbose");
  assert.deepEqual(
    [ready.status, await ready.text()],
    [
      503,
      "[+]data_corruption ok\n[+]serializable_read ok\n" +
        "[-]linearizable_read failed: etcdserver: request timed out\n[+]non_learner ok\n" +
        "readyz check failed\n",
    ],
  );
  assert.equal((await get("/readyz?exclude=linearizable_read")).status, 200);
  assert.equal((await get("/readyz/data_corruption")).status, 200);
  assert.equal((await get("/livez/linearizable_read")).status, 404);
  served.member.override.status = {};
});
