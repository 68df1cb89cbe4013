// A mutant: a small alteration of production code that breaks one promise, applied to the source as
// it is loaded. Production carries no hooks for it. If the text to be replaced is no longer there, or
// is there twice, the mutant is out of date and loading fails loudly.

import type { Bounds } from "@althing/simulator/explore";

export interface Mutant {
  /** The corpus name where there is one. */
  readonly name: string;
  readonly about: string;
  /** From the root of the repository. */
  readonly edits: readonly {
    readonly file: string;
    readonly find: string;
    readonly replace: string;
  }[];
  /** Flags of `althing sim` that bring the seeds near the spot. */
  readonly flags?: readonly string[];
  /** A scenario (in `scenarios/`) that leads there; for what chance finds too seldom. */
  readonly scenario?: string;
  /** Hunted by random plans of this core (`consensus/src/testing`) instead: no member around it. */
  readonly plans?: "raft" | "paxos" | "zab";
  /** Hunted by exploring all that three cores can do within bounds. */
  readonly explored?: {
    readonly protocol: "raft" | "paxos" | "zab";
    readonly bounds: Partial<Bounds>;
  };
  /** Hunted by a suite, where nothing that is drawn at random comes near it. From the root of the repository. */
  readonly test?: string;
  /** It must be caught within so many seeds, or plans. Default 200 seeds, 600 plans. */
  readonly seedsMax?: number;
}

/** The source with the mutant's edits of this file. */
export function mutate(mutant: Mutant, file: string, source: string): string {
  let text = source;
  for (const edit of mutant.edits) {
    if (edit.file !== file) continue;
    const pieces = text.split(edit.find);
    if (pieces.length !== 2) {
      throw new Error(
        `mutant ${mutant.name}: its text stands ${pieces.length - 1} times in ${file}, not once`,
      );
    }
    text = pieces.join(edit.replace);
  }
  return text;
}
