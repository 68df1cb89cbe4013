// Real Chromium, whose reader reaches a member: a page of another origin, and a page under a name that was
// pointed at the member, try all that a page may try. What the page sees is told, and what the member holds
// is looked at from the side. A page that `--cors` names shows that the attempts would work.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { EtcdClient } from "../client/etcd-client.ts";
import { Cluster } from "../cluster/cluster.ts";
import { guard, unguard } from "../cluster/guard.ts";
import { claimPorts, releasePorts } from "../cluster/ports.ts";
import { whyMissing } from "../cluster/program.ts";

const skip = whyMissing("althing") ?? whyMissing("chromium") ?? false;
const timeout = 120_000;

let cluster: Cluster;
let client: EtcdClient;
let memberPort: number;
let friendPort: number;
const pages: Server[] = [];

/** Runs in the page. Each attempt writes a key of its own; what it could see goes into the title. */
const attempts = `
const seen = {};
const encode = (key) => JSON.stringify({ key: btoa(key), value: btoa("v") });
const attempt = async (name, run) => {
  try { seen[name] = await run(); } catch (error) { seen[name] = "failed"; }
};
const put = member + "/v3/kv/put";
const later = (ms) => new Promise((done) => setTimeout(done, ms));
await attempt("opaque", async () =>
  (await fetch(put, { method: "POST", mode: "no-cors", body: encode("opaque") })).type);
await attempt("text", async () =>
  (await fetch(put, { method: "POST", headers: { "content-type": "text/plain" }, body: encode("text") })).status);
await attempt("json", async () =>
  (await fetch(put, { method: "POST", headers: { "content-type": "application/json" }, body: encode("json") })).status);
await attempt("beacon", async () => navigator.sendBeacon(put, encode("beacon")));
await attempt("read", async () => (await (await fetch(member + "/version")).text()).slice(0, 12));
await attempt("image", () => new Promise((done) => {
  const image = new Image();
  image.onerror = () => done("tried");
  image.src = member + "/metrics";
}));
await attempt("socket", () => new Promise((done) => {
  const socket = new WebSocket(member.replace("http", "ws") + "/v3/kv/put");
  socket.onopen = () => { socket.send(encode("socket")); done("open"); };
  socket.onerror = () => done("refused");
}));
await attempt("form", async () => {
  const frame = document.createElement("iframe");
  frame.name = "target";
  document.body.append(frame);
  const form = document.createElement("form");
  form.action = put; form.method = "POST"; form.target = "target"; form.enctype = "text/plain";
  const input = document.createElement("input");
  // name=value of a text/plain form, made to be JSON.
  const [head, tail] = encode("form").split('"value"');
  input.name = head + '"ignored":"'; input.value = '","value"' + tail;
  form.append(input);
  document.body.append(form);
  form.submit();
  await later(500);
  return "sent";
});
await later(500);
await fetch("/seen", { method: "POST", body: JSON.stringify(seen) });
`;

function page(member: string): string {
  return `<!doctype html><title>page</title><body><script type="module">
const member = ${JSON.stringify(member)};${attempts}</script>`;
}

interface Page {
  readonly port: number;
  /** What the page tells when it has tried everything. */
  readonly seen: Promise<Record<string, unknown>>;
}

/** Serves the page on a port, for whatever name the browser knows it by. */
async function servePage(member: () => string, port = 0): Promise<Page> {
  let tell: (seen: Record<string, unknown>) => void;
  const seen = new Promise<Record<string, unknown>>((resolve) => {
    tell = resolve;
  });
  const server = createServer(async (request, response) => {
    if (request.method === "POST") {
      let text = "";
      for await (const chunk of request) text += chunk;
      tell(JSON.parse(text));
    }
    response.setHeader("content-type", "text/html").end(page(member()));
  });
  pages.push(server);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, seen };
}

before(async () => {
  if (skip) return;
  const [port] = await claimPorts(1);
  friendPort = port as number;
  cluster = await Cluster.start({
    program: "althing",
    members: 1,
    args: [`--cors=http://127.0.0.1:${friendPort}`],
  });
  memberPort = cluster.member(0).target.port as number;
  client = cluster.member(0).client();
});
after(async () => {
  if (skip) return;
  client.close();
  for (const server of pages) {
    server.close();
    server.closeAllConnections();
  }
  await cluster.stop();
  releasePorts([friendPort]);
});

/** What the page saw, in a browser that finds evil.example at the loopback address. */
async function visit(url: string, page: Page): Promise<Record<string, unknown>> {
  const profile = mkdtempSync(join(tmpdir(), "althing-browser-"));
  guard("dir", profile);
  const browser = spawn(
    "chromium",
    [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      // The browser's own guard of the local network, which others do not have, would hide ours.
      "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
      "--host-resolver-rules=MAP evil.example 127.0.0.1",
      `--user-data-dir=${profile}`,
      url,
    ],
    { stdio: "ignore" },
  );
  const exited = once(browser, "exit");
  guard("pid", browser.pid as number);
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("the page told nothing")), 30_000);
  try {
    return await Promise.race([page.seen, late]);
  } finally {
    clearTimeout(timer);
    browser.kill("SIGTERM");
    await exited;
    unguard("pid", browser.pid as number);
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    unguard("dir", profile);
  }
}

/** The keys that there are, which are taken away. */
async function written(): Promise<string[]> {
  const { response } = await client.range({ key: "a", range_end: "z" });
  const keys = (response?.kvs ?? []).map((kv) => Buffer.from(kv.key ?? []).toString());
  await client.deleteRange({ key: "a", range_end: "z" });
  return keys.sort();
}

test("a page of another origin in Chromium changes nothing and learns nothing", {
  skip,
  timeout,
}, async () => {
  const page = await servePage(() => `http://127.0.0.1:${memberPort}`);
  const seen = await visit(`http://127.0.0.1:${page.port}/`, page);
  assert.deepEqual(await written(), []);
  assert.deepEqual(
    { text: seen["text"], json: seen["json"], read: seen["read"], socket: seen["socket"] },
    { text: "failed", json: "failed", read: "failed", socket: "refused" },
  );
});

test("a page under a name that was pointed at the member changes nothing and learns nothing", {
  skip,
  timeout,
}, async () => {
  // The page's own name resolves to the member by now: to the browser the member is the page's origin. It
  // comes from a port of its own here, so that its calls to the member's are those of a page after the switch.
  const page = await servePage(() => `http://evil.example:${memberPort}`);
  const seen = await visit(`http://evil.example:${page.port}/`, page);
  assert.deepEqual(await written(), []);
  assert.equal(seen["read"], "failed");
  assert.equal(seen["socket"], "refused");
});

test("a page that --cors names may: the attempts are real", { skip, timeout }, async () => {
  const page = await servePage(() => `http://127.0.0.1:${memberPort}`, friendPort);
  const seen = await visit(`http://127.0.0.1:${friendPort}/`, page);
  const { opaque, text, json, read, socket } = seen;
  assert.deepEqual(
    { opaque, text, json, read, socket },
    { opaque: "opaque", text: 200, json: 200, read: '{"etcdserver', socket: "open" },
  );
  for (const key of ["opaque", "text", "json", "beacon", "form"]) {
    const keys = await client.range({ key });
    assert.equal(keys.response?.kvs?.length, 1, key);
  }
});
