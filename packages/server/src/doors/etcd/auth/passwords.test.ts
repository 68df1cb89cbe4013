import assert from "node:assert/strict";
import { test } from "node:test";
import { createPasswords } from "./passwords.ts";

const passwords = createPasswords(4);
const wanted = () => true;
const hash = (password: string) =>
  new Promise<string | undefined>((done) => passwords.hash(password, wanted, done));
const verify = (stored: string | undefined, password: string) =>
  new Promise<boolean | undefined>((done) => passwords.verify(stored, password, wanted, done));

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
  const costlier = createPasswords(6);
  const stored = await new Promise<string | undefined>((done) => costlier.hash("p", wanted, done));
  assert.match(stored ?? "", /^\$scrypt\$ln=10,/);
  assert.equal(await verify(stored, "p"), true);
});

test("of a flood the most are turned away at once, those in line are served, the gone are not", async () => {
  const stored = await hash("p");
  const outcomes = { right: 0, refused: 0, gone: 0 };
  const all = Array.from({ length: 400 }, (_, i) => {
    const isGone = i % 2 === 1;
    return new Promise<void>((done) => {
      passwords.verify(
        stored,
        "p",
        () => !isGone,
        (matches) => {
          if (matches === true) outcomes.right++;
          else if (isGone) outcomes.gone++;
          else outcomes.refused++;
          done();
        },
      );
    });
  });
  assert.ok(outcomes.refused > 0, "nobody was turned away in the turn of asking");
  await Promise.all(all);
  assert.equal(outcomes.right + outcomes.refused, 200);
  assert.ok(outcomes.right >= 100, `${outcomes.right} were served`);
  assert.equal(await verify(stored, "p"), true);
});
