// What etcd's dashboards read of the door and of the member's place among etcd's versions, under etcd's names.

import { type Family, info, single } from "../../observe/metrics-text.ts";
import type { TransportCounters } from "../../transport/index.ts";
import type { DoorContext } from "../context.ts";
import type { AdmissionCounters } from "./admission.ts";
import type { HealthCounters } from "./http/health.ts";
import type { KvCounters } from "./kv/kv.ts";

export interface EtcdDoorCounters {
  readonly kv: KvCounters;
  readonly admission: AdmissionCounters;
  readonly health: HealthCounters;
  readonly watch: { readonly watchers: number; readonly slowWatchers: number };
}

export function etcdFamilies(
  context: DoorContext,
  counters: EtcdDoorCounters,
  transport: TransportCounters,
): Family[] {
  return [...identityFamilies(context), ...requestFamilies(counters, transport)];
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
    single("gauge", "etcd_server_quota_backend_bytes", "The space quota.", () =>
      quota === 0 ? 2 * 1024 ** 3 : Math.max(quota, 0),
    ),
  ];
}

function requestFamilies(
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
