// What decoding throws, and the only thing: bytes from outside never crash a member otherwise.

export class MalformedMessage extends Error {
  readonly code = "malformedMessage";
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "MalformedMessage";
  }
}
