// Exploring as an entry of its own: it takes the cores apart, which who simulates need not load.

export { type Bounds, noBounds, spendableMax, tellBounds } from "./bounds.ts";
export {
  type Counterexample,
  type Exploration,
  type ExploreOptions,
  explore,
  exploring,
  type Progress,
} from "./explore.ts";
export { type Chapter, type SuiteName, suites } from "./suites.ts";
