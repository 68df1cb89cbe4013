import assert from "node:assert/strict";
import { test } from "node:test";
import { hostOf, originOf, VisitorRules, type VisitorRulesOptions } from "./visitor-rules.ts";

interface Asked {
  readonly [header: string]: string | undefined;
}

function judge(asked: Asked, options: Partial<VisitorRulesOptions> = {}, encrypted = false) {
  const rules = new VisitorRules({ hosts: [], origins: [], ...options });
  return rules.judge({ encrypted, header: (name) => asked[name] });
}

const status = (asked: Asked, options?: Partial<VisitorRulesOptions>, encrypted?: boolean) => {
  const judged = judge(asked, options, encrypted);
  return judged.admitted ? 200 : judged.status;
};

test("a member is called by any address, as localhost, and by its own names alone", () => {
  const hosts = ["etcd.example:2379", "*.internal", "Other"];
  for (const host of [
    "127.0.0.1",
    "10.1.2.3:2379",
    "[::1]:2379",
    "127.1:2379",
    "localhost:2379",
    "LocalHost",
    "localhost.",
    "etcd.example",
    "ETCD.example:99",
    "other:2379",
  ]) {
    assert.equal(status({ host }, { hosts }), 200, host);
    assert.equal(status({ ":authority": host }, { hosts }), 200, host);
  }
  for (const host of [
    "evil.example",
    "evil.example:2379",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "xetcd.example",
    "a.internal",
    "evil.example#@127.0.0.1",
    "127.0.0.1/evil.example",
    "user@127.0.0.1",
    "evil example",
    "",
  ]) {
    assert.equal(status({ host }, { hosts }), 421, host);
  }
  assert.equal(status({ host: "evil.example" }, { hosts: ["*"] }), 200);
  assert.equal(status({}), 200);
});

test("a name that the certificate is good for is the member's own", () => {
  const isCertified = (host: string) => host === "certified.example";
  assert.equal(status({ host: "certified.example:2379" }, { isCertified }, true), 200);
  assert.equal(status({ host: "evil.example" }, { isCertified }, true), 421);
});

test("the host of one request says nothing for the next", () => {
  const rules = new VisitorRules({ hosts: [], origins: [] });
  const ask = (host: string) =>
    rules.judge({ encrypted: false, header: (name) => (name === "host" ? host : undefined) });
  assert.equal(ask("127.0.0.1:1").admitted, true);
  assert.equal(ask("127.0.0.1:1").admitted, true);
  assert.equal(ask("evil.example").admitted, false);
  assert.equal(ask("evil.example").admitted, false);
});

const host = "127.0.0.1:2379";

test("pages of other origins are turned away unless --cors names them", () => {
  const origins = ["https://console.example"];
  const cases: [Asked, number][] = [
    [{ host }, 200],
    [{ host, origin: "http://127.0.0.1:2379" }, 200],
    [{ host, origin: "https://127.0.0.1:2379" }, 403],
    [{ host, origin: "http://127.0.0.1:8080" }, 403],
    [{ host, origin: "http://localhost:2379" }, 403],
    [{ host, origin: "http://evil.example" }, 403],
    [{ host, origin: "null" }, 403],
    [{ host, origin: "" }, 403],
    [{ host, origin: "https://console.example" }, 200],
    [{ host, origin: "https://console.example.evil.example" }, 403],
    [{ host, origin: "http://console.example" }, 403],
    [{ host, "sec-fetch-site": "none" }, 200],
    [{ host, "sec-fetch-site": "same-origin" }, 200],
    [{ host, "sec-fetch-site": "same-site" }, 403],
    [{ host, "sec-fetch-site": "cross-site" }, 403],
    [{ host, "sec-fetch-site": "whatever" }, 403],
    [{ host, "sec-fetch-site": "cross-site", origin: "https://console.example" }, 200],
  ];
  for (const [asked, expected] of cases) {
    assert.equal(status(asked, { origins }), expected, JSON.stringify(asked));
  }
  assert.equal(status({ host, origin: "https://127.0.0.1:2379" }, {}, true), 200);
  assert.equal(status({ host, origin: "http://127.0.0.1:2379" }, {}, true), 403);
});

test("a name that was pointed at the member is no origin of its own", () => {
  const rebound = { host: "evil.example:2379", origin: "http://evil.example:2379" };
  assert.equal(status({ ...rebound, "sec-fetch-site": "same-origin" }), 421);
});

test("only a page that may call is told that it may read the answer", () => {
  const origins = ["https://console.example"];
  const told = judge({ host, origin: "https://console.example" }, { origins });
  assert.deepEqual(told.admitted && told.headers, {
    "Access-Control-Allow-Methods": "POST, GET, OPTIONS, PUT, DELETE",
    "Access-Control-Allow-Headers": "accept, content-type, authorization",
    "Access-Control-Allow-Origin": "https://console.example",
    Vary: "Origin",
  });
  assert.deepEqual(judge({ host }, { origins }), { admitted: true, headers: {} });
  for (const origin of ["http://evil.example", undefined, "null"]) {
    const all = judge({ host, origin, "sec-fetch-site": "cross-site" }, { origins: ["*"] });
    assert.equal(all.admitted && all.headers["Access-Control-Allow-Origin"], "*");
  }
});

test("gRPC clients call a member as they like; a browser that speaks gRPC does not", () => {
  const rules = new VisitorRules({ hosts: [], origins: [] });
  const judgeCall = (asked: Asked) =>
    rules.judgeCall({ encrypted: false, header: (name) => asked[name] }).admitted;
  for (const authority of [
    "#initially=[10.0.0.1:2379]",
    "http://10.0.0.1:2379",
    "etcd",
    "/run/x",
  ]) {
    assert.equal(judgeCall({ ":authority": authority }), true, authority);
  }
  assert.equal(judgeCall({ ":authority": "evil.example", "sec-fetch-site": "same-origin" }), false);
  assert.equal(judgeCall({ ":authority": host, origin: "http://evil.example" }), false);
  assert.equal(judgeCall({ ":authority": host, origin: `http://${host}` }), true);
});

test("hosts and origins are read as browsers write them", () => {
  assert.equal(hostOf("[2001:DB8::1]:80"), "2001:db8::1");
  assert.equal(hostOf("Bücher.example"), "xn--bcher-kva.example");
  assert.equal(originOf("HTTPS://Console.example:443"), "https://console.example");
  for (const text of ["console.example", "https://a/b", "https://u@a", "file:///x", "https://"]) {
    assert.equal(originOf(text), undefined, text);
  }
});
