// TLS between members. With a trusted CA both sides must show a certificate that it signed; what the
// certificate must say beyond that (common name, host name) is checked here and nowhere else.

import type { Server, Socket } from "node:net";
import { createServer as createPlainServer, connect as plainConnect } from "node:net";
import {
  checkServerIdentity,
  createServer as createTlsServer,
  type PeerCertificate,
  type SecureVersion,
  type TLSSocket,
  connect as tlsConnect,
} from "node:tls";

export interface PeerTls {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** Without it certificates are used but not verified (`--peer-auto-tls`). */
  readonly ca?: string | Buffer;
  /** Callers must show a certificate that `ca` signed. */
  readonly clientCertAuth: boolean;
  readonly allowedCommonName?: string;
  readonly allowedHostname?: string;
  /** Why a certificate is not accepted although it is verified: it was revoked. */
  readonly refusesCertificate?: (certificate: PeerCertificate) => string | undefined;
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
  readonly ciphers?: string;
}

export interface DialTarget {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

export function parsePeerUrl(url: string): DialTarget {
  const parsed = new URL(url);
  const secure = parsed.protocol === "https:";
  const host = parsed.hostname.replace(/^\[(.*)\]$/, "$1");
  return { host, port: Number(parsed.port || (secure ? 443 : 80)), secure };
}

/** `ready` is called once bytes may be written. */
export function dial(target: DialTarget, tls: PeerTls | undefined, ready: () => void): Socket {
  const { host, port } = target;
  if (!target.secure) {
    const socket = plainConnect({ host, port, noDelay: true });
    socket.once("connect", ready);
    return socket;
  }
  const socket = tlsConnect({
    host,
    port,
    rejectUnauthorized: tls?.ca !== undefined,
    ...secureOptions(tls),
    checkServerIdentity: (name, certificate) =>
      tls?.ca === undefined
        ? undefined
        : (checkServerIdentity(tls.allowedHostname ?? name, certificate) ??
          checkCommonName(tls, certificate) ??
          checkRevocation(tls, certificate)),
  });
  socket.setNoDelay(true);
  socket.once("secureConnect", ready);
  return socket;
}

export function createPeerServer(
  secure: boolean,
  tls: PeerTls | undefined,
  handshakeTimeoutMs: number,
): { server: Server; connectionEvent: "connection" | "secureConnection" } {
  if (!secure) {
    return { server: createPlainServer({ noDelay: true }), connectionEvent: "connection" };
  }
  if (tls === undefined) {
    throw new Error("an https peer URL needs --peer-cert-file and --peer-key-file");
  }
  const server = createTlsServer({
    ...secureOptions(tls),
    noDelay: true,
    handshakeTimeout: handshakeTimeoutMs,
    requestCert: tls.clientCertAuth,
    rejectUnauthorized: tls.clientCertAuth,
  });
  return { server, connectionEvent: "secureConnection" };
}

/** What the certificate of a caller must say; a string is the reason why it does not do. */
export function refuseCaller(socket: Socket, tls: PeerTls | undefined): string | undefined {
  if (tls === undefined || !tls.clientCertAuth) return undefined;
  const certificate = (socket as TLSSocket).getPeerCertificate(true);
  const refused =
    checkRevocation(tls, certificate) ??
    checkCommonName(tls, certificate) ??
    (tls.allowedHostname === undefined
      ? undefined
      : checkServerIdentity(tls.allowedHostname, certificate));
  return refused?.message;
}

function checkRevocation(tls: PeerTls, certificate: PeerCertificate): Error | undefined {
  const reason = tls.refusesCertificate?.(certificate);
  return reason === undefined ? undefined : new Error(reason);
}

function checkCommonName(tls: PeerTls, certificate: PeerCertificate): Error | undefined {
  const names = [certificate.subject?.CN].flat();
  if (tls.allowedCommonName === undefined || names.includes(tls.allowedCommonName)) {
    return undefined;
  }
  return new Error(
    `the certificate's common name is ${names.join(", ")}, --peer-cert-allowed-cn wants ${tls.allowedCommonName}`,
  );
}

function secureOptions(tls: PeerTls | undefined) {
  if (tls === undefined) return {};
  return {
    cert: tls.cert,
    key: tls.key,
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    minVersion: tls.minVersion ?? ("TLSv1.2" as const),
    ...(tls.maxVersion === undefined ? {} : { maxVersion: tls.maxVersion }),
    ...(tls.ciphers === undefined ? {} : { ciphers: tls.ciphers }),
  };
}
