// Malformed bytes or JSON from outside are a coded error, never a crash and never a wrong value.

export type WireErrorCode =
  | "truncated"
  | "varintTooLong"
  | "wireTypeInvalid"
  | "fieldNumberInvalid"
  | "nestingTooDeep"
  | "utf8Invalid"
  | "jsonInvalid";

export class WireError extends Error {
  readonly code: WireErrorCode;
  constructor(code: WireErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "WireError";
    this.code = code;
  }
}
