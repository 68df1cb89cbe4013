// What a server answered in the place of a result. Apart from the client, which `start` does not load.

export class GrpcFailure extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = "GrpcFailure";
    this.status = status;
  }
}
