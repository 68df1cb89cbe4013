// Every scenario that is kept stays quiet: each once showed a bug, of ours or of a mutant.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parseScenario, protocolNamed, runScenario } from "./index.ts";

const directory = new URL("../scenarios/", import.meta.url);
const files = readdirSync(directory)
  .filter((name) => name.endsWith(".json"))
  .sort();

test("there are scenarios", () => assert.ok(files.length > 0));

for (const file of files) {
  test(file, () => {
    const scenario = parseScenario(readFileSync(new URL(file, directory), "utf8"));
    assert.equal(`${scenario.name}.json`, file);
    assert.notEqual(scenario.about, "", "it says what it shows");
    const protocol = protocolNamed(scenario.options.protocol);
    assert.ok(protocol);
    const result = runScenario(scenario, { protocol });
    assert.equal(result.result, "pass", result.violation?.detail);
  });
}
