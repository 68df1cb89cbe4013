// npm run fuzz -- [--seconds N | --minutes N] [--target NAME]... [--seed N] [--keep]
//
// Fuzzes every target, or those named, for N seconds each, one after the other, from the kept corpus. `--keep` adds what
// ran code that the corpus did not. Ends with 1 when a target has a finding or tried too few inputs to mean anything, and
// when a fault that was put in place for it is not found first: then the rig itself is broken.

import { parseArgs } from "node:util";
import { readCorpus, writeCorpus } from "./corpus.ts";
import { targetModule, targetNames } from "./targets.ts";
import { fuzz, type Outcome } from "./watched.ts";

/** Tens of thousands of inputs are enough; it takes a second or two. */
const canaryMsMax = 60_000;

const { values } = parseArgs({
  options: {
    seconds: { type: "string" },
    minutes: { type: "string" },
    target: { type: "string", multiple: true },
    seed: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});
const seconds =
  values.seconds === undefined ? 60 * Number(values.minutes ?? 1) : Number(values.seconds);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
if (!(seconds > 0) || !Number.isSafeInteger(seed)) {
  console.error("--seconds, --minutes and --seed take numbers");
  process.exit(2);
}
const unknown = (values.target ?? []).filter((name) => !targetNames.includes(name));
if (unknown.length > 0) {
  console.error(`no target ${unknown.join(", ")}; there are ${targetNames.join(", ")}`);
  process.exit(2);
}

let failed = false;
const canary = new URL("./canaries/nested-fault.ts", import.meta.url).href;
const sung = await fuzz({ module: canary, seed, milliseconds: canaryMsMax, start: [] });
if (sung.kind === "found") console.log(`ok     canary: found after ${sung.inputs} inputs`);
else {
  console.log(`FAILED canary: not found in ${sung.inputs} inputs, seed ${seed}`);
  failed = true;
}
for (const name of values.target ?? targetNames) {
  const module = targetModule(name);
  const kept = readCorpus(name);
  const start = kept.map(({ bytes }) => bytes);
  const began = performance.now();
  const outcome = await fuzz({ module, seed, milliseconds: seconds * 1000, start });
  const fault = faultOf(outcome, name, (performance.now() - began) / 1000);
  console.log(
    `${fault === undefined ? "ok    " : "FAILED"} ${name}: ${describe(outcome)}, seed ${seed}`,
  );
  if (fault !== undefined) {
    console.log(fault);
    failed = true;
  }
  if (values.keep && outcome.kind === "done") keep(name, outcome.corpus);
}
process.exit(failed ? 1 : 0);

function describe(outcome: Outcome): string {
  const text = `${outcome.inputs} inputs`;
  if (outcome.kind === "found") return `${text}, a finding`;
  return `${text}, ${outcome.corpus.length} of them worth keeping, ${outcome.coveredCharacters} characters of source run`;
}

function faultOf(outcome: Outcome, name: string, took: number): string | undefined {
  if (outcome.kind === "found") {
    const bytes = Buffer.from(outcome.input).toString("base64");
    return `${outcome.text}\ninput (base64, a line for test/fuzz/corpus/${name}.txt):\n${bytes}`;
  }
  const wanted = Math.floor(outcome.inputsPerSecondMin * Math.min(took, seconds));
  if (outcome.inputs >= wanted) return undefined;
  return `only ${outcome.inputs} inputs in ${took.toFixed(0)} s; fewer than ${wanted} prove nothing`;
}

/** What once found something stays, whatever it covers now; seeds come from the target itself. */
function keep(name: string, corpus: readonly Uint8Array[]): void {
  const found = readCorpus(name).filter(({ note }) => note !== "");
  const others = corpus
    .map((bytes) => ({ bytes: Buffer.from(bytes), note: "" }))
    .filter(({ bytes }) => !found.some((one) => one.bytes.equals(bytes)));
  writeCorpus(name, [...found, ...others]);
}
