// Work that is too long for one turn of the loop: a step per turn, until it has a result, or until nobody
// waits for it any more. A step may throw: what it reads was replaced by a snapshot, or is not there any
// more. That ends the call, and only the call.

import { StateReplaced } from "@althing/store";
import type { CallContext } from "../../transport/index.ts";
import type { DoorContext } from "../context.ts";
import { type EtcdErrorCode, failWith } from "./errors.ts";

export interface Steps<Result> {
  /** One short step; the result once it is complete. */
  next(): Result | undefined;
  close(): void;
}

export function inSteps<Result>(
  call: CallContext & Parameters<typeof failWith>[0],
  context: Pick<DoorContext, "observe">,
  steps: Steps<Result>,
  done: (result: Result) => void,
): void {
  const step = () => {
    if (call.cancelled) {
      steps.close();
      return;
    }
    let result: Result | undefined;
    try {
      result = steps.next();
    } catch (error) {
      steps.close();
      failWith(call, stepFault(error, context));
      return;
    }
    if (result === undefined) setImmediate(step);
    else done(result);
  };
  step();
}

/** What the caller of a reading in steps is told when a step throws. Never throws itself. */
export function stepFault(
  error: unknown,
  { observe }: Pick<DoorContext, "observe">,
): EtcdErrorCode {
  // The client may ask again, and reads the new state.
  if (error instanceof StateReplaced) return "leaderChanged";
  observe({ kind: "read.failed", level: "error", cause: error });
  return "stopped";
}
