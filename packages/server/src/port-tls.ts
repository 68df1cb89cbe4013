// The TLS of both ports: from the files that the configuration names, or from certificates that the member
// makes for itself. Files are read before the data directory is opened, so that a typing mistake founds no
// member; what the member makes is kept in that directory.

import { join } from "node:path";
import type { Config } from "./config/config.ts";
import type { Logger } from "./observe/logging.ts";
import { type OwnCertificate, ownCertificate } from "./own-certificate.ts";
import type { PeerTls } from "./peers/index.ts";
import { type ClientTls, loadClientTls, loadPeerTls, staleRevocations } from "./tls-files.ts";
import { hostOf } from "./transport/index.ts";
import type { Usage } from "./x509/certificate.ts";

export interface PortTls {
  readonly client: ClientTls | undefined;
  readonly peer: PeerTls | undefined;
}

/** Undefined where nothing is named. Throws ConfigError. */
export function readPortTls(config: Config): PortTls {
  return { client: loadClientTls(config), peer: loadPeerTls(config) };
}

/** With the member's own certificates where they are asked for. Throws DataDirectoryError. */
export function completePortTls(
  config: Config,
  read: PortTls,
  directory: string,
  logger: Logger,
): PortTls {
  const nowMs = Date.now();
  for (const warning of staleRevocations(config, nowMs)) logger.warn(warning);
  const own = (port: "client" | "peer", urls: readonly string[], usages: readonly Usage[]) => {
    const certificate = ownCertificate({
      folder: join(directory, "fixtures", port),
      hosts: hostsOf(urls),
      usages,
      validityYears: config.selfSignedValidityYears,
      nowMs,
    });
    logger.info(describe(port, certificate));
    return certificate;
  };
  const clientUrls = [
    ...config.listenClientUrls,
    ...config.advertiseClientUrls,
    ...config.listenMetricsUrls,
  ];
  const peerUrls = [...config.listenPeerUrls, ...config.initialAdvertisePeerUrls];
  const { clientTls, peerTls } = config;
  return {
    client:
      read.client === undefined && clientTls.autoTls && areSecure(clientUrls)
        ? loadClientTls(config, own("client", clientUrls, ["serverAuth"]))
        : read.client,
    peer:
      read.peer === undefined && peerTls.autoTls && areSecure(peerUrls)
        ? loadPeerTls(config, own("peer", peerUrls, ["serverAuth", "clientAuth"]))
        : read.peer,
  };
}

function areSecure(urls: readonly string[]): boolean {
  return urls.some((url) => /^(https|unixs):/.test(url));
}

const unspecified: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** Whom a client may call: also this machine by itself, whatever is listened on. */
function hostsOf(urls: readonly string[]): string[] {
  const hosts = urls.map((url) => hostOf(new URL(url).host) ?? "");
  const all = new Set([...hosts, "localhost", "127.0.0.1"]);
  return [...all].filter((host) => host !== "" && !unspecified.has(host));
}

function describe(port: "client" | "peer", { path, isNew, validUntilMs }: OwnCertificate): string {
  const until = new Date(validUntilMs).toISOString();
  return `${isNew ? "made" : "kept"} the ${port} port's own certificate, good until ${until}: ${path}`;
}
