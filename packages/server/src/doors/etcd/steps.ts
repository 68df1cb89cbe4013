// Work that is too long for one turn of the loop: a step per turn, until it has a result, or until nobody
// waits for it any more.

export interface Steps<Result> {
  /** One short step; the result once it is complete. */
  next(): Result | undefined;
  close(): void;
}

export function inSteps<Result>(
  call: { readonly cancelled: boolean },
  steps: Steps<Result>,
  done: (result: Result) => void,
): void {
  const step = () => {
    if (call.cancelled) {
      steps.close();
      return;
    }
    const result = steps.next();
    if (result === undefined) setImmediate(step);
    else done(result);
  };
  step();
}
