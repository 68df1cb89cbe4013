// What a member is started with, checked. Everything after this file may rely on it; every error
// says what to do. Values come as text by flag name, whether they were flags, environment or file.

import { ConfigError } from "./config-error.ts";
import { parseDurationMs } from "./duration.ts";
import { findFlag } from "./flags.ts";
import { type InitialMember, resolveInitialCluster } from "./initial-cluster.ts";
import { type PaxosQuorums, type ProtocolName, parsePaxosQuorums } from "./protocols.ts";
import { list, SettingsReader } from "./settings-reader.ts";
import type { Setting, Settings } from "./sources.ts";
import { checkTls, type TlsFiles, tlsFiles, tlsVersion } from "./tls-settings.ts";
import { readVisitors, type VisitorSettings } from "./visitor-settings.ts";

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
  /** Undefined: whom a member has not met, it believes at the address that it was given. */
  readonly peerJoinSecretFile: string | undefined;
  readonly peerIntroducerUrls: readonly string[];
  readonly protocol: ProtocolName;
  /** Undefined: majorities. */
  readonly paxosQuorums: PaxosQuorums | undefined;
  readonly engine: "disk" | "memory";
  readonly reads: "quorum" | "lease";
  readonly heartbeatIntervalMs: number;
  readonly electionTimeoutMs: number;
  readonly watchProgressIntervalMs: number;
  readonly keepalive: {
    readonly minTimeMs: number;
    readonly intervalMs: number;
    readonly timeoutMs: number;
  };
  /** An apply that takes longer is worth a warning. */
  readonly slowApplyMs: number;
  /** What is left of long leases is written into the log. */
  readonly leaseCheckpoints: boolean;
  readonly strictReconfigCheck: boolean;
  readonly jsonGateway: boolean;
  readonly visitors: VisitorSettings;
  readonly snapshotCount: number;
  /** -1: no quota. */
  readonly quotaBackendBytes: number;
  readonly maxRequestBytes: number;
  readonly maxTxnOps: number;
  readonly maxConcurrentStreams: number;
  readonly maxConnections: number;
  /** 0: three quarters of them. */
  readonly maxConnectionsPerAddress: number;
  readonly maxClientMemoryBytes: number;
  readonly autoCompaction:
    | { readonly mode: "off" }
    | { readonly mode: "periodic"; readonly retentionMs: number }
    | { readonly mode: "revision"; readonly revisions: number };
  readonly clientTls: TlsFiles;
  readonly peerTls: TlsFiles;
  /** Of the certificates that the member makes for itself. */
  readonly selfSignedValidityYears: number;
  /** As etcd writes it: simple, or jwt with options. */
  readonly authToken: string;
  readonly authTokenTtlSeconds: number;
  readonly bcryptCost: number;
  readonly tlsMinVersion: "TLSv1.2" | "TLSv1.3";
  readonly tlsMaxVersion: "TLSv1.2" | "TLSv1.3" | undefined;
  readonly cipherSuites: readonly string[];
  readonly logLevel: LogLevelName;
  readonly logFormat: "json" | "console" | undefined;
  readonly logOutputs: readonly string[];
}

export interface Resolved {
  readonly config: Config;
  /** Lines for the log: settings that were accepted and do nothing. */
  readonly warnings: readonly string[];
}

const defaultQuotaBytes = 2 * 1024 * 1024 * 1024;
/** With less, requests that are allowed would find no room. */
const clientMemoryBytesMin = 64 * 1024 * 1024;
const electionTimeoutMsMax = 50_000;

export function resolveConfig(settings: Settings): Resolved {
  const warnings = checkEffects(settings);
  const read = new SettingsReader(settings);

  const name = read.text("name");
  if (name === "") throw new ConfigError("name", "--name must not be empty");
  if (/[=,]/.test(name)) {
    throw new ConfigError(
      "name",
      `--name ${name}: '=' and ',' have a meaning in --initial-cluster; choose another name`,
    );
  }
  const listenClientUrls = read.urls("listen-client-urls", "listen");
  const listenPeerUrls = read.urls("listen-peer-urls", "peerListen");
  if (read.given("listen-client-urls") && !read.given("advertise-client-urls")) {
    throw new ConfigError(
      "advertise-client-urls",
      "--advertise-client-urls is required when --listen-client-urls is set: clients must be told an address that they can reach, which a listen address need not be",
    );
  }
  const initialAdvertisePeerUrls = read.urls("initial-advertise-peer-urls", "peer");
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
  const clientUrls = [...listenClientUrls, ...listenMetricsUrls];
  warnings.push(
    ...checkTls("listen-client-urls", clientUrls, clientTls, ""),
    ...checkTls("listen-peer-urls", listenPeerUrls, peerTls, "peer-"),
  );
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
      peerJoinSecretFile: read.text("peer-join-secret-file") || undefined,
      peerIntroducerUrls: read.urls("peer-introducer-urls", "peer"),
      protocol,
      paxosQuorums: paxosQuorums(read, protocol, initialCluster.length),
      engine: read.choice("engine") as "disk" | "memory",
      reads: read.choice("reads") as "quorum" | "lease",
      heartbeatIntervalMs,
      electionTimeoutMs,
      watchProgressIntervalMs: read.duration("watch-progress-notify-interval", 100),
      keepalive: {
        minTimeMs: read.duration("grpc-keepalive-min-time", 0),
        intervalMs: read.duration("grpc-keepalive-interval", 0) || Number.POSITIVE_INFINITY,
        timeoutMs: read.duration("grpc-keepalive-timeout", 1),
      },
      slowApplyMs: read.duration("warning-apply-duration", 0) || Number.POSITIVE_INFINITY,
      leaseCheckpoints: read.boolean("enable-lease-checkpoint"),
      strictReconfigCheck: read.boolean("strict-reconfig-check"),
      jsonGateway: read.boolean("enable-grpc-gateway"),
      visitors: readVisitors(read),
      snapshotCount: read.count("snapshot-count", 1),
      quotaBackendBytes: quota(read.integer("quota-backend-bytes")),
      maxRequestBytes: read.count("max-request-bytes", 1024, 64 * 1024 * 1024),
      maxTxnOps: read.count("max-txn-ops", 1),
      maxConcurrentStreams: read.count("max-concurrent-streams", 1),
      maxConnections: read.count("max-connections", 1),
      maxConnectionsPerAddress: read.count("max-connections-per-address", 0),
      maxClientMemoryBytes: read.count("max-client-memory-bytes", clientMemoryBytesMin),
      autoCompaction: autoCompaction(read),
      clientTls,
      peerTls,
      selfSignedValidityYears: read.count("self-signed-cert-validity", 1, 100),
      authToken: read.text("auth-token"),
      authTokenTtlSeconds: read.count("auth-token-ttl", 1),
      bcryptCost: read.count("bcrypt-cost", 4, 31),
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
  read: SettingsReader,
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

function quota(bytes: number): number {
  return bytes === 0 ? defaultQuotaBytes : Math.max(-1, bytes);
}

function autoCompaction(read: SettingsReader): Config["autoCompaction"] {
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
