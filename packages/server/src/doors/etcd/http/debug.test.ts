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
