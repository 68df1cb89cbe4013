import assert from "node:assert/strict";
import { after, test } from "node:test";
import { onStopSignal } from "./stop-signals.ts";

const signals = ["SIGURG", "SIGWINCH"] as const;
after(() => {
  for (const signal of signals) process.removeAllListeners(signal);
});

test("the first signal stops in order, its echo does nothing, a later one ends at once", () => {
  const heard: string[] = [];
  let nowMs = 1_000;
  onStopSignal(
    signals,
    (signal) => heard.push(`stop ${signal}`),
    (signal) => heard.push(`end ${signal}`),
    () => nowMs,
  );
  process.emit("SIGURG");
  // npm passes on what the terminal has sent to both.
  nowMs += 5;
  process.emit("SIGWINCH");
  assert.deepEqual(heard, ["stop SIGURG"]);
  nowMs += 2_000;
  process.emit("SIGURG");
  assert.deepEqual(heard, ["stop SIGURG", "end SIGURG"]);
});
