// Which source code has run, as V8 counts it: every block of every function, with no change to the code. Asked after
// a batch of inputs, since one answer costs milliseconds. V8 merges a block into the one around it when both ran
// equally often, so ranges are no identity; what has run is painted on the text of each file instead.

import { type Profiler, Session } from "node:inspector";

export class Coverage {
  readonly #session = new Session();
  readonly #isOurs: (url: string) => boolean;
  readonly #seen = new Map<string, Uint8Array>();

  /** To be made before the code is loaded: what was compiled earlier has no block counters. */
  constructor(isOurs: (url: string) => boolean) {
    this.#isOurs = isOurs;
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** Forgets what ran since the last question. */
  reset(): void {
    this.#take();
  }

  /** How many characters of source ran for the first time since the last question; `keep`: remembers them. */
  fresh(keep: boolean): number {
    let fresh = 0;
    for (const script of this.#take()) {
      if (script.url === "" || !this.#isOurs(script.url)) continue;
      const ran = paint(script);
      const seen = this.#seenOf(script.url, ran.length);
      for (let at = 0; at < ran.length; at++) {
        if (ran[at] === 0 || seen[at] === 1) continue;
        fresh++;
        if (keep) seen[at] = 1;
      }
    }
    return fresh;
  }

  close(): void {
    this.#session.disconnect();
  }

  /** The collector takes what runs no more, so the last function that is told of is not always the same. */
  #seenOf(url: string, length: number): Uint8Array {
    const known = this.#seen.get(url);
    if (known !== undefined && known.length >= length) return known;
    const seen = new Uint8Array(length);
    if (known !== undefined) seen.set(known);
    this.#seen.set(url, seen);
    return seen;
  }

  #take(): readonly Profiler.ScriptCoverage[] {
    let result: readonly Profiler.ScriptCoverage[] = [];
    // Of a session with its own thread, which answers before it returns.
    this.#session.post("Profiler.takePreciseCoverage", (error, answer) => {
      if (error !== null) throw error;
      result = answer.result;
    });
    return result;
  }
}

/** Outer ranges come before those inside them. */
function paint(script: Profiler.ScriptCoverage): Uint8Array {
  let length = 0;
  for (const { ranges } of script.functions) length = Math.max(length, ranges[0]?.endOffset ?? 0);
  const ran = new Uint8Array(length);
  for (const { ranges } of script.functions) {
    for (const { startOffset, endOffset, count } of ranges) {
      ran.fill(count > 0 ? 1 : 0, startOffset, endOffset);
    }
  }
  return ran;
}
