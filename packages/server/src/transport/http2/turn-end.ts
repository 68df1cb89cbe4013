// Runs each connection's flush once per turn of the event loop, after everything in it that answers. Thousands of them may
// have much to say: what does not fit into the time of a turn goes on in the next.

import { renewShare } from "../turn-share.ts";

export interface Flushable {
  isTouched: boolean;
  flush(): void;
}

const turnMs = 20;
/** Flushed before the clock is looked at again. */
const looks = 16;

let touched: Flushable[] = [];
let idle: Flushable[] = [];

export function flushAtTurnEnd(connection: Flushable): void {
  if (connection.isTouched) return;
  connection.isTouched = true;
  if (touched.push(connection) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  renewShare();
  const batch = touched;
  touched = idle;
  const startedMs = batch.length > looks ? performance.now() : 0;
  for (let i = 0; i < batch.length; i++) {
    if (i % looks === looks - 1 && performance.now() - startedMs > turnMs) {
      // They stand before those that were touched meanwhile.
      touched = batch.slice(i).concat(touched);
      idle = [];
      setImmediate(flushAll);
      return;
    }
    const connection = batch[i]!;
    connection.isTouched = false;
    connection.flush();
  }
  batch.length = 0;
  idle = batch;
}
