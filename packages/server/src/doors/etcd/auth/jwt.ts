// JSON web tokens as etcd signs them: the user, the revision of the auth state, and when the token ends.
// The algorithm is the configured one and never the token's own word, and what a token demands that is not
// understood here refuses it (RFC 7515, 4.1.11; RFC 7519, 4.1.3). A token that was found right is not
// checked again by its signature, only by its time, and by what became of its user since.

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
  /** For whom tokens must be when they say for whom they are; undefined: then none is for this cluster. */
  readonly audience?: string;
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
  /** Seconds; 0: it counts at once. */
  readonly nbf: number;
}

const rememberedMax = 4096;
/** Longer than any that is issued here: what is longer is not looked at. */
const jwtBytesMax = 4096;
/** Three parts of base64url, and nothing that a lenient reader would pass over. */
const form = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/;

export function createJwtTokens(keys: JwtKeys, nowMs = () => Date.now()): Tokens {
  const remembered = new Map<string, Claims>();
  const header = encode({ alg: keys.algorithm, typ: "JWT" });

  const check = (token: string): Claims | undefined => {
    const known = remembered.get(token);
    if (known !== undefined) return known;
    const claims = token.length > jwtBytesMax ? undefined : checkToken(keys, token);
    if (claims === undefined) return undefined;
    if (remembered.size >= rememberedMax) remembered.clear();
    remembered.set(token, claims);
    return claims;
  };

  return {
    callerOf(token, auth) {
      const claims = check(token);
      if (claims === undefined) return undefined;
      const now = nowMs();
      if (claims.exp * 1000 <= now || claims.nbf * 1000 > now) return undefined;
      const caller = { user: nameOf(claims.username), authRevision: claims.revision };
      return auth.isRevoked(caller) ? undefined : caller;
    },
    knownFrom: () => 0,
    issue(user, revision) {
      if (keys.signing === undefined) return "tokenSigningKeyMissing";
      const exp = Math.floor((nowMs() + keys.ttlMs) / 1000);
      const audience = keys.audience === undefined ? {} : { aud: keys.audience };
      const claims = { username: textOfName(user), revision, exp, ...audience };
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
  const [, header = "", payload = "", signature = ""] = form.exec(token) ?? [];
  const told = decode(header);
  // What is critical is to be understood, and nothing of that kind is.
  if (told?.["alg"] !== keys.algorithm || told["crit"] !== undefined) return undefined;
  const bytes = Buffer.from(signature, "base64url");
  if (!isSignedBy(keys.algorithm, keys.checking, `${header}.${payload}`, bytes)) return undefined;
  const { username, revision, exp, nbf = 0, aud } = decode(payload) ?? {};
  if (typeof username !== "string" || username === "") return undefined;
  if (typeof revision !== "number" || !Number.isSafeInteger(revision)) return undefined;
  if (typeof exp !== "number" || typeof nbf !== "number") return undefined;
  if (aud !== undefined && !isFor(keys.audience, aud)) return undefined;
  return { username, revision, exp, nbf };
}

/** One name, or a list of them. */
function isFor(audience: string | undefined, aud: unknown): boolean {
  return audience !== undefined && (Array.isArray(aud) ? aud : [aud]).includes(audience);
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
