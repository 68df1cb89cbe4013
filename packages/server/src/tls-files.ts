// Certificates from the files that the configuration names, in the shapes that the client port and the
// peer port take. What cannot be used is refused here, before anything is started, by the flag at fault.

import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContextOptions, type TlsOptions } from "node:tls";
import type { Config } from "./config/config.ts";
import { ConfigError } from "./config/config-error.ts";
import type { TlsFiles } from "./config/tls-settings.ts";
import type { PeerTls } from "./peers/index.ts";

export function loadPeerTls(config: Config): PeerTls | undefined {
  const files = config.peerTls;
  if (files.certFile === "") return undefined;
  const ca = readAuthority("peer-trusted-ca-file", files.trustedCaFile);
  return {
    ...readPair("peer-", files),
    clientCertAuth: files.clientCertAuth,
    minVersion: config.tlsMinVersion,
    ...(ca === undefined ? {} : { ca }),
    ...(config.tlsMaxVersion === undefined ? {} : { maxVersion: config.tlsMaxVersion }),
    ...(config.cipherSuites.length === 0 ? {} : { ciphers: openSslCiphers(config.cipherSuites) }),
    ...(files.allowedCommonName === "" ? {} : { allowedCommonName: files.allowedCommonName }),
    ...(files.allowedHostname === "" ? {} : { allowedHostname: files.allowedHostname }),
  };
}

export function loadClientTls(config: Config): TlsOptions | undefined {
  const files = config.clientTls;
  if (files.certFile === "") return undefined;
  const ca = readAuthority("trusted-ca-file", files.trustedCaFile);
  const crl = readPem("client-crl-file", files.crlFile);
  if (crl !== undefined) {
    tryOut("client-crl-file", files.crlFile, "a list of revoked certificates", { crl });
  }
  return {
    ...readPair("", files),
    requestCert: files.clientCertAuth,
    rejectUnauthorized: files.clientCertAuth,
    minVersion: config.tlsMinVersion,
    ...(ca === undefined ? {} : { ca }),
    ...(crl === undefined ? {} : { crl }),
    ...(config.tlsMaxVersion === undefined ? {} : { maxVersion: config.tlsMaxVersion }),
    ...(config.cipherSuites.length === 0 ? {} : { ciphers: openSslCiphers(config.cipherSuites) }),
  };
}

function readPair(prefix: string, files: TlsFiles): { cert: Buffer; key: Buffer } {
  const { certFile, keyFile } = files;
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
    throw unusable(flag, path, "an authority's certificate", error);
  }
  return ca;
}

function tryOut(flag: string, path: string, what: string, options: SecureContextOptions): void {
  try {
    createSecureContext(options);
  } catch (error) {
    throw unusable(flag, path, what, error);
  }
}

function unusable(flag: string, path: string, what: string, error: unknown): ConfigError {
  const problem = error instanceof Error ? error.message : String(error);
  return new ConfigError(flag, `--${flag}=${path} is not ${what} in PEM form (${problem})`);
}

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
