// Certificates from the files that the configuration names, in the shapes that the client port and the
// peer port take.

import { readFileSync } from "node:fs";
import type { TlsOptions } from "node:tls";
import { type Config, ConfigError, type TlsFiles } from "./config/config.ts";
import type { PeerTls } from "./peers/index.ts";

export function loadPeerTls(config: Config): PeerTls | undefined {
  const files = config.peerTls;
  if (files.certFile === "") return undefined;
  const ca = readPem("peer-trusted-ca-file", files.trustedCaFile);
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
  const ca = readPem("trusted-ca-file", files.trustedCaFile);
  const crl = readPem("client-crl-file", files.crlFile);
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
  return {
    cert: readPem(`${prefix}cert-file`, files.certFile)!,
    key: readPem(`${prefix}key-file`, files.keyFile)!,
  };
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
