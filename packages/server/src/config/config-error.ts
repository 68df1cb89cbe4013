// A setting that cannot be used, with the flag at fault and what to do.

export class ConfigError extends Error {
  /** The flag at fault, without dashes; "" when it is not one flag. */
  readonly flag: string;
  constructor(flag: string, message: string) {
    super(message);
    this.name = "ConfigError";
    this.flag = flag;
  }
}
