// Runs each connection's flush once per turn of the event loop, after everything in it that answers.

import { renewShare } from "../turn-share.ts";

export interface Flushable {
  isTouched: boolean;
  flush(): void;
}

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
  for (const connection of batch) {
    connection.isTouched = false;
    connection.flush();
  }
  batch.length = 0;
  idle = batch;
}
