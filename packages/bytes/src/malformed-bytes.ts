// What decoding throws, and the only thing: bytes from outside never crash a member otherwise.

export class MalformedBytes extends Error {
  readonly code = "malformedBytes";
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "MalformedBytes";
  }
}

/** They are well formed, as far as can be told, and say something that only a later version can know. */
export class LaterVersion extends MalformedBytes {
  constructor(message: string) {
    super(message);
    this.name = "LaterVersion";
  }
}
