// How long connections may keep the loop in one turn, all together. The system hands over what has come for
// every connection before anything else runs, megabytes of each: without this, many small requests would keep
// heartbeats from leaving. What comes when the share is used up waits for the next turn. Of those that wait each has
// a short go, newcomers first: however much one has to say, the others wait for its go and not for its end.

export interface Sharer {
  /** Takes what was put off, one piece at least; false: its go was over before all of it was taken. */
  catchUp(): boolean;
}

const turnMs = 20;
/** A go. */
const sliceMs = 2;

/** When the first in this turn was served; 0: nobody was. */
let startedMs = 0;
let sliceEndMs = Number.POSITIVE_INFINITY;
/** Who has not had a go yet, and who had one that was too short. */
const newcomers: Sharer[] = [];
const others: Sharer[] = [];
let isScheduled = false;

export function isShareSpent(nowMs: number): boolean {
  if (startedMs > 0) return nowMs - startedMs >= turnMs || nowMs >= sliceEndMs;
  startedMs = nowMs;
  return false;
}

/**
 * A turn is over: called where one is known to be, which is cheaper than to find it out by itself. Who comes after
 * a turn in which nothing was said in answer may be put off for no reason, for an instant.
 */
export function renewShare(): void {
  if (newcomers.length + others.length === 0) startedMs = 0;
}

export function awaitShare(sharer: Sharer): void {
  newcomers.push(sharer);
  schedule();
}

/** One piece of work, now if this turn has a share left, else in its turn. */
export function inTurn(work: () => void): void {
  if (!isShareSpent(performance.now())) {
    work();
    return;
  }
  awaitShare({
    catchUp() {
      work();
      return true;
    },
  });
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(takeTurns);
}

function takeTurns(): void {
  isScheduled = false;
  startedMs = performance.now();
  for (let nowMs = startedMs; nowMs - startedMs < turnMs; nowMs = performance.now()) {
    const next = newcomers.shift() ?? others.shift();
    if (next === undefined) break;
    sliceEndMs = nowMs + sliceMs;
    if (!next.catchUp()) others.push(next);
  }
  sliceEndMs = Number.POSITIVE_INFINITY;
  if (newcomers.length + others.length > 0) schedule();
}
