// The rig tells what is noticed from what is not: a mutant that a test sees, one that nothing compares, one that no test reaches,
// one that never ends.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { judge, testsOf, type Verdict } from "./judge.ts";
import { plant } from "./plant.ts";
import { type Reach, Reaches } from "./reach.ts";
import { describe } from "./report.ts";
import { sampleOf } from "./sample.ts";
import { read } from "./sources.ts";

const file = "test/mutation/fixture/scale.ts";
const scaleTest = "test/mutation/fixture/scale.test.ts";
const mutants = plant(file, read(file));
const folder = mkdtempSync(join(tmpdir(), "althing-rig-"));
after(() => rmSync(folder, { recursive: true }));
let reach: ReadonlyMap<string, Reach> | undefined;

async function verdictOn(change: string): Promise<Verdict> {
  if (reach === undefined) {
    const reaches = new Reaches(join(folder, "reach.json"));
    assert.equal(await reaches.gather(scaleTest), undefined);
    assert.ok(new Reaches(join(folder, "reach.json")).isKnown(scaleTest));
    reach = new Map([[scaleTest, reaches.of(scaleTest)]]);
  }
  const mutant = mutants.find((one) => describe(one) === change);
  assert.ok(mutant, `no ${change} among\n${mutants.map(describe).join("\n")}`);
  return judge(mutant, testsOf(mutant, reach), reach, 1);
}

test("what a test compares is killed by it, and it is named", async () => {
  const { kind, by, said } = await verdictOn("operator: return grams [> => >=] limit;");
  assert.deepEqual([kind, by], ["killed", scaleTest]);
  assert.equal(said, "what weighs as much as the limit is not heavy");
});

test("what nothing compares survives", async () => {
  const { kind } = await verdictOn("operator: return Math.round(grams [/ => *] 10) * 10;");
  assert.equal(kind, "survived");
});

test("where no test comes, none is asked", async () => {
  const { kind } = await verdictOn(
    "operator: if (grams > 9000) return Math.round(grams [/ => *] 500) * 500;",
  );
  assert.equal(kind, "not reached");
});

test("what never ends is killed by its time", async () => {
  const { kind } = await verdictOn("operator: left [-= => +=] 28;");
  assert.equal(kind, "hung");
});

test("the same seed draws the same mutants, and most of them again when lines were added", () => {
  const drawn = (source: string, seed: number) =>
    new Set(sampleOf(plant(file, source), 10, seed).map(({ id }) => id));
  const source = read(file);
  const later = `// One line more.\n${source}`;
  assert.equal(drawn(source, 1).size, 10);
  assert.deepEqual(drawn(source, 1), drawn(source, 1));
  assert.deepEqual(drawn(source, 1), drawn(later, 1));
  assert.notDeepEqual(drawn(source, 1), drawn(source, 2));
});
