// The thread that fuzzes one target. Another thread watches it: an input that never ends, or that takes all memory,
// cannot say so itself.

import { parentPort, workerData } from "node:worker_threads";
import { Coverage } from "./coverage.ts";
import { Finding, Search } from "./search.ts";
import { inputsPerSecondMinDefault, type Target } from "./target.ts";
import { type Report, Shared, type Work } from "./watched.ts";

const work = workerData as Work;
const shared = new Shared(work.memory);
const coverage = new Coverage(
  (url) =>
    /\/packages\/[^/]+\/src\//.test(url) ||
    url.includes("/node_modules/ws/lib/") ||
    url.endsWith(work.module),
);
const { target } = (await import(work.module)) as { readonly target: Target };
const search = new Search({
  target,
  seed: work.seed,
  start: work.start.map((bytes) => Buffer.from(bytes)),
  coverage,
  trying: (input) => shared.trying(input),
  tried: () => shared.tried(),
});
const endsAt = performance.now() + work.milliseconds;
const report = await search
  .run(() => performance.now() >= endsAt || shared.inputs >= work.inputsMax)
  .then(done, found);
parentPort!.postMessage(report);
process.exit();

function done(): Report {
  const { coveredCharacters } = search;
  const seeds = new Set(target.seeds().map((seed) => Buffer.from(seed).toString("base64")));
  const corpus = search.corpus.filter((input) => !seeds.has(input.toString("base64")));
  const inputsPerSecondMin = target.inputsPerSecondMin ?? inputsPerSecondMinDefault;
  return { kind: "done", corpus, coveredCharacters, inputsPerSecondMin };
}

function found(error: unknown): Report {
  if (!(error instanceof Finding)) throw error;
  const { stack } = error.error instanceof Error ? error.error : {};
  return { kind: "found", input: error.input, text: stack ?? String(error.error) };
}
