// X.509 certificates and lists of revoked ones (RFC 5280), signed here with keys on the curve P-256: those
// that a member makes for itself, and those of tests.

import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";
import {
  bits,
  boolean,
  element,
  integer,
  objectId,
  octets,
  pemOf,
  sequence,
  setOf,
  text,
  time,
} from "./der.ts";

export type Usage = "serverAuth" | "clientAuth";

export interface CertificateFields {
  readonly subject: Subject;
  readonly issuer: Subject;
  readonly publicKey: KeyObject;
  readonly signedBy: KeyObject;
  readonly isAuthority: boolean;
  readonly validFromMs: number;
  readonly validUntilMs: number;
  /** Names and IP addresses that it is good for. */
  readonly hosts: readonly string[];
  /** None: any. */
  readonly usages: readonly Usage[];
}

export interface Subject {
  /** Some bear several. */
  readonly commonName?: string | readonly string[];
  readonly organization?: string;
}

const ecdsaWithSha256 = sequence(objectId("1.2.840.10045.4.3.2"));
const usageIds: Readonly<Record<Usage, string>> = {
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
};

export function newKey(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "prime256v1" });
}

export function keyPem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

/** PEM. */
export function certificatePem(fields: CertificateFields): string {
  const { isAuthority, hosts, usages } = fields;
  const extensions = [
    extension("2.5.29.19", true, isAuthority ? sequence(boolean(true)) : sequence()),
    // keyCertSign and cRLSign for an authority; digitalSignature for everybody else.
    extension("2.5.29.15", true, isAuthority ? bits(Buffer.of(0x06), 1) : bits(Buffer.of(0x80), 7)),
  ];
  if (usages.length > 0) {
    const ids = usages.map((usage) => objectId(usageIds[usage]));
    extensions.push(extension("2.5.29.37", false, sequence(...ids)));
  }
  if (hosts.length > 0) {
    extensions.push(extension("2.5.29.17", false, sequence(...hosts.map(hostName))));
  }
  const body = sequence(
    element(0xa0, integer(Buffer.of(2))),
    // Positive, and drawn from more than anybody draws twice.
    integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
    ecdsaWithSha256,
    nameOf(fields.issuer),
    sequence(time(fields.validFromMs), time(fields.validUntilMs)),
    nameOf(fields.subject),
    fields.publicKey.export({ type: "spki", format: "der" }),
    element(0xa3, sequence(...extensions)),
  );
  return pemOf("CERTIFICATE", signed(body, fields.signedBy));
}

export interface RevocationListFields {
  readonly issuer: Subject;
  readonly signedBy: KeyObject;
  readonly issuedMs: number;
  readonly nextMs: number;
  /** In hexadecimal, as `X509Certificate` tells them. */
  readonly serials: readonly string[];
}

/** DER. */
export function revocationListDer(fields: RevocationListFields): Buffer {
  const revoked = fields.serials.map((serial) =>
    sequence(integer(Buffer.from(serial, "hex")), time(fields.issuedMs)),
  );
  const body = sequence(
    integer(Buffer.of(1)),
    ecdsaWithSha256,
    nameOf(fields.issuer),
    time(fields.issuedMs),
    time(fields.nextMs),
    ...(revoked.length === 0 ? [] : [sequence(...revoked)]),
  );
  return signed(body, fields.signedBy);
}

function signed(body: Buffer, key: KeyObject): Buffer {
  return sequence(body, ecdsaWithSha256, bits(sign("sha256", body, key)));
}

function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
  return sequence(objectId(id), ...(isCritical ? [boolean(true)] : []), octets(value));
}

function nameOf({ organization, commonName }: Subject): Buffer {
  const attribute = (id: string, value: string) => setOf(sequence(objectId(id), text(value)));
  return sequence(
    ...(organization === undefined ? [] : [attribute("2.5.4.10", organization)]),
    ...[commonName ?? []].flat().map((one) => attribute("2.5.4.3", one)),
  );
}

/** Context tags 7 (iPAddress) and 2 (dNSName) of GeneralName. */
function hostName(host: string): Buffer {
  const family = isIP(host);
  if (family === 0) return element(0x82, Buffer.from(host, "latin1"));
  return element(0x87, family === 4 ? Buffer.from(host.split(".").map(Number)) : ipv6Bytes(host));
}

function ipv6Bytes(address: string): Buffer {
  // A URL spells it in hexadecimal groups alone, whatever way it was written.
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const before = groups(head);
  const after = groups(tail ?? "");
  const between = new Array<string>(8 - before.length - after.length).fill("0");
  const bytes = Buffer.alloc(16);
  for (const [i, group] of [...before, ...between, ...after].entries()) {
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * i);
  }
  return bytes;
}
