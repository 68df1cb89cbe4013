// `--auth-token` as etcd writes it: "simple", or "jwt,sign-method=RS256,pub-key=FILE,priv-key=FILE,ttl=10m".
// Keys are read when the member starts, so that a wrong path or a wrong kind of key ends it there.

import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { ConfigError } from "../../../config/config-error.ts";
import { parseDurationMs } from "../../../config/duration.ts";
import {
  createJwtTokens,
  type JwtAlgorithm,
  type JwtKeys,
  jwtAlgorithms,
  publicKeyOf,
} from "./jwt.ts";
import { createSimpleTokens } from "./simple-tokens.ts";
import type { Tokens } from "./tokens.ts";

export type TokenOptions =
  | { readonly kind: "simple"; readonly ttlMs: number }
  | { readonly kind: "jwt"; readonly keys: JwtKeys };

export function createTokens(options: TokenOptions): Tokens {
  return options.kind === "jwt" ? createJwtTokens(options.keys) : createSimpleTokens(options.ttlMs);
}

/** RFC 7518 asks for as many as the hash has; this is the least that nobody can try out. */
const secretBytesMin = 16;
const jwtTtlMs = 5 * 60_000;
const optionNames = ["sign-method", "pub-key", "priv-key", "ttl", "audience"];

export function readTokenOptions(text: string, simpleTtlSeconds: number): TokenOptions {
  const [kind = "", ...options] = text.split(",").map((part) => part.trim());
  if (kind === "simple" || kind === "") {
    return { kind: "simple", ttlMs: Math.max(simpleTtlSeconds, 1) * 1000 };
  }
  if (kind !== "jwt") {
    throw wrong(`"${kind}" is no kind of token; write simple, or jwt with its options`);
  }
  const given = new Map<string, string>();
  for (const option of options) {
    const at = option.indexOf("=");
    const name = option.slice(0, Math.max(at, 0));
    if (!optionNames.includes(name)) {
      throw wrong(`"${option}" is not one of ${optionNames.join("=, ")}=`);
    }
    if (given.has(name)) throw wrong(`${name} is given twice`);
    given.set(name, option.slice(at + 1));
  }
  return { kind: "jwt", keys: readKeys(given) };
}

function readKeys(given: ReadonlyMap<string, string>): JwtKeys {
  const algorithm = given.get("sign-method") ?? "";
  const family = jwtAlgorithms.get(algorithm)?.kind;
  if (family === undefined) {
    throw wrong(`sign-method must be one of ${[...jwtAlgorithms.keys()].join(", ")}`);
  }
  const ttl = given.get("ttl");
  const ttlMs = ttl === undefined ? jwtTtlMs : parseDurationMs(ttl);
  if (ttlMs === undefined || ttlMs < 1000) {
    throw wrong(`ttl=${ttl} must be a duration of at least 1s, like 10m`);
  }
  const audience = given.get("audience");
  if (audience === "") throw wrong("audience= is empty");
  const known = {
    algorithm: algorithm as JwtAlgorithm,
    ttlMs,
    ...(audience !== undefined && { audience }),
  };
  if (family === "hmac") {
    const path = given.get("priv-key");
    if (path === undefined) throw wrong("with an HS method priv-key names the file of the secret");
    const secret = read(path);
    if (secret.length < secretBytesMin) {
      throw wrong(`${path} holds ${secret.length} bytes, which can be guessed: draw at least 16`);
    }
    const key = createSecretKey(secret);
    return { ...known, signing: key, checking: key };
  }
  const signing = keyFrom(given.get("priv-key"), createPrivateKey);
  const checking =
    keyFrom(given.get("pub-key"), createPublicKey) ?? (signing && publicKeyOf(signing));
  if (checking === undefined) throw wrong("give priv-key, or pub-key to check tokens only");
  for (const key of [signing, checking]) {
    if (key !== undefined) checkKind(algorithm, family, key);
  }
  return { ...known, signing, checking };
}

function keyFrom(
  path: string | undefined,
  create: (pem: Buffer) => KeyObject,
): KeyObject | undefined {
  if (path === undefined) return undefined;
  const pem = read(path);
  try {
    return create(pem);
  } catch (error) {
    throw wrong(`${path} holds no such key in PEM form: ${problemOf(error)}`);
  }
}

const curves: Readonly<Record<string, string>> = {
  ES256: "prime256v1",
  ES384: "secp384r1",
  ES512: "secp521r1",
};

function checkKind(algorithm: string, family: string, key: KeyObject): void {
  const type = key.asymmetricKeyType;
  const wanted = { rsa: "rsa", pss: "rsa", ecdsa: "ec", ed25519: "ed25519" }[family];
  const curve = curves[algorithm];
  const has = type === wanted || (family === "pss" && type === "rsa-pss");
  if (!has || (curve !== undefined && key.asymmetricKeyDetails?.namedCurve !== curve)) {
    throw wrong(`${algorithm} needs another kind of key than ${type}`);
  }
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw wrong(`${path} cannot be read: ${problemOf(error)}`);
  }
}

function problemOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function wrong(problem: string): ConfigError {
  return new ConfigError("auth-token", `--auth-token: ${problem}`);
}
