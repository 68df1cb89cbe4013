// The member and its store, under etcd's names where dashboards know them, under our own where etcd has none:
// how far followers lag, how long the disk takes, why there is no leader.

import type { MemberEvent } from "@althing/member";
import { plainRange, type Store } from "@althing/store";
import type { DoorContext } from "../doors/context.ts";
import { diskBucketsSeconds, Histogram, RecentValues } from "./histogram.ts";
import { type Family, single } from "./metrics-text.ts";

const syncsRemembered = 1024;

/** Counts what events tell. `observe` is on the path of every event: it must stay cheap. */
export class MemberEventCounters {
  readonly fsync = new Histogram(diskBucketsSeconds);
  readonly commit = new Histogram(diskBucketsSeconds);
  readonly recentFsyncs = new RecentValues(syncsRemembered);
  leaderChanges = 0;
  proposalsRefused = 0;
  loopStalls = 0;
  snapshotsSent = 0;
  snapshotsReceived = 0;
  snapshotsInstalling = 0;
  slowApplies = 0;
  heartbeatsLate = 0;
  promotions = 0;
  /** By the code of the reason. */
  readonly peersTurnedAway = new Map<string, number>();
  peerHandlerFailures = 0;
  private leader = "";
  private leads = false;

  observe(event: MemberEvent): void {
    switch (event.kind) {
      case "log.synced": {
        const seconds = Number(event["durationMs"]) / 1000;
        this.fsync.observe(seconds);
        this.recentFsyncs.add(seconds);
        return;
      }
      case "storeCommitted":
        this.commit.observe(Number(event["durationMs"]) / 1000);
        return;
      case "apply.slow":
        this.slowApplies++;
        return;
      case "member.promoted":
        this.promotions++;
        return;
      case "snapshot.receiving":
        this.snapshotsInstalling = 1;
        return;
      case "snapshot.installed":
      case "snapshot.damaged":
        this.snapshotsInstalling = 0;
        return;
      case "role.changed": {
        this.leads = event["role"] === "leader";
        const leader = event["leader"];
        if (typeof leader !== "string" || leader === "" || leader === this.leader) return;
        this.leader = leader;
        this.leaderChanges++;
        return;
      }
      case "proposal.refused":
        this.proposalsRefused += Number(event["count"] ?? 1);
        return;
      case "loop.stalled":
        this.loopStalls++;
        if (this.leads) this.heartbeatsLate++;
        return;
      case "snapshot.sent":
        this.snapshotsSent++;
        return;
      case "snapshot.received":
        this.snapshotsReceived++;
        return;
      case "peerTurnedAwayCounted": {
        const code = String(event["code"]);
        this.peersTurnedAway.set(code, (this.peersTurnedAway.get(code) ?? 0) + 1);
        return;
      }
      case "peerHandlerFailed":
        this.peerHandlerFailures++;
        return;
      default:
    }
  }
}

export function memberFamilies(
  { member, store, leases }: Pick<DoorContext, "member" | "store" | "leases">,
  events: MemberEventCounters,
): Family[] {
  const flag = (value: boolean) => (value ? 1 : 0);
  return [
    {
      name: "althing_peer_connections_turned_away_total",
      type: "counter",
      help: "Connections to the peer port that came to nothing, by reason.",
      samples: () =>
        [...events.peersTurnedAway].map(([code, value]) => ({ labels: { code }, value })),
    },
    single(
      "counter",
      "althing_peer_handler_failures_total",
      "Peer connections that ended because serving them failed here.",
      () => events.peerHandlerFailures,
    ),
    single("gauge", "etcd_server_has_leader", "1 if a leader is known.", () =>
      flag(member.status().leader !== undefined),
    ),
    single("gauge", "etcd_server_is_leader", "1 if this member leads.", () =>
      flag(member.status().role === "leader"),
    ),
    single("gauge", "etcd_server_is_learner", "1 if this member is a learner.", () =>
      flag(member.status().role === "learner"),
    ),
    single(
      "counter",
      "etcd_server_leader_changes_seen_total",
      "Changes of the leader that this member saw.",
      () => events.leaderChanges,
    ),
    single(
      "gauge",
      "etcd_server_proposals_committed_total",
      "Entries committed.",
      () => member.status().commitIndex,
    ),
    single(
      "gauge",
      "etcd_server_proposals_applied_total",
      "Entries applied.",
      () => store.appliedIndex,
    ),
    single(
      "gauge",
      "etcd_server_proposals_pending",
      "Proposals of this member under way.",
      () => member.status().proposalsPending,
    ),
    single(
      "counter",
      "etcd_server_proposals_failed_total",
      "Proposals that were refused.",
      () => events.proposalsRefused,
    ),
    single(
      "gauge",
      "etcd_mvcc_db_total_size_in_bytes",
      "Bytes that the store has allocated.",
      () => store.bytes,
    ),
    single(
      "gauge",
      "etcd_mvcc_db_total_size_in_use_in_bytes",
      "Bytes of the store that hold live data.",
      () => store.bytesInUse,
    ),
    single(
      "gauge",
      "etcd_debugging_mvcc_current_revision",
      "The store's revision.",
      () => store.revision,
    ),
    single(
      "gauge",
      "etcd_debugging_mvcc_compact_revision",
      "The revision below which history is gone.",
      () => store.compactRevision,
    ),
    single("gauge", "etcd_debugging_mvcc_db_total_size_in_bytes", "As above.", () => store.bytes),
    single("gauge", "etcd_debugging_mvcc_keys_total", "Keys that are there.", () => countOf(store)),
    single(
      "counter",
      "etcd_server_slow_apply_total",
      "Batches that took longer to apply than --warning-apply-duration.",
      () => events.slowApplies,
    ),
    single(
      "counter",
      "etcd_server_slow_read_indexes_total",
      "Linearizable reads that the leader did not confirm within an election timeout.",
      () => member.status().reads.slow,
    ),
    single(
      "counter",
      "etcd_server_read_indexes_failed_total",
      "Linearizable reads that failed.",
      () => member.status().reads.failed,
    ),
    single(
      "counter",
      "etcd_server_heartbeat_send_failures_total",
      "Ticks of this member as the leader that came late.",
      () => events.heartbeatsLate,
    ),
    single(
      "counter",
      "etcd_server_learner_promote_successes",
      "Members that this one promoted.",
      () => events.promotions,
    ),
    single(
      "gauge",
      "etcd_server_snapshot_apply_in_progress_total",
      "1 while a snapshot takes the place of the store.",
      () => events.snapshotsInstalling,
    ),
    ...(
      [
        ["etcd_debugging_lease_granted_total", "Leases granted.", "granted"],
        ["etcd_debugging_lease_revoked_total", "Leases revoked, also as they ended.", "revoked"],
        ["etcd_debugging_lease_renewed_total", "Leases kept alive by this leader.", "renewed"],
        ["etcd_debugging_server_lease_expired_total", "Leases that this leader ended.", "expired"],
      ] as const
    ).map(([name, help, count]) => single("counter", name, help, () => leases.counts[count])),
    events.commit.family(
      "etcd_disk_backend_commit_duration_seconds",
      "How long the store's commits took; nobody waits for them.",
    ),
    events.fsync.family(
      "etcd_disk_wal_fsync_duration_seconds",
      "How long the log's writes took until they were durable.",
    ),
    single(
      "gauge",
      "althing_log_fsync_p99_seconds",
      "99th percentile of the newest 1024 log writes.",
      () => events.recentFsyncs.quantile(0.99),
    ),
    single(
      "gauge",
      "althing_log_write_stalled_seconds",
      "Age of the log write under way.",
      () => member.status().diskStalledMs / 1000,
    ),
    single("gauge", "althing_log_bytes", "Bytes of the log.", () => member.status().logBytes),
    {
      name: "althing_follower_lag_entries",
      type: "gauge",
      help: "On the leader: entries that a peer is behind the log's end.",
      samples: () => {
        const { peers, lastIndex } = member.status();
        return peers.map((peer) => ({
          labels: { peer: peer.id, state: peer.state },
          value: Math.max(0, lastIndex - peer.match),
        }));
      },
    },
    {
      name: "althing_leaderless",
      type: "gauge",
      help: "1 with the reason while there is no leader.",
      samples: () => {
        const { leader, leaderless } = member.status();
        return leader === undefined ? [{ labels: { reason: leaderless }, value: 1 }] : [];
      },
    },
    {
      name: "althing_alarms",
      type: "gauge",
      help: "Alarms that are raised.",
      samples: () =>
        store.alarms().map(({ member: id, alarm }) => ({
          labels: { member: id, alarm: alarm.toUpperCase() },
          value: 1,
        })),
    },
    single(
      "counter",
      "althing_loop_stalls_total",
      "Ticks that came late because the event loop was busy.",
      () => events.loopStalls,
    ),
    single(
      "counter",
      "althing_snapshots_sent_total",
      "Snapshots streamed to peers.",
      () => events.snapshotsSent,
    ),
    single(
      "counter",
      "althing_snapshots_received_total",
      "Snapshots received whole.",
      () => events.snapshotsReceived,
    ),
  ];
}

/** The tree of keys counts by itself. */
function countOf(store: Pick<Store, "range">): number {
  const result = store.range({ ...plainRange("\0", "\0"), countOnly: true });
  return result.kind === "error" ? Number.NaN : result.count;
}
