// The simulator's core: pure, so that it runs in a terminal, in a worker and in a browser alike.

export { drawComparison } from "./compare/chart.ts";
export {
  type Comparison,
  type ComparisonPlan,
  compare,
  defaultPlan,
  type ProtocolFigures,
} from "./compare/compare.ts";
export { type ComparisonRow, rowsOf } from "./compare/rows.ts";
export { ComparisonFailed } from "./compare/stage.ts";
export type { Fault, FaultKind, PlannedChange, Target } from "./faults/plan.ts";
export { checkLinearizability, type Verdict } from "./linearizability/check.ts";
export {
  type Random,
  type Simulated,
  type SimulateOptions,
  type SimulationFailure,
  simulate,
} from "./machines/simulate.ts";
export {
  type FaultSwitch,
  faultSwitches,
  type ProtocolName,
  protocolNames,
  type SimulationOptions,
} from "./options/options.ts";
export { protocolNamed } from "./protocols.ts";
export { parseSeed, type Seed, seedForJson } from "./random/seed.ts";
export { type RunInput, type RunResult, type RunVerdict, run } from "./run.ts";
export {
  drawScenario,
  formatScenario,
  parseScenario,
  type Scenario,
  type ScenarioDraw,
  ScenarioUnreadable,
} from "./scenario.ts";
export { runScenario, type Shrunk, shrink } from "./shrink.ts";
export { describeTrace } from "./trace/describe.ts";
export type { TraceEvent, TraceHeader } from "./trace/events.ts";
export { drawSpaceTime } from "./trace/space-time.ts";
export { type ActorKind, actorKinds, type PlannedActor } from "./workload/actors/plan.ts";
export type { PlannedOperation } from "./workload/plan.ts";
