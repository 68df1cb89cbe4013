// Who is at the other end of a connection, told once per connection.

import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { commonNameOf } from "../x509/names.ts";
import type { Caller } from "./port.ts";

export function addressOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress ?? ""}:${remotePort ?? 0}`;
}

/** `address`: of what carries a TLS socket, which may know none itself. */
export function callerOf(socket: Socket, address: string): Caller {
  const secure = socket as Partial<TLSSocket>;
  if (secure.encrypted !== true) return { address, encrypted: false, commonName: "" };
  // Only a certificate that the configured authorities vouch for names its holder.
  const certificate = secure.authorized ? secure.getPeerCertificate?.() : undefined;
  const commonName = certificate === undefined ? "" : commonNameOf(certificate);
  return { address, encrypted: true, commonName };
}
