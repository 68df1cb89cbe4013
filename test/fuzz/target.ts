// What is fuzzed: a function that takes bytes from outside and must refuse them by its own coded error or accept
// them. A target catches the refusals that its parser documents; whatever else it throws is a finding.

export interface Target {
  readonly name: string;
  /** Valid inputs, made by the project's own encoders: mutation starts from what the parser understands. */
  seeds(): readonly Uint8Array[];
  /** Tokens that chance would take long to find. */
  readonly dictionary?: readonly (string | Uint8Array)[];
  /** Longer inputs are not tried. */
  readonly inputBytesMax?: number;
  /** CPU time that no input may exceed. */
  readonly millisecondsMax?: number;
  /** Memory that no input may ask for. */
  readonly memoryBytesMax?: number;
  /** Inputs that a second of fuzzing must get through at the very least, or the run proves nothing. */
  readonly inputsPerSecondMin?: number;
  /** Fresh state every time: the same input does the same. Nothing of `input` is kept. */
  run(input: Buffer): void | Promise<void>;
}

export const inputBytesMaxDefault = 4096;
export const millisecondsMaxDefault = 250;
export const memoryBytesMaxDefault = 32 * 1024 * 1024;
export const inputsPerSecondMinDefault = 50;

/** An error that a target reports of its own: what it looked at does not hold. */
export class PropertyBroken extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "PropertyBroken";
  }
}

/** A copy that is no Buffer: what views of it are compared with is none either. */
export function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

/** Runs a parser; undefined when it refuses with an error that `isRefusal` knows. */
export function accepted<Result>(
  parse: () => Result,
  isRefusal: (error: unknown) => boolean,
): Result | undefined {
  try {
    return parse();
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}
