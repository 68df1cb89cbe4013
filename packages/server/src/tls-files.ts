// Certificates from the files that the configuration names, in the shapes that the client port and the
// peer port take. What cannot be used is refused here, before anything is started, by the flag at fault.

import { constants, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  createSecureContext,
  getCACertificates,
  type SecureContextOptions,
  type TLSSocket,
  type TlsOptions,
} from "node:tls";
import type { Config } from "./config/config.ts";
import { ConfigError } from "./config/config-error.ts";
import { type CertificateUse, type PeerTls, usageFault, usagesAs } from "./peers/index.ts";
import { hostFault } from "./x509/names.ts";
import { RevocationFile } from "./x509/revocation-list.ts";

export interface KeyPair {
  /** PEM. */
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

export interface ClientTls {
  readonly options: TlsOptions & KeyPair;
  /** Why a client whose certificate was verified is not let in; undefined: it is. */
  readonly refuse: ((socket: TLSSocket) => string | undefined) | undefined;
}

/** What the flags name; `own` is the member's own where they name nothing. */
export function loadPeerTls(config: Config, own?: KeyPair): PeerTls | undefined {
  const files = config.peerTls;
  const ca = readAuthority("peer-trusted-ca-file", files.trustedCaFile);
  const revoked = readRevoked("peer-crl-file", files.crlFile);
  const pair = files.certFile === "" ? own : readPair("peer-", files.certFile, files.keyFile);
  if (pair === undefined) return undefined;
  const isOwn = files.certFile === "";
  const { callerCertFile, callerKeyFile } = files;
  const caller =
    callerCertFile === "" ? undefined : readPair("peer-client-", callerCertFile, callerKeyFile);
  if (ca !== undefined) {
    checkUsages("peer-cert-file", files.certFile, pair, usagesAs("callee", caller !== undefined));
    if (caller !== undefined) {
      checkUsages("peer-client-cert-file", callerCertFile, caller, usagesAs("caller", true));
    }
  }
  return {
    cert: pair.cert,
    key: pair.key,
    ...(caller === undefined ? {} : { caller }),
    // As in etcd: an authority that is named is there to be asked for.
    clientCertAuth: ca !== undefined,
    // Where nobody vouches for a certificate, members find who sits between them by what both ends of a session
    // compute. Of TLS 1.2 somebody in between can make two with the same (RFC 7627).
    minVersion: isOwn && config.tlsMaxVersion !== "TLSv1.2" ? "TLSv1.3" : config.tlsMinVersion,
    // Certificates that members made for themselves are all that goes unverified.
    ...(isOwn ? {} : { ca: ca ?? getCACertificates("default").join("\n") }),
    ...(config.tlsMaxVersion === undefined ? {} : { maxVersion: config.tlsMaxVersion }),
    ...(config.cipherSuites.length === 0 ? {} : { ciphers: openSslCiphers(config.cipherSuites) }),
    ...(files.allowedCommonName === "" ? {} : { allowedCommonName: files.allowedCommonName }),
    ...(files.anyCallerName ? { anyCallerName: true } : {}),
    ...(files.allowedHostname === "" ? {} : { allowedHostname: files.allowedHostname }),
    ...(revoked === undefined ? {} : { refusesCertificate: (one) => revoked.refuses(one) }),
  };
}

export function loadClientTls(config: Config, own?: KeyPair): ClientTls | undefined {
  const files = config.clientTls;
  const ca = readAuthority("trusted-ca-file", files.trustedCaFile);
  const revoked = readRevoked("client-crl-file", files.crlFile);
  const pair = files.certFile === "" ? own : readPair("", files.certFile, files.keyFile);
  if (pair === undefined) return undefined;
  const { allowedHostname } = files;
  const isAsked = ca !== undefined;
  return {
    options: {
      cert: pair.cert,
      key: pair.key,
      requestCert: isAsked,
      rejectUnauthorized: isAsked,
      minVersion: config.tlsMinVersion,
      ...(ca === undefined ? {} : { ca }),
      // A session that is resumed brings the client's certificate along, but none that vouched for it.
      ...(revoked === undefined ? {} : { secureOptions: constants.SSL_OP_NO_TICKET }),
      ...(config.tlsMaxVersion === undefined ? {} : { maxVersion: config.tlsMaxVersion }),
      ...(config.cipherSuites.length === 0 ? {} : { ciphers: openSslCiphers(config.cipherSuites) }),
    },
    refuse:
      revoked === undefined && allowedHostname === ""
        ? undefined
        : (socket) => {
            const certificate = socket.getPeerCertificate(true);
            const refused = revoked?.refuses(certificate);
            if (refused !== undefined || allowedHostname === "") return refused;
            return hostFault(allowedHostname, certificate)?.message;
          },
  };
}

/** When a list of revoked certificates should have been replaced, by the flag that names it. */
export function staleRevocations(config: Config, nowMs: number): string[] {
  const files = [
    ["client-crl-file", config.clientTls.crlFile],
    ["peer-crl-file", config.peerTls.crlFile],
  ] as const;
  return files.flatMap(([flag, path]) => {
    const nextMs = readRevoked(flag, path)?.nextMs;
    if (nextMs === undefined || nextMs > nowMs) return [];
    const since = new Date(nextMs).toISOString();
    return `--${flag}=${path}: its issuer meant to replace this list by ${since}; what was revoked since is not in it. It is read again whenever it changes.`;
  });
}

function checkUsages(
  flag: string,
  path: string,
  { cert }: KeyPair,
  needed: readonly CertificateUse[],
): void {
  const unfit = usageFault(new X509Certificate(cert).keyUsage, needed);
  if (unfit !== undefined) throw new ConfigError(flag, `--${flag}=${path}: ${unfit}`);
}

function readPair(
  prefix: string,
  certFile: string,
  keyFile: string,
): { cert: Buffer; key: Buffer } {
  const cert = readPem(`${prefix}cert-file`, certFile)!;
  const key = readPem(`${prefix}key-file`, keyFile)!;
  tryOut(`${prefix}cert-file`, certFile, "a certificate", { cert });
  tryOut(`${prefix}key-file`, keyFile, `the key of the certificate in ${certFile}`, { cert, key });
  return { cert, key };
}

function readAuthority(flag: string, path: string): Buffer | undefined {
  const ca = readPem(flag, path);
  if (ca === undefined) return undefined;
  try {
    // An authority that cannot be read would be left out in silence, and nobody be trusted.
    new X509Certificate(ca);
  } catch (error) {
    throw unusable(flag, path, "an authority's certificate in PEM form", error);
  }
  return ca;
}

function readRevoked(flag: string, path: string): RevocationFile | undefined {
  if (path === "") return undefined;
  readPem(flag, path);
  try {
    return new RevocationFile(path);
  } catch (error) {
    throw unusable(flag, path, "a list of revoked certificates in PEM or DER form", error);
  }
}

function tryOut(flag: string, path: string, what: string, options: SecureContextOptions): void {
  try {
    createSecureContext(options);
  } catch (error) {
    throw unusable(flag, path, `${what} in PEM form`, error);
  }
}

function unusable(flag: string, path: string, what: string, error: unknown): ConfigError {
  const problem = error instanceof Error ? error.message : String(error);
  return new ConfigError(flag, `--${flag}=${path} is not ${what} (${problem})`);
}

/** Undefined: none is named. */
function readPem(flag: string, path: string): Buffer | undefined {
  if (path === "") return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new ConfigError(flag, `--${flag}=${path} cannot be read: ${problem}`);
  }
}

/** etcd names cipher suites as the standard does; OpenSSL has its own names for those of TLS 1.2. */
const suites: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: "ECDHE-ECDSA-AES128-GCM-SHA256",
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: "ECDHE-ECDSA-AES256-GCM-SHA384",
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305: "ECDHE-ECDSA-CHACHA20-POLY1305",
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: "ECDHE-RSA-AES128-GCM-SHA256",
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: "ECDHE-RSA-AES256-GCM-SHA384",
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305: "ECDHE-RSA-CHACHA20-POLY1305",
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-RSA-CHACHA20-POLY1305",
  TLS_RSA_WITH_AES_128_GCM_SHA256: "AES128-GCM-SHA256",
  TLS_RSA_WITH_AES_256_GCM_SHA384: "AES256-GCM-SHA384",
  TLS_AES_128_GCM_SHA256: "TLS_AES_128_GCM_SHA256",
  TLS_AES_256_GCM_SHA384: "TLS_AES_256_GCM_SHA384",
  TLS_CHACHA20_POLY1305_SHA256: "TLS_CHACHA20_POLY1305_SHA256",
};

function openSslCiphers(names: readonly string[]): string {
  return names
    .map((name) => {
      const cipher = suites[name];
      if (cipher !== undefined) return cipher;
      throw new ConfigError(
        "cipher-suites",
        `--cipher-suites: ${name} is not known; choose from ${Object.keys(suites).join(", ")}`,
      );
    })
    .join(":");
}
