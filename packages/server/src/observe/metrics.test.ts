import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { openEtcdDoor } from "../doors/etcd/index.ts";
import { createSingleMember, createTestContext } from "../doors/etcd/testing/single-member.ts";
import { createTransportCounters } from "../transport/index.ts";
import { Histogram, RecentValues } from "./histogram.ts";
import { createMetrics } from "./metrics.ts";
import { renderFamilies } from "./metrics-text.ts";

test("a histogram's buckets are cumulative and an upper bound belongs to its bucket", () => {
  const histogram = new Histogram([1, 2]);
  for (const value of [0.5, 1, 1.5, 2, 3]) histogram.observe(value);
  assert.equal(
    renderFamilies([histogram.family("h", "About h.")]),
    [
      "# HELP h About h.",
      "# TYPE h histogram",
      'h_bucket{le="1"} 2',
      'h_bucket{le="2"} 4',
      'h_bucket{le="+Inf"} 5',
      "h_sum 8",
      "h_count 5",
      "",
    ].join("\n"),
  );
});

test("a quantile is of the newest values only", () => {
  const values = new RecentValues(4);
  assert.ok(Number.isNaN(values.quantile(0.5)));
  for (const value of [100, 100, 1, 2, 3, 4]) values.add(value);
  assert.deepEqual([values.quantile(0), values.quantile(0.5), values.quantile(1)], [1, 3, 4]);
});

test("label values are escaped", () => {
  const samples = () => [{ labels: { l: 'a"b\\c\nd' }, value: 1 }];
  assert.match(
    renderFamilies([{ name: "m", type: "gauge", help: "m", samples }]),
    /^m\{l="a\\"b\\\\c\\nd"\} 1$/m,
  );
});

test("a scrape tells what events and counters told, in valid lines, each family once", (t) => {
  const metrics = createMetrics();
  t.after(() => metrics.close());
  const member = createSingleMember();
  const context = createTestContext(member);
  const transport = createTransportCounters();
  const door = openEtcdDoor(context, transport);
  const roundTrips = new Histogram([0.001, 0.01]);
  roundTrips.observe(0.002);
  metrics.connect({
    context,
    doors: [door.families],
    transport,
    peers: () => [
      {
        id: "00000000000000ff",
        connected: true,
        roundTripMs: 2,
        roundTrips,
        sentBytes: 10,
        receivedBytes: 20,
        droppedMessages: 1,
        disconnects: 3,
      },
    ],
  });
  metrics.observe({ kind: "log.synced", level: "debug", durationMs: 3, entries: 1 });
  metrics.observe({ kind: "storeCommitted", level: "debug", durationMs: 5 });
  metrics.observe({ kind: "apply.slow", level: "warn", tookMs: 200 });
  metrics.observe({ kind: "loop.stalled", level: "warn", lateMs: 200 });
  metrics.observe({ kind: "role.changed", level: "info", role: "leader", leader: "" });
  metrics.observe({ kind: "loop.stalled", level: "warn", lateMs: 200 });
  metrics.observe({ kind: "role.changed", level: "info", role: "follower", leader: "a" });
  metrics.observe({ kind: "role.changed", level: "info", role: "candidate", leader: undefined });
  metrics.observe({ kind: "role.changed", level: "info", role: "follower", leader: "b" });
  Object.assign(member.leases.counts, { granted: 4, revoked: 3, renewed: 2, expired: 1 });
  member.override.status = {
    leader: undefined,
    leaderless: "no majority",
    reads: { slow: 2, failed: 3 },
    lastIndex: 9,
    peers: [{ id: "b", match: 4, next: 5, state: "replicate", recentlyActive: true }],
  };
  door.counters.kv.put = 7;
  for (const counted of transport.methods.values()) {
    counted.started = 3;
    counted.handled[14] = 2;
  }

  const lines = metrics.render().split("\n");
  for (const expected of [
    'etcd_server_id{server_id="8e9e05c52164694d"} 1',
    'etcd_server_version{server_version="3.5.21"} 1',
    'etcd_cluster_version{cluster_version="3.5"} 1',
    "etcd_server_has_leader 0",
    "etcd_server_leader_changes_seen_total 2",
    "etcd_mvcc_put_total 7",
    'etcd_disk_wal_fsync_duration_seconds_bucket{le="0.002"} 0',
    'etcd_disk_wal_fsync_duration_seconds_bucket{le="0.004"} 1',
    "althing_log_fsync_p99_seconds 0.003",
    'althing_follower_lag_entries{peer="b",state="replicate"} 5',
    'althing_leaderless{reason="no majority"} 1',
    'etcd_network_peer_sent_bytes_total{To="ff"} 10',
    'etcd_network_peer_round_trip_time_seconds_bucket{To="ff",le="0.001"} 0',
    'etcd_network_peer_round_trip_time_seconds_bucket{To="ff",le="0.01"} 1',
    'etcd_network_peer_round_trip_time_seconds_count{To="ff"} 1',
    'etcd_disk_backend_commit_duration_seconds_bucket{le="0.008"} 1',
    "etcd_server_slow_apply_total 1",
    "etcd_server_heartbeat_send_failures_total 1",
    "althing_loop_stalls_total 2",
    "etcd_server_slow_read_indexes_total 2",
    "etcd_server_read_indexes_failed_total 3",
    "etcd_debugging_lease_granted_total 4",
    "etcd_debugging_lease_revoked_total 3",
    "etcd_debugging_lease_renewed_total 2",
    "etcd_debugging_server_lease_expired_total 1",
    "etcd_debugging_mvcc_keys_total 0",
    "etcd_debugging_mvcc_put_total 7",
    "etcd_debugging_mvcc_watcher_total 0",
    "etcd_debugging_mvcc_slow_watcher_total 0",
    "etcd_debugging_mvcc_watch_stream_total 1",
    'etcd_network_disconnected_peers_total{Local="8e9e05c52164694d",Remote="ff"} 3',
    'grpc_server_handled_total{grpc_code="Unavailable",grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"} 2',
    'grpc_server_handled_total{grpc_code="OK",grpc_method="Watch",grpc_service="etcdserverpb.Watch",grpc_type="bidi_stream"} 0',
  ]) {
    assert.ok(lines.includes(expected), expected);
  }
  const families = lines
    .filter((line) => line.startsWith("# TYPE "))
    .map((line) => line.split(" ")[2]);
  assert.equal(new Set(families).size, families.length);
  const line =
    /^(#.*|[a-z_0-9]+(\{([a-zA-Z_]+="([^"\\]|\\.)*",?)+\})? (NaN|[+-]?Inf|-?[0-9.e+-]+)|)$/;
  assert.deepEqual(
    lines.filter((one) => !line.test(one)),
    [],
  );
});

test("what etcd's /metrics has is served under the same name and type, or docs/metrics.md says why not", (t) => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
  const metrics = createMetrics();
  t.after(() => metrics.close());
  const context = createTestContext(createSingleMember());
  const transport = createTransportCounters();
  const door = openEtcdDoor(context, transport);
  metrics.connect({ context, doors: [door.families], transport, peers: () => [] });
  const served = new Map(
    [...metrics.render().matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [
      name!,
      type!,
    ]),
  );
  const absent = new Set(
    [...read("../../../../docs/metrics.md").matchAll(/`((?:etcd|process)_\w+)`/g)].map(
      (m) => m[1]!,
    ),
  );
  const differing: string[] = [];
  for (const line of read("testdata/etcd-3.4-metrics.txt").trim().split("\n")) {
    const [name = "", type = ""] = line.split(" ");
    const has = served.get(name);
    if (has === undefined ? !absent.has(name) : has !== type || absent.has(name)) {
      differing.push(`${line}, here ${has ?? "absent"}`);
    }
  }
  assert.deepEqual(differing, []);
});
