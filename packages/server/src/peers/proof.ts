// What a member proves itself by. Its data directory holds a key pair (Ed25519); the public key is the
// identity that it publishes. Both sides of a connection sign one transcript of it: both nonces, both names,
// both keys, the cluster and, under TLS, the keying material of that very session. Nothing secret ever
// travels, and what was signed for one connection is worth nothing on another.

import {
  createHmac,
  createPublicKey,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
  verify as verifySignature,
} from "node:crypto";
import type { MemberId } from "@althing/consensus";

/** The key of a data directory. It signs and does not show itself. */
export interface DiskKey {
  /** The public key, as it is published. */
  readonly identity: string;
  /** What the directory was known by before it had a key: 64 random bits. Proved, never sent. */
  readonly formerIdentity: string | undefined;
  sign(statement: string): string;
}

export type Side = "caller" | "callee";

export interface Transcript {
  readonly version: number;
  /** Keying material that both ends of the TLS session compute, and nobody else; "" in clear text. */
  readonly binding: string;
  readonly clusterId: string;
  readonly consensus: string;
  readonly channel: string;
  readonly caller: Party;
  readonly callee: Party;
}

interface Party {
  readonly member: MemberId | "";
  readonly identity: string;
  readonly nonce: string;
}

const identityPattern = /^[A-Za-z0-9_-]{43}$/;

/** Published by a directory that has a key; what has another form is from before there were keys. */
export function isKeyIdentity(identity: string): boolean {
  return identityPattern.test(identity);
}

/** What a side signs. Lists of texts as JSON read in one way only. */
export function statementOf(side: Side, transcript: Transcript): string {
  const { version, binding, clusterId, consensus, channel, caller, callee } = transcript;
  return JSON.stringify([
    "althing peer handshake",
    version,
    side,
    binding,
    clusterId,
    consensus,
    channel,
    ...[caller, callee].flatMap(({ member, identity, nonce }) => [member, identity, nonce]),
  ]);
}

/** Never throws: what is no key or no signature verifies nothing. */
export function isSignedBy(identity: string, statement: string, signature: string): boolean {
  const key = publicKeyOf(identity);
  if (key === undefined) return false;
  const bytes = Buffer.from(signature, "base64url");
  return bytes.length === 64 && verifySignature(null, Buffer.from(statement), key, bytes);
}

/** Shows that `secret` is known, for this statement alone. */
export function proofOfSecret(secret: string, statement: string): string {
  return createHmac("sha256", secret).update(statement).digest("base64url");
}

export function knowsSecret(secret: string, statement: string, proof: string): boolean {
  const wanted = Buffer.from(proofOfSecret(secret, statement));
  const given = Buffer.from(proof);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

export function newNonce(): string {
  return randomBytes(24).toString("base64url");
}

function publicKeyOf(identity: string): KeyObject | undefined {
  if (!isKeyIdentity(identity)) return undefined;
  try {
    const key = { kty: "OKP", crv: "Ed25519", x: identity };
    return createPublicKey({ key, format: "jwk" });
  } catch {
    return undefined;
  }
}
