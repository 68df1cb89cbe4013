// How long connections may keep the loop in one turn, all together. The system hands over what has come for
// every connection before anything else runs, megabytes of each: without this, many small requests would keep
// heartbeats from leaving. What comes when the share is used up waits for the next turn, in the order in which it
// came.

export interface Sharer {
  /** Takes what was put off; false: the share was used up before all of it was taken. */
  catchUp(): boolean;
}

const turnMs = 20;

/** When the first in this turn was served; 0: nobody was. */
let startedMs = 0;
let waiting: Sharer[] = [];
let isScheduled = false;

export function isShareSpent(nowMs: number): boolean {
  if (startedMs > 0) return nowMs - startedMs >= turnMs;
  startedMs = nowMs;
  return false;
}

/**
 * A turn is over: called where one is known to be, which is cheaper than to find it out by itself. Who comes after
 * a turn in which nothing was said in answer may be put off for no reason, for an instant.
 */
export function renewShare(): void {
  if (waiting.length === 0) startedMs = 0;
}

export function awaitShare(sharer: Sharer): void {
  waiting.push(sharer);
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(takeTurns);
}

function takeTurns(): void {
  isScheduled = false;
  startedMs = performance.now();
  const turns = waiting;
  waiting = [];
  for (const [i, sharer] of turns.entries()) {
    if (sharer.catchUp()) continue;
    // It goes on where it was, before those that have come meanwhile.
    waiting = [...turns.slice(i), ...waiting];
    break;
  }
  if (waiting.length === 0) return;
  isScheduled = true;
  setImmediate(takeTurns);
}
