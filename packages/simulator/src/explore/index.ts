// Exploring as an entry of its own: it takes the cores apart, which who simulates need not load.

export { type Bounds, spendableMax } from "./bounds.ts";
export { type Counterexample, type Exploration, type ExploreOptions, explore } from "./explore.ts";
