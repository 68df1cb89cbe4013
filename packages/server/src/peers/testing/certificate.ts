// X.509 certificates for tests, made on the spot: an authority, certificates that it signs, by default for the
// loopback address and any use, and its list of those that it revoked.

import { X509Certificate } from "node:crypto";
import {
  certificatePem,
  keyPem,
  newKey,
  revocationListDer,
  type Usage,
} from "../../x509/certificate.ts";

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface Issue {
  readonly hosts?: readonly string[];
  readonly usages?: readonly Usage[];
}

export interface Authority extends Certificate {
  issue(commonName: string | readonly string[], issue?: Issue): Certificate;
  /** DER. */
  revoke(certificates: readonly Certificate[], nextMs?: number): Buffer;
}

const dayMs = 24 * 3_600_000;

export function createAuthority(commonName: string): Authority {
  const own = newKey();
  const now = Date.now();
  const validity = { validFromMs: now - 60_000, validUntilMs: now + dayMs };
  const signedHere = { ...validity, issuer: { commonName }, signedBy: own.privateKey };
  return {
    cert: certificatePem({
      ...signedHere,
      subject: { commonName },
      publicKey: own.publicKey,
      isAuthority: true,
      hosts: [],
      usages: [],
    }),
    key: keyPem(own.privateKey),
    issue(subject, { hosts = ["127.0.0.1", "localhost"], usages = [] } = {}) {
      const pair = newKey();
      return {
        cert: certificatePem({
          ...signedHere,
          subject: { commonName: subject },
          publicKey: pair.publicKey,
          isAuthority: false,
          hosts,
          usages,
        }),
        key: keyPem(pair.privateKey),
      };
    },
    revoke: (certificates, nextMs = now + dayMs) =>
      revocationListDer({
        issuer: { commonName },
        signedBy: own.privateKey,
        issuedMs: now - 60_000,
        nextMs,
        serials: certificates.map(({ cert }) => new X509Certificate(cert).serialNumber),
      }),
  };
}
