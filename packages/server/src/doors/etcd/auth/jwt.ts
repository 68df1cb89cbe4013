// JSON web tokens as etcd signs them: the user, the revision of the auth state, and when the token ends.
// The algorithm is the configured one and never the token's own word. A token that was found right is
// not checked again by its signature, only by its time.

import {
  constants,
  createHmac,
  createPublicKey,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from "node:crypto";
import { nameOf, textOfName } from "./names.ts";
import type { Tokens } from "./tokens.ts";

/** What to sign with and to check by. */
export interface JwtKeys {
  readonly algorithm: JwtAlgorithm;
  /** For HMAC the secret; undefined: this member checks tokens and issues none. */
  readonly signing: KeyObject | undefined;
  readonly checking: KeyObject;
  readonly ttlMs: number;
}

interface Algorithm {
  readonly kind: "hmac" | "rsa" | "pss" | "ecdsa" | "ed25519";
  readonly digest: string;
}

const families = { HS: "hmac", RS: "rsa", PS: "pss", ES: "ecdsa" } as const;
const sizes = ["256", "384", "512"] as const;
export type JwtAlgorithm = `${keyof typeof families}${(typeof sizes)[number]}` | "EdDSA";

export const jwtAlgorithms = new Map<string, Algorithm>([
  ["EdDSA", { kind: "ed25519", digest: "" }],
]);
for (const [letters, kind] of Object.entries(families)) {
  for (const size of sizes) jwtAlgorithms.set(letters + size, { kind, digest: `sha${size}` });
}

interface Claims {
  readonly username: string;
  readonly revision: number;
  /** Seconds. */
  readonly exp: number;
}

const rememberedMax = 4096;

export function createJwtTokens(keys: JwtKeys, nowMs = () => Date.now()): Tokens {
  const remembered = new Map<string, Claims>();
  const header = encode({ alg: keys.algorithm, typ: "JWT" });

  const check = (token: string): Claims | undefined => {
    const known = remembered.get(token);
    if (known !== undefined) return known;
    const claims = checkToken(keys, token);
    if (claims === undefined) return undefined;
    if (remembered.size >= rememberedMax) remembered.clear();
    remembered.set(token, claims);
    return claims;
  };

  return {
    callerOf(token) {
      const claims = check(token);
      if (claims === undefined || claims.exp * 1000 <= nowMs()) return undefined;
      return { user: nameOf(claims.username), authRevision: claims.revision };
    },
    knownFrom: () => 0,
    issue(user, revision) {
      if (keys.signing === undefined) return "tokenSigningKeyMissing";
      const exp = Math.floor((nowMs() + keys.ttlMs) / 1000);
      const claims: Claims = { username: textOfName(user), revision, exp };
      const signed = `${header}.${encode(claims)}`;
      const signature = signatureOf(keys.algorithm, keys.signing, signed);
      return { kind: "whole", token: `${signed}.${signature.toString("base64url")}` };
    },
    observe() {},
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function checkToken(keys: JwtKeys, token: string): Claims | undefined {
  const parts = token.split(".");
  const [header, payload, signature] = parts;
  if (parts.length !== 3 || !header || !payload || !signature) return undefined;
  if (decode(header)?.["alg"] !== keys.algorithm) return undefined;
  const bytes = Buffer.from(signature, "base64url");
  if (!isSignedBy(keys.algorithm, keys.checking, `${header}.${payload}`, bytes)) return undefined;
  const { username, revision, exp } = decode(payload) ?? {};
  if (typeof username !== "string" || typeof revision !== "number") return undefined;
  return typeof exp === "number" ? { username, revision, exp } : undefined;
}

function decode(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    // Only its fields are looked at, and each by its type.
    return typeof value === "object" && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function signatureOf(algorithm: JwtAlgorithm, key: KeyObject, text: string): Buffer {
  const { kind, digest } = jwtAlgorithms.get(algorithm)!;
  if (kind === "hmac") return createHmac(digest, key).update(text).digest();
  return sign(digest || null, Buffer.from(text), { key, ...variantOf(kind) });
}

function isSignedBy(
  algorithm: JwtAlgorithm,
  key: KeyObject,
  text: string,
  signature: Buffer,
): boolean {
  const { kind, digest } = jwtAlgorithms.get(algorithm)!;
  if (kind === "hmac") {
    const expected = createHmac(digest, key).update(text).digest();
    return signature.length === expected.length && timingSafeEqual(signature, expected);
  }
  return verify(digest || null, Buffer.from(text), { key, ...variantOf(kind) }, signature);
}

function variantOf(kind: Algorithm["kind"]): object {
  if (kind === "ecdsa") return { dsaEncoding: "ieee-p1363" };
  if (kind !== "pss") return {};
  return {
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  };
}

export function publicKeyOf(key: KeyObject): KeyObject {
  return key.type === "private" ? createPublicKey(key) : key;
}
