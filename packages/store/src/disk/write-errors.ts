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

/** lmdb rejects with an error that promises another one. */
export async function causeOf(error: unknown): Promise<Error> {
  const { commitError } = error as { commitError?: Promise<unknown> };
  try {
    await commitError;
  } catch (cause) {
    return asError(cause);
  }
  return asError(error);
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
