// The certificate flags of either port, and which of them need each other.

import { ConfigError } from "./config-error.ts";
import type { SettingsReader } from "./settings-reader.ts";

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Shown to those whom the member calls, where it is not the same. Of peers alone. */
  readonly callerCertFile: string;
  readonly callerKeyFile: string;
  /** Where one is given, whoever calls must show a certificate that it signed. */
  readonly trustedCaFile: string;
  /** For clients: whoever shows a certificate and no token is who the certificate says. */
  readonly clientCertAuth: boolean;
  /** Without files the member makes a certificate for itself. */
  readonly autoTls: boolean;
  readonly crlFile: string;
  readonly allowedCommonName: string;
  readonly allowedHostname: string;
  /** A caller's certificate need not bear a name of the member. Of peers alone. */
  readonly anyCallerName: boolean;
}

/** No TLS, but for what is given. */
export function tlsFilesOf(given: Partial<TlsFiles>): TlsFiles {
  return {
    certFile: "",
    keyFile: "",
    callerCertFile: "",
    callerKeyFile: "",
    trustedCaFile: "",
    clientCertAuth: false,
    autoTls: false,
    crlFile: "",
    allowedCommonName: "",
    allowedHostname: "",
    anyCallerName: false,
    ...given,
  };
}

export function tlsFiles(read: SettingsReader, prefix: "" | "peer-"): TlsFiles {
  const peer = prefix === "peer-";
  return {
    certFile: read.text(`${prefix}cert-file`),
    keyFile: read.text(`${prefix}key-file`),
    callerCertFile: peer ? read.text("peer-client-cert-file") : "",
    callerKeyFile: peer ? read.text("peer-client-key-file") : "",
    trustedCaFile: read.text(`${prefix}trusted-ca-file`),
    clientCertAuth: read.boolean(`${prefix}client-cert-auth`),
    autoTls: read.boolean(`${prefix}auto-tls`),
    crlFile: read.text(peer ? "peer-crl-file" : "client-crl-file"),
    allowedCommonName: peer ? read.text("peer-cert-allowed-cn") : "",
    allowedHostname: read.text(`${peer ? "peer" : "client"}-cert-allowed-hostname`),
    anyCallerName: peer && read.boolean("peer-skip-client-san-verification"),
  };
}

/** Throws for what cannot be meant; returns warnings for what may not be. */
export function checkTls(
  flag: string,
  urls: readonly string[],
  tls: TlsFiles,
  prefix: "" | "peer-",
): string[] {
  const secure = urls.filter((url) => /^(https|unixs):/.test(url));
  const [peer, callers] = prefix === "" ? ["client", "clients"] : ["peer", "members"];
  for (const [kind, cert, key] of [
    ["", tls.certFile, tls.keyFile],
    ["client-", tls.callerCertFile, tls.callerKeyFile],
  ] as const) {
    if ((cert === "") === (key === "")) continue;
    throw new ConfigError(
      `${prefix}${kind}cert-file`,
      `--${prefix}${kind}cert-file and --${prefix}${kind}key-file belong together; give both`,
    );
  }
  if (tls.callerCertFile !== "" && tls.certFile === "") {
    throw new ConfigError(
      `${prefix}cert-file`,
      `--${prefix}client-cert-file is for calling alone; give --${prefix}cert-file and --${prefix}key-file for being called`,
    );
  }
  if (secure.length > 0 && tls.certFile === "" && !tls.autoTls) {
    throw new ConfigError(
      flag,
      `--${flag} has an https URL; give --${prefix}cert-file and --${prefix}key-file, or --${prefix}auto-tls`,
    );
  }
  if (secure.length === 0 && tls.clientCertAuth) {
    throw new ConfigError(
      `${prefix}client-cert-auth`,
      `--${prefix}client-cert-auth asks for certificates, but --${flag} has no https URL, so nobody would be asked; use https://`,
    );
  }
  if (prefix === "peer-" && tls.autoTls && tls.trustedCaFile !== "" && tls.certFile === "") {
    throw new ConfigError(
      "peer-auto-tls",
      "--peer-auto-tls makes certificates that --peer-trusted-ca-file did not sign, so that members would turn each other away; give one of the two",
    );
  }
  if (tls.trustedCaFile === "") {
    const checks: [string, boolean, string][] = [
      [`${prefix}client-cert-auth`, tls.clientCertAuth, "whose certificates are good?"],
      [`${peer}-crl-file`, tls.crlFile !== "", "whose certificates were revoked?"],
      [`${peer}-cert-allowed-cn`, tls.allowedCommonName !== "", noneAsked],
      [`${peer}-cert-allowed-hostname`, tls.allowedHostname !== "", noneAsked],
    ];
    for (const [name, isGiven, why] of checks) {
      if (!isGiven) continue;
      throw new ConfigError(
        `${prefix}trusted-ca-file`,
        `--${name} needs --${prefix}trusted-ca-file: ${why}`,
      );
    }
  }
  const warnings: string[] = [];
  if (secure.length === 0) {
    if (tls.certFile !== "" || tls.trustedCaFile !== "" || tls.autoTls) {
      warnings.push(
        `--${flag} has no https URL: the TLS settings of that port do nothing, and everybody who reaches it is served in clear text.`,
      );
    }
    return warnings;
  }
  if (tls.trustedCaFile !== "" && secure.length < urls.length) {
    warnings.push(`--${flag} also has an http URL: nobody is asked for a certificate there.`);
  }
  if (tls.autoTls && tls.certFile !== "") {
    warnings.push(`--${prefix}auto-tls does nothing, since --${prefix}cert-file is given.`);
  } else if (tls.autoTls) {
    warnings.push(
      `--${prefix}auto-tls makes a certificate that nobody vouches for: connections are private, but ${callers} cannot tell who answers.`,
    );
  } else if (prefix === "peer-" && tls.trustedCaFile === "") {
    warnings.push(
      "--peer-cert-file without --peer-trusted-ca-file: whoever calls the peer port is not asked for a certificate, and members' certificates must be signed by an authority that this program knows anyway; give --peer-trusted-ca-file.",
    );
  }
  return warnings;
}

const noneAsked = "without it nobody is asked for a certificate";

export function tlsVersion(text: string): "TLSv1.2" | "TLSv1.3" | undefined {
  return text === "TLS1.2" ? "TLSv1.2" : text === "TLS1.3" ? "TLSv1.3" : undefined;
}
