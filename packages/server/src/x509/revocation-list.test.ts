import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { PeerCertificate } from "node:tls";
import { type Certificate, createAuthority } from "../peers/testing/certificate.ts";
import { pemOf } from "./der.ts";
import { parseRevocationList, RevocationFile } from "./revocation-list.ts";

const folder = mkdtempSync(join(tmpdir(), "althing-revoked-"));
after(() => rmSync(folder, { recursive: true }));

const authority = createAuthority("authority");
const [a, b, c] = ["a", "b", "c"].map((name) => authority.issue(name)) as [
  Certificate,
  Certificate,
  Certificate,
];
const serialOf = ({ cert }: Certificate) => new X509Certificate(cert).serialNumber.toLowerCase();
const canonical = (serial: string) => serial.replace(/^0+/, "");
/** As `getPeerCertificate` tells it. */
const shown = (certificate: Certificate, issuer?: Certificate): PeerCertificate =>
  ({
    serialNumber: serialOf(certificate),
    ...(issuer === undefined ? {} : { issuerCertificate: shown(issuer) }),
  }) as PeerCertificate;

test("a list is read from DER and from PEM, also from several of them", () => {
  const nextMs = Date.UTC(2031, 4, 6, 7, 8, 9);
  const der = authority.revoke([a, b], nextMs);
  const expected = new Set([a, b].map((one) => canonical(serialOf(one))));
  assert.deepEqual(parseRevocationList(der), { serials: expected, nextMs });
  const pem = pemOf("X509 CRL", der);
  assert.deepEqual(parseRevocationList(Buffer.from(pem)), { serials: expected, nextMs });
  const more = pemOf("X509 CRL", createAuthority("other").revoke([c], nextMs - 1000));
  const both = parseRevocationList(Buffer.from(`a comment\n${pem}\n${more}`));
  assert.deepEqual(both, {
    serials: new Set([...expected, canonical(serialOf(c))]),
    nextMs: nextMs - 1000,
  });
  const late = Date.UTC(2051, 0, 1);
  assert.deepEqual(parseRevocationList(authority.revoke([], late)), {
    serials: new Set(),
    nextMs: late,
  });
});

test("what is no list, or a part of one, is refused", () => {
  const der = authority.revoke([a]);
  const pem = Buffer.from(authority.cert);
  for (const bytes of [Buffer.alloc(0), Buffer.from("garbage"), pem, Buffer.concat([der, der])]) {
    assert.throws(() => parseRevocationList(bytes), RangeError);
  }
  for (let length = 0; length < der.length; length++) {
    assert.throws(() => parseRevocationList(der.subarray(0, length)), RangeError, `${length}`);
  }
});

test("a file is read again when it has changed, and lets nobody in when it cannot be read", () => {
  const path = join(folder, "list.crl");
  writeFileSync(path, authority.revoke([a]));
  const file = new RevocationFile(path);
  assert.match(file.refuses(shown(a)) ?? "", /was revoked/);
  assert.equal(file.refuses(shown(b)), undefined);
  assert.match(file.refuses({} as PeerCertificate) ?? "", /no certificate/);
  writeFileSync(path, authority.revoke([a, b]));
  assert.match(file.refuses(shown(b)) ?? "", /was revoked/);
  writeFileSync(path, "half a li");
  assert.match(file.refuses(shown(c)) ?? "", /cannot be read/);
  writeFileSync(path, authority.revoke([]));
  assert.equal(file.refuses(shown(a)), undefined);
  rmSync(path);
  assert.match(file.refuses(shown(c)) ?? "", /cannot be read/);
});

test("who was vouched for by a revoked certificate is revoked", () => {
  const path = join(folder, "issuers.crl");
  writeFileSync(path, authority.revoke([b]));
  const file = new RevocationFile(path);
  assert.match(file.refuses(shown(a, b)) ?? "", /was revoked/);
  assert.equal(file.refuses(shown(a, c)), undefined);
});
