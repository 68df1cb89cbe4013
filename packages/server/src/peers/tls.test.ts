// Members that know each other by certificate. The certificates are made on the spot.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { afterEach, test } from "node:test";
import type { MemberEvent } from "@althing/member";
import { createAuthority } from "./testing/certificate.ts";
import {
  connectedTo,
  createTestMember,
  ids,
  observed,
  type TestMember,
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
  const refusal = await b.until((told) => told.kind === "refused", 0);
  assert.match(String((refusal.detail as { reason: string }).reason), /--peer-cert-allowed-cn/);
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
