// Members that know each other by certificate. The certificates are made on the spot with openssl.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, test } from "node:test";
import type { MemberEvent } from "@althing/member";
import {
  connectedTo,
  createTestMember,
  ids,
  observed,
  type TestMember,
} from "./testing/two-members.ts";
import type { PeerTls } from "./tls.ts";

const missing =
  spawnSync("openssl", ["version"]).error === undefined ? false : "openssl is not installed";
const directory = mkdtempSync(join(tmpdir(), "althing-tls-"));
after(() => rmSync(directory, { recursive: true }));

const open: TestMember[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((member) => member.transport.close()));
});

function openssl(...args: string[]): void {
  execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
}

const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

function authority(name: string): void {
  const subject = ["-subj", `/CN=${name}`, "-days", "2"];
  openssl("req", "-x509", ...curve, "-keyout", `${name}.key`, "-out", `${name}.pem`, ...subject);
}

function certificate(ca: string, name: string, extra: Partial<PeerTls> = {}): PeerTls {
  const file = `${ca}-${name}`;
  openssl("req", ...curve, "-keyout", `${file}.key`, "-out", `${file}.csr`, "-subj", `/CN=${name}`);
  writeFileSync(join(directory, `${file}.ext`), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
  const sign = ["x509", "-req", "-in", `${file}.csr`, "-CA", `${ca}.pem`, "-CAkey", `${ca}.key`];
  openssl(
    ...sign,
    "-CAcreateserial",
    "-days",
    "2",
    "-extfile",
    `${file}.ext`,
    "-out",
    `${file}.pem`,
  );
  const read = (path: string) => readFileSync(join(directory, path));
  return {
    cert: read(`${file}.pem`),
    key: read(`${file}.key`),
    ca: read(`${ca}.pem`),
    clientCertAuth: true,
    ...extra,
  };
}

function pair(base: number, tlsA: PeerTls, tlsB: PeerTls): [TestMember, TestMember] {
  const a = createTestMember(ids.a, base, { [ids.b]: base + 1 }, { tls: tlsA });
  const b = createTestMember(ids.b, base + 1, { [ids.a]: base }, { tls: tlsB });
  open.push(a, b);
  return [a, b];
}

test("members with certificates of one authority talk", { skip: missing }, async () => {
  authority("ca");
  const [a, b] = pair(26110, certificate("ca", "a"), certificate("ca", "b"));
  await Promise.all([a.start(), b.start()]);
  await Promise.all([a.until(connectedTo(ids.b), 0), b.until(connectedTo(ids.a), 0)]);
  const large = { kind: "forward", payloads: [new Uint8Array(2_000_000).fill(3)] } as const;
  a.transport.send(ids.b, large);
  const heard = await b.until((told) => told.kind === "receive", 0);
  assert.deepEqual(heard.detail, large);
});

test("a certificate of another authority is turned away", { skip: missing }, async () => {
  authority("ca");
  authority("other");
  const [a, b] = pair(26112, certificate("ca", "a"), certificate("other", "b"));
  await Promise.all([a.start(), b.start()]);
  const failed = await a.until(observed("peerDialFailed"), 0);
  assert.match(String((failed.detail as MemberEvent)["reason"]), /certificate|signature|verify/i);
  assert.equal(a.told.some(connectedTo(ids.b)), false);
  assert.equal(b.told.some(connectedTo(ids.a)), false);
});

test("a common name that is not allowed is turned away", { skip: missing }, async () => {
  authority("ca");
  const strict = certificate("ca", "a", { allowedCommonName: "a" });
  const [a, b] = pair(26114, strict, certificate("ca", "b"));
  await Promise.all([a.start(), b.start()]);
  const away = await a.until(observed("peerTurnedAway"), 0);
  assert.match(String((away.detail as MemberEvent)["reason"]), /common name is b/);
  const refusal = await b.until((told) => told.kind === "refused", 0);
  assert.match(String((refusal.detail as { reason: string }).reason), /--peer-cert-allowed-cn/);
});

test("cleartext on a TLS port is turned away with one line", { skip: missing }, async () => {
  authority("ca");
  const a = createTestMember(ids.a, 26116, { [ids.b]: 26117 }, { tls: certificate("ca", "a") });
  const plain = createTestMember(ids.b, 26117, { [ids.a]: 26116 });
  open.push(a, plain);
  await Promise.all([a.start(), plain.start()]);
  const away = await a.until(observed("peerTurnedAway"), 0);
  assert.equal((away.detail as MemberEvent)["code"], "tls");
  assert.equal(plain.told.some(connectedTo(ids.a)), false);
});
