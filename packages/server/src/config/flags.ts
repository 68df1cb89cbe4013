// Every flag of `althing start` as data: what etcd calls it, what it holds, whether it acts here. The
// parser, the environment, the config file, the help and docs/configuration.md all read this table, which is long because etcd has many.

import { protocolNames } from "./protocols.ts";

export { protocolNames };

export type FlagKind =
  | "text"
  | "count"
  | "boolean"
  | "urls"
  /** 1h30m, 500ms; in a config file also an integer number of nanoseconds, as etcd writes it. */
  | "duration"
  | "file";

/** `ignored` flags are accepted with a warning; `refused` ones would be dangerous to ignore. */
export type FlagEffect = "acts" | "ignored" | "refused";

export interface Flag {
  readonly name: string;
  readonly kind: FlagKind;
  readonly fallback: string;
  readonly choices?: readonly string[];
  readonly effect: FlagEffect;
  readonly group: FlagGroup;
  readonly help: string;
}

export const flagGroups = [
  "Member",
  "Cluster",
  "Timing",
  "Limits",
  "Web",
  "Compaction",
  "Client TLS",
  "Peer TLS",
  "Auth",
  "TLS policy",
  "Logging and metrics",
  "Known to etcd, without effect here",
  "Known to etcd, refused here",
] as const;
export type FlagGroup = (typeof flagGroups)[number];

type Row = readonly [
  name: string,
  kind: FlagKind,
  fallback: string,
  help: string,
  choices?: readonly string[],
];

function group(name: FlagGroup, effect: FlagEffect, rows: readonly Row[]): Flag[] {
  return rows.map(([flag, kind, fallback, help, choices]) => ({
    name: flag,
    kind,
    fallback,
    help,
    effect,
    group: name,
    ...(choices === undefined ? {} : { choices }),
  }));
}

interface TlsWords {
  readonly shownTo: string;
  readonly authority: string;
  readonly certAuth: string;
  readonly revoked: string;
  readonly hostname: string;
  readonly autoTls: string;
}

/** What the TLS of either port is told by; etcd calls what is about its callers by the name of the port. */
function tlsRows(prefix: "" | "peer-", port: "client" | "peer", words: TlsWords): Row[] {
  return [
    [`${prefix}cert-file`, "file", "", `Certificate shown to ${words.shownTo} (PEM)`],
    [`${prefix}key-file`, "file", "", "Its key (PEM)"],
    [`${prefix}trusted-ca-file`, "file", "", words.authority],
    [`${prefix}client-cert-auth`, "boolean", "false", words.certAuth],
    [`${port}-crl-file`, "file", "", words.revoked],
    [`${port}-cert-allowed-hostname`, "text", "", words.hostname],
    [`${prefix}auto-tls`, "boolean", "false", words.autoTls],
  ];
}

const without = "Known to etcd, without effect here" as const;
const refused = "Known to etcd, refused here" as const;

export const flags: readonly Flag[] = [
  ...group("Member", "acts", [
    ["name", "text", "default", "Name of this member, unique in the cluster"],
    ["data-dir", "text", "", "Where the data lives; <name>.althing if not given"],
    ["listen-client-urls", "urls", "http://localhost:2379", "Where clients are served"],
    [
      "advertise-client-urls",
      "urls",
      "http://localhost:2379",
      "What clients are told; needed when --listen-client-urls is given",
    ],
    ["listen-peer-urls", "urls", "http://localhost:2380", "Where other members are heard"],
    ["listen-metrics-urls", "urls", "", "More addresses for /metrics and /health alone"],
    ["engine", "text", "disk", "Where the store keeps its data", ["disk", "memory"]],
    ["config-file", "file", "", "YAML or JSON with these names as keys; then nothing else counts"],
  ]),
  ...group("Cluster", "acts", [
    [
      "initial-advertise-peer-urls",
      "urls",
      "http://localhost:2380",
      "What the other members are told",
    ],
    ["initial-cluster", "text", "", "All members of a new cluster: name=url,name=url"],
    [
      "initial-cluster-state",
      "text",
      "new",
      "Whether the cluster is founded or joined",
      ["new", "existing"],
    ],
    ["initial-cluster-token", "text", "etcd-cluster", "Keeps apart clusters that look the same"],
    [
      "peer-join-secret-file",
      "file",
      "",
      "A secret that all members know (16 characters or more): nobody else founds or joins",
    ],
    [
      "peer-introducer-urls",
      "urls",
      "",
      "Peer URLs of members to ask who belongs to the cluster, after all known ones were replaced",
    ],
    [
      "protocol",
      "text",
      "raft",
      "The consensus protocol; for the life of a cluster",
      protocolNames,
    ],
    [
      "paxos-quorums",
      "text",
      "",
      "Paxos: members needed to prepare and to accept, like 4,2 of 5; a majority each if not given",
    ],
    [
      "reads",
      "text",
      "quorum",
      "How a leader confirms linearizable reads: a round of messages, or a clock lease",
      ["quorum", "lease"],
    ],
  ]),
  ...group("Timing", "acts", [
    ["heartbeat-interval", "count", "100", "Milliseconds between a leader's heartbeats"],
    ["election-timeout", "count", "1000", "Milliseconds without a leader before an election"],
    ["watch-progress-notify-interval", "duration", "10m", "Time between progress notices"],
    ["grpc-keepalive-min-time", "duration", "5s", "Least time between a client's pings"],
    [
      "grpc-keepalive-interval",
      "duration",
      "2h",
      "Silence after which a client is pinged; 0: never",
    ],
    ["grpc-keepalive-timeout", "duration", "20s", "Wait for its answer before it is cut off"],
    [
      "warning-apply-duration",
      "duration",
      "100ms",
      "Applies that take longer are logged and counted",
    ],
    [
      "enable-lease-checkpoint",
      "boolean",
      "true",
      "What is left of leases above five minutes outlives a change of the leader",
    ],
  ]),
  ...group("Limits", "acts", [
    ["snapshot-count", "count", "10000", "Applied entries after which the log is compacted"],
    [
      "quota-backend-bytes",
      "text",
      "0",
      "Size in use of the store that raises NOSPACE; 0: 2 GiB; < 0: none",
    ],
    ["max-request-bytes", "count", "1572864", "Largest write"],
    ["max-txn-ops", "count", "128", "Most operations in a transaction"],
    ["max-concurrent-streams", "count", "10000", "Most requests at once on one connection"],
    ["max-connections", "count", "10000", "Most client connections"],
    [
      "max-connections-per-address",
      "count",
      "0",
      "Most of them from one address; 0: three quarters; beyond it only health checks are answered",
    ],
    [
      "max-client-memory-bytes",
      "count",
      "1073741824",
      "Most memory held for clients: requests, answers, streams, watches",
    ],
    [
      "strict-reconfig-check",
      "boolean",
      "true",
      "Refuse changes of the members that could lose the quorum",
    ],
    ["enable-grpc-gateway", "boolean", "true", "JSON over HTTP beside gRPC"],
  ]),
  ...group("Web", "acts", [
    [
      "cors",
      "text",
      "",
      "Origins whose pages may call, like https://console.example; comma-separated, * for all",
    ],
    [
      "host-whitelist",
      "text",
      "",
      "Names by which web clients may call besides addresses, localhost and the member's own; comma-separated, * for any",
    ],
  ]),
  ...group("Compaction", "acts", [
    [
      "auto-compaction-mode",
      "text",
      "periodic",
      "What --auto-compaction-retention counts",
      ["periodic", "revision"],
    ],
    [
      "auto-compaction-retention",
      "text",
      "0",
      "History to keep: a duration (a bare number: hours), or revisions; 0: everything",
    ],
  ]),
  ...group("Client TLS", "acts", [
    ...tlsRows("", "client", {
      shownTo: "clients",
      authority: "Authority of client certificates (PEM); clients must show one that it signed",
      certAuth: "A client that brings no token is the user whom its certificate names",
      revoked: "Revoked client certificates (PEM or DER)",
      hostname: "Host name that clients' certificates must be good for",
      autoTls: "Without --cert-file: make a certificate at the start",
    }),
  ]),
  ...group("Peer TLS", "acts", [
    ...tlsRows("peer-", "peer", {
      shownTo: "other members",
      authority:
        "Authority of the members' certificates (PEM); members must show one that it signed",
      certAuth: "The same; it needs that authority",
      revoked: "Revoked certificates of members (PEM or DER)",
      hostname: "Host name that members' certificates must carry",
      autoTls: "Without --peer-cert-file: make a certificate at the start; none is verified then",
    }),
    ["peer-cert-allowed-cn", "text", "", "Common name that members' certificates must carry"],
    [
      "peer-client-cert-file",
      "file",
      "",
      "Certificate for calling other members (PEM); --peer-cert-file if not given",
    ],
    ["peer-client-key-file", "file", "", "Its key (PEM)"],
    [
      "peer-skip-client-san-verification",
      "boolean",
      "false",
      "A calling member's certificate need not be for one of its own peer addresses",
    ],
  ]),
  ...group("Auth", "acts", [
    [
      "auth-token",
      "text",
      "simple",
      "Kind of tokens: simple, or jwt,sign-method=RS256,pub-key=FILE,priv-key=FILE,ttl=10m",
    ],
    ["auth-token-ttl", "count", "300", "Seconds that a simple token lives after its last use"],
    [
      "bcrypt-cost",
      "count",
      "10",
      "Work of a password hash (scrypt here): one more is twice as much",
    ],
  ]),
  ...group("TLS policy", "acts", [
    [
      "self-signed-cert-validity",
      "count",
      "1",
      "Years that a certificate made by --auto-tls or --peer-auto-tls is good for",
    ],
    ["cipher-suites", "text", "", "Cipher suites of TLS 1.2, comma-separated"],
    ["tls-min-version", "text", "TLS1.2", "Oldest version", ["TLS1.2", "TLS1.3"]],
    ["tls-max-version", "text", "", "Newest version", ["TLS1.2", "TLS1.3"]],
  ]),
  ...group("Logging and metrics", "acts", [
    [
      "log-level",
      "text",
      "info",
      "Least important line written",
      ["debug", "info", "warn", "error", "dpanic", "panic", "fatal"],
    ],
    [
      "log-format",
      "text",
      "",
      "json, or console for people; console on a terminal if not given",
      ["json", "console"],
    ],
    ["log-outputs", "text", "default", "stderr, stdout or a file; comma-separated"],
  ]),
  ...group(without, "ignored", [
    ["wal-dir", "text", "", "Directory of the log; here always inside --data-dir"],
    ["listen-client-http-urls", "urls", "", "Here gRPC and HTTP always share the client port"],
    ["max-wals", "count", "5", "Log files kept"],
    ["max-snapshots", "count", "5", "Snapshot files kept"],
    [
      "compaction-batch-limit",
      "count",
      "1000",
      "Compaction always goes in steps too short to feel",
    ],
    ["pre-vote", "boolean", "true", "Always on here"],
    ["socket-reuse-port", "boolean", "false", "One process owns a port"],
    ["socket-reuse-address", "boolean", "false", "Node sets it where it helps"],
    ["raft-read-timeout", "duration", "5s", "Members are judged by --election-timeout"],
    ["raft-write-timeout", "duration", "5s", "Likewise"],
    ["backend-batch-interval", "duration", "0s", "The log is what is durable; the store follows"],
    ["backend-batch-limit", "count", "0", "Likewise"],
    ["backend-bbolt-freelist-type", "text", "map", "Detail of etcd's storage engine"],
    ["enable-pprof", "boolean", "false", "Node has --cpu-prof and --inspect"],
    ["enable-v2", "boolean", "false", "The old API is not offered"],
    ["enable-log-rotation", "boolean", "false", "Leave it to logrotate or the journal"],
    ["log-rotation-config-json", "text", "", "Likewise"],
    ["metrics", "text", "basic", "Histograms of single methods are not kept"],
    ["logger", "text", "zap", "There is one"],
    ["debug", "boolean", "false", "Use --log-level=debug"],
    ["log-package-levels", "text", "", "There is one level"],
    ["unsafe-no-fsync", "boolean", "false", "Here every acknowledged write is on disk"],
    ["feature-gates", "text", "", "Experiments of etcd's own"],
    ["enable-distributed-tracing", "boolean", "false", "There are no traces"],
    ["distributed-tracing-address", "text", "localhost:4317", "Likewise"],
    ["distributed-tracing-service-name", "text", "etcd", "Likewise"],
    ["distributed-tracing-instance-id", "text", "", "Likewise"],
    ["distributed-tracing-sampling-rate", "text", "0", "Likewise"],
    ["initial-election-tick-advance", "boolean", "true", "A first election is drawn as any other"],
    ["compaction-sleep-interval", "duration", "10ms", "As above; between them requests are served"],
    ["enable-lease-checkpoint-persist", "boolean", "false", "Always: the log holds what is left"],
    ["warning-unary-request-duration", "duration", "300ms", "See the histograms of /metrics"],
    ["bootstrap-defrag-threshold-megabytes", "count", "0", "The store gives space back by itself"],
    ["memory-mlock", "boolean", "false", "Node cannot keep its memory from being swapped out"],
    ["txn-mode-write-with-shared-buffer", "boolean", "true", "Detail of etcd's storage engine"],
    ["stop-grpc-service-on-defrag", "boolean", "false", "Defragmenting stops nothing here"],
    ["snapshot-catchup-entries", "count", "5000", "As many are kept"],
    ["wait-cluster-ready-timeout", "duration", "5s", "A member serves what it can at once"],
    ["downgrade-check-time", "duration", "5s", "There is no older version to go back to"],
    ["enable-v2v3", "text", "", "The old API is not offered"],
    ["corrupt-check-time", "duration", "0s", "Here the members' states are always compared"],
    ["initial-corrupt-check", "boolean", "false", "Here the members' states are always compared"],
    ["compact-hash-check-enabled", "boolean", "false", "Always compared here"],
    ["compact-hash-check-time", "duration", "1m", "Always compared here"],
    ["max-learners", "count", "1", "Learners cost the leader little: as many as are added"],
    [
      "client-cert-file",
      "file",
      "",
      "etcd's gateway calls its own member with it, Althing's does not",
    ],
    ["client-key-file", "file", "", "Likewise"],
    ["discovery-fallback", "text", "proxy", "There is no discovery"],
    ["proxy", "text", "off", "The old proxy is not offered"],
  ]),
  ...group(refused, "refused", [
    ["force-new-cluster", "boolean", "false", "Would discard members without asking them"],
    ["discovery", "text", "", "Give --initial-cluster"],
    ["discovery-endpoints", "text", "", "Give --initial-cluster"],
    ["discovery-token", "text", "", "Give --initial-cluster"],
    ["discovery-srv", "text", "", "Give --initial-cluster"],
    ["discovery-srv-name", "text", "", "Give --initial-cluster"],
    ["discovery-proxy", "text", "", "Give --initial-cluster"],
  ]),
];

const byName = new Map(flags.map((flag) => [flag.name, flag]));

/** `experimental-` names are those that etcd used before it settled on the bare one. */
export function findFlag(name: string): Flag | undefined {
  return byName.get(name) ?? byName.get(name.replace(/^experimental-/, ""));
}

export function environmentName(flag: Flag): string {
  return `ALTHING_${flag.name.toUpperCase().replaceAll("-", "_")}`;
}

/** The flag that was probably meant. */
export function suggestFlag(name: string): string | undefined {
  return closest(
    name,
    flags.map((flag) => flag.name),
  );
}

/** The nearest of `candidates`, if it is near enough to be a typing mistake. */
export function closest(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substituted, previous[j]! + 1, current[j - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
