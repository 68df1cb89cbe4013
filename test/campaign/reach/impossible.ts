// Cells that nothing can reach, each with why. One that is reached all the same ends the report with a failure: then the
// reason is wrong.

import type { Cell } from "./cells.ts";

interface Rule {
  readonly why: string;
  readonly holds: (cell: Cell) => boolean;
}

const rules: readonly Rule[] = [
  {
    why: "what is not asked for does not end: a snapshot is put in place while it is being installed",
    holds: ({ asked, role }) => asked === "snapshotInstalled" && role !== "installing",
  },
];

export function whyImpossible(cell: Cell): string | undefined {
  return rules.find(({ holds }) => holds(cell))?.why;
}
