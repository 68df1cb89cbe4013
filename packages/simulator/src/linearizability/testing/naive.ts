// The definition of linearizability, tried out in full: every order of every subset of the unknown
// operations. Hopeless beyond a handful of operations and obviously right, which is its purpose.

import { type Operation, type State, step } from "../model.ts";

export function naivelyLinearizable(history: readonly Operation[]): boolean {
  const keys = new Set<number>();
  for (const operation of history) {
    for (const item of [...operation.compares, ...operation.success, ...operation.failure]) {
      keys.add(item.key);
    }
  }
  const highest = Math.max(0, ...keys);
  const start: State = new Array<number>(highest + 1).fill(0);
  const extend = (state: State, left: readonly Operation[]): boolean => {
    if (left.every((operation) => operation.outcome === undefined)) return true;
    return left.some((operation) => {
      const mustFollow = left.some((other) => other.returned < operation.called);
      if (mustFollow) return false;
      const next = step(state, operation, (key) => key);
      return (
        next !== undefined &&
        extend(
          next,
          left.filter((other) => other !== operation),
        )
      );
    });
  };
  return extend(start, history);
}
