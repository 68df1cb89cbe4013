// Assertions stay on in production: a core whose own state is impossible must stop before it
// sends anything. Input from outside is never asserted, it is rejected.

export class AssertionFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = "AssertionFailure";
  }
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message);
}
