import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ownCertificate } from "./own-certificate.ts";

const root = mkdtempSync(join(tmpdir(), "althing-own-"));
after(() => rmSync(root, { recursive: true }));

const nowMs = Date.UTC(2026, 1, 3, 4, 5, 6);
const dayMs = 24 * 3_600_000;
const given = {
  hosts: ["10.1.2.3", "::1", "fe80::2:0:1", "m1.example"],
  usages: ["serverAuth", "clientAuth"],
  validityYears: 2,
  nowMs,
} as const;

test("a certificate is made with the names, the usages and the years that were asked for", () => {
  const made = ownCertificate({ ...given, folder: join(root, "made", "deep") });
  const parsed = new X509Certificate(made.cert);
  assert.equal(made.isNew, true);
  assert.equal(Date.parse(parsed.validTo), nowMs + 2 * 365 * dayMs);
  assert.equal(Date.parse(parsed.validTo), made.validUntilMs);
  assert.ok(Date.parse(parsed.validFrom) < nowMs);
  assert.deepEqual(parsed.keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
  assert.equal(parsed.ca, false);
  assert.equal(parsed.verify(parsed.publicKey), true);
  for (const address of ["10.1.2.3", "::1", "fe80::2:0:1"]) {
    assert.equal(parsed.checkIP(address), address);
  }
  assert.equal(parsed.checkHost("m1.example"), "m1.example");
  assert.equal(parsed.checkHost("m2.example"), undefined);
  const key = join(root, "made", "deep", "key.pem");
  assert.equal(statSync(key).mode & 0o777, 0o600);
});

test("it is kept until it ends soon, is damaged or lacks a name", () => {
  const folder = join(root, "kept");
  const first = ownCertificate({ ...given, folder });
  const again = ownCertificate({ ...given, folder, nowMs: nowMs + 600 * dayMs });
  assert.deepEqual([again.isNew, again.cert, again.key], [false, first.cert, first.key]);

  const late = ownCertificate({ ...given, folder, nowMs: nowMs + 701 * dayMs });
  assert.equal(late.isNew, true);
  assert.equal(late.validUntilMs, nowMs + (701 + 730) * dayMs);

  const fewer = ownCertificate({ ...given, folder, nowMs: nowMs + 701 * dayMs, hosts: ["::1"] });
  assert.equal(fewer.isNew, false);
  const hosts = [...given.hosts, "m2.example"];
  assert.equal(ownCertificate({ ...given, folder, hosts }).isNew, true);

  for (const name of ["cert.pem", "key.pem"]) {
    writeFileSync(join(folder, name), "");
    assert.equal(ownCertificate({ ...given, folder }).isNew, true, name);
    assert.equal(ownCertificate({ ...given, folder }).isNew, false, name);
  }
  writeFileSync(join(folder, "key.pem"), first.key);
  assert.equal(ownCertificate({ ...given, folder }).isNew, true, "another key");
});

test("where it cannot be kept the folder is named", () => {
  const path = join(root, "file");
  writeFileSync(path, "");
  assert.throws(() => ownCertificate({ ...given, folder: path }), {
    code: "unusable",
    message: /own certificate cannot be kept in .*file/,
  });
});
