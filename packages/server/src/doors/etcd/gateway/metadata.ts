// What an HTTP request says about itself, as a call's metadata: the one place where the Authorization header
// and the Grpc- headers of the gateway mean something.

import { type Caller, type HttpRequestHead, parseGrpcTimeout } from "../../../transport/index.ts";

export interface GatewayMetadata {
  readonly caller: Caller;
  get(name: string): string | undefined;
  /** Undefined: none was asked for. "malformed": the header means nothing. */
  readonly timeoutMs: number | undefined | "malformed";
}

export function metadataOf(request: HttpRequestHead): GatewayMetadata {
  const timeout = request.header("grpc-timeout");
  return {
    // Whoever comes through the gateway is not whom the certificate names, so it never counts here.
    caller: { ...request.caller, commonName: "" },
    get(name) {
      const own = name === "authorization" ? request.header(name) : undefined;
      return own ?? request.header(`grpc-metadata-${name}`);
    },
    timeoutMs: timeout === undefined ? undefined : (parseGrpcTimeout(timeout) ?? "malformed"),
  };
}
