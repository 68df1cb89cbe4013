// The member and its store, under etcd's names where dashboards know them, under our own where etcd has none:
// how far followers lag, how long the disk takes, why there is no leader.

import type { Member, MemberEvent } from "@althing/member";
import { diskBucketsSeconds, Histogram, RecentValues } from "./histogram.ts";
import { type Family, single } from "./metrics-text.ts";

const syncsRemembered = 1024;

/** Counts what events tell. `observe` is on the path of every event: it must stay cheap. */
export class MemberEventCounters {
  readonly fsync = new Histogram(diskBucketsSeconds);
  readonly recentFsyncs = new RecentValues(syncsRemembered);
  leaderChanges = 0;
  proposalsRefused = 0;
  loopStalls = 0;
  snapshotsSent = 0;
  snapshotsReceived = 0;
  private leader = "";

  observe(event: MemberEvent): void {
    switch (event.kind) {
      case "log.synced": {
        const seconds = Number(event["durationMs"]) / 1000;
        this.fsync.observe(seconds);
        this.recentFsyncs.add(seconds);
        return;
      }
      case "role.changed": {
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
        return;
      case "snapshot.sent":
        this.snapshotsSent++;
        return;
      case "snapshot.received":
        this.snapshotsReceived++;
        return;
      default:
    }
  }
}

export function memberFamilies(member: Member, events: MemberEventCounters): Family[] {
  const { store } = member;
  const flag = (value: boolean) => (value ? 1 : 0);
  return [
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
