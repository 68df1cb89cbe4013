// Why a data directory could not be used. The message tells a person what to do.

export type DataDirectoryErrorCode =
  /** Another process holds it. */
  | "locked"
  /** What is to be made there needs an empty directory. */
  | "notEmpty"
  /** It was made for a key-value member, and is opened for a state machine of somebody's own, or the other way round. */
  | "usedOtherwise"
  /** Written by a version this program does not know. */
  | "formatUnknown"
  /** A file that is only ever replaced whole does not read as what it was. */
  | "damaged"
  /** Missing rights, not a directory, no space. */
  | "unusable";

export class DataDirectoryError extends Error {
  readonly code: DataDirectoryErrorCode;
  readonly path: string;
  constructor(code: DataDirectoryErrorCode, path: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DataDirectoryError";
    this.code = code;
    this.path = path;
  }
}
