// X.509 certificates for tests, made on the spot from `node:crypto` alone: an authority, and
// certificates that it signs for the loopback address. DER is written by hand; it is short.

import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends Certificate {
  issue(commonName: string): Certificate;
}

export function createAuthority(commonName: string): Authority {
  const own = newKey();
  const cert = certificate({
    subject: commonName,
    issuer: commonName,
    publicKey: own.publicKey,
    signedBy: own.privateKey,
    isAuthority: true,
  });
  return {
    cert,
    key: keyPem(own.privateKey),
    issue(subject) {
      const pair = newKey();
      return {
        cert: certificate({
          subject,
          issuer: commonName,
          publicKey: pair.publicKey,
          signedBy: own.privateKey,
          isAuthority: false,
        }),
        key: keyPem(pair.privateKey),
      };
    },
  };
}

interface CertificateFields {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly signedBy: KeyObject;
  readonly isAuthority: boolean;
}

function newKey(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "prime256v1" });
}

function keyPem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

function certificate(fields: CertificateFields): string {
  const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
  const basicConstraints = sequence(
    oid(0x55, 0x1d, 0x13),
    boolean(true),
    octets(fields.isAuthority ? sequence(boolean(true)) : sequence()),
  );
  // The loopback address and its name; context tags 7 (iPAddress) and 2 (dNSName).
  const names = sequence(
    der(0x87, Buffer.from([127, 0, 0, 1])),
    der(0x82, Buffer.from("localhost", "latin1")),
  );
  const alternativeNames = sequence(oid(0x55, 0x1d, 0x11), octets(names));
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    nameOf(fields.issuer),
    sequence(timeOf(-60_000), timeOf(24 * 3_600_000)),
    nameOf(fields.subject),
    fields.publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(basicConstraints, alternativeNames)),
  );
  const signature = sign("sha256", toBeSigned, fields.signedBy);
  const bits = der(0x03, Buffer.concat([Buffer.from([0]), signature]));
  const base64 = sequence(toBeSigned, ecdsaWithSha256, bits).toString("base64");
  const lines = base64.match(/.{1,64}/g)!.join("\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

function nameOf(commonName: string): Buffer {
  const text = der(0x0c, Buffer.from(commonName, "utf8"));
  return sequence(der(0x31, sequence(oid(0x55, 0x04, 0x03), text)));
}

function timeOf(fromNowMs: number): Buffer {
  const text = new Date(Date.now() + fromNowMs).toISOString().replace(/[-:T]|\.\d+/g, "");
  return der(0x18, Buffer.from(text, "latin1"));
}

function oid(...bytes: number[]): Buffer {
  return der(0x06, Buffer.from(bytes));
}

function boolean(value: boolean): Buffer {
  return der(0x01, Buffer.from([value ? 0xff : 0]));
}

function octets(content: Buffer): Buffer {
  return der(0x04, content);
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}
