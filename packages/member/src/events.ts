// Every event that a member emits through `ports.observe`: the kinds are stable, metrics and traces
// switch on them. This list is complete; a test holds the sources to it.

export const memberEventKinds = {
  "member.started": "recovered: appliedIndex, lastIndex, baseIndex, tornBytes",
  "member.stopped": "stopped cleanly",
  "member.failed":
    "cannot go on: reason, cause; it serves nothing until it is restarted or replaced",
  "member.corrupt": "its state differs from the others': it serves nothing until it is rebuilt",
  "member.recovered": "nobody says any more that its state differs: it serves again",
  "acquaintances.lost": "the note of whose disks were met does not verify: they are met anew",
  "member.published": "its name, addresses and disk identity are in the roster: member",
  "member.forgotten": "a removed member's published data was dropped: member",
  "member.removed": "this member belongs to the cluster no more",
  "members.changed": "addresses or names in the roster changed: member",
  "member.promoted": "it was added to vote, has caught up, and votes from now on: member",
  "role.changed": "role, epoch, leader as far as known",
  "membership.changed": "the membership in force: voters, votersOutgoing, learners",
  "leadership.unfit": "this member must not lead now: reason",
  "leadership.fit": "the reason is gone: reason",
  "log.synced": "a log write is durable: durationMs, entries",
  "log.compacted": "index, logBytes",
  "log.followed": "after a crash the log was brought to where the state stands: index",
  "entries.applied": "one batch: index, count, bytes, lag behind the commit index",
  "apply.slow": "applying a batch took longer than it should: tookMs, index, count, bytes",
  "store.behind": "its disk does not keep up: nothing is applied, a leader proposes nothing: bytes",
  "store.caughtUp": "the disk has taken enough of it: bytes",
  "store.notDurable":
    "it could not be made durable, and tries again; the log is kept for it meanwhile: cause",
  "loop.stalled": "a tick came late: lateMs",
  "proposal.refused": "forwarded proposals were sent back: peer, reason, count",
  "snapshot.sending": "peer, index",
  "snapshot.sent": "peer, index, ok, why",
  "snapshot.receiving": "peer, index",
  "snapshot.received": "whole and verified: peer, index",
  "snapshot.damaged": "peer, cause",
  "snapshot.installed": "index",
  "stateHash.differs": "a peer has another state at index: peer, index",
  "callback.threw": "a caller's callback threw: cause",
} as const;

export type MemberEventKind = keyof typeof memberEventKinds;
