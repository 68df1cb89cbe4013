// Long work in turns of the loop, each of about as much: between two of them whatever else there is to do is done.

import type { EngineTimers } from "./ports.ts";
import { asError } from "./write-errors.ts";

/** A record, or what takes as long, is one. A thousand bytes are copied in the time in which a record is visited. */
export function workOf(bytes: number): number {
  return 1 + (bytes >>> 10);
}

/**
 * `work` yields what its last piece took; a turn is over when it has taken `perTurn`. The first turn is this one.
 * What `work` throws ends it, and is told in a later turn.
 */
export function inTurns(
  work: Iterator<number>,
  perTurn: number,
  soon: EngineTimers["soon"],
  done: (error: Error | undefined) => void,
): void {
  let isDone = false;
  try {
    for (let left = perTurn; left > 0 && !isDone; ) {
      const piece = work.next();
      if (piece.done) isDone = true;
      else left -= piece.value;
    }
  } catch (cause) {
    soon(() => done(asError(cause)));
    return;
  }
  if (isDone) done(undefined);
  else soon(() => inTurns(work, perTurn, soon, done));
}
