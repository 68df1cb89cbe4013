// The client port over TLS: both protocols by ALPN, and a client's name only from a certificate that the
// configured authority signed. The certificates are made on the spot with openssl.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { request } from "node:https";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { after, before, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { etcdCodecs } from "@althing/wire";
import { type EchoServer, startEcho } from "./testing/echo-service.ts";
import { GrpcClient } from "./testing/grpc-client.ts";

const skip =
  spawnSync("openssl", ["version"]).error === undefined ? false : "openssl is not installed";

const put = etcdCodecs.PutRequest.encode({ key: Buffer.from("k") });
let folder: string;
let server: EchoServer;
let impatient: EchoServer;

function openssl(...args: string[]): void {
  execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
}

const pem = (name: string) => readFileSync(join(folder, name));

function certify(name: string, commonName: string, authority: string): void {
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-subj", `/CN=${commonName}`];
  if (authority === "") {
    openssl("req", "-x509", ...curve, "-keyout", `${name}.key`, "-out", `${name}.pem`, ...subject);
    return;
  }
  openssl("req", ...curve, "-keyout", `${name}.key`, "-out", `${name}.csr`, ...subject);
  const signing = ["-CA", `${authority}.pem`, "-CAkey", `${authority}.key`, "-CAcreateserial"];
  openssl("x509", "-req", "-in", `${name}.csr`, ...signing, "-out", `${name}.pem`);
}

before(async () => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), "althing-tls-"));
  certify("ca", "test authority", "");
  certify("server", "localhost", "ca");
  certify("alice", "alice", "ca");
  certify("mallory", "mallory", "");
  const tls = {
    cert: pem("server.pem"),
    key: pem("server.key"),
    ca: pem("ca.pem"),
    requestCert: true,
    rejectUnauthorized: true,
  };
  server = await startEcho({ tls });
  impatient = await startEcho({ tls, silenceMs: 100 });
});
after(async () => {
  if (skip) return;
  await server.close(100);
  await impatient.close(100);
  rmSync(folder, { recursive: true, force: true });
});

function identity(name: string) {
  return { cert: pem(`${name}.pem`), key: pem(`${name}.key`), rejectUnauthorized: false };
}

test("gRPC by ALPN h2, and the certificate's name on plain requests over both protocols", {
  skip,
}, async () => {
  const { port } = server.address;
  const client = new GrpcClient(port, { tls: identity("alice") });
  assert.equal((await client.call("/test.Echo/Echo", put)).status, 0);
  client.close();

  const http1 = await new Promise<string>((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path: "/here", agent: false, ...identity("alice") };
    const sent = request(options, (reply) => {
      let text = "";
      reply.on("data", (chunk) => {
        text += chunk;
      });
      reply.on("end", () => resolve(text));
    });
    sent.on("error", reject);
    sent.end();
  });
  assert.equal(http1, "GET alice");

  const session = connectHttp2(`https://127.0.0.1:${port}`, identity("alice"));
  const stream = session.request({ ":path": "/here" });
  let http2 = "";
  stream.on("data", (chunk) => {
    http2 += chunk;
  });
  await new Promise((resolve) => stream.on("end", resolve));
  session.destroy();
  assert.equal(http2, "GET alice");
});

test("bodies and answers are streams at the same time, over both protocols", { skip }, async () => {
  const { port } = server.address;
  const head = { ":path": "/echo", ":method": "POST" };
  const session = connectHttp2(`https://127.0.0.1:${port}`, identity("alice"));
  const options = { host: "127.0.0.1", port, path: "/echo", method: "POST", agent: false };
  const sent = request({ ...options, ...identity("alice") });
  const answered = new Promise<Readable>((resolve, reject) => {
    sent.on("response", resolve).on("error", reject);
  });
  const stream = session.request(head);
  for (const [to, from] of [
    [stream, Promise.resolve<Readable>(stream)],
    [sent, answered],
  ] as const) {
    to.write("one");
    const reader = await from;
    const next = () =>
      new Promise((resolve) => reader.once("data", (chunk) => resolve(`${chunk}`)));
    assert.equal(await next(), "one");
    to.write("two");
    assert.equal(await next(), "two");
    to.end();
    await new Promise((resolve) => reader.once("end", resolve));
  }
  const cut = session.request(head);
  cut.on("error", () => {});
  cut.write("x");
  await new Promise((resolve) => cut.once("data", resolve));
  const before = server.cancelled;
  session.destroy();
  while (server.cancelled === before) await new Promise((done) => setTimeout(done, 5));
});

test("a certificate of another authority, or none, is turned away", { skip }, async () => {
  for (const options of [identity("mallory"), { rejectUnauthorized: false }]) {
    const client = new GrpcClient(server.address.port, { tls: options });
    assert.equal((await client.call("/test.Echo/Echo", put)).status, -1);
    client.close();
  }
});

test("cleartext, garbage and silence on the encrypted port are closed", { skip }, async () => {
  const { port } = server.address;
  for (const first of [
    "GET / HTTP/1.1\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\x16\x03\x01",
    "",
  ]) {
    const socket = connectTcp(impatient.address.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.on("data", () => {});
    socket.write(first);
    await new Promise((resolve) => socket.on("close", resolve));
  }
  const hello = connectTls({ host: "127.0.0.1", port, ...identity("alice") });
  await new Promise((resolve) => hello.on("secureConnect", resolve));
  hello.destroy();
  const silent = connectTls({
    host: "127.0.0.1",
    port: impatient.address.port,
    ALPNProtocols: ["h2"],
    ...identity("alice"),
  });
  silent.on("error", () => {});
  silent.on("data", () => {});
  await new Promise((resolve) => silent.on("close", resolve));
  const client = new GrpcClient(port, { tls: identity("alice") });
  assert.equal((await client.call("/test.Echo/Echo", put)).status, 0);
  client.close();
});
