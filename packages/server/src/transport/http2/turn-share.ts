// How long connections may keep the loop in one turn, all together. The system hands over what has come for
// every connection before anything else runs, megabytes of each: without this, many small requests would keep
// heartbeats from leaving. What comes when the share is used up waits for the next turn, in the order in which it
// came.

export interface Sharer {
  /** Takes what was put off; false: the share was used up before all of it was taken. */
  catchUp(): boolean;
}

const turnMs = 20;

let spentMs = 0;
let waiting: Sharer[] = [];
let isScheduled = false;

export function isShareSpent(): boolean {
  return spentMs >= turnMs;
}

export function spendShare(ms: number): void {
  spentMs += ms;
}

/** A new turn: called wherever one is known to have begun, and by itself where somebody waits. */
export function renewShare(): void {
  if (waiting.length === 0) spentMs = 0;
}

export function awaitShare(sharer: Sharer): void {
  waiting.push(sharer);
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(takeTurns);
}

function takeTurns(): void {
  isScheduled = false;
  spentMs = 0;
  const turns = waiting;
  waiting = [];
  for (const [i, sharer] of turns.entries()) {
    if (!isShareSpent() && sharer.catchUp()) continue;
    // It goes on where it was, before those that have come meanwhile.
    waiting = [...turns.slice(i), ...waiting];
    break;
  }
  if (waiting.length === 0) return;
  isScheduled = true;
  setImmediate(takeTurns);
}
