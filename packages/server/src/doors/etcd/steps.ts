// Work that is too long for one turn of the loop. All of it, whoever asks, stands in one queue and gets a
// few milliseconds of each turn together, so that a hundred large requests hold heartbeats and small
// requests up no longer than one. A step may throw: what it reads was replaced by a snapshot, or is not there
// any more. That ends the call, and only the call.

import { StateReplaced } from "@althing/store";
import type { CallContext } from "../../transport/index.ts";
import type { DoorContext } from "../context.ts";
import { type EtcdErrorCode, failWith } from "./errors.ts";

/** Work in short steps, of about a millisecond each. */
interface Work {
  /** Whether there is more to do. */
  readonly step: () => boolean;
  /** A step threw: there will be no other. */
  readonly threw: (error: unknown) => void;
}

/** What steps may take of one turn. */
const turnMs = 4;

const queue: Work[] = [];
let isScheduled = false;
/** By steps that were run at once, since the loop went round. */
let spentMs = 0;

/** Runs the first step at once if this turn has room for it. */
export function runInSteps(step: Work["step"], threw: Work["threw"]): void {
  const work = { step, threw };
  schedule();
  if (queue.length > 0 || spentMs >= turnMs) {
    queue.push(work);
    return;
  }
  const startMs = performance.now();
  advance(work);
  spentMs += performance.now() - startMs;
}

function advance(work: Work): void {
  try {
    if (work.step()) queue.push(work);
  } catch (error) {
    work.threw(error);
  }
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(turn);
}

function turn(): void {
  isScheduled = false;
  spentMs = 0;
  const endMs = performance.now() + turnMs;
  while (queue.length > 0 && performance.now() < endMs) advance(queue.shift()!);
  if (queue.length > 0) schedule();
}

export interface Steps<Result> {
  /** One short step; the result once it is complete. */
  next(): Result | undefined;
  close(): void;
}

/** Until there is a result, or nobody waits for it any more. */
export function inSteps<Result>(
  call: CallContext & Parameters<typeof failWith>[0],
  context: Pick<DoorContext, "observe">,
  steps: Steps<Result>,
  done: (result: Result) => void,
): void {
  const step = () => {
    if (call.cancelled) {
      steps.close();
      return false;
    }
    const result = steps.next();
    if (result === undefined) return true;
    done(result);
    return false;
  };
  runInSteps(step, (error) => {
    steps.close();
    failWith(call, stepFault(error, context));
  });
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
