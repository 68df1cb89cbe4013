// Which characters of which sources each test runs, as V8 counts it. Gathered once per test, and again only when the test or
// something that it loads has changed.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runTest } from "./run-test.ts";
import { hashOf, read, root } from "./sources.ts";

export interface Reach {
  /** How long the processor takes for the test on the code as it is, and to count what ran. */
  readonly seconds: number;
  readonly files: Readonly<Record<string, Ran>>;
}

interface Ran {
  /** Of the source that ran. */
  readonly hash: string;
  /** Beginnings and ends of what ran, in turn. */
  readonly spans: readonly number[];
}

/** A test that takes longer is no use here. */
const secondsMax = 300;

export class Reaches {
  readonly #file: string;
  readonly #known: Record<string, Reach>;

  constructor(file: string) {
    this.#file = file;
    this.#known = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  }

  isKnown(test: string): boolean {
    const known = this.#known[test];
    if (known === undefined) return false;
    return Object.entries(known.files).every(
      ([file, { hash }]) => existsSync(root + file) && hashOf(read(file)) === hash,
    );
  }

  of(test: string): Reach {
    return this.#known[test]!;
  }

  /** Says what is wrong with a test that fails on the code as it is: it can judge nothing. */
  async gather(test: string): Promise<string | undefined> {
    const folder = mkdtempSync(join(tmpdir(), "althing-reach-"));
    try {
      const { kind, seconds, said } = await runTest(test, { NODE_V8_COVERAGE: folder }, secondsMax);
      if (kind !== "passed") return `${test} ${kind} on the code as it is: ${said}`;
      this.#known[test] = { seconds, files: filesIn(folder) };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    writeFileSync(this.#file, JSON.stringify(this.#known));
    return undefined;
  }
}

export function reaches({ files }: Reach, file: string, at: number): boolean {
  const spans = files[file]?.spans;
  if (spans === undefined) return false;
  for (let i = 0; i < spans.length; i += 2) if (spans[i]! <= at && at < spans[i + 1]!) return true;
  return false;
}

interface Script {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

/** What all processes and threads of the test ran, together. */
function filesIn(folder: string): Record<string, Ran> {
  const painted = new Map<string, Uint8Array>();
  for (const name of readdirSync(folder)) {
    const { result } = JSON.parse(readFileSync(join(folder, name), "utf8")) as { result: Script[] };
    for (const script of result) {
      const file = ownFile(script.url);
      if (file === undefined) continue;
      const length = read(file).length;
      const all = painted.get(file) ?? new Uint8Array(length);
      const one = paint(script, length);
      for (let i = 0; i < length; i++) all[i]! |= one[i]!;
      painted.set(file, all);
    }
  }
  return Object.fromEntries(
    [...painted].map(([file, all]) => [file, { hash: hashOf(read(file)), spans: spansOf(all) }]),
  );
}

function ownFile(url: string): string | undefined {
  if (!url.startsWith("file:")) return undefined;
  const path = fileURLToPath(url.replace(/\?.*/, ""));
  if (!path.startsWith(root) || path.includes("/node_modules/")) return undefined;
  if (!path.endsWith(".ts")) return undefined;
  return path.slice(root.length);
}

/** Outer ranges first, so that the count of the innermost stays. */
function paint({ functions }: Script, length: number): Uint8Array {
  const ranges = functions
    .flatMap((one) => one.ranges)
    .sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  const ran = new Uint8Array(length);
  for (const { startOffset, endOffset, count } of ranges) {
    ran.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  }
  return ran;
}

function spansOf(ran: Uint8Array): number[] {
  const spans: number[] = [];
  for (let i = 0; i < ran.length; i++) if (ran[i] !== (ran[i - 1] ?? 0)) spans.push(i);
  if (spans.length % 2 === 1) spans.push(ran.length);
  return spans;
}
