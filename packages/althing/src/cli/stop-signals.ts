// Being asked to stop. The first signal stops in order, a second one at once; but a Ctrl-C reaches a
// process twice when its parent (npm does) passes on what the terminal has sent to both.

const sameMs = 700;

export function onStopSignal(
  signals: readonly NodeJS.Signals[],
  first: (signal: NodeJS.Signals) => void,
  again: (signal: NodeJS.Signals) => void,
  nowMs: () => number = () => performance.now(),
): void {
  let askedMs: number | undefined;
  for (const signal of signals) {
    process.on(signal, () => {
      const now = nowMs();
      if (askedMs === undefined) {
        askedMs = now;
        first(signal);
      } else if (now - askedMs > sameMs) again(signal);
    });
  }
}
