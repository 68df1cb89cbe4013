// What a campaign has done so far, in one file that is written whole after every turn: who goes on reads it.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type Counts = Record<string, number>;

export interface Bug {
  readonly number: number;
  readonly by: string;
  readonly property: string;
  readonly place: string;
  readonly detail: string;
  times: number;
  /** The first few commands that show it again, as it was found. */
  readonly replays: string[];
  /** Shows what is left of the first once it was made small. */
  small?: string;
}

export interface Exploration {
  readonly protocol: string;
  readonly bounds: string;
  readonly states: number;
  readonly isComplete: boolean;
}

export interface Ledger {
  readonly version: string;
  readonly seed: number;
  /** In earlier sittings as well. */
  elapsedMs: number;
  readonly usedMs: Counts;
  readonly turns: Counts;
  readonly counts: Record<string, Counts>;
  readonly explorations: Exploration[];
  readonly bugs: Bug[];
}

export function newLedger(version: string, seed: number): Ledger {
  return {
    version,
    seed,
    elapsedMs: 0,
    usedMs: {},
    turns: {},
    counts: {},
    explorations: [],
    bugs: [],
  };
}

export function readLedger(folder: string): Ledger | undefined {
  try {
    return JSON.parse(readFileSync(fileIn(folder), "utf8")) as Ledger;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export function writeLedger(folder: string, ledger: Ledger): void {
  mkdirSync(folder, { recursive: true });
  const file = fileIn(folder);
  writeFileSync(`${file}.new`, `${JSON.stringify(ledger, undefined, 1)}\n`);
  renameSync(`${file}.new`, file);
}

export function add(counts: Counts, name: string, count = 1): void {
  counts[name] = (counts[name] ?? 0) + count;
}

function fileIn(folder: string): string {
  return join(folder, "state.json");
}
