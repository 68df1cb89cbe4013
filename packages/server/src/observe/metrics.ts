// GET /metrics: everything that is counted anywhere in this process, in Prometheus' text format. Counting is
// incrementing plain numbers; all work is done when somebody scrapes.

import type { MemberEvent } from "@althing/member";
import type { DoorContext } from "../doors/context.ts";
import type { EtcdDoorCounters } from "../doors/etcd/index.ts";
import type { PeerStats } from "../peers/index.ts";
import type { HttpRoute, TransportCounters } from "../transport/index.ts";
import { grpcFamilies } from "./metrics-grpc.ts";
import { MemberEventCounters, memberFamilies } from "./metrics-member.ts";
import { peerFamilies } from "./metrics-peers.ts";
import { ProcessMetrics } from "./metrics-process.ts";
import { type Family, info, metricsContentType, renderFamilies, single } from "./metrics-text.ts";

export interface MetricsSources {
  readonly context: DoorContext;
  readonly transport: TransportCounters;
  readonly door: EtcdDoorCounters;
  readonly peers?: () => readonly PeerStats[];
}

export interface Metrics {
  /** Give every event of the member: it must be wired before the member starts. */
  observe(event: MemberEvent): void;
  /** Called once the sources exist; until then a scrape tells about the process alone. */
  connect(sources: MetricsSources): void;
  render(): string;
  readonly route: HttpRoute;
  close(): void;
}

export function createMetrics(): Metrics {
  const events = new MemberEventCounters();
  const host = new ProcessMetrics();
  let families: readonly Family[] = host.families;
  const render = () => renderFamilies(families);
  return {
    observe: (event) => events.observe(event),
    connect(sources) {
      families = [
        ...identityFamilies(sources.context),
        ...memberFamilies(sources.context, events),
        ...doorFamilies(sources.door, sources.transport),
        ...grpcFamilies(sources.transport),
        ...(sources.peers === undefined
          ? []
          : peerFamilies(sources.context.member.id, sources.peers)),
        ...host.families,
      ];
    },
    render,
    route: {
      path: "/metrics",
      handle(_request, reply) {
        reply.respond(200, { "Content-Type": metricsContentType }, render());
      },
    },
    close: () => host.close(),
  };
}

function identityFamilies(context: DoorContext): Family[] {
  const quota = context.quotaBackendBytes;
  return [
    // Ids are printed as etcd prints them, without padding.
    info("etcd_server_id", "This member's id.", {
      server_id: BigInt(`0x${context.member.id}`).toString(16),
    }),
    info("etcd_server_version", "The version that clients are told.", {
      server_version: context.etcdVersion,
    }),
    info("etcd_cluster_version", "The cluster's version.", {
      cluster_version: context.clusterVersion.split(".").slice(0, 2).join("."),
    }),
    info("althing_version", "The version of Althing and of Node.", {
      version: context.althingVersion,
      node: process.versions.node,
    }),
    single("gauge", "etcd_server_quota_backend_bytes", "The space quota.", () =>
      quota === 0 ? 2 * 1024 ** 3 : Math.max(quota, 0),
    ),
  ];
}

function doorFamilies(
  { kv, admission, health, watch }: EtcdDoorCounters,
  transport: TransportCounters,
): Family[] {
  const watchCalls = [...transport.methods.values()].find(({ method }) => method === "Watch");
  const ended = () => watchCalls?.handled.reduce((sum, count) => sum + count, 0) ?? 0;
  return [
    // As etcd 3.4 called them, and dashboards of its time still do.
    single("counter", "etcd_debugging_mvcc_put_total", "As etcd_mvcc_put_total.", () => kv.put),
    single("counter", "etcd_debugging_mvcc_delete_total", "Likewise.", () => kv.deleteRange),
    single("counter", "etcd_debugging_mvcc_range_total", "Likewise.", () => kv.range),
    single("counter", "etcd_debugging_mvcc_txn_total", "Likewise.", () => kv.txn),
    single("gauge", "etcd_debugging_mvcc_watcher_total", "Watchers.", () => watch.watchers),
    single(
      "gauge",
      "etcd_debugging_mvcc_slow_watcher_total",
      "Watchers that catch up from history, or whose client does not read.",
      () => watch.slowWatchers,
    ),
    single(
      "gauge",
      "etcd_debugging_mvcc_watch_stream_total",
      "Streams of watchers.",
      () => (watchCalls?.started ?? 0) - ended(),
    ),
    single("counter", "etcd_mvcc_put_total", "Puts that this member was asked for.", () => kv.put),
    single("counter", "etcd_mvcc_delete_total", "Deletes likewise.", () => kv.deleteRange),
    single("counter", "etcd_mvcc_range_total", "Ranges likewise.", () => kv.range),
    single("counter", "etcd_mvcc_txn_total", "Txns likewise.", () => kv.txn),
    single(
      "counter",
      "etcd_server_health_success",
      "Health checks passed.",
      () => health.successes,
    ),
    single(
      "counter",
      "etcd_server_health_failures",
      "Health checks failed.",
      () => health.failures,
    ),
    {
      name: "etcd_server_client_requests_total",
      type: "counter",
      help: "Requests by kind and the client's API version.",
      samples: () =>
        (["unary", "stream"] as const).flatMap((type) =>
          [...admission.requests[type]].map(([version, value]) => ({
            labels: { type, client_api_version: version },
            value,
          })),
        ),
    },
  ];
}
