// How the command ends, for scripts. The table in docs/cli.md is this one.

export const exitCode = {
  ok: 0,
  /** The server refused, or the work failed. */
  failed: 1,
  /** Nobody could be reached. */
  unreachable: 2,
  /** The command line, the environment or the config file is wrong. */
  usage: 3,
  /** No answer in time. A write may have taken effect. */
  timedOut: 4,
  /** The data directory or the snapshot is in use, damaged, or of something else. */
  dataUnusable: 5,
  portInUse: 6,
  /** The other members know this member with another disk, or not any more. */
  identityRefused: 7,
  nodeTooOld: 64,
  interrupted: 130,
} as const;

/** An error that is told in its message alone, without a stack. */
export class CliError extends Error {
  readonly exitCode: number;
  /** What to do about it, on lines of their own. */
  readonly hints: readonly string[];
  constructor(code: number, message: string, hints: readonly string[] = []) {
    super(message);
    this.name = "CliError";
    this.exitCode = code;
    this.hints = hints;
  }
}
