import assert from "node:assert/strict";
import { after, test } from "node:test";
import { serveDoor } from "../testing/served-door.ts";

const served = await serveDoor();
after(() => served.close());

async function post(path: string, body: string, headers: Record<string, string> = {}) {
  const init = { method: "POST", body, headers };
  const reply = await fetch(`http://127.0.0.1:${served.port}${path}`, init);
  const json = (await reply.json()) as Record<string, unknown>;
  return { status: reply.status, headers: reply.headers, json };
}

const header = (revision: string) => ({
  cluster_id: "14841639068965178418",
  member_id: "10276657743932975437",
  revision,
  raft_term: "2",
});

test("put and range in JSON: 64-bit numbers as strings, bytes as base64, zeros left out", async () => {
  const put = await post("/v3/kv/put", '{"key":"Zm9v","value":"YmFy","prev_kv":true}');
  assert.deepEqual([put.status, put.json], [200, { header: header("2") }]);
  assert.equal(put.headers.get("content-type"), "application/json");
  assert.equal(put.headers.get("grpc-metadata-content-type"), "application/grpc");
  const range = await post("/v3/kv/range", '{"key":"Zm9v","unknown":1}');
  assert.deepEqual(range.json, {
    header: header("2"),
    kvs: [{ key: "Zm9v", create_revision: "2", mod_revision: "2", version: "1", value: "YmFy" }],
    count: "1",
  });
});

test("input takes either case of a name, numbers or strings, enums by name or number", async () => {
  for (const body of [
    '{"key":"Zm9v","range_end":"Zm9w","limit":1,"sort_order":"DESCEND","sortTarget":3}',
    '{"key":"Zm9v","rangeEnd":"Zm9w","limit":"1","sortOrder":2,"sort_target":"MOD"}',
  ]) {
    assert.equal((await post("/v3/kv/range", body)).json.count, "1");
  }
});

test("a bare 64-bit number is exact", async () => {
  const compare = (lease: string) =>
    post("/v3/kv/txn", `{"compare":[{"key":"Zm9v","target":"LEASE","lease":${lease}}]}`);
  assert.equal((await compare("9223372036854775807")).status, 200);
  assert.equal((await compare("9223372036854775808")).status, 400);
});

test("a txn with its oneofs, over the older path too", async () => {
  const body = JSON.stringify({
    compare: [{ key: "Zm9v", target: "CREATE", result: "EQUAL", create_revision: "2" }],
    success: [{ requestRange: { key: "Zm9v", keys_only: true } }],
  });
  const txn = await post("/v3beta/kv/txn", body);
  assert.deepEqual(txn.json, {
    header: header("2"),
    succeeded: true,
    responses: [
      {
        response_range: {
          header: { revision: "2" },
          kvs: [{ key: "Zm9v", create_revision: "2", mod_revision: "2", version: "1" }],
          count: "1",
        },
      },
    ],
  });
});

test("errors carry code, text and the HTTP status of the code", async () => {
  const cases: [string, string, number, number, string][] = [
    ["/v3/kv/range", "", 400, 3, "etcdserver: key is not provided"],
    [
      "/v3/kv/range",
      '{"key":"Zm9v","revision":"99"}',
      400,
      11,
      "etcdserver: mvcc: required revision is a future revision",
    ],
  ];
  for (const [path, body, status, code, message] of cases) {
    const answer = await post(path, body);
    assert.deepEqual([answer.status, answer.json], [status, { error: message, message, code }]);
  }
});

test("what is no method of the gateway is refused in plain text", async () => {
  const cases: [string, string, number, string][] = [
    ["POST", "/v3/nothing", 404, "Not Found\n"],
    ["POST", "/v3/kv/range/", 404, "Not Found\n"],
    ["GET", "/v3/kv/range", 405, "Method Not Allowed\n"],
    ["PUT", "/v3/watch", 405, "Method Not Allowed\n"],
    ["POST", "/v3alpha/kv/range", 404, "404 page not found\n"],
  ];
  for (const [method, path, status, text] of cases) {
    const answer = await fetch(`http://127.0.0.1:${served.port}${path}`, { method });
    assert.deepEqual([path, answer.status, await answer.text()], [path, status, text]);
    assert.equal(answer.headers.get("content-type"), "text/plain; charset=utf-8");
  }
});

test("what follows the first object is ignored, and an empty body is an empty message", async () => {
  for (const rest of ["garbage", '{"key":"!"}', "]}"]) {
    const { status } = await post("/v3/kv/range", `{"key":"Zm9v"} ${rest}`);
    assert.equal(status, 200, rest);
  }
  const quoted = await post("/v3/kv/range", '{"unknown":"}\\"{\\\\","key":"Zm9v"}');
  assert.equal(quoted.json["count"], "1");
  for (const body of ["", "  ", "null", "{}"]) {
    assert.equal((await post("/v3/kv/range", body)).json["code"], 3, body);
  }
});

test("malformed JSON, and values of the wrong type, are InvalidArgument and said clearly", async () => {
  const malformed = 'json: malformed: an object is expected, such as {"key":"Zm9v"}';
  const cases: [string, string][] = [
    ["{", "unexpected EOF"],
    ['{"key":"Zm9v"', "unexpected EOF"],
    ["{]", malformed],
    ["{'key':1}", malformed],
    ["garbage", malformed],
    ["[]", "json: a list is no RangeRequest"],
    [`${"[".repeat(30_000)}${"]".repeat(30_000)}`, "json: a list is no RangeRequest"],
    [`{"x":${"[".repeat(32_768)}`, "json: more than 32768 values in one object"],
    [`{"x":[${"0,".repeat(32_767)}`, "json: more than 32768 values in one object"],
    [`{"x":[${"0,".repeat(32_766)}0],"key":1}`, "json: more than 32768 values in one object"],
    [`{"x":[${"0,".repeat(32_765)}0],"key":1}`, "json: key: 1 is no bytes"],
    ["[12345678901234567890]", "json: a list is no RangeRequest"],
    ['{"key":{"a":1}}', "json: key: an object is no bytes"],
    ["7", "json: 7 is no RangeRequest"],
    ['{"key":1}', "json: key: 1 is no bytes"],
    ['{"limit":"x"}', 'json: limit: "x" is no int64'],
    ['{"limit":1.5}', "json: limit: 1.5 is no int64"],
    ['{"limit":"9223372036854775808"}', 'json: limit: "9223372036854775808" is no int64'],
    ['{"serializable":"yes"}', 'json: serializable: "yes" is no bool'],
    ['{"sort_order":"UP"}', 'json: sort_order: "UP" is no SortOrder'],
    ['{"sort_order":"constructor"}', 'json: sort_order: "constructor" is no SortOrder'],
  ];
  for (const [body, message] of cases) {
    const { status, json } = await post("/v3/kv/range", body);
    assert.deepEqual([status, json], [400, { error: message, message, code: 3 }]);
  }
  assert.equal((await post("/v3/kv/range", '{"key":"!"}')).json["code"], 3);
});

test("a malformed deadline is refused", async () => {
  const { status, json } = await post("/v3/kv/range", '{"key":"Zm9v"}', { "Grpc-Timeout": "1x" });
  const message = "invalid grpc-timeout: 1x";
  assert.deepEqual([status, json], [400, { error: message, message, code: 3 }]);
});

test("a deadline in the header ends a call that waits", async () => {
  served.member.read = () => {};
  const { status, json } = await post("/v3/kv/range", '{"key":"Zm9v"}', { "Grpc-Timeout": "20m" });
  const message = "context deadline exceeded";
  assert.deepEqual([status, json], [504, { error: message, message, code: 4 }]);
});

test("version, and the plain 404", async () => {
  const version = await fetch(`http://127.0.0.1:${served.port}/version`);
  assert.deepEqual(await version.json(), { etcdserver: "3.5.21", etcdcluster: "3.5.0" });
  const refused = await fetch(`http://127.0.0.1:${served.port}/health`, { method: "POST" });
  assert.deepEqual([refused.status, refused.headers.get("allow")], [405, "GET"]);
  const missing = await fetch(`http://127.0.0.1:${served.port}/`);
  assert.deepEqual([missing.status, await missing.text()], [404, "404 page not found\n"]);
});
