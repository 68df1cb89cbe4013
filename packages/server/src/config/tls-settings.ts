// The certificate flags of either port, and which of them need each other.

import { ConfigError } from "./config-error.ts";
import type { SettingsReader } from "./settings-reader.ts";

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly trustedCaFile: string;
  readonly clientCertAuth: boolean;
  readonly crlFile: string;
  readonly allowedCommonName: string;
  readonly allowedHostname: string;
}

export function tlsFiles(read: SettingsReader, prefix: "" | "peer-"): TlsFiles {
  const peer = prefix === "peer-";
  return {
    certFile: read.text(`${prefix}cert-file`),
    keyFile: read.text(`${prefix}key-file`),
    trustedCaFile: read.text(`${prefix}trusted-ca-file`),
    clientCertAuth: read.boolean(`${prefix}client-cert-auth`),
    crlFile: peer ? "" : read.text("client-crl-file"),
    allowedCommonName: peer ? read.text("peer-cert-allowed-cn") : "",
    allowedHostname: peer ? read.text("peer-cert-allowed-hostname") : "",
  };
}

export function checkTls(
  flag: string,
  urls: readonly string[],
  tls: TlsFiles,
  prefix: string,
): void {
  const secure = urls.some((url) => url.startsWith("https:"));
  if ((tls.certFile === "") !== (tls.keyFile === "")) {
    throw new ConfigError(
      `${prefix}cert-file`,
      `--${prefix}cert-file and --${prefix}key-file belong together; give both`,
    );
  }
  if (secure && tls.certFile === "") {
    throw new ConfigError(
      flag,
      `--${flag} has an https URL; give --${prefix}cert-file and --${prefix}key-file`,
    );
  }
  if (!secure && tls.clientCertAuth) {
    throw new ConfigError(
      `${prefix}client-cert-auth`,
      `--${prefix}client-cert-auth asks for certificates, but --${flag} has no https URL, so nobody would be asked; use https://`,
    );
  }
  if (tls.clientCertAuth && tls.trustedCaFile === "") {
    throw new ConfigError(
      `${prefix}trusted-ca-file`,
      `--${prefix}client-cert-auth needs --${prefix}trusted-ca-file: whose certificates are good?`,
    );
  }
}

export function tlsVersion(text: string): "TLSv1.2" | "TLSv1.3" | undefined {
  return text === "TLS1.2" ? "TLSv1.2" : text === "TLS1.3" ? "TLSv1.3" : undefined;
}
