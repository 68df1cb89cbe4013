// The client port over TLS: both protocols by ALPN, and a client's name only from a certificate that the
// configured authority signed. The certificates are made on the spot.

import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { request } from "node:https";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex, type Readable } from "node:stream";
import { after, before, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { etcdCodecs } from "@althing/wire";
import { createAuthority } from "../peers/testing/certificate.ts";
import { type EchoServer, startEcho } from "./testing/echo-service.ts";
import { GrpcClient } from "./testing/grpc-client.ts";

const put = etcdCodecs.PutRequest.encode({ key: Buffer.from("k") });
const authority = createAuthority("test authority");
const certificates = {
  alice: authority.issue("alice"),
  mallory: createAuthority("another").issue("mallory"),
};
let server: EchoServer;
let impatient: EchoServer;

before(async () => {
  const tls = {
    ...authority.issue("server"),
    ca: authority.cert,
    requestCert: true,
    rejectUnauthorized: true,
  };
  server = await startEcho({ tls });
  impatient = await startEcho({ tls, silenceMs: 100 });
});
after(async () => {
  await server.close(100);
  await impatient.close(100);
});

function identity(name: keyof typeof certificates) {
  return { ...certificates[name], rejectUnauthorized: false };
}

test("gRPC by ALPN h2, and the certificate's name on plain requests over both protocols", async () => {
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

test("who bears several names is the last of them, as with etcd", async () => {
  const { port } = server.address;
  const shown = { ...authority.issue(["alice", "bob"]), rejectUnauthorized: false };
  const session = connectHttp2(`https://127.0.0.1:${port}`, shown);
  const stream = session.request({ ":path": "/here" });
  let said = "";
  stream.on("data", (chunk) => {
    said += chunk;
  });
  await new Promise((resolve) => stream.on("end", resolve));
  session.destroy();
  assert.equal(said, "GET bob");
});

test("bodies and answers are streams at the same time, over both protocols", async () => {
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

test("a certificate of another authority, or none, is turned away", async () => {
  for (const options of [identity("mallory"), { rejectUnauthorized: false }]) {
    const client = new GrpcClient(server.address.port, { tls: options });
    assert.equal((await client.call("/test.Echo/Echo", put)).status, -1);
    client.close();
  }
});

test("cleartext, garbage and silence on the encrypted port are closed", async () => {
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

test("whom the port's own rule refuses is cut off, for all that the authority vouches for it", async () => {
  const told: string[] = [];
  const strict = await startEcho({
    tls: {
      ...authority.issue("server"),
      ca: authority.cert,
      requestCert: true,
      rejectUnauthorized: true,
    },
    refuseClient: (socket) => {
      const name = String(socket.getPeerCertificate().subject.CN);
      told.push(name);
      return name === "alice" ? "not alice" : undefined;
    },
  });
  const bob = authority.issue("bob");
  for (const [shown, status] of [
    [certificates.alice, -1],
    [bob, 0],
  ] as const) {
    const client = new GrpcClient(strict.address.port, {
      tls: { ...shown, rejectUnauthorized: false },
    });
    assert.equal((await client.call("/test.Echo/Echo", put)).status, status);
    client.close();
  }
  assert.deepEqual(told, ["alice", "bob"]);
  assert.deepEqual(strict.events, ["clientTlsRefused"]);
  await strict.close(100);
});

test("a TLS handshake that trickles on is cut off like one that is silent", async () => {
  const socket = connectTcp({ host: "127.0.0.1", port: impatient.address.port });
  socket.on("error", () => {});
  socket.resume();
  const hello = Buffer.alloc(600);
  Buffer.from("1603010200010001fc0303", "hex").copy(hello);
  let sent = 0;
  const trickle = setInterval(() => socket.write(hello.subarray(sent, ++sent)), 20);
  const started = performance.now();
  await new Promise((closed) => socket.once("close", closed));
  clearInterval(trickle);
  assert.ok(performance.now() - started < 2_000);
});

test("at a socket of the file system a crowd that begins handshakes is counted, waits and is cut off like any other", async () => {
  const path = join(tmpdir(), `althing-crowd-${process.pid}`);
  const local = await startEcho({ path, tls: { ...authority.issue("server") }, silenceMs: 3_000 });
  const hello = await new Promise<Buffer>((resolve) => {
    const wire = new Duplex({ read() {}, write: (chunk: Buffer) => resolve(chunk) });
    connectTls({ socket: wire }).on("error", () => {});
  });
  const before = local.counters.connectionsOpen;
  const answered = new Set<unknown>();
  let cut = 0;
  const crowd = Array.from({ length: 40 }, () => {
    const socket = connectTcp(path).on("error", () => {});
    return socket.on("data", () => answered.add(socket)).on("close", () => cut++);
  });
  for (const socket of crowd) socket.write(hello);
  while (answered.size < 36) await new Promise((done) => setTimeout(done, 5));
  await new Promise((done) => setTimeout(done, 200));
  assert.equal(answered.size, 36);
  assert.equal(local.counters.connectionsOpen - before, 40);
  // Who makes others wait and does not go on loses its place.
  while (answered.size < 40) await new Promise((done) => setTimeout(done, 20));
  assert.ok(cut >= 4);
  const secured = connectTls({ socket: connectTcp(path), ...identity("alice") });
  await new Promise((resolve) => secured.once("secureConnect", resolve));
  secured.destroy();
  for (const socket of crowd) socket.destroy();
  await local.close(100);
});
