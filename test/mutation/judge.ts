// What becomes of one mutant: the tests that run its place are asked one after the other, the nearest and quickest first, until
// one fails or does not end.

import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Mutant } from "./plant.ts";
import { type Reach, reaches } from "./reach.ts";
import { runTest } from "./run-test.ts";
import { hashOf, isLastResort, packageOf, read, root } from "./sources.ts";

export interface Verdict {
  readonly kind: "killed" | "hung" | "survived" | "not reached";
  /** The test that noticed, and what it said. */
  readonly by: string;
  readonly said: string;
  /** Of the tests that were asked, so that a survivor is judged anew when there are others. */
  readonly asked: string;
}

export function isKilled({ kind }: Verdict): boolean {
  return kind === "killed" || kind === "hung";
}

/** The tests that run the mutant's place, in the order in which they are asked. */
export function testsOf(mutant: Mutant, reach: ReadonlyMap<string, Reach>): string[] {
  const order = new Map<string, number>();
  for (const [test, one] of reach) {
    if (!reaches(one, mutant.file, mutant.start)) continue;
    order.set(test, distance(mutant.file, test) * 1000 + one.seconds);
  }
  return [...order.keys()].sort((a, b) => order.get(a)! - order.get(b)!);
}

export function askedHash(tests: readonly string[]): string {
  return hashOf(tests.map((test) => `${test} ${hashOf(read(test))}`).join("\n"));
}

export async function judge(
  mutant: Mutant,
  tests: readonly string[],
  reach: ReadonlyMap<string, Reach>,
  secondsLeast = 4,
): Promise<Verdict> {
  const asked = askedHash(tests);
  if (tests.length === 0) return { kind: "not reached", by: "", said: "", asked };
  const planted = JSON.stringify({ ...mutant, file: root + mutant.file });
  const environment = {
    ALTHING_PLANTED: planted,
    NODE_OPTIONS: `--import ${hook}`,
    // By content, so what is altered is compiled anew.
    NODE_COMPILE_CACHE: compiled,
  };
  for (const test of tests) {
    const secondsMax = secondsLeast + 4 * reach.get(test)!.seconds;
    const { kind, said } = await alone(test, () => runTest(test, environment, secondsMax));
    if (kind !== "passed") {
      return { kind: kind === "hung" ? "hung" : "killed", by: test, said, asked };
    }
  }
  return { kind: "survived", by: "", said: "", asked };
}

const underWay = new Map<string, Promise<unknown>>();

/** Tests of servers have ports of their own, each file its range: no file runs twice at a time. */
async function alone<T>(test: string, run: () => Promise<T>): Promise<T> {
  while (underWay.has(test)) await underWay.get(test);
  const running = run();
  underWay.set(test, running);
  try {
    return await running;
  } finally {
    underWay.delete(test);
  }
}

const compiled = join(tmpdir(), "althing-mutation-compiled");
const hook = new URL("./planted.ts", import.meta.url).pathname;

function distance(file: string, test: string): number {
  if (isLastResort(test)) return 9;
  if (test === file.replace(/\.ts$/, ".test.ts")) return 0;
  if (dirname(test) === dirname(file)) return 1;
  return packageOf(test) === packageOf(file) ? 2 : 3;
}
