import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  type AuthChange,
  authorizeCommand,
  createMemoryEngine,
  encodeCommand,
  openStore,
} from "@althing/store";
import { createSingleMember, createTestContext } from "../testing/single-member.ts";
import { Access } from "./access.ts";
import { createJwtTokens } from "./jwt.ts";
import { createSimpleTokens, tokensMax } from "./simple-tokens.ts";
import { createTokens, readTokenOptions } from "./token-options.ts";

const folder = mkdtempSync(join(tmpdir(), "althing-tokens-"));
after(() => rmSync(folder, { recursive: true }));
const { auth } = openStore({ engine: createMemoryEngine() });

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const pairs = {
  rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }),
  p256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  ed25519: generateKeyPairSync("ed25519"),
};
const secret = file("secret", randomBytes(32));
const keyFiles = Object.fromEntries(
  Object.entries(pairs).map(([name, { publicKey, privateKey }]) => {
    const files = [
      file(`${name}.pub`, publicKey.export({ type: "spki", format: "pem" })),
      file(`${name}.key`, privateKey.export({ type: "pkcs8", format: "pem" })),
    ] as const;
    return [name, `pub-key=${files[0]},priv-key=${files[1]}`];
  }),
);

test("a simple token lives while it is used, and each login has its own", () => {
  let now = 0;
  const tokens = createSimpleTokens(1000, () => now);
  const issued = tokens.issue("u", 1);
  assert.ok(typeof issued !== "string" && issued.kind === "logged");
  assert.match(issued.secret, /^[a-zA-Z]{16}$/);
  const token = `${issued.secret}.77`;
  assert.equal(tokens.callerOf(token, auth), undefined);
  assert.equal(tokens.knownFrom(token), 77);
  for (const other of [
    "x.y",
    "",
    ".77",
    "abcdefghijklmnop.0x4d",
    "abcdefghijklmnop.",
    `${token}0 `,
  ]) {
    assert.equal(tokens.knownFrom(other), 0, other);
  }
  tokens.observe({ kind: "assigned", token, user: "u" });
  for (let i = 0; i < 5; i++) {
    now += 900;
    assert.deepEqual(tokens.callerOf(token, auth), { user: "u", authRevision: auth.revision });
  }
  now += 1000;
  assert.equal(tokens.callerOf(token, auth), undefined);
});

test("tokens that nobody uses make room for others, and those in use stay", () => {
  const tokens = createSimpleTokens(60_000, () => 0);
  const assign = (n: number) => tokens.observe({ kind: "assigned", token: `t.${n}`, user: "u" });
  const isKnown = (n: number) => tokens.callerOf(`t.${n}`, auth) !== undefined;
  for (let n = 0; n < 3 * tokensMax; n++) {
    assign(n);
    if (n % 1000 === 7) assert.ok(isKnown(7));
  }
  assert.ok(isKnown(7));
  assert.ok(!isKnown(8));
  assert.ok(!isKnown(2 * tokensMax - 2));
  assert.ok(isKnown(3 * tokensMax - 1));
  assert.ok(isKnown(2 * tokensMax + 10));
});

test("a user's tokens end with it, and all with auth", () => {
  const tokens = createSimpleTokens(1000, () => 0);
  for (const user of ["a", "b", "c"])
    tokens.observe({ kind: "assigned", token: `${user}.1`, user });
  const alive = () => ["a.1", "b.1", "c.1"].filter((token) => tokens.callerOf(token, auth));
  tokens.observe({ kind: "userEnded", user: "b" });
  assert.deepEqual(alive(), ["a.1", "c.1"]);
  tokens.observe({ kind: "allEnded" });
  assert.deepEqual(alive(), []);
});

const methods = [
  ...["RS256", "RS384", "PS256", "PS512"].map((method) => [method, keyFiles["rsa"]]),
  ["ES256", keyFiles["p256"]],
  ["EdDSA", keyFiles["ed25519"]],
  ["HS256", `priv-key=${secret}`],
  ["HS512", `priv-key=${secret}`],
] as const;

for (const [method, files] of methods) {
  test(`${method}: what is signed is known again, until its time is over or a bit is changed`, () => {
    const options = readTokenOptions(`jwt,sign-method=${method},${files},ttl=2s`, 300);
    assert.ok(options.kind === "jwt");
    let now = 1_000_000;
    const tokens = createJwtTokens(options.keys, () => now);
    const issued = tokens.issue("n\xc3\xa4me", 12);
    assert.ok(typeof issued !== "string" && issued.kind === "whole");
    const { token } = issued;
    const [header = "", claims = "", signature = ""] = token.split(".");
    assert.deepEqual(JSON.parse(String(Buffer.from(header, "base64url"))), {
      alg: method,
      typ: "JWT",
    });
    assert.deepEqual(JSON.parse(String(Buffer.from(claims, "base64url"))), {
      username: "näme",
      revision: 12,
      exp: 1002,
    });
    assert.deepEqual(tokens.callerOf(token, auth), { user: "n\xc3\xa4me", authRevision: 12 });
    const other = Buffer.from(claims, "base64url");
    other[14]! ^= 1;
    const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url");
    const bytes = Buffer.from(signature, "base64url");
    bytes[3]! ^= 1;
    for (const forged of [
      `${header}.${other.toString("base64url")}.${signature}`,
      `${header}.${claims}.${bytes.toString("base64url")}`,
      `${header}.${claims}.`,
      `${header}.${claims}`,
      `${none}.${claims}.`,
      `${none}.${claims}.${signature}`,
      `${token}=`,
      `${token}.`,
      ` ${token}`,
      `${header}.${claims}.${signature.slice(0, -4)}\n${signature.slice(-4)}`,
      "",
      "..",
    ]) {
      assert.equal(tokens.callerOf(forged, auth), undefined, forged);
    }
    now += 2000;
    assert.equal(tokens.callerOf(token, auth), undefined);
  });
}

const hmac = readTokenOptions(`jwt,sign-method=HS256,priv-key=${secret}`, 300);
assert.ok(hmac.kind === "jwt");
const { keys } = hmac;

/** Signed rightly, with whatever is in it. */
function signed(claims: object, header: object = { alg: "HS256", typ: "JWT" }): string {
  const text = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const signature = createHmac("sha256", readFileSync(secret)).update(text).digest("base64url");
  return `${text}.${signature}`;
}

test("what a token demands is kept, and one that demands what is not understood is refused", () => {
  const now = 1_000_000;
  const claims = { username: "u", revision: 1, exp: 1001 };
  const known = (token: string, audience?: string) =>
    createJwtTokens({ ...keys, ...(audience && { audience }) }, () => now).callerOf(token, auth);
  assert.notEqual(known(signed(claims)), undefined);
  assert.notEqual(known(signed({ ...claims, nbf: 1000 })), undefined);
  assert.notEqual(known(signed({ ...claims, aud: "us" }), "us"), undefined);
  assert.notEqual(known(signed({ ...claims, aud: ["them", "us"] }), "us"), undefined);
  // It does not say for whom it is, as etcd's do not.
  assert.notEqual(known(signed(claims), "us"), undefined);
  for (const [token, audience] of [
    [signed({ ...claims, nbf: 1000.5 })],
    [signed({ ...claims, nbf: "1000" })],
    [signed({ ...claims, exp: 1000 })],
    [signed({ ...claims, exp: undefined })],
    [signed({ ...claims, exp: null })],
    [signed({ ...claims, aud: "us" })],
    [signed({ ...claims, aud: [] }), "us"],
    [signed({ ...claims, aud: "them" }), "us"],
    [signed({ ...claims, aud: ["them"] }), "us"],
    [signed({ ...claims, aud: null }), "us"],
    [signed({ ...claims, username: "" })],
    [signed({ ...claims, username: 7 })],
    [signed({ ...claims, revision: 1.5 })],
    [signed({ ...claims, revision: "1" })],
    [signed({ ...claims, revision: 2 ** 53 })],
    [signed([claims])],
    [signed(claims, { alg: "HS256", crit: ["exp"] })],
    [signed(claims, { alg: "HS256", crit: [] })],
    [signed(claims, { alg: "HS512" })],
    [signed(claims, { alg: "none" })],
    [signed(claims, {})],
    [signed({ ...claims, note: "x".repeat(4096) })],
  ] as const) {
    assert.equal(known(token, audience), undefined, Buffer.from(token, "base64").toString());
  }
});

test("a JWT ends with its user's password, with the user and with auth, and with no other change", () => {
  const store = openStore({ engine: createMemoryEngine() });
  const write = (change: AuthChange) => {
    const index = store.appliedIndex + 1;
    const point = { index, epoch: 1, proposer: "", leaderTimeMs: 0 };
    const command = encodeCommand({ kind: "auth", change });
    const root = { user: "root", authRevision: store.auth.revision };
    assert.equal(store.apply(authorizeCommand(root, command), point).kind, "done");
  };
  const add = (user: string): AuthChange => ({
    kind: "addUser",
    user,
    password: "hash",
    hasPassword: true,
  });
  const grant: AuthChange = { kind: "grantRole", user: "admin", role: "root" };
  const found = [add("root"), { ...grant, user: "root" }, add("admin"), grant];
  for (const change of found) write(change);
  write({ kind: "enable" });
  const tokens = createJwtTokens(keys);
  let token = "";
  const login = () => {
    const issued = tokens.issue("admin", store.auth.revision);
    assert.ok(typeof issued !== "string" && issued.kind === "whole");
    token = issued.token;
    assert.ok(isKnown());
  };
  const isKnown = () => tokens.callerOf(token, store.auth) !== undefined;
  login();
  write({ kind: "addRole", role: "other" });
  write({ kind: "changePassword", user: "root", password: "hash" });
  assert.ok(isKnown());
  write({ kind: "changePassword", user: "admin", password: "new" });
  assert.ok(!isKnown());
  login();
  write({ kind: "deleteUser", user: "admin" });
  write(add("admin"));
  write(grant);
  assert.ok(!isKnown());
  login();
  write({ kind: "disable" });
  write({ kind: "enable" });
  assert.ok(!isKnown());
});

test("a public key taken for an HMAC secret opens nothing", () => {
  const rsa = readTokenOptions(`jwt,sign-method=RS256,${keyFiles["rsa"]}`, 300);
  const path = file("as-secret", pairs.rsa.publicKey.export({ type: "spki", format: "pem" }));
  const hmac = createTokens(readTokenOptions(`jwt,sign-method=HS256,priv-key=${path}`, 300));
  const forged = hmac.issue("root", 1);
  assert.ok(typeof forged !== "string" && forged.kind === "whole");
  assert.equal(createTokens(rsa).callerOf(forged.token, auth), undefined);
});

test("with the public key alone tokens are checked and not issued", () => {
  const [publicKey = ""] = String(keyFiles["rsa"]).split(",");
  const checking = createTokens(readTokenOptions(`jwt,sign-method=RS256,${publicKey}`, 300));
  assert.equal(checking.issue("u", 1), "tokenSigningKeyMissing");
  const issuing = createTokens(readTokenOptions(`jwt,sign-method=RS256,${keyFiles["rsa"]}`, 300));
  const issued = issuing.issue("u", 1);
  assert.ok(typeof issued !== "string" && issued.kind === "whole");
  assert.deepEqual(checking.callerOf(issued.token, auth), { user: "u", authRevision: 1 });
});

test("--auth-token is refused with what is wrong in it", () => {
  const table: [string, RegExp][] = [
    ["paseto", /"paseto" is no kind of token/],
    ["jwt", /sign-method must be one of EdDSA, HS256/],
    ["jwt,sign-method=none", /sign-method must be one of/],
    ["jwt,sign-method=RS256", /give priv-key, or pub-key/],
    ["jwt,sign-method=HS256", /priv-key names the file of the secret/],
    ["jwt,sign-method=RS256,pub-key=/nowhere", /\/nowhere cannot be read/],
    [`jwt,sign-method=RS256,pub-key=${secret}`, /holds no such key in PEM form/],
    [`jwt,sign-method=RS256,${keyFiles["p256"]}`, /RS256 needs another kind of key than ec/],
    [`jwt,sign-method=ES384,${keyFiles["p256"]}`, /ES384 needs another kind of key/],
    [`jwt,sign-method=RS256,${keyFiles["rsa"]},ttl=5`, /ttl=5 must be a duration/],
    [`jwt,sign-method=RS256,${keyFiles["rsa"]},ttl=5s,ttl=6s`, /ttl is given twice/],
    [`jwt,sign-method=HS256,priv-key=${file("short", "secret")}`, /holds 6 bytes, which can be/],
    [`jwt,sign-method=HS256,priv-key=${secret},audience=`, /audience= is empty/],
    ["jwt,color=red", /"color=red" is not one of/],
  ];
  for (const [text, expected] of table) {
    assert.throws(() => readTokenOptions(text, 300), expected, text);
  }
});

test("a certificate names its holder when certificates are asked for, and only without a token", () => {
  const member = createSingleMember();
  const call = (commonName: string, token?: string) => ({
    metadata: (name: string) => (name === "token" ? token : undefined),
    caller: { address: "", encrypted: true, commonName },
    cancelled: false,
    onCancel: () => {},
    charge: () => true,
    release: () => {},
  });
  const access = (namesByCertificate: boolean) => {
    const context = createTestContext(member, { auth: { namesByCertificate } });
    return new Access(context, createTokens(context.auth.tokens));
  };
  const { revision } = member.store.auth;
  assert.deepEqual(access(true).callerOf(call("u")), { user: "u", authRevision: revision });
  assert.equal(access(true).callerOf(call("")), "userEmpty");
  assert.equal(access(true).callerOf(call("u", "x")), "tokenInvalid");
  assert.equal(access(false).callerOf(call("u")), "userEmpty");
});
