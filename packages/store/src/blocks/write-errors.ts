// What a commit fails with, and when that is final.

/**
 * The disk took nothing several times in a row. The engine then takes nothing either: the log cannot
 * be shortened any more and memory would fill, so the member has to stop and say why.
 */
export class DurabilityLost extends Error {
  constructor(cause: Error) {
    super(`the store cannot be written to its disk: ${cause.message}`, { cause });
    this.name = "DurabilityLost";
  }
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
