// Members that know each other by certificate. The certificates are made on the spot.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { createServer as createTlsServer, connect as tlsConnect } from "node:tls";
import type { MemberEvent } from "@althing/member";
import { parseListenUrl, parsePeerUrl } from "./peer-url.ts";
import { createAuthority, type Issue } from "./testing/certificate.ts";
import { helloOf, Stranger } from "./testing/stranger.ts";
import {
  connectedTo,
  createTestMember,
  ids,
  keyOf,
  observed,
  type TestMember,
  testClusterId,
} from "./testing/two-members.ts";
import type { PeerTls } from "./tls.ts";

const authority = createAuthority("the authority");
const stranger = createAuthority("another authority");

const open: TestMember[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((member) => member.transport.close()));
});

function certificate(from: typeof authority, name: string, extra: Partial<PeerTls> = {}): PeerTls {
  return { ...from.issue(name), ca: from.cert, clientCertAuth: true, ...extra };
}

function pair(base: number, tlsA: PeerTls, tlsB: PeerTls): [TestMember, TestMember] {
  const a = createTestMember(ids.a, base, { [ids.b]: base + 1 }, { tls: tlsA });
  const b = createTestMember(ids.b, base + 1, { [ids.a]: base }, { tls: tlsB });
  open.push(a, b);
  return [a, b];
}

test("members with certificates of one authority talk", async () => {
  const [a, b] = pair(26110, certificate(authority, "a"), certificate(authority, "b"));
  await Promise.all([a.start(), b.start()]);
  await Promise.all([a.until(connectedTo(ids.b), 0), b.until(connectedTo(ids.a), 0)]);
  const large = { kind: "forward", payloads: [new Uint8Array(2_000_000).fill(3)] } as const;
  a.transport.send(ids.b, large);
  const heard = await b.until((told) => told.kind === "receive", 0);
  assert.deepEqual(heard.detail, large);
});

test("a certificate of another authority is turned away", async () => {
  const [a, b] = pair(26112, certificate(authority, "a"), certificate(stranger, "b"));
  await Promise.all([a.start(), b.start()]);
  const failed = await a.until(observed("peerDialFailed"), 0);
  assert.match(String((failed.detail as MemberEvent)["reason"]), /certificate|signature|verify/i);
  assert.equal(a.told.some(connectedTo(ids.b)), false);
  assert.equal(b.told.some(connectedTo(ids.a)), false);
});

test("a common name that is not allowed is turned away", async () => {
  const strict = certificate(authority, "a", { allowedCommonName: "a" });
  const [a, b] = pair(26114, strict, certificate(authority, "b"));
  await Promise.all([a.start(), b.start()]);
  const away = await a.until(observed("peerTurnedAway"), 0);
  assert.match(String((away.detail as MemberEvent)["reason"]), /common name is b/);
  const refusal = await b.until(observed("peerRefusedUs"), 0);
  assert.match(String((refusal.detail as MemberEvent)["reason"]), /--peer-cert-allowed-cn/);
  // And it is not believed when it is called either.
  const called = await a.until(observed("peerDialFailed"), 0);
  assert.match(String((called.detail as MemberEvent)["reason"]), /common name is b/);
  assert.equal(a.told.some(connectedTo(ids.b)), false);
});

test("where certificates must bear one host name, a caller's must too", async () => {
  const hosts = ["127.0.0.1", "members.example"];
  const named = { ...authority.issue("a", { hosts }), ca: authority.cert, clientCertAuth: true };
  const [a, b] = pair(
    26114,
    { ...named, allowedHostname: "members.example" },
    certificate(authority, "b"),
  );
  await Promise.all([a.start(), b.start()]);
  const away = await a.until(observed("peerTurnedAway"), 0);
  assert.match(String((away.detail as MemberEvent)["reason"]), /members\.example/);
  const called = await a.until(observed("peerDialFailed"), 0);
  assert.match(String((called.detail as MemberEvent)["reason"]), /members\.example/);
  assert.equal(a.told.some(connectedTo(ids.b)), false);
});

test("a user whose name is that of a host is no member for that, nor who bears the allowed name among others", async () => {
  const byHost = certificate(authority, "a", { allowedHostname: "members.test" });
  const user = { ...authority.issue("members.test", { hosts: ["127.0.0.1"] }), ca: authority.cert };
  const byName = certificate(authority, "a", { allowedCommonName: "member" });
  const both = { ...authority.issue(["member", "mallory"]), ca: authority.cert };
  for (const [i, [strict, shown]] of [[byHost, user] as const, [byName, both] as const].entries()) {
    const [a, b] = pair(26170 + 2 * i, strict, { ...shown, clientCertAuth: true });
    await Promise.all([a.start(), b.start()]);
    const away = await a.until(observed("peerTurnedAway"), 0);
    assert.match(
      String((away.detail as MemberEvent)["reason"]),
      [/DNS name/, /name is mallory/][i]!,
    );
    assert.equal(a.told.some(connectedTo(ids.b)), false);
  }
});

test("cleartext on a TLS port is turned away with one line", async () => {
  const a = createTestMember(
    ids.a,
    26116,
    { [ids.b]: 26117 },
    { tls: certificate(authority, "a") },
  );
  const plain = createTestMember(ids.b, 26117, { [ids.a]: 26116 });
  open.push(a, plain);
  await Promise.all([a.start(), plain.start()]);
  const away = await a.until(observed("peerTurnedAway"), 0);
  assert.equal((away.detail as MemberEvent)["code"], "tls");
  assert.equal(plain.told.some(connectedTo(ids.a)), false);
});

test("a revoked certificate is turned away, whichever of the two calls", async () => {
  const revoked = certificate(authority, "b");
  const { serialNumber } = new X509Certificate(revoked.cert);
  const strict = certificate(authority, "a", {
    refusesCertificate: (one) => (one.serialNumber === serialNumber ? "it was revoked" : undefined),
  });
  const [a, b] = pair(26118, strict, revoked);
  await Promise.all([a.start(), b.start()]);
  const called = await a.until(observed("peerDialFailed"), 0);
  assert.match(String((called.detail as MemberEvent)["reason"]), /it was revoked/);
  const away = await a.until(observed("peerTurnedAway"), 0);
  assert.match(String((away.detail as MemberEvent)["reason"]), /it was revoked/);
  assert.equal(a.told.some(connectedTo(ids.b)), false);
  assert.equal(b.told.some(connectedTo(ids.a)), false);
});

test("where certificates can be revoked no session is resumed past the list", async () => {
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const tls = certificate(authority, "a", { refusesCertificate: () => undefined, maxVersion });
    const a = createTestMember(ids.a, 0, { [ids.b]: 26199 }, { tls });
    open.push(a);
    await a.start();
    let session: Buffer | undefined;
    const pair = authority.issue("b");
    const call = async () => {
      const known = session === undefined ? {} : { session };
      const where = { host: "127.0.0.1", port: a.port, ca: authority.cert };
      const socket = tlsConnect({ ...where, ...pair, ...known });
      socket.on("session", (given) => {
        session = given;
      });
      socket.on("error", () => {});
      await once(socket, "secureConnect");
      const isResumed = socket.isSessionReused();
      // Refused by then, and whatever comes with a session has come.
      socket.end("something that is no hello").resume();
      await once(socket, "close");
      return isResumed;
    };
    assert.equal(await call(), false);
    assert.equal(await call(), false, maxVersion);
  }
});

test("a certificate for other addresses, or for clients alone, is no member's", async () => {
  const cases: [Issue, RegExp][] = [
    [{ hosts: ["10.9.8.7"] }, /none of that is an address of the member \(127\.0\.0\.1\)/],
    [{ usages: ["clientAuth"] }, /does not allow the use as a server/],
  ];
  for (const [how, reason] of cases) {
    const a = createTestMember(ids.a, 0, { [ids.b]: 26199 }, { tls: certificate(authority, "a") });
    open.push(a);
    a.held.set(ids.b, keyOf(ids.b).identity);
    await a.start();
    const pair = authority.issue("a client of the same authority", how);
    const caller = await Stranger.connect(a.port, { ...pair, ca: authority.cert });
    const hello = helloOf({
      clusterId: testClusterId,
      member: ids.b,
      identity: keyOf(ids.b).identity,
      consensus: "raft",
      to: ids.a,
      channel: "main",
    });
    const challenge = await caller.greet(hello);
    assert.ok(challenge !== undefined);
    if (!("code" in challenge)) caller.prove(hello, challenge, keyOf(ids.b));
    const refusal = "code" in challenge ? challenge : await caller.hearRefusal();
    assert.equal(refusal?.code, "certificate");
    assert.match(refusal.reason, reason);
    caller.socket.destroy();
  }
});

test("members that call with certificates of their own need no certificate for both uses", async () => {
  const separate = (name: string): PeerTls => ({
    ...authority.issue(`${name} serves`, { usages: ["serverAuth"] }),
    caller: authority.issue(`${name} calls`, { usages: ["clientAuth"] }),
    ca: authority.cert,
    clientCertAuth: true,
  });
  const [a, b] = pair(26118, separate("a"), separate("b"));
  await Promise.all([a.start(), b.start()]);
  await Promise.all([a.until(connectedTo(ids.b), 0), b.until(connectedTo(ids.a), 0)]);

  // Not where the others hold members to one certificate for both.
  const [c, d] = pair(26122, certificate(authority, "c"), separate("d"));
  await Promise.all([c.start(), d.start()]);
  const failed = await c.until(observed("peerDialFailed"), 0);
  assert.match(String((failed.detail as MemberEvent)["reason"]), /the use as a client; a member's/);
  const refused = await c.until(observed("peerTurnedAway"), 0);
  assert.match(String((refused.detail as MemberEvent)["reason"]), /the use as a server/);
});

test("who sits between two members and opens their connections can pass nothing on", async () => {
  // Nobody verifies certificates here: each side takes the one between for the other.
  const loose = { ...authority.issue("a"), clientCertAuth: false };
  const a = createTestMember(ids.a, 0, { [ids.b]: 26199 }, { tls: loose });
  open.push(a);
  a.held.set(ids.b, keyOf(ids.b).identity);
  await a.start();
  const between = createTlsServer({ ...stranger.issue("between") }, (inside) => {
    const outside = tlsConnect({ host: "127.0.0.1", port: a.port, rejectUnauthorized: false });
    for (const [one, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
      one.pipe(other);
    }
  }).listen(0, "127.0.0.1");
  await once(between, "listening");
  try {
    const { port } = between.address() as AddressInfo;
    const b = createTestMember(ids.b, 0, { [ids.a]: port }, { tls: loose });
    open.push(b);
    await b.start();
    const refused = await b.until(observed("peerRefusedByUs"), 0);
    assert.equal((refused.detail as MemberEvent)["code"], "unproved");
    assert.equal(b.held.get(ids.a), undefined);
    assert.equal(a.told.some(connectedTo(ids.b)), false);

    // Past it they find each other.
    b.transport.update([{ id: ids.a, urls: [parsePeerUrl(`https://127.0.0.1:${a.port}`)!] }]);
    a.transport.update([{ id: ids.b, urls: [parsePeerUrl(`https://127.0.0.1:${b.port}`)!] }]);
    await Promise.all([a.until(connectedTo(ids.b), 0), b.until(connectedTo(ids.a), 0)]);
  } finally {
    between.close();
  }
});

test("connections that never finish the TLS handshake are closed in time, and few at once", async () => {
  const limits = { handshakeTimeoutMs: 150, strangersMax: 8 };
  const tls = certificate(authority, "a");
  const a = createTestMember(ids.a, 0, { [ids.b]: 26199 }, { tls, limits });
  open.push(a);
  await a.start();
  const started = performance.now();
  const hello = Buffer.from("1603010200010001fc0303", "hex");
  const sockets = Array.from({ length: 40 }, (_, i) => {
    const socket = connect({ host: "127.0.0.1", port: a.port });
    socket.on("error", () => {});
    socket.resume();
    // Silent ones, and ones that begin and do not go on.
    if (i % 2 === 0) socket.write(hello);
    return socket;
  });
  await Promise.all(sockets.map((socket) => new Promise((closed) => socket.once("close", closed))));
  assert.ok(performance.now() - started < 2_000);
  const codes = a.told
    .filter(observed("peerTurnedAway"))
    .map((told) => (told.detail as MemberEvent)["code"]);
  assert.deepEqual([...new Set(codes)].sort(), ["crowd", "tls"]);
});

test("at a socket of the file system, too, a crowd that never finishes its handshake is sent away", async () => {
  const path = join(tmpdir(), `althing-peers-${process.pid}`);
  const listenUrls = [parseListenUrl(`unixs://${path}:1`)!];
  const limits = { strangersMax: 2, handshakeTimeoutMs: 60_000 };
  const a = createTestMember(
    ids.a,
    1,
    {},
    { tls: certificate(authority, "a"), listenUrls, limits },
  );
  open.push(a);
  await a.start();
  const sockets = Array.from({ length: 5 }, () => connect(`${path}:1`).on("error", () => {}));
  await Promise.all(sockets.slice(0, 3).map((socket) => once(socket, "close")));
  assert.equal(sockets.filter((socket) => socket.destroyed).length, 3);
  for (const socket of sockets) socket.destroy();
});
