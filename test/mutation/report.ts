// The share that was killed, package by package, and each survivor with its place and its change.

import { isKilled, type Verdict } from "./judge.ts";
import type { Mutant } from "./plant.ts";
import { packageOf, read } from "./sources.ts";

export interface Judged {
  readonly mutant: Mutant;
  readonly verdict: Verdict;
}

export interface Share {
  readonly name: string;
  readonly planted: number;
  readonly judged: number;
  readonly killed: number;
  readonly hung: number;
  readonly notReached: number;
}

export function shareOf(name: string, planted: number, judged: readonly Judged[]): Share {
  const count = (kind: Verdict["kind"]) =>
    judged.filter(({ verdict }) => verdict.kind === kind).length;
  return {
    name,
    planted,
    judged: judged.length,
    killed: count("killed") + count("hung"),
    hung: count("hung"),
    notReached: count("not reached"),
  };
}

export function shareLine({ name, planted, judged, killed, hung, notReached }: Share): string {
  const share = judged === 0 ? "-" : `${((100 * killed) / judged).toFixed(1)} %`;
  return (
    `${name.padEnd(10)} ${share.padStart(7)}  ${killed} of ${judged} killed (${hung} by time), ` +
    `${notReached} where no test comes, drawn from ${planted}`
  );
}

export function survivorLines(judged: readonly Judged[]): string[] {
  return judged
    .filter(({ verdict }) => !isKilled(verdict))
    .sort((a, b) => compare(a.mutant, b.mutant))
    .map(({ mutant, verdict }) => {
      const mark = verdict.kind === "not reached" ? "  (no test comes here)" : "";
      return `${placeOf(mutant)}  ${describe(mutant)}${mark}`;
    });
}

export function placeOf({ file, line }: Mutant): string {
  return `${file}:${line}`;
}

/** The line as it is, with the change in it. */
export function describe({ file, kind, start, end, text }: Mutant): string {
  const source = read(file);
  const from = source.lastIndexOf("\n", start - 1) + 1;
  const newline = source.indexOf("\n", end);
  const to = newline < 0 ? source.length : newline;
  const changed = shorten(source.slice(start, end));
  const before = source.slice(from, start).trimStart();
  return `${kind}: ${before}[${changed} => ${text}]${source.slice(end, to)}`;
}

export function jsonOf(shares: readonly Share[], judged: readonly Judged[]): string {
  const mutants = judged.map(({ mutant, verdict }) => ({
    package: packageOf(mutant.file),
    place: placeOf(mutant),
    change: describe(mutant),
    verdict: verdict.kind,
    by: verdict.by,
    said: verdict.said,
  }));
  return `${JSON.stringify({ shares, mutants }, undefined, 1)}\n`;
}

function shorten(text: string): string {
  const one = text.replace(/\s+/g, " ");
  return one.length > 100 ? `${one.slice(0, 60)} ... ${one.slice(-30)}` : one;
}

function compare(a: Mutant, b: Mutant): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.start - b.start;
}
