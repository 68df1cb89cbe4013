// Tokens that clients send: JWTs by their form, header and claims, with signatures made right where the input says so, since
// chance finds none. No token that is not signed stands for anybody, and none takes anything but a name, a revision and times.

import { createHmac, createSecretKey } from "node:crypto";
import type { AuthState } from "@althing/store";
import { createJwtTokens } from "../../../packages/server/src/doors/etcd/auth/jwt.ts";
import { createSimpleTokens } from "../../../packages/server/src/doors/etcd/auth/simple-tokens.ts";
import { PropertyBroken, type Target } from "../target.ts";

const secret = Buffer.alloc(32, 7);
const key = createSecretKey(secret);
const nowMs = 1_700_000_000_000;
// Nobody's token was revoked; nothing else of the state is asked for a JWT.
const auth = { isRevoked: () => false } as unknown as AuthState;
const claims = { username: "root", revision: 3, exp: 1_800_000_000, nbf: 1, aud: ["me"] };

function signed(header: object, payload: object, mark = 1): Buffer {
  return Buffer.from(
    `${String.fromCharCode(mark)}${JSON.stringify(header)}\n${JSON.stringify(payload)}`,
  );
}

export const target: Target = {
  name: "tokens",
  seeds: () => [
    signed({ alg: "HS256", typ: "JWT" }, claims),
    signed({ alg: "HS256" }, { ...claims, aud: "me", nbf: undefined }),
    signed({ alg: "none" }, claims),
    signed({ alg: "HS256", crit: ["exp"] }, claims),
    signed({ alg: "HS512" }, claims),
    Buffer.from("\0abc.def.ghi"),
    Buffer.from("\x02aabbccddeeff.42"),
  ],
  dictionary: [
    '"alg"',
    '"none"',
    '"HS256"',
    '"crit"',
    '"exp"',
    '"aud"',
    '"__proto__"',
    "1e999",
    "-0",
    "null",
    "[]",
  ],
  run(input) {
    const kind = (input[0] ?? 0) % 3;
    const text = input.toString("latin1", 1);
    if (kind === 2) {
      const simple = createSimpleTokens(300_000);
      simple.knownFrom(text);
      if (simple.callerOf(text, auth) !== undefined)
        throw new PropertyBroken("a token that nobody was given");
      return;
    }
    const tokens = createJwtTokens(
      { algorithm: "HS256", signing: key, checking: key, ttlMs: 1000, audience: "me" },
      () => nowMs,
    );
    const token = kind === 1 ? sign(text) : text;
    // Twice: the second time it may be remembered.
    for (let round = 0; round < 2; round++) {
      const caller = tokens.callerOf(token, auth);
      if (caller === undefined) continue;
      if (kind === 0) throw new PropertyBroken("a token that is not signed");
      if (
        typeof caller.user !== "string" ||
        caller.user === "" ||
        !Number.isSafeInteger(caller.authRevision)
      ) {
        throw new PropertyBroken("a caller that is none");
      }
      const told = JSON.parse(text.split("\n")[0]!) as {
        readonly alg?: unknown;
        readonly crit?: unknown;
      };
      if (told.alg !== "HS256" || told.crit !== undefined)
        throw new PropertyBroken("another algorithm than the configured one");
    }
  },
};

function sign(text: string): string {
  const [header = "", payload = ""] = text
    .split("\n")
    .map((part) => Buffer.from(part, "latin1").toString("base64url"));
  const body = `${header}.${payload}`;
  return `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
}
