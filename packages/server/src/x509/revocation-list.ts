// Which certificates were revoked, from a list in PEM or DER (RFC 5280 section 5). As in etcd a certificate is
// revoked when its serial number is listed, the file is read again when it has changed, and a list that
// cannot be read lets nobody in. Who signed it is not checked: it is the operator's own file.

import { readFileSync, statSync } from "node:fs";
import type { DetailedPeerCertificate, PeerCertificate } from "node:tls";
import { elementsOf, tag } from "./der.ts";

export interface RevocationList {
  /** Serial numbers in hexadecimal without leading zeros. */
  readonly serials: ReadonlySet<string>;
  /** When its issuer means to have issued another. */
  readonly nextMs: number | undefined;
}

export function parseRevocationList(bytes: Buffer): RevocationList {
  const pieces = pemBodies(bytes) ?? [bytes];
  const serials = new Set<string>();
  let nextMs: number | undefined;
  for (const der of pieces) {
    const list = parseOne(der);
    for (const serial of list.serials) serials.add(serial);
    if (list.nextMs !== undefined) nextMs = Math.min(nextMs ?? list.nextMs, list.nextMs);
  }
  return { serials, nextMs };
}

/** A list in a file, as it is at the time it is asked. */
export class RevocationFile {
  readonly path: string;
  #list: RevocationList;
  #version: string;

  /** Throws what reading or parsing throws. */
  constructor(path: string) {
    this.path = path;
    this.#version = versionOf(path);
    this.#list = parseRevocationList(readFileSync(path));
  }

  get nextMs(): number | undefined {
    return this.#list.nextMs;
  }

  /** Why a certificate is not accepted, or one that vouches for it; undefined: it is. */
  refuses(certificate: PeerCertificate | DetailedPeerCertificate): string | undefined {
    try {
      const version = versionOf(this.path);
      if (version !== this.#version) {
        this.#list = parseRevocationList(readFileSync(this.path));
        this.#version = version;
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return `the list of revoked certificates ${this.path} cannot be read: ${why}`;
    }
    if (certificate.serialNumber === undefined) return "there is no certificate to look up";
    for (const { serialNumber } of chainOf(certificate)) {
      if (!this.#list.serials.has(canonical(serialNumber))) continue;
      return `the certificate with serial number ${serialNumber} was revoked`;
    }
    return undefined;
  }
}

/** Node's chains end in a certificate that is its own issuer, or in one without. */
function* chainOf(certificate: PeerCertificate | DetailedPeerCertificate) {
  let one: PeerCertificate | DetailedPeerCertificate | undefined = certificate;
  while (one?.serialNumber !== undefined) {
    yield one;
    const issuer: DetailedPeerCertificate | undefined =
      "issuerCertificate" in one ? one.issuerCertificate : undefined;
    if (issuer === one) return;
    one = issuer;
  }
}

function versionOf(path: string): string {
  const { mtimeNs, size, ino } = statSync(path, { bigint: true });
  return `${mtimeNs} ${size} ${ino}`;
}

/** Undefined: it is not PEM. */
function pemBodies(bytes: Buffer): Buffer[] | undefined {
  const content = bytes.toString("latin1");
  const bodies = [...content.matchAll(/-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/g)];
  if (bodies.length === 0) return undefined;
  return bodies.map(([, base64 = ""]) => Buffer.from(base64, "base64"));
}

function parseOne(der: Buffer): RevocationList {
  const [list, more] = [...elementsOf(der)];
  if (list === undefined || list.tag !== tag.sequence || more !== undefined) throw malformed();
  const [body, algorithm, signature] = [...elementsOf(list.content)];
  if (body?.tag !== tag.sequence || algorithm?.tag !== tag.sequence || signature?.tag !== 0x03) {
    throw malformed();
  }
  const fields = [...elementsOf(body.content)];
  if (fields[0]?.tag === tag.integer) fields.shift();
  const [kind, issuer, thisUpdate, ...rest] = fields;
  if (kind?.tag !== tag.sequence || issuer?.tag !== tag.sequence || !isTime(thisUpdate?.tag)) {
    throw malformed();
  }
  const next = isTime(rest[0]?.tag) ? rest.shift() : undefined;
  const serials = new Set<string>();
  const revoked = rest[0]?.tag === tag.sequence ? rest[0].content : Buffer.alloc(0);
  for (const entry of elementsOf(revoked)) {
    const [serial] = [...elementsOf(entry.content)];
    if (entry.tag !== tag.sequence || serial?.tag !== tag.integer) throw malformed();
    serials.add(canonical(serial.content.toString("hex")));
  }
  return { serials, nextMs: next === undefined ? undefined : timeOf(next.content.toString()) };
}

function isTime(found: number | undefined): boolean {
  return found === tag.utcTime || found === tag.generalizedTime;
}

/** YYMMDDHHMMSSZ, or with four digits of the year. */
function timeOf(text: string): number | undefined {
  const match = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  if (match === null) return undefined;
  const [, year = "", ...rest] = match;
  const [month = 1, day, hour, minute, second] = rest.map(Number);
  const century = year.length === 4 ? "" : Number(year) < 50 ? "20" : "19";
  return Date.UTC(Number(`${century}${year}`), month - 1, day, hour, minute, second);
}

function canonical(serial: string): string {
  return serial.toLowerCase().replace(/^0+(?=.)/, "");
}

function malformed(): RangeError {
  return new RangeError("it is no list of revoked certificates in PEM or DER");
}
