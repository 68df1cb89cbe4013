// A run that did no work proves nothing, so it does not pass. Faults may be the reason that clients were
// hardly answered, but then the plan must show it: they fill most of the time. And progress after the
// healing is demanded of every run, but of those whose majority lost its disks.

import type { Violation } from "@althing/consensus";
import type { Fault } from "../faults/plan.ts";
import type { SimulationOptions } from "../options/options.ts";

export interface Work {
  readonly planned: number;
  readonly answered: number;
  /** Progress after the healing was made, or would have been a violation. */
  readonly progressDemanded: boolean;
}

/** Fewer answers than this say nothing about the order of what clients see. */
const answersMin = 10;
/** Of a plan that is shorter, as those of shrunk scenarios are, so large a part must be answered. */
const shareMin = 1 / 8;

/** Why this run proves nothing; undefined when it did its work or its faults explain that it did not. */
export function whyVacuous(
  work: Work,
  faults: readonly Fault[],
  options: Pick<SimulationOptions, "tickMs" | "electionTicks" | "requestTimeoutMs" | "safetyMs">,
): Violation | undefined {
  const { planned, answered } = work;
  if (!work.progressDemanded && !faults.some(({ kind }) => kind === "rot" || kind === "wipe")) {
    return vacuous("no progress was demanded after the healing, though no disk was lost");
  }
  if (answered >= Math.min(planned * shareMin, answersMin)) return undefined;
  const share = disturbedShare(faults, options);
  if (share >= 0.5) return undefined;
  const percent = Math.round(share * 100);
  return vacuous(
    `${answered} of ${planned} operations were answered, and faults fill only ${percent} % of the time`,
  );
}

/** The part of the time in which a fault lasts, or ended so lately that a request may still suffer from it. */
export function disturbedShare(
  faults: readonly Fault[],
  {
    tickMs,
    electionTicks,
    requestTimeoutMs,
    safetyMs,
  }: Pick<SimulationOptions, "tickMs" | "electionTicks" | "requestTimeoutMs" | "safetyMs">,
): number {
  const afterwardsMs = 3 * tickMs * electionTicks + requestTimeoutMs;
  let disturbedMs = 0;
  let until = 0;
  for (const fault of faults.toSorted((one, other) => one.atMs - other.atMs)) {
    if (fault.kind === "clock") continue;
    const lastsMs = "downMs" in fault ? fault.downMs : "forMs" in fault ? fault.forMs : 0;
    const from = Math.max(until, fault.atMs);
    const to = Math.min(safetyMs, fault.atMs + lastsMs + afterwardsMs);
    if (to <= from) continue;
    disturbedMs += to - from;
    until = to;
  }
  return disturbedMs / safetyMs;
}

function vacuous(detail: string): Violation {
  return { property: "work done", detail };
}
