// Kinds of failure by exit code, so that scripts need not read texts.

import type { RunVerdict } from "@althing/simulator";

/** As everywhere in the command; 2 would mean that nobody could be reached. */
export const usageExitCode = 3;

export const exitCodes: Readonly<Record<RunVerdict, number>> = {
  pass: 0,
  crash: 10,
  safety: 11,
  liveness: 12,
  undecided: 13,
  vacuous: 14,
};
