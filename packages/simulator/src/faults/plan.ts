// The faults of a run as a list: what a seed draws, what a scenario file holds and what the shrinker
// thins out. Each stands for itself, so that any subset of a plan is a plan.

import type { WindowKind } from "../observe/windows.ts";

/**
 * Which comes next and fails: a write, a sync, a commit of the store, the choice of the state in force, what
 * changes names (open, rename, remove), or a read.
 */
export const diskErrorKinds = ["write", "sync", "commit", "switch", "name", "read"] as const;
export type DiskErrorKind = (typeof diskErrorKinds)[number];

/** A machine by its position, or whoever leads at that moment. */
export type Target = number | "leader";

export type Fault =
  /** The process dies (power: with its machine) and comes back after `downMs`. */
  | { kind: "crash"; atMs: number; target: Target; downMs: number; power: boolean }
  /**
   * From `atMs` on: the first machine on which such a window opens, and is open still so much later, dies.
   */
  | {
      kind: "ambush";
      atMs: number;
      window: WindowKind;
      afterMicros: number;
      downMs: number;
      power: boolean;
    }
  /** Every machine at once loses power. */
  | { kind: "blackout"; atMs: number; downMs: number }
  /** An orderly stop and start. */
  | { kind: "restart"; atMs: number; target: Target; downMs: number }
  | { kind: "pause"; atMs: number; target: Target; forMs: number; timersFirst: boolean }
  /** Each turn of the process takes so long. */
  | { kind: "slow"; atMs: number; target: Target; forMs: number; turnMs: number }
  /** Members of different sides do not hear each other; who is on no side hears all (partial). */
  | { kind: "partition"; atMs: number; forMs: number; sides: readonly (readonly number[])[] }
  /** One member is deaf, mute or both. */
  | {
      kind: "isolate";
      atMs: number;
      forMs: number;
      target: Target;
      direction: "both" | "deaf" | "mute";
    }
  | { kind: "clog"; atMs: number; forMs: number; from: number; to: number; extraMs: number }
  /** From now on this clock runs at `rate`; the wall clock jumps. */
  | { kind: "clock"; atMs: number; target: Target; rate: number; wallJumpMs: number }
  | { kind: "diskError"; atMs: number; target: Target; on: DiskErrorKind }
  | { kind: "diskFull"; atMs: number; target: Target; forMs: number; freeBytes: number }
  | { kind: "diskSlow"; atMs: number; target: Target; forMs: number; slowMs: number }
  /** The machine loses power and one old bit of its log flips. */
  | { kind: "rot"; atMs: number; target: Target; downMs: number }
  /** The machine comes back with an empty disk and its old name. */
  | { kind: "wipe"; atMs: number; target: Target; downMs: number }
  | { kind: "membership"; atMs: number; changes: readonly PlannedChange[] }
  /** As an operator asks for it, of any member: it finds the leader, and asks again. */
  | {
      kind: "reconfigure";
      atMs: number;
      via: number;
      change: "addVoter" | "addLearner" | "promote" | "remove";
      member: number;
      strict: boolean;
    }
  | { kind: "transfer"; atMs: number; to: number };

export interface PlannedChange {
  readonly kind: "addVoter" | "addLearner" | "promote" | "remove";
  readonly member: number;
}

export type FaultKind = Fault["kind"];
