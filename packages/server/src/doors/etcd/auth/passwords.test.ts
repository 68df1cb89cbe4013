import assert from "node:assert/strict";
import { test } from "node:test";
import { createPasswords, type Passwords } from "./passwords.ts";

let now = 0;
const passwords = createPasswords(4, () => now);
const wanted = () => true;
const hash = (password: string, by = passwords) =>
  new Promise<string | undefined>((done) => by.hash(password, wanted, done));
const verify = (
  stored: string | undefined,
  password: string,
  from: { user?: string; connection?: string; by?: Passwords; isWanted?: () => boolean } = {},
) =>
  new Promise<boolean | undefined>((done) => {
    const { user = "u", connection = "10.0.0.1:1", by = passwords, isWanted = wanted } = from;
    by.verify({ user, stored, password, connection }, isWanted, done);
  });
/** Whether it was answered without a slow hash. */
async function isQuick(stored: string | undefined, password: string, user = "u", by = passwords) {
  let isAnswered = false;
  const answer = verify(stored, password, { user, by }).then((matches) => {
    isAnswered = true;
    return matches;
  });
  await Promise.resolve().then(() => {});
  const quick = isAnswered;
  await answer;
  return quick;
}

test("a password is known again, and no other; the same one twice looks different", async () => {
  const [one, other] = [await hash("pässword"), await hash("pässword")];
  assert.notEqual(one, other);
  assert.equal(await verify(one, "pässword"), true);
  assert.equal(await verify(other, "pässword"), true);
  assert.equal(await verify(one, "password"), false);
  assert.equal(await verify(await hash(""), ""), true);
  assert.equal(await verify(undefined, "pässword"), false);
  assert.equal(await verify("no hash", "pässword"), false);
});

test("a hash of another cost is checked by its own parameters", async () => {
  const stored = await hash("p", createPasswords(6));
  assert.match(stored ?? "", /^\$scrypt\$ln=10,/);
  assert.equal(await verify(stored, "p"), true);
});

test("a hash of bcrypt is compared with beside the event loop, is remembered, and takes its turn", async () => {
  const stored = "$2a$10$pTbXLsI95GkM07H.pByKiOWReGMNXc1uDojcWyXFsNOYs2jwiMtTS";
  let longest = 0;
  let last = performance.now();
  const watching = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  const started = performance.now();
  const wrong = Array.from({ length: 12 }, (_, i) => verify(stored, `wrong ${i}`));
  assert.equal(await verify(stored, "roots", { user: "v" }), true);
  assert.deepEqual(await Promise.all(wrong), new Array(12).fill(false));
  const elapsed = performance.now() - started;
  clearInterval(watching);
  assert.ok(longest < elapsed / 2, `silent for ${longest} ms of ${elapsed}`);
  assert.equal(await isQuick(stored, "roots", "v"), true);
  assert.equal(await isQuick(stored, "roots", "w"), false);
});

test("a password that was found right is not hashed again for a while, and no other is spared it", async () => {
  const stored = await hash("right");
  assert.equal(await verify(stored, "right"), true);
  assert.equal(await isQuick(stored, "right"), true);
  for (const [text, password, user] of [
    [stored, "wrong", "u"],
    [stored, "right", "another"],
    [await hash("right"), "right", "u"],
    [undefined, "right", "u"],
    [undefined, "right", "nobody"],
  ] as const) {
    assert.equal(await isQuick(text, password, user), false, `${user}: ${password}`);
  }
  assert.equal(await verify(stored, "right"), true);
  now += 5 * 60_000;
  assert.equal(await isQuick(stored, "right"), false);
  assert.equal(await isQuick(stored, "right"), true);
  // Another process has another key, and remembers nothing.
  assert.equal(await isQuick(stored, "right", "u", createPasswords(4)), false);
});

test("what is remembered ends with the user's password, with the user and with auth", async () => {
  const stored = await hash("p");
  for (const change of [{ kind: "userEnded", user: "u" }, { kind: "allEnded" }] as const) {
    assert.equal(await verify(stored, "p"), true);
    assert.equal(await isQuick(stored, "p"), true);
    passwords.observe({ kind: "userEnded", user: "another" });
    assert.equal(await isQuick(stored, "p"), true);
    passwords.observe(change);
    assert.equal(await isQuick(stored, "p"), false);
  }
});

test("many that come together with the right password are hashed once or twice, not each", async () => {
  const own = createPasswords(10);
  const stored = await hash("p", own);
  const started = performance.now();
  assert.equal(await verify(stored, "p", { by: own, user: "alone" }), true);
  const one = performance.now() - started;
  const all = await Promise.all(Array.from({ length: 40 }, () => verify(stored, "p", { by: own })));
  assert.deepEqual(all, new Array(40).fill(true));
  const elapsed = performance.now() - started - one;
  assert.ok(elapsed < 10 * one, `40 took ${elapsed} ms, one ${one}`);
});

test("in a flood another user is served after the few that are under way, from wherever he comes", async () => {
  const own = createPasswords(8);
  const stored = await hash("p", own);
  let answered = 0;
  const flood = Array.from({ length: 600 }, (_, i) => {
    const from = { by: own, user: "victim", connection: `10.0.0.1:${i % 7}` };
    return verify(stored, `wrong ${i}`, from).then((matches) => {
      if (matches === false) answered++;
      return matches;
    });
  });
  for (const [user, connection] of [
    ["same address", "10.0.0.1:500"],
    ["elsewhere", "10.0.0.2:500"],
    // The very user that is attacked, from another address.
    ["victim", "10.0.0.3:500"],
  ] as const) {
    const before = answered;
    assert.equal(await verify(stored, "p", { by: own, user, connection }), true, user);
    assert.ok(answered - before <= 6, `${user}: ${answered - before} of the flood came first`);
  }
  const outcomes = await Promise.all(flood);
  assert.ok(outcomes.filter((matches) => matches === undefined).length >= 300, "none turned away");
  assert.ok(outcomes.every((matches) => matches !== true));
});

test("those who are gone give their place up before anybody is turned away", async () => {
  const stored = await hash("p");
  let isGone = false;
  const gone = Array.from({ length: 256 }, (_, i) =>
    verify(stored, "p", { user: `${i}`, isWanted: () => !isGone }),
  );
  isGone = true;
  const here = await Promise.all(
    Array.from({ length: 200 }, (_, i) => verify(stored, "p", { user: `here ${i}` })),
  );
  assert.deepEqual(here, new Array(200).fill(true));
  await Promise.all(gone);
});
