// Which code of the cores has run, as V8 counts it, block by block. To be made before the code is loaded: what was
// compiled earlier has no counters.

import { type Profiler, Session } from "node:inspector";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "../paths.ts";

/** For each file, from where to where nothing ran. */
export type Unrun = Record<string, readonly (readonly [start: number, end: number])[]>;

export class Branches {
  readonly #session = new Session();

  constructor() {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  take(): Unrun {
    let scripts: readonly Profiler.ScriptCoverage[] = [];
    this.#session.post("Profiler.takePreciseCoverage", (error, answer) => {
      if (error !== null) throw error;
      scripts = answer.result;
    });
    const own = scripts.filter(({ url }) => isOfCores(url));
    return Object.fromEntries(own.map((script) => [fileOf(script.url), unrunOf(script)]));
  }
}

function isOfCores(url: string): boolean {
  if (!url.startsWith("file:") || !/\/packages\/consensus\/src\//.test(url)) return false;
  return !/\/testing\/|\/synod\/|\.test\.ts$/.test(url);
}

function fileOf(url: string): string {
  return relative(root, fileURLToPath(url));
}

/** Outer ranges come before those inside them, which count for themselves. */
function unrunOf({ functions }: Profiler.ScriptCoverage): [number, number][] {
  const ranges = functions.flatMap((one) => one.ranges);
  const ran = new Uint8Array(Math.max(...ranges.map(({ endOffset }) => endOffset)));
  for (const { startOffset, endOffset, count } of ranges) {
    ran.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  }
  const unrun: [number, number][] = [];
  for (let at = 0; at < ran.length; at++) {
    if (ran[at] === 1) continue;
    const start = at;
    while (at < ran.length && ran[at] === 0) at++;
    unrun.push([start, at]);
  }
  return unrun;
}
