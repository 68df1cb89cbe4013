// What the client port did, under the names that gRPC's own Prometheus interceptors made common. Every
// method and code is there from the start, at 0, so that a rate over the first error is right.

import { etcdRpcs, type RpcKind } from "@althing/wire";
import type { TransportCounters } from "../transport/index.ts";
import { type Family, type Sample, single } from "./metrics-text.ts";

/** By gRPC status code. */
const codeNames = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
] as const;

const kindNames: Readonly<Record<RpcKind, string>> = {
  unary: "unary",
  serverStream: "server_stream",
  bidi: "bidi_stream",
};

interface MethodCounts {
  readonly started: number;
  readonly received: number;
  readonly sent: number;
  readonly handled: readonly number[];
}
const none: MethodCounts = { started: 0, received: 0, sent: 0, handled: [] };

export function grpcFamilies(counters: TransportCounters): Family[] {
  const byPath = new Map<string, MethodCounts>();
  for (const counted of counters.methods.values()) {
    byPath.set(`${counted.service}/${counted.method}`, counted);
  }
  const rows = etcdRpcs.map((rpc) => ({
    labels: {
      grpc_method: rpc.method,
      grpc_service: rpc.service,
      grpc_type: kindNames[rpc.kind],
    },
    counts: byPath.get(`${rpc.service}/${rpc.method}`) ?? none,
  }));
  const perMethod = (
    name: string,
    help: string,
    read: (counts: MethodCounts) => number,
  ): Family => ({
    name,
    type: "counter",
    help,
    samples: () => rows.map(({ labels, counts }) => ({ labels, value: read(counts) })),
  });
  return [
    perMethod("grpc_server_started_total", "RPCs started.", (counts) => counts.started),
    {
      name: "grpc_server_handled_total",
      type: "counter",
      help: "RPCs completed, by status code.",
      samples: () =>
        rows.flatMap(({ labels, counts }) =>
          codeNames.map(
            (name, code): Sample => ({
              labels: { grpc_code: name, ...labels },
              value: counts.handled[code] ?? 0,
            }),
          ),
        ),
    },
    perMethod("grpc_server_msg_received_total", "Messages received.", (counts) => counts.received),
    perMethod("grpc_server_msg_sent_total", "Messages sent.", (counts) => counts.sent),
    single(
      "counter",
      "etcd_network_client_grpc_received_bytes_total",
      "The total number of bytes received from grpc clients.",
      () => counters.bytesReceived,
    ),
    single(
      "counter",
      "etcd_network_client_grpc_sent_bytes_total",
      "The total number of bytes sent to grpc clients.",
      () => counters.bytesSent,
    ),
    single(
      "gauge",
      "althing_client_connections",
      "Open connections on the client port.",
      () => counters.connectionsOpen,
    ),
    single(
      "counter",
      "althing_client_connections_accepted_total",
      "Connections accepted on the client port.",
      () => counters.connectionsAccepted,
    ),
    single(
      "counter",
      "althing_client_connections_aborted_total",
      "Connections closed by this member: floods, silence, protocol violations.",
      () => counters.connectionsAborted,
    ),
    single(
      "counter",
      "althing_client_visitors_refused_total",
      "Web requests turned away for the origin they come from or the host they call.",
      () => counters.visitorsRefused,
    ),
    {
      name: "althing_client_refused_total",
      type: "counter",
      help: "What was refused or ended to keep clients within bounds, by the bound.",
      samples: () => {
        const { refused, shed } = counters.memory ?? { refused: 0, shed: 0 };
        return Object.entries({ ...counters.refused, memory: refused + shed }).map(
          ([reason, value]): Sample => ({ labels: { reason }, value }),
        );
      },
    },
    single(
      "gauge",
      "althing_client_memory_bytes",
      "Memory held for clients: requests, answers, streams, watches.",
      () => counters.memory?.usedBytes ?? 0,
    ),
    single(
      "gauge",
      "althing_client_memory_limit_bytes",
      "How much of it may be held.",
      () => counters.memory?.limitBytes ?? 0,
    ),
  ];
}
