// Runs testdata/*.txt. `UPDATE=1 node --test scripts.test.ts` rewrites the expected traces.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { checkScript } from "../testing/script.ts";
import { paxos } from "./paxos.ts";

const folder = new URL("./testdata/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".txt"));

test("there are scripts", () => assert(names.length > 0));

for (const name of names.sort()) {
  test(`script ${name}`, () => {
    checkScript(paxos, new URL(name, folder), (actual, expected) => assert.equal(actual, expected));
  });
}
