// What a web page can make the browser of somebody who reaches a member send to it: requests that need no
// leave of the member's, forms, WebSockets, and all of it under a name of its own that was pointed at the
// member (CVE-2018-1098, CVE-2018-1099). Nothing of it writes, nothing is told, and programs notice nothing.

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, request as requestHttp } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { request as requestHttps } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { createAuthority } from "../../packages/server/src/peers/testing/certificate.ts";
import type { EtcdClient } from "../client/etcd-client.ts";
import { Cluster } from "../cluster/cluster.ts";
import { claimPorts, releasePorts } from "../cluster/ports.ts";
import { whyMissing } from "../cluster/program.ts";

const skip = whyMissing("althing") ?? false;
const timeout = 60_000;
const friend = "https://console.example";
const evil = "http://evil.example";

let cluster: Cluster;
let client: EtcdClient;
let plainPort: number;
let securePort: number;

before(async () => {
  if (skip) return;
  const [port] = await claimPorts(1);
  securePort = port as number;
  cluster = await Cluster.start({ program: "althing", members: 1, isStopped: true });
  const member = cluster.member(0);
  const certificate = createAuthority("authority").issue("member");
  const file = (name: string, content: string) => {
    const path = join(cluster.folder, name);
    writeFileSync(path, content);
    return path;
  };
  member.start([
    `--listen-client-urls=${member.spec.clientUrl},https://127.0.0.1:${securePort}`,
    `--cert-file=${file("member.pem", certificate.cert)}`,
    `--key-file=${file("member.key", certificate.key)}`,
    `--cors=${friend}`,
    "--host-whitelist=etcd.example",
  ]);
  await cluster.waitUntilReady();
  plainPort = member.target.port as number;
  client = member.client();
});
after(async () => {
  if (skip) return;
  client.close();
  await cluster.stop();
  releasePorts([securePort]);
});

interface Request {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}
interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
type Ask = (request: Request) => Promise<Answer>;

const base64 = (text: string) => Buffer.from(text).toString("base64");
const putOf = (key: string) => JSON.stringify({ key: base64(key), value: base64("v") });

const http1 =
  (isSecure: boolean): Ask =>
  ({ method = "POST", path = "/v3/kv/put", headers = {}, body = "" }) =>
    new Promise((resolve, reject) => {
      const port = isSecure ? securePort : plainPort;
      const options = { host: "127.0.0.1", port, method, path, agent: false, headers };
      const trusting = { ...options, rejectUnauthorized: false };
      const sent = isSecure ? requestHttps(trusting) : requestHttp(options);
      sent.on("response", async (reply) => {
        let text = "";
        for await (const chunk of reply) text += chunk;
        resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body: text });
      });
      sent.on("error", reject);
      sent.end(body);
    });
const overHttp1 = http1(false);
const overHttps1 = http1(true);

const http2 =
  (isSecure: boolean): Ask =>
  async ({ method = "POST", path = "/v3/kv/put", headers = {}, body }) => {
    const url = isSecure ? `https://127.0.0.1:${securePort}` : `http://127.0.0.1:${plainPort}`;
    const session = connectHttp2(url, { rejectUnauthorized: false });
    try {
      const { host, ...others } = headers;
      const authority = host === undefined ? {} : { ":authority": host };
      const stream = session.request({
        ":method": method,
        ":path": path,
        ...authority,
        ...others,
      });
      stream.end(body);
      const [head] = (await once(stream, "response")) as [
        IncomingHttpHeaders & { ":status": number },
      ];
      let text = "";
      for await (const chunk of stream) text += chunk;
      return { status: head[":status"], headers: head, body: text };
    } finally {
      session.destroy();
    }
  };
const overHttp2 = http2(false);
const overHttp2Secure = http2(true);

async function isWritten(key: string): Promise<boolean> {
  const { response } = await client.range({ key });
  assert.ok(response);
  return (response.kvs ?? []).length > 0;
}

const simplePost = { "content-type": "text/plain;charset=UTF-8" };
const formPost = { "content-type": "application/x-www-form-urlencoded" };
/** What each attack's request says about itself, as browsers write it. */
const attacks: readonly (readonly [string, Readonly<Record<string, string>>, number])[] = [
  ["fetch without leave", { ...simplePost, origin: evil, "sec-fetch-site": "cross-site" }, 403],
  ["the same in an old browser", { ...simplePost, origin: evil }, 403],
  ["a form", { ...formPost, origin: evil, "sec-fetch-site": "cross-site" }, 403],
  ["a sandboxed page", { ...simplePost, origin: "null" }, 403],
  ["a page of another port here", { ...simplePost, origin: "http://127.0.0.1:8080" }, 403],
  ["a page of another name for here", { ...simplePost, origin: "http://localhost:1" }, 403],
  ["an image or a script", { "sec-fetch-site": "cross-site" }, 403],
  ["a neighbour's page", { ...simplePost, "sec-fetch-site": "same-site" }, 403],
  ["fetch with JSON", { "content-type": "application/json", origin: evil }, 403],
  ["a name pointed here", { ...simplePost, host: "evil.example:2379" }, 421],
  [
    "a page under a name pointed here",
    {
      ...simplePost,
      host: "evil.example:2379",
      origin: "http://evil.example:2379",
      "sec-fetch-site": "same-origin",
    },
    421,
  ],
  ["a name that looks like an address", { ...simplePost, host: "127.0.0.1.evil.example" }, 421],
];

for (const [protocol, ask] of [
  ["HTTP/1.1", overHttp1],
  ["HTTP/1.1 over TLS", overHttps1],
  ["HTTP/2", overHttp2],
  ["HTTP/2 over TLS", overHttp2Secure],
] as const) {
  test(`no page writes or reads over ${protocol}`, { skip, timeout }, async () => {
    for (const [name, headers, status] of attacks) {
      const key = `${protocol} ${name}`;
      const put = await ask({ headers, body: putOf(key) });
      assert.equal(put.status, status, name);
      assert.equal(put.headers["access-control-allow-origin"], undefined, name);
      assert.equal(await isWritten(key), false, name);
      for (const path of ["/metrics", "/version", "/health", "/v3/kv/range", "/nowhere"]) {
        const read = await ask({ method: "GET", path, headers });
        assert.equal(read.status, status, `${name} ${path}`);
      }
      const asked = await ask({ method: "OPTIONS", headers });
      assert.equal(asked.status, status, name);
    }
  });

  test(`programs and pages that may call do so over ${protocol}`, { skip, timeout }, async () => {
    const isPlain = ask === overHttp1 || ask === overHttp2;
    const [scheme, port] = isPlain ? ["http", plainPort] : ["https", securePort];
    const friendly: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
      ["curl -d", formPost],
      ["nothing but a body", {}],
      ["by localhost", { host: `localhost:${port}` }],
      ["by a name that is listed", { host: `etcd.example:${port}` }],
      ["its own page", { host: `127.0.0.1:${port}`, origin: `${scheme}://127.0.0.1:${port}` }],
      ["a page that may", { origin: friend, "sec-fetch-site": "cross-site", ...simplePost }],
    ];
    for (const [name, headers] of friendly) {
      const key = `${protocol} ${name}`;
      const put = await ask({ headers, body: putOf(key) });
      assert.equal(put.status, 200, `${name}: ${put.body}`);
      const origin = name === "a page that may" ? friend : headers["origin"];
      assert.equal(put.headers["access-control-allow-origin"], origin, name);
      assert.equal(await isWritten(key), true, name);
    }
    const preflight = await ask({
      method: "OPTIONS",
      headers: { origin: friend, "access-control-request-method": "POST" },
    });
    assert.equal(preflight.status, 200);
    assert.equal(preflight.headers["access-control-allow-origin"], friend);
    assert.match(String(preflight.headers["access-control-allow-methods"]), /POST/);
    assert.match(String(preflight.headers["access-control-allow-headers"]), /content-type/);
  });
}

/** The first line of what comes back. */
async function rawStatus(lines: readonly string[], isSecure = false): Promise<string> {
  const socket = isSecure
    ? connectTls({ host: "127.0.0.1", port: securePort, rejectUnauthorized: false })
    : connect(plainPort, "127.0.0.1");
  try {
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    let heard = "";
    for await (const chunk of socket) {
      heard += chunk;
      if (heard.includes("\r\n")) break;
    }
    return heard.split("\r\n", 1)[0] ?? "";
  } finally {
    socket.destroy();
  }
}

test("a head that says two things about who calls whom says neither", {
  skip,
  timeout,
}, async () => {
  const get = (...lines: string[]) => rawStatus(["GET /health HTTP/1.1", ...lines], false);
  const here = `Host: 127.0.0.1:${plainPort}`;
  const evil = "Host: evil.example";
  assert.equal(await get(here), "HTTP/1.1 200 OK");
  assert.equal(await get(here, evil), "HTTP/1.1 421 Misdirected Request");
  assert.equal(await get(evil, here), "HTTP/1.1 421 Misdirected Request");
  const none = "Sec-Fetch-Site: none";
  assert.equal(await get(here, none, "Sec-Fetch-Site: cross-site"), "HTTP/1.1 403 Forbidden");
  assert.equal(
    await get(here, `Origin: ${friend}`, "Origin: https://evil.example"),
    "HTTP/1.1 403 Forbidden",
  );
});

test("a WebSocket opens for programs and for pages that may, and for nobody else", {
  skip,
  timeout,
}, async () => {
  const open = "HTTP/1.1 101 Switching Protocols";
  const forbidden = "HTTP/1.1 403 Forbidden";
  for (const [scheme, port] of [
    ["http", plainPort],
    ["https", securePort],
  ] as const) {
    const here = `127.0.0.1:${port}`;
    const upgrade = (host: string, ...more: readonly string[]) => {
      const head = [
        "GET /v3/watch HTTP/1.1",
        `Host: ${host}`,
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      ];
      return rawStatus([...head, ...more], scheme === "https");
    };
    assert.equal(await upgrade(here), open);
    assert.equal(await upgrade(here, `Origin: ${friend}`), open);
    assert.equal(await upgrade(here, `Origin: ${scheme}://${here}`), open);
    assert.equal(await upgrade(here, `Origin: ${evil}`), forbidden);
    assert.equal(await upgrade(here, "Origin: null"), forbidden);
    const rebound = await upgrade("evil.example", `Origin: ${scheme}://evil.example`);
    assert.equal(rebound, "HTTP/1.1 421 Misdirected Request");
  }
});

test("a page is refused before its body is read: at its head, and without leave to send it", {
  skip,
  timeout,
}, async () => {
  const head = (origin: string) => [
    "POST /v3/kv/put HTTP/1.1",
    `Host: 127.0.0.1:${plainPort}`,
    `Origin: ${origin}`,
    "Content-Length: 1000000",
  ];
  assert.equal(await rawStatus(head(evil)), "HTTP/1.1 403 Forbidden");
  const asking = "Expect: 100-continue";
  assert.equal(await rawStatus([...head(evil), asking]), "HTTP/1.1 403 Forbidden");
  assert.equal(await rawStatus([...head(friend), asking]), "HTTP/1.1 100 Continue");
});

test("what was turned away is counted, and told in the log", { skip, timeout }, async () => {
  await overHttp1({ headers: { origin: "http://told.example" } });
  const { body } = await overHttp1({ method: "GET", path: "/metrics" });
  const count = /^althing_client_visitors_refused_total (\d+)$/m.exec(body);
  assert.ok(Number(count?.[1]) > 0, "nothing is counted");
  assert.match(cluster.member(0).log(), /turned away a web request: .*told\.example.*--cors/);
});

test("gRPC is served by whatever name, and not to a page", { skip, timeout }, async () => {
  const body = Buffer.concat([Buffer.of(0, 0, 0, 0, 8), Buffer.from("\n\x03key\x12\x01v")]);
  const call = async (headers: Readonly<Record<string, string>>) => {
    const session = connectHttp2(`http://127.0.0.1:${plainPort}`);
    try {
      const stream = session.request({
        ":method": "POST",
        ":path": "/etcdserverpb.KV/Put",
        "content-type": "application/grpc",
        te: "trailers",
        ...headers,
      });
      stream.end(body);
      let status: unknown;
      const note = (head: IncomingHttpHeaders) => {
        status ??= head["grpc-status"];
      };
      stream.on("response", note).on("trailers", note).resume();
      await once(stream, "close");
      return status;
    } finally {
      session.destroy();
    }
  };
  for (const authority of ["etcd", "evil.example:2379", "10.0.0.1:2379", "localhost"]) {
    assert.equal(await call({ ":authority": authority }), "0", authority);
  }
  const refused = "7";
  assert.equal(await call({ origin: evil }), refused);
  assert.equal(await call({ "sec-fetch-site": "cross-site" }), refused);
  const rebound = { ":authority": "evil.example", "sec-fetch-site": "same-origin" };
  assert.equal(await call(rebound), refused);
});
