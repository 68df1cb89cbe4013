// TLS between members. With a trusted CA both sides must show a certificate that it signed, that may serve and
// call, and that bears the names of the member whose it is; all that is checked here and nowhere else.

import { constants } from "node:crypto";
import type { Socket } from "node:net";
import { connect as plainConnect } from "node:net";
import {
  createServer as createTlsServer,
  type PeerCertificate,
  type SecureVersion,
  type TLSSocket,
  type Server as TlsServer,
  connect as tlsConnect,
} from "node:tls";
import { commonNameOf, hostFault } from "../x509/names.ts";
import type { PeerUrl } from "./peer-url.ts";

export interface PeerTls {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** For calling, where it is not the same: then one for either use does for that use, here and at the others. */
  readonly caller?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  /** Without it certificates are used but not verified (`--peer-auto-tls`). */
  readonly ca?: string | Buffer;
  /** Callers must show a certificate that `ca` signed. */
  readonly clientCertAuth: boolean;
  readonly allowedCommonName?: string;
  readonly allowedHostname?: string;
  /** Why a certificate is not accepted although it is verified: it was revoked. */
  readonly refusesCertificate?: (certificate: PeerCertificate) => string | undefined;
  /** A caller's certificate need not bear a name of the member (`--peer-skip-client-san-verification`). */
  readonly anyCallerName?: boolean;
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
  readonly ciphers?: string;
}

/** `ready` is called once bytes may be written, with the TLS session where there is one. */
export function dial(
  url: PeerUrl,
  tls: PeerTls | undefined,
  ready: (secured: TLSSocket | undefined) => void,
): Socket {
  const { place } = url;
  const where =
    place.kind === "unix" ? { path: place.path } : { host: place.host, port: place.port };
  if (!url.secure) {
    const socket = plainConnect({ ...where, noDelay: true });
    socket.once("connect", () => ready(undefined));
    return socket;
  }
  const socket = tlsConnect({
    ...where,
    rejectUnauthorized: tls?.ca !== undefined,
    ...secureOptions(tls),
    ...tls?.caller,
    checkServerIdentity: (name, certificate) =>
      tls?.ca === undefined
        ? undefined
        : (hostFault(tls.allowedHostname ?? name, certificate) ??
          checkCommonName(tls, certificate) ??
          checkRevocation(tls, certificate) ??
          (tls.clientCertAuth ? checkUsage(tls, certificate, "callee") : undefined)),
  });
  socket.setNoDelay(true);
  socket.once("secureConnect", () => ready(socket));
  return socket;
}

/** Takes connections by its event "connection"; it listens nowhere itself. */
export function createTlsAcceptor(tls: PeerTls | undefined, handshakeTimeoutMs: number): TlsServer {
  if (tls === undefined) {
    throw new Error("an https peer URL needs --peer-cert-file and --peer-key-file");
  }
  return createTlsServer({
    ...secureOptions(tls),
    handshakeTimeout: handshakeTimeoutMs,
    requestCert: tls.clientCertAuth,
    rejectUnauthorized: tls.clientCertAuth,
  });
}

const bindingBytes = 32;

/**
 * What only the two ends of this TLS session can compute: signed by both, it shows that nobody sits between
 * them, whether or not certificates are verified. "" in clear text.
 */
export function bindingOf(secured: TLSSocket | undefined): string {
  if (secured === undefined) return "";
  const label = "EXPORTER-Althing-peer";
  return secured.exportKeyingMaterial(bindingBytes, label, Buffer.alloc(0)).toString("base64url");
}

/** What the certificate of any caller must say; a string is the reason why it does not do. */
export function certificateFault(
  secured: TLSSocket | undefined,
  tls: PeerTls | undefined,
): string | undefined {
  if (secured === undefined || !tls?.clientCertAuth) return undefined;
  const certificate = secured.getPeerCertificate(true);
  const { allowedHostname } = tls;
  const refused =
    checkRevocation(tls, certificate) ??
    checkCommonName(tls, certificate) ??
    (allowedHostname === undefined ? undefined : hostFault(allowedHostname, certificate)) ??
    checkUsage(tls, certificate, "caller");
  return refused?.message;
}

/** Whether it is the certificate of a member that is reached at one of these addresses. */
export function certificateNamesFault(
  secured: TLSSocket | undefined,
  tls: PeerTls | undefined,
  urls: readonly PeerUrl[],
): string | undefined {
  if (secured === undefined || !tls?.clientCertAuth || tls.anyCallerName) return undefined;
  // Whoever names what certificates must say has named it for all members.
  if (tls.allowedCommonName !== undefined || tls.allowedHostname !== undefined) return undefined;
  const hosts = urls.map(({ place }) => place).filter((place) => place.kind === "tcp");
  if (hosts.length === 0) return undefined;
  const certificate = secured.getPeerCertificate();
  if (hosts.some(({ host }) => hostFault(host, certificate) === undefined)) {
    return undefined;
  }
  const names = certificate.subjectaltname ?? "no host";
  return `its certificate is for ${names}, and none of that is an address of the member (${hosts.map(({ host }) => host).join(", ")}); give each member a certificate of its own addresses, or say with --peer-cert-allowed-cn or --peer-cert-allowed-hostname what members' certificates bear`;
}

function checkRevocation(tls: PeerTls, certificate: PeerCertificate): Error | undefined {
  const reason = tls.refusesCertificate?.(certificate);
  return reason === undefined ? undefined : new Error(reason);
}

function checkCommonName(tls: PeerTls, certificate: PeerCertificate): Error | undefined {
  const name = commonNameOf(certificate);
  if (tls.allowedCommonName === undefined || name === tls.allowedCommonName) return undefined;
  return new Error(
    `the certificate's common name is ${name}, --peer-cert-allowed-cn wants ${tls.allowedCommonName}`,
  );
}

const usages = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" };

export type CertificateUse = keyof typeof usages;

/** A member serves and calls; where all have one certificate for both, one for clients alone is no member's. */
export function usagesAs(
  side: "caller" | "callee",
  areSeparate: boolean,
): readonly CertificateUse[] {
  if (!areSeparate) return ["server", "client"];
  return side === "caller" ? ["client"] : ["server"];
}

function checkUsage(
  tls: PeerTls,
  certificate: PeerCertificate,
  side: "caller" | "callee",
): Error | undefined {
  const needed = usagesAs(side, tls.caller !== undefined);
  const fault = usageFault(certificate.ext_key_usage, needed);
  return fault === undefined ? undefined : new Error(fault);
}

/** Without the extension everything is allowed. */
export function usageFault(
  allowed: readonly string[] | undefined,
  needed: readonly CertificateUse[],
): string | undefined {
  if (allowed === undefined) return undefined;
  const missing = needed.filter((use) => !allowed.includes(usages[use]));
  if (missing.length === 0) return undefined;
  const both = needed.length > 1 ? "; a member's must allow both" : "";
  return `the certificate does not allow the use as a ${missing.join(" and as a ")}${both} (extended key usage)`;
}

function secureOptions(tls: PeerTls | undefined) {
  if (tls === undefined) return {};
  return {
    cert: tls.cert,
    key: tls.key,
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    // A session that is resumed brings a certificate along, but none that vouched for it.
    ...(tls.refusesCertificate === undefined ? {} : { secureOptions: constants.SSL_OP_NO_TICKET }),
    minVersion: tls.minVersion ?? ("TLSv1.2" as const),
    ...(tls.maxVersion === undefined ? {} : { maxVersion: tls.maxVersion }),
    ...(tls.ciphers === undefined ? {} : { ciphers: tls.ciphers }),
  };
}
