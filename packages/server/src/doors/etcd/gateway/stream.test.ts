import assert from "node:assert/strict";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { after, test } from "node:test";
import { inspect } from "node:util";
import { until } from "../testing/in-process-cluster.ts";
import { EtcdClient, serveDoor } from "../testing/served-door.ts";

const served = await serveDoor();
const client = new EtcdClient(served.port);
after(async () => {
  client.close();
  await served.close();
});
const { store } = served.member;
const bytes = (text: string) => Buffer.from(text, "latin1");
const base64 = (text: string) => bytes(text).toString("base64");

/** A call whose body and answer are streams. */
class Exchange {
  readonly request: ClientRequest;
  readonly answered: Promise<IncomingMessage>;
  readonly lines: Record<string, Record<string, unknown>>[] = [];
  readonly ended: Promise<void>;

  constructor(path: string, headers: Record<string, string> = {}, port = served.port) {
    this.request = request({ port, path, method: "POST", headers, agent: false });
    this.answered = new Promise((resolve, reject) => {
      this.request.on("response", resolve).on("error", reject);
    });
    this.ended = this.read();
    this.ended.catch(() => {});
  }

  async line(at: number): Promise<Record<string, Record<string, unknown>>> {
    await until(() => this.lines.length > at);
    return this.lines[at]!;
  }

  private async read(): Promise<void> {
    const response = await this.answered;
    let text = "";
    for await (const chunk of response.setEncoding("utf8")) {
      text += chunk;
      const complete = text.split("\n");
      text = complete.pop()!;
      for (const line of complete) this.lines.push(JSON.parse(line));
    }
    if (text !== "") this.lines.push(JSON.parse(text));
  }
}

const header = (revision: number) => ({
  cluster_id: "14841639068965178418",
  member_id: "10276657743932975437",
  revision: String(revision),
  raft_term: "2",
});
const put = async (key: string, value: string) => {
  const answer = await client.put({ key: bytes(key), value: bytes(value) });
  assert.ok("response" in answer, inspect(answer));
  return answer.response.header!.revision;
};

test("a revision of many events is one line, and what else is told comes before or after it", async () => {
  const count = 1800;
  for (let i = 0; i < count; i++) await put(`many${i}`, "");
  const exchange = new Exchange("/v3/watch");
  const watch = (key: string, rangeEnd: string) =>
    exchange.request.write(
      JSON.stringify({ create_request: { key: base64(key), range_end: base64(rangeEnd) } }),
    );
  watch("many", "manz");
  watch("other", "");
  await exchange.line(1);
  const deleted = client.deleteRange({ key: bytes("many"), range_end: bytes("manz") });
  await Promise.all([deleted, put("other", "")]);
  const told = [await exchange.line(2), await exchange.line(3)].map(({ result }) => {
    const events = result!["events"] as { type?: string }[];
    return [result!["watch_id"], events.length, events[0]!.type];
  });
  told.sort((one, other) => Number(other[1]) - Number(one[1]));
  assert.deepEqual(told, [
    [undefined, count, "DELETE"],
    ["1", 1, undefined],
  ]);
  exchange.request.destroy();
});

test("a watch whose body has ended goes on telling, a line for each message", async () => {
  const watch = new Exchange("/v3/watch");
  watch.request.end(JSON.stringify({ create_request: { key: base64("a"), prev_kv: true } }));
  const at = store.revision;
  assert.deepEqual(await watch.line(0), { result: { header: header(at), created: true } });
  const response = await watch.answered;
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers["content-type"], "application/json");
  assert.equal(response.headers["grpc-metadata-content-type"], "application/grpc");
  assert.equal(response.headers["transfer-encoding"], "chunked");
  assert.equal(response.headers["access-control-allow-origin"], undefined);

  const revision = await put("a", "1");
  const kv = {
    key: base64("a"),
    create_revision: String(revision),
    mod_revision: String(revision),
    version: "1",
    value: base64("1"),
  };
  assert.deepEqual(await watch.line(1), { result: { header: header(revision), events: [{ kv }] } });
  await client.deleteRange({ key: bytes("a") });
  const deleted = {
    type: "DELETE",
    kv: { key: base64("a"), mod_revision: String(revision + 1) },
    prev_kv: kv,
  };
  assert.deepEqual(await watch.line(2), {
    result: { header: header(revision + 1), events: [deleted] },
  });
  watch.request.destroy();
});

test("a revision of thousands of events is one line", async () => {
  const keys = Array.from({ length: 2000 }, (_, i) => `many${10_000 + i}`);
  for (let i = 0; i < keys.length; i += 100) {
    const puts = keys.slice(i, i + 100).map((key) => ({ request_put: { key: bytes(key) } }));
    await client.txn({ success: puts });
  }
  const watch = new Exchange("/v3/watch");
  const range = { key: base64("many"), range_end: base64("manz") };
  watch.request.end(JSON.stringify({ create_request: range }));
  await watch.line(0);
  await client.deleteRange({ key: bytes("many"), range_end: bytes("manz") });
  const { revision } = store;
  const { result } = await watch.line(1);
  const events = keys.map((key) => ({
    type: "DELETE",
    kv: { key: base64(key), mod_revision: String(revision) },
  }));
  assert.deepEqual(result, { header: header(revision), events });
  watch.request.destroy();
});

test("requests are taken one by one as the body brings them, cut anywhere", async () => {
  const watch = new Exchange("/v3/watch");
  const create = JSON.stringify({ create_request: { key: base64("b") } });
  watch.request.write(create.slice(0, 20));
  watch.request.write(create.slice(20));
  await watch.line(0);
  watch.request.write(`${create} {"cancel_request":{"watch_`);
  assert.equal((await watch.line(1))["result"]!["watch_id"], "1");
  watch.request.write('id":"1"}}');
  assert.deepEqual(await watch.line(2), {
    result: { header: header(store.revision), watch_id: "1", canceled: true },
  });
  // What is malformed later ends the requests, not the watch.
  watch.request.end('{"create_request":{"key":7}}');
  const revision = await put("b", "1");
  assert.deepEqual((await watch.line(3))["result"]!["header"], header(revision));
  watch.request.destroy();
});

test("a client that leaves takes its watchers with it", async () => {
  const watch = new Exchange("/v3/watch");
  watch.request.end(JSON.stringify({ create_request: { key: base64("c") } }));
  await watch.line(0);
  const before = served.door.counters.watch.watchers;
  assert.ok(before > 0);
  watch.request.destroy();
  await until(() => served.door.counters.watch.watchers < before);
});

test("keep-alives are answered in order; the answer ends with the body", async () => {
  await client.call("LeaseGrant", "LeaseGrantRequest", "LeaseGrantResponse", { ID: 77n, TTL: 60 });
  const alive = new Exchange("/v3/lease/keepalive");
  alive.request.write('{"ID":"77"}');
  const result = { header: header(store.revision), ID: "77", TTL: "60" };
  assert.deepEqual(await alive.line(0), { result });
  alive.request.end('{"ID":78}');
  await alive.ended;
  assert.deepEqual(alive.lines, [
    { result },
    { result: { header: header(store.revision), ID: "78" } },
  ]);
  const empty = new Exchange("/v3/lease/keepalive");
  empty.request.end();
  await empty.ended;
  assert.deepEqual([(await empty.answered).statusCode, empty.lines], [200, []]);
});

test("a first request that is malformed is refused, with the code of a stream", async () => {
  for (const [path, body, status, code] of [
    ["/v3/watch", '{"create_req', 500, 2],
    ["/v3/watch", '{"create_request":{"key":7}}', 500, 2],
    ["/v3/lease/keepalive", "[]", 500, 2],
    ["/v3/maintenance/snapshot", "{", 400, 3],
  ] as const) {
    const exchange = new Exchange(path);
    exchange.request.end(body);
    await exchange.ended;
    assert.deepEqual(
      [(await exchange.answered).statusCode, exchange.lines[0]!["code"]],
      [status, code],
      path,
    );
  }
});

test("a deadline ends a stream with an error in its last line, and with a status before its first", async () => {
  const watch = new Exchange("/v3/watch", { "Grpc-Timeout": "50m" });
  watch.request.end(JSON.stringify({ create_request: { key: base64("d") } }));
  await watch.ended;
  const message = "context deadline exceeded";
  assert.deepEqual(watch.lines[1], {
    error: { grpc_code: 4, http_code: 504, message, http_status: "Gateway Timeout", code: 4 },
  });
  const silent = new Exchange("/v3/watch", { "Grpc-Timeout": "20m" });
  silent.request.end();
  await silent.ended;
  assert.equal((await silent.answered).statusCode, 504);
  assert.deepEqual(silent.lines, [{ error: message, message, code: 4 }]);
});

test("a snapshot comes in lines, its digest last", async () => {
  const snapshot = new Exchange("/v3/maintenance/snapshot");
  snapshot.request.end();
  await snapshot.ended;
  const last = snapshot.lines.at(-1)!["result"]!;
  assert.equal(Buffer.from(String(last["blob"]), "base64").length, 32);
  assert.deepEqual(Object.keys(last), ["blob"]);
});

test("a reader that stops is bounded, and catches up when it reads again", async () => {
  const watch = new Exchange("/v3/watch");
  watch.request.end(JSON.stringify({ create_request: { key: base64("e") } }));
  await watch.line(0);
  const { socket } = await watch.answered;
  socket.pause();
  const value = "x".repeat(1_000_000);
  const count = 12;
  for (let i = 0; i < count; i++) await put("e", value);
  assert.ok(served.door.counters.watch.watchers > 0);
  socket.resume();
  await until(
    () => watch.lines.flatMap((line) => line["result"]!["events"] ?? []).length === count,
  );
  watch.request.destroy();
});

test("calls count where those of gRPC do, once they can be read", async () => {
  const counted = (method: string): Record<string, number> => {
    const counts = [...served.transport.methods.values()].find((one) => one.method === method);
    const { started, received, sent, handled } = counts!;
    const codes = Object.fromEntries([...handled.entries()].filter(([, count]) => count > 0));
    return { started, received, sent, ...codes };
  };
  const before = counted("LeaseTimeToLive");
  assert.deepEqual(before, { started: 0, received: 0, sent: 0 });
  const call = async (path: string, ...body: string[]) => {
    const exchange = new Exchange(path);
    for (const piece of body) exchange.request.write(piece);
    exchange.request.end();
    await exchange.ended;
  };
  await call("/v3/lease/timetolive", "{");
  assert.deepEqual(counted("LeaseTimeToLive"), before);
  await call("/v3/lease/timetolive", '{"ID":4711}');
  assert.deepEqual(counted("LeaseTimeToLive"), { started: 1, received: 1, sent: 1, 0: 1 });
  await call("/v3/lease/revoke", '{"ID":4711}');
  assert.deepEqual(counted("LeaseRevoke"), { started: 1, received: 1, sent: 0, 5: 1 });
  const { started, received, sent } = counted("LeaseKeepAlive");
  await call("/v3/lease/keepalive", '{"ID":1}', '{"ID":2}');
  const after = counted("LeaseKeepAlive");
  assert.deepEqual(
    [after["started"]! - started!, after["received"]! - received!, after["sent"]! - sent!],
    [1, 2, 2],
  );
  const watches = counted("Watch");
  const watch = new Exchange("/v3/watch");
  watch.request.write('{"create_request":{"key":"YQ=="}}');
  await watch.line(0);
  watch.request.destroy();
  await until(() => (counted("Watch")[1] ?? 0) === (watches[1] ?? 0) + 1);
  assert.equal(counted("Watch")["started"], watches["started"]! + 1);
});

test("closing the server ends streams with an error, not with silence", async () => {
  const other = await serveDoor();
  const watch = new Exchange("/v3/watch", {}, other.port);
  watch.request.end(JSON.stringify({ create_request: { key: base64("f") } }));
  await watch.line(0);
  const closed = other.close();
  await watch.ended;
  assert.deepEqual(watch.lines[1]!["error"], {
    grpc_code: 14,
    http_code: 503,
    message: "etcdserver: server stopped",
    http_status: "Service Unavailable",
    code: 14,
  });
  await closed;
});
