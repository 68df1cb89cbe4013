// The certificate that a member makes for itself where the configuration asks for TLS and gives none. It is kept
// in the data directory, where etcd would keep it, and made anew at a start when it is unusable, when it ends
// soon, or when the member has another name. Nobody vouches for it: connections are private, but whoever
// calls cannot tell who answers, unless it was given this very certificate.

import { createPrivateKey, X509Certificate } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { DataDirectoryError } from "./disk/index.ts";
import { certificatePem, keyPem, newKey, type Usage } from "./x509/certificate.ts";

export interface OwnCertificate {
  readonly cert: string;
  readonly key: string;
  readonly path: string;
  readonly isNew: boolean;
  readonly validUntilMs: number;
}

export interface OwnCertificateOptions {
  /** Made if it is not there. */
  readonly folder: string;
  readonly hosts: readonly string[];
  readonly usages: readonly Usage[];
  readonly validityYears: number;
  readonly nowMs: number;
}

const dayMs = 24 * 3_600_000;
/** One that would end sooner is renewed; members are started anew more often than that. */
const leftMsMin = 30 * dayMs;
/** Clocks differ. */
const backdatedMs = 3_600_000;
const subject = { organization: "althing" };

export function ownCertificate(options: OwnCertificateOptions): OwnCertificate {
  const { folder } = options;
  const [certPath, keyPath] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  try {
    const kept = readKept(certPath, keyPath, options);
    if (kept !== undefined) return { ...kept, path: certPath, isNew: false };
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const made = make(options);
    // The key first: a certificate without its key would only be made anew.
    writeWhole(keyPath, made.key);
    writeWhole(certPath, made.cert);
    return { ...made, path: certPath, isNew: true };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `the member's own certificate cannot be kept in ${folder}: ${why}`;
    throw new DataDirectoryError("unusable", folder, message, { cause });
  }
}

function make({ hosts, usages, validityYears, nowMs }: OwnCertificateOptions) {
  const { publicKey, privateKey } = newKey();
  const validUntilMs = nowMs + validityYears * 365 * dayMs;
  const cert = certificatePem({
    subject,
    issuer: subject,
    publicKey,
    signedBy: privateKey,
    isAuthority: false,
    validFromMs: nowMs - backdatedMs,
    validUntilMs,
    hosts,
    usages,
  });
  return { cert, key: keyPem(privateKey), validUntilMs };
}

/** Undefined: there is none that will do. */
function readKept(
  certPath: string,
  keyPath: string,
  { hosts, nowMs }: OwnCertificateOptions,
): { cert: string; key: string; validUntilMs: number } | undefined {
  let cert: string;
  let key: string;
  let parsed: X509Certificate;
  try {
    cert = readFileSync(certPath, "utf8");
    key = readFileSync(keyPath, "utf8");
    parsed = new X509Certificate(cert);
    if (!parsed.checkPrivateKey(createPrivateKey(key))) return undefined;
  } catch {
    return undefined;
  }
  const validUntilMs = Date.parse(parsed.validTo);
  const bearsAll = hosts.every(
    (host) => (isIP(host) === 0 ? parsed.checkHost(host) : parsed.checkIP(host)) !== undefined,
  );
  const lasts = validUntilMs - nowMs > leftMsMin && Date.parse(parsed.validFrom) <= nowMs;
  return bearsAll && lasts ? { cert, key, validUntilMs } : undefined;
}

function writeWhole(path: string, content: string): void {
  const unfinished = `${path}.new`;
  const fd = openSync(unfinished, "w", 0o600);
  try {
    writeSync(fd, content);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(unfinished, path);
}
