// What a member is started with, checked. Everything after this file may rely on it; every error
// says what to do. Values come as text by flag name, whether they were flags, environment or file.

import { parseDurationMs } from "./duration.ts";
import { findFlag } from "./flags.ts";
import { type PaxosQuorums, type ProtocolName, parsePaxosQuorums } from "./protocols.ts";
import type { Setting, Settings } from "./sources.ts";

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly trustedCaFile: string;
  readonly clientCertAuth: boolean;
  readonly crlFile: string;
  readonly allowedCommonName: string;
  readonly allowedHostname: string;
}

export interface InitialMember {
  readonly name: string;
  readonly peerUrls: readonly string[];
}

export type LogLevelName = "debug" | "info" | "warn" | "error";

export interface Config {
  readonly name: string;
  readonly dataDir: string;
  readonly listenClientUrls: readonly string[];
  readonly advertiseClientUrls: readonly string[];
  readonly listenPeerUrls: readonly string[];
  readonly listenMetricsUrls: readonly string[];
  readonly initialAdvertisePeerUrls: readonly string[];
  readonly initialCluster: readonly InitialMember[];
  readonly initialClusterState: "new" | "existing";
  readonly initialClusterToken: string;
  readonly protocol: ProtocolName;
  /** Undefined: majorities. */
  readonly paxosQuorums: PaxosQuorums | undefined;
  readonly engine: "disk" | "memory";
  readonly reads: "quorum" | "lease";
  readonly heartbeatIntervalMs: number;
  readonly electionTimeoutMs: number;
  readonly snapshotCount: number;
  /** -1: no quota. */
  readonly quotaBackendBytes: number;
  readonly maxRequestBytes: number;
  readonly maxTxnOps: number;
  readonly maxConcurrentStreams: number;
  readonly maxConnections: number;
  readonly autoCompaction:
    | { readonly mode: "off" }
    | { readonly mode: "periodic"; readonly retentionMs: number }
    | { readonly mode: "revision"; readonly revisions: number };
  readonly clientTls: TlsFiles;
  readonly peerTls: TlsFiles;
  readonly tlsMinVersion: "TLSv1.2" | "TLSv1.3";
  readonly tlsMaxVersion: "TLSv1.2" | "TLSv1.3" | undefined;
  readonly cipherSuites: readonly string[];
  readonly logLevel: LogLevelName;
  readonly logFormat: "json" | "console" | undefined;
  readonly logOutputs: readonly string[];
}

export class ConfigError extends Error {
  /** The flag at fault, without dashes; "" when it is not one flag. */
  readonly flag: string;
  constructor(flag: string, message: string) {
    super(message);
    this.name = "ConfigError";
    this.flag = flag;
  }
}

export interface Resolved {
  readonly config: Config;
  /** Lines for the log: settings that were accepted and do nothing. */
  readonly warnings: readonly string[];
}

const defaultQuotaBytes = 2 * 1024 * 1024 * 1024;
const electionTimeoutMsMax = 50_000;

export function resolveConfig(settings: Settings): Resolved {
  const warnings = checkEffects(settings);
  const read = new Reader(settings);

  const name = read.text("name");
  if (name === "") throw new ConfigError("name", "--name must not be empty");
  if (/[=,]/.test(name)) {
    throw new ConfigError(
      "name",
      `--name ${name}: '=' and ',' have a meaning in --initial-cluster; choose another name`,
    );
  }
  const listenClientUrls = read.urls("listen-client-urls", "listen");
  const listenPeerUrls = read.urls("listen-peer-urls", "listen");
  if (read.given("listen-client-urls") && !read.given("advertise-client-urls")) {
    throw new ConfigError(
      "advertise-client-urls",
      "--advertise-client-urls is required when --listen-client-urls is set: clients must be told an address that they can reach, which a listen address need not be",
    );
  }
  const initialAdvertisePeerUrls = read.urls("initial-advertise-peer-urls", "advertise");
  const initialClusterState = read.choice("initial-cluster-state") as "new" | "existing";
  const initialCluster = resolveInitialCluster(read, name, initialAdvertisePeerUrls);
  const protocol = read.choice("protocol") as ProtocolName;
  const heartbeatIntervalMs = read.count("heartbeat-interval", 1);
  const electionTimeoutMs = read.count("election-timeout", 1);
  if (electionTimeoutMs < 5 * heartbeatIntervalMs) {
    throw new ConfigError(
      "election-timeout",
      `--election-timeout (${electionTimeoutMs} ms) must be at least 5 times --heartbeat-interval (${heartbeatIntervalMs} ms), or one late heartbeat costs the leader its office; raise the one to ${5 * heartbeatIntervalMs} or lower the other to ${Math.max(1, Math.floor(electionTimeoutMs / 5))}`,
    );
  }
  if (electionTimeoutMs > electionTimeoutMsMax) {
    throw new ConfigError(
      "election-timeout",
      `--election-timeout (${electionTimeoutMs} ms) must not be above ${electionTimeoutMsMax} ms`,
    );
  }
  const clientTls = tlsFiles(read, "");
  const peerTls = tlsFiles(read, "peer-");
  const listenMetricsUrls = read.urls("listen-metrics-urls", "listen");
  checkTls("listen-client-urls", [...listenClientUrls, ...listenMetricsUrls], clientTls, "");
  checkTls("listen-peer-urls", listenPeerUrls, peerTls, "peer-");
  const level = read.choice("log-level");

  return {
    warnings,
    config: {
      name,
      dataDir: read.text("data-dir") || `${name}.althing`,
      listenClientUrls,
      advertiseClientUrls: read.urls("advertise-client-urls", "advertise"),
      listenPeerUrls,
      listenMetricsUrls,
      initialAdvertisePeerUrls,
      initialCluster,
      initialClusterState,
      initialClusterToken: read.text("initial-cluster-token"),
      protocol,
      paxosQuorums: paxosQuorums(read, protocol, initialCluster.length),
      engine: read.choice("engine") as "disk" | "memory",
      reads: read.choice("reads") as "quorum" | "lease",
      heartbeatIntervalMs,
      electionTimeoutMs,
      snapshotCount: read.count("snapshot-count", 1),
      quotaBackendBytes: quota(read.integer("quota-backend-bytes")),
      maxRequestBytes: read.count("max-request-bytes", 1024, 64 * 1024 * 1024),
      maxTxnOps: read.count("max-txn-ops", 1),
      maxConcurrentStreams: read.count("max-concurrent-streams", 1),
      maxConnections: read.count("max-connections", 1),
      autoCompaction: autoCompaction(read),
      clientTls,
      peerTls,
      tlsMinVersion: tlsVersion(read.choice("tls-min-version")) ?? "TLSv1.2",
      tlsMaxVersion: tlsVersion(read.choice("tls-max-version")),
      cipherSuites: list(read.text("cipher-suites")),
      logLevel: level === "debug" || level === "info" || level === "warn" ? level : "error",
      logFormat: (read.choice("log-format") || undefined) as "json" | "console" | undefined,
      logOutputs: list(read.text("log-outputs")),
    },
  };
}

function paxosQuorums(
  read: Reader,
  protocol: ProtocolName,
  members: number,
): PaxosQuorums | undefined {
  const text = read.text("paxos-quorums");
  if (text === "") return undefined;
  const origin = read.origin("paxos-quorums");
  if (protocol !== "paxos") {
    throw new ConfigError("paxos-quorums", `${origin} has a meaning with --protocol=paxos only`);
  }
  const quorums = parsePaxosQuorums(text, members);
  if (typeof quorums === "object") return quorums;
  throw new ConfigError("paxos-quorums", `${origin}: ${quorums}`);
}

function checkEffects(settings: Settings): string[] {
  const warnings: string[] = [];
  for (const [name, setting] of settings) {
    const flag = findFlag(name);
    if (flag === undefined || flag.effect === "acts" || setting.value === flag.fallback) continue;
    if (flag.effect === "refused") {
      throw new ConfigError(
        name,
        `${setting.origin}: Althing does not offer this and will not pretend to. ${flag.help}.`,
      );
    }
    warnings.push(`${setting.origin} is known from etcd and has no effect here. ${flag.help}.`);
  }
  return warnings;
}

class Reader {
  readonly #settings: Settings;
  constructor(settings: Settings) {
    this.#settings = settings;
  }

  given(name: string): boolean {
    return this.#settings.has(name);
  }

  origin(name: string): string {
    return this.#settings.get(name)?.origin ?? `--${name}`;
  }

  text(name: string): string {
    return this.#settings.get(name)?.value ?? fallbackOf(name);
  }

  choice(name: string): string {
    const value = this.text(name);
    const choices = findFlag(name)?.choices ?? [];
    if (value === fallbackOf(name) || choices.includes(value)) return value;
    throw new ConfigError(name, `${this.origin(name)} must be one of ${choices.join(", ")}`);
  }

  boolean(name: string): boolean {
    const value = this.text(name);
    if (/^(true|t|1)$/i.test(value)) return true;
    if (/^(false|f|0)$/i.test(value)) return false;
    throw new ConfigError(name, `${this.origin(name)} must be true or false`);
  }

  integer(name: string): number {
    const value = Number(this.text(name));
    if (Number.isSafeInteger(value)) return value;
    throw new ConfigError(name, `${this.origin(name)} must be a whole number`);
  }

  count(name: string, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.integer(name);
    if (value >= min && value <= max) return value;
    const bound = value < min ? `at least ${min}` : `at most ${max}`;
    throw new ConfigError(name, `${this.origin(name)} must be ${bound}`);
  }

  urls(name: string, use: "listen" | "advertise"): string[] {
    const urls = list(this.text(name));
    for (const url of urls) checkUrl(name, this.origin(name), url, use);
    if (urls.length === 0 && fallbackOf(name) !== "") {
      throw new ConfigError(name, `--${name} must name at least one URL`);
    }
    return urls;
  }
}

function fallbackOf(name: string): string {
  const flag = findFlag(name);
  if (flag === undefined) throw new Error(`no flag --${name}`);
  return flag.fallback;
}

function list(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function checkUrl(flag: string, origin: string, url: string, use: "listen" | "advertise"): void {
  const example = "http://127.0.0.1:2379";
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new ConfigError(flag, `${origin}: "${url}" is not a URL; write it like ${example}`);
  }
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") {
    throw new ConfigError(flag, `${origin}: "${url}" must begin with http:// or https://`);
  }
  if (!/^https?:\/\/[^/]*:\d+(\/|$)/.test(url)) {
    throw new ConfigError(flag, `${origin}: "${url}" needs a port, like ${example}`);
  }
  if (parsed.pathname !== "/" || parsed.search !== "" || parsed.username !== "") {
    throw new ConfigError(flag, `${origin}: "${url}" must be a host and a port, nothing more`);
  }
  const isAddress = /^(\d+\.\d+\.\d+\.\d+|\[.*\]|localhost)$/.test(parsed.hostname);
  if (use === "listen" && !isAddress) {
    throw new ConfigError(
      flag,
      `${origin}: listen on an IP address and not on a name (${parsed.hostname}); 0.0.0.0 means all interfaces`,
    );
  }
  if (use === "advertise" && (parsed.hostname === "0.0.0.0" || parsed.hostname === "[::]")) {
    throw new ConfigError(
      flag,
      `${origin}: nobody can call ${parsed.hostname}; name an address that others reach`,
    );
  }
}

/** name=url,name=url; a name that occurs twice has two URLs. */
export function parseInitialCluster(text: string): InitialMember[] {
  const members = new Map<string, string[]>();
  for (const part of list(text)) {
    const at = part.indexOf("=");
    if (at <= 0) {
      throw new ConfigError(
        "initial-cluster",
        `--initial-cluster: "${part}" must be name=url, like m1=http://10.0.0.1:2380`,
      );
    }
    const name = part.slice(0, at);
    const url = part.slice(at + 1);
    checkUrl("initial-cluster", "--initial-cluster", url, "advertise");
    members.set(name, [...(members.get(name) ?? []), url]);
  }
  return [...members].map(([name, peerUrls]) => ({ name, peerUrls }));
}

function resolveInitialCluster(
  read: Reader,
  name: string,
  advertised: readonly string[],
): InitialMember[] {
  const text = read.text("initial-cluster");
  if (text === "") return [{ name, peerUrls: advertised }];
  const members = parseInitialCluster(text);
  const own = members.find((member) => member.name === name);
  const names = members.map((member) => member.name).join(", ");
  if (own === undefined) {
    throw new ConfigError(
      "initial-cluster",
      `--initial-cluster names ${names}, but this member is called ${name}; add ${name}=${advertised[0]} or set --name to one of them`,
    );
  }
  const written = [...own.peerUrls].sort().join(",");
  const told = [...advertised].sort().join(",");
  if (written !== told) {
    throw new ConfigError(
      "initial-cluster",
      `--initial-cluster says ${name}=${written}, but --initial-advertise-peer-urls is ${told}; they must be the same`,
    );
  }
  const seen = new Map<string, string>();
  for (const member of members) {
    for (const url of member.peerUrls) {
      const other = seen.get(url);
      if (other !== undefined) {
        throw new ConfigError(
          "initial-cluster",
          `--initial-cluster gives ${url} to ${other} and to ${member.name}; each member needs its own`,
        );
      }
      seen.set(url, member.name);
    }
  }
  return members;
}

function tlsFiles(read: Reader, prefix: "" | "peer-"): TlsFiles {
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

function checkTls(flag: string, urls: readonly string[], tls: TlsFiles, prefix: string): void {
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

function tlsVersion(text: string): "TLSv1.2" | "TLSv1.3" | undefined {
  return text === "TLS1.2" ? "TLSv1.2" : text === "TLS1.3" ? "TLSv1.3" : undefined;
}

function quota(bytes: number): number {
  return bytes === 0 ? defaultQuotaBytes : Math.max(-1, bytes);
}

function autoCompaction(read: Reader): Config["autoCompaction"] {
  const mode = read.choice("auto-compaction-mode");
  const text = read.text("auto-compaction-retention");
  const bare = /^\d+$/.test(text) ? Number(text) : undefined;
  if (bare === 0) return { mode: "off" };
  if (mode === "revision") {
    if (bare !== undefined) return { mode, revisions: bare };
    throw new ConfigError(
      "auto-compaction-retention",
      `--auto-compaction-retention=${text}: in revision mode it is a number of revisions`,
    );
  }
  const retentionMs = bare === undefined ? parseDurationMs(text) : bare * 3_600_000;
  if (retentionMs === undefined || retentionMs < 0) {
    throw new ConfigError(
      "auto-compaction-retention",
      `--auto-compaction-retention=${text}: write a duration such as 30m or 1h30m, or whole hours`,
    );
  }
  return retentionMs === 0 ? { mode: "off" } : { mode: "periodic", retentionMs };
}

/** The configuration that no settings at all give. */
export function defaultConfig(overrides: Partial<Config> = {}): Config {
  const { config } = resolveConfig(new Map<string, Setting>());
  return { ...config, ...overrides };
}
