// Mutants of the Raft core, of quorums and of the log in memory.
// It is long because it is a list.

import type { Mutant } from "./mutant.ts";

const raft = "packages/consensus/src/raft";
const membershipFlags = ["--faults", "crash,partition,membership", "--seconds", "40"];
const leaseFlags = ["--faults", "crash,pause,partition,transfer,clock"];

export const raftMutants: readonly Mutant[] = [
  {
    name: "vote-twice",
    about: "a member grants a second vote in the same term",
    edits: [
      {
        file: `${raft}/vote.ts`,
        find: 'if (raft.vote !== "" || raft.leader !== undefined) return false;',
        replace: "",
      },
    ],
  },
  {
    name: "vote-in-page-cache",
    about: "a vote is told before it is on disk",
    edits: [
      {
        file: `${raft}/vote.ts`,
        find: 'sendAfterDisk(raft, from, { kind: "voteResponse", term: raft.term, granted: true });',
        replace: 'send(raft, from, { kind: "voteResponse", term: raft.term, granted: true });',
      },
    ],
    flags: ["--faults", "crash,partition,network"],
    seedsMax: 1500,
  },
  {
    name: "self-vote-unrecorded",
    about: "a candidate does not record its vote for itself",
    edits: [
      {
        file: `${raft}/role.ts`,
        find: "enterTerm(raft, raft.term + 1, raft.settings.id);",
        replace: 'enterTerm(raft, raft.term + 1, "");',
      },
    ],
  },
  {
    name: "vote-dropped-on-stepdown",
    about: "who steps down within a term forgets whom it voted for",
    edits: [
      {
        file: `${raft}/role.ts`,
        find: "if (changed) leaveRole(raft);\n",
        replace: 'if (changed) leaveRole(raft);\n  if (!wasFollower) raft.vote = "";\n',
      },
    ],
  },
  {
    name: "quorum-minus-one",
    about: "one less than a majority is taken for a quorum",
    edits: [
      {
        file: "packages/consensus/src/quorum/quorum.ts",
        find: "return (count >>> 1) + 1;",
        replace: "return Math.max(1, count >>> 1);",
      },
    ],
  },
  {
    name: "wrong-election-tally",
    about: "a candidate wins with one vote too few",
    edits: [
      {
        file: "packages/consensus/src/quorum/quorum.ts",
        find: 'if (granted >= needed) return "won";',
        replace: 'if (granted + 1 >= needed) return "won";',
      },
    ],
  },
  {
    name: "vote-without-log-check",
    about: "a vote is granted whatever the candidate's log lacks",
    edits: [
      {
        file: `${raft}/election.ts`,
        find: "return candidate.lastIndex >= lastIndex;",
        replace: "return true;",
      },
      {
        file: `${raft}/election.ts`,
        find: "if (candidate.lastTerm !== lastEpoch) return candidate.lastTerm > lastEpoch;",
        replace: "",
      },
      {
        file: `${raft}/election.ts`,
        find: "const { lastEpoch, lastIndex } = raft.log;",
        replace: "void candidate;",
      },
    ],
  },
  {
    name: "longest-log-wins",
    about: "logs are compared by length alone, not by the last term first",
    edits: [
      {
        file: `${raft}/election.ts`,
        find: "if (candidate.lastTerm !== lastEpoch) return candidate.lastTerm > lastEpoch;",
        replace: "void lastEpoch;",
      },
    ],
    seedsMax: 600,
  },
  {
    name: "lastlogid-vector-compare",
    about: "(term, index) compared component by component: nobody may win",
    edits: [
      {
        file: `${raft}/election.ts`,
        find: "if (candidate.lastTerm !== lastEpoch) return candidate.lastTerm > lastEpoch;",
        replace: "if (candidate.lastTerm < lastEpoch) return false;",
      },
    ],
    scenario: "lastlogid-vector-compare.json",
  },
  {
    name: "commit-prior-term",
    about: "entries of earlier terms are committed by counting (Raft figure 8)",
    edits: [
      {
        file: `${raft}/commit.ts`,
        find: "if (raft.log.epochAt(index) !== raft.term) return;",
        replace: "",
      },
    ],
    seedsMax: 600,
  },
  {
    name: "truncate-after-prevlog",
    about: "entries after those of the message are dropped although they agree",
    edits: [
      {
        file: `${raft}/append.ts`,
        find: "if (epoch === entry.epoch) continue;",
        replace: "if (epoch === entry.epoch && entry.index <= raft.commitIndex) continue;",
      },
    ],
  },
  {
    name: "append-without-prevlog-check",
    about: "a follower appends without comparing the entry before",
    edits: [
      {
        file: `${raft}/append.ts`,
        find: "log.epochAt(previousIndex) !== previousTerm",
        replace: "log.epochAt(previousIndex) === undefined && previousTerm >= 0",
      },
    ],
  },
  {
    name: "commit-before-durable",
    about: "a leader counts its own entries before they are on its disk",
    edits: [
      {
        file: `${raft}/leadership.ts`,
        find: "return raft.durableIndex;",
        replace: "return raft.log.lastIndex;",
      },
    ],
    flags: ["--faults", "crash,disk"],
    seedsMax: 600,
  },
  {
    name: "ack-before-durable",
    about: "a follower acknowledges entries before they are on its disk",
    edits: [
      {
        file: `${raft}/append.ts`,
        find: 'sendAfterDisk(raft, from, { kind: "appendResponse", term: raft.term, matchIndex });',
        replace: 'send(raft, from, { kind: "appendResponse", term: raft.term, matchIndex });',
      },
    ],
    flags: ["--faults", "crash,disk"],
    seedsMax: 1000,
  },
  {
    name: "commit-on-nack",
    about: "a refusal is counted as an acknowledgement",
    edits: [
      {
        file: `${raft}/replication.ts`,
        find: "peer.refused(message.previousIndex, Math.min(agreed, message.hintIndex));",
        replace:
          "peer.acknowledged(message.previousIndex); void agreed; peer.becomeReplicate(); maybeCommit(raft);",
      },
    ],
  },
  {
    name: "heartbeat-commits-beyond-match",
    about: "heartbeats carry the commit index to followers that may disagree",
    edits: [
      {
        file: `${raft}/heartbeat.ts`,
        find: "const commitIndex = Math.min(peer.match, raft.commitIndex);",
        replace: "const { commitIndex } = raft;",
      },
    ],
    flags: ["--faults", "crash,partition"],
    seedsMax: 600,
  },
  {
    name: "no-noop-at-term-start",
    about: "a new leader writes no entry of its own term",
    edits: [
      {
        file: `${raft}/role.ts`,
        find: 'appendOwn(raft, "noop", nothing);',
        replace: "void nothing;",
      },
    ],
  },
  {
    name: "read-before-term-commit",
    about: "reads are answered before the leader committed an entry of its term",
    edits: [
      {
        file: `${raft}/reads.ts`,
        find: "if (raft.commitIndex < leadership.termStartIndex) return false;",
        replace: "",
      },
      {
        file: `${raft}/reads.ts`,
        find: "const canRead = raft.commitIndex >= leadership.termStartIndex;",
        replace: "const canRead = true;",
      },
    ],
    flags: ["--faults", "crash,partition,pause,transfer"],
    seedsMax: 600,
  },
  {
    name: "stale-read-by-default",
    about: "a leader answers reads without asking a quorum whether it still leads",
    edits: [
      {
        file: `${raft}/reads.ts`,
        find: "if (!hasLease(raft, leadership)) return true;",
        replace: "if (raft.nowMs < 0) return hasLease(raft, leadership);",
      },
    ],
    flags: ["--faults", "partition,pause"],
  },
  {
    name: "read-confirmed-by-older-round",
    about: "an answer to an earlier heartbeat confirms a later read",
    edits: [
      {
        file: `${raft}/heartbeat.ts`,
        find: "if (message.round > (roundAnswered.get(from) ?? 0)) roundAnswered.set(from, message.round);",
        replace: "roundAnswered.set(from, lastRound);",
      },
    ],
    flags: ["--faults", "partition,pause,network"],
    seedsMax: 1000,
  },
  {
    name: "lease-1.5x",
    about: "a leader counts on its lease for longer than followers promise",
    edits: [
      {
        file: "packages/consensus/src/core/settings.ts",
        find: "leaseMs: electionTicks * tickMs * (1 - drift),",
        replace: "leaseMs: electionTicks * tickMs * 2 * (1 + drift),",
      },
    ],
    flags: leaseFlags,
    seedsMax: 600,
  },
  {
    name: "lease-without-checkquorum",
    about: "voters do not keep the promise that a lease counts on",
    edits: [
      {
        file: `${raft}/loyalty.ts`,
        find: "return raft.settings.leaseReads && raft.nowMs < raft.promiseUntilMs;",
        replace: "return raft.settings.leaseReads && raft.nowMs < 0;",
      },
    ],
    flags: leaseFlags,
    seedsMax: 1000,
  },
  {
    name: "learner-counts",
    about: "learners are counted in the quorum that commits",
    edits: [
      {
        file: "packages/consensus/src/quorum/quorum.ts",
        find: "const incoming = countIndex(membership.voters, sizeOf, matchOf);",
        replace:
          "const reached = [...membership.voters, ...membership.learners].map(matchOf).sort((a, b) => b - a);\n" +
          "  const incoming = reached[majorityOf(membership.voters.length) - 1] ?? 0;",
      },
    ],
    flags: ["--faults", "crash,partition"],
    seedsMax: 600,
  },
  {
    name: "joint-without-old-majority",
    about: "while joint, the new majority alone elects and commits",
    edits: [
      {
        file: "packages/consensus/src/quorum/quorum.ts",
        find: "if (membership.votersOutgoing.length === 0) return incoming;",
        replace: "if (membership.votersOutgoing.length >= 0) return incoming;",
      },
      {
        file: "packages/consensus/src/quorum/quorum.ts",
        find: "if (incoming === outgoing) return incoming;",
        replace: "if (outgoing !== undefined) return incoming;",
      },
    ],
    flags: membershipFlags,
    seedsMax: 1500,
  },
  {
    name: "joint-commit-by-old-majority",
    about: "while joint, the old majority alone commits",
    edits: [
      {
        file: "packages/consensus/src/quorum/quorum.ts",
        find: "return Math.min(incoming, countIndex(membership.votersOutgoing, sizeOf, matchOf));",
        replace: "return countIndex(membership.votersOutgoing, sizeOf, matchOf);",
      },
    ],
    flags: membershipFlags,
    seedsMax: 600,
  },
  {
    name: "recovered-joint-left-uncommitted",
    about: "the joint configuration is left before it is committed",
    edits: [
      {
        file: `${raft}/membership-change.ts`,
        find: "if (!isJoint(membership(raft)) || membershipIndex(raft) > raft.commitIndex) return;",
        replace: "if (!isJoint(membership(raft))) return;",
      },
    ],
    flags: membershipFlags,
    seedsMax: 600,
  },
  {
    name: "never-leaves-joint",
    about: "nobody ends the joint configuration",
    edits: [
      {
        file: `${raft}/membership-change.ts`,
        find: "if (raft.transfer !== undefined || raft.commitIndex < leadership.termStartIndex) return;",
        replace: "if (leadership !== undefined) return;",
      },
    ],
    flags: membershipFlags,
  },
  {
    name: "config-rollback-bookkeeping",
    about: "a membership stays in force although its entry was truncated",
    edits: [
      {
        file: `${raft}/log-writer.ts`,
        find: "while (membershipIndex(raft) >= index) {",
        replace: "while (membershipIndex(raft) >= index && index < 0) {",
      },
    ],
    flags: membershipFlags,
    seedsMax: 600,
  },
  {
    name: "nonvoter-campaigns",
    about: "learners and strangers stand for election",
    edits: [
      {
        file: `${raft}/role.ts`,
        find: "if (isVoter(membership(raft), id)) return true;",
        replace: "if (id !== undefined) return true;",
      },
    ],
    seedsMax: 600,
  },
  {
    name: "removed-member-leads",
    about: "who knows that it is removed stands for election as if it could be undone",
    edits: [
      {
        file: `${raft}/role.ts`,
        find: "if (before === undefined || membershipIndex(raft) <= raft.commitIndex) return false;",
        replace: "if (before === undefined) return false;",
      },
    ],
    flags: membershipFlags,
    seedsMax: 600,
  },
  {
    name: "state-not-persisted",
    about: "term and vote are not written when they change",
    edits: [
      {
        file: "packages/consensus/src/outbox/log-writes.ts",
        find: "const withState = outbox.stateChanged || (mustWrite && commit !== outbox.commitWritten);",
        replace: "const withState = mustWrite && commit !== outbox.commitWritten;",
      },
    ],
  },
  {
    name: "stale-term-accepted",
    about: "messages of an earlier term are taken for current",
    edits: [
      {
        file: `${raft}/receive.ts`,
        find: "if (message.term < raft.term && !concernsEarlierTerm(raft, from, message)) return;",
        replace: "if (message.term < 0 && !concernsEarlierTerm(raft, from, message)) return;",
      },
    ],
  },
  {
    name: "durable-index-survives-truncation",
    about: "entries count as durable that were replaced after their write",
    edits: [
      {
        file: "packages/consensus/src/outbox/log-writes.ts",
        find: "self.durableIndex = Math.min(self.durableIndex, index - 1);",
        replace: "",
      },
    ],
    seedsMax: 600,
  },
  {
    name: "prevote-lower-term-stuck",
    about: "a pre-vote is refused without the term that would help",
    edits: [
      {
        file: `${raft}/pre-vote.ts`,
        find: 'send(raft, from, { kind: "preVoteResponse", term: raft.term, granted: false });\n    return;',
        replace: "return;",
      },
      {
        file: `${raft}/pre-vote.ts`,
        find: "const canGrant = message.term > raft.term && isUpToDate(raft, message) && !isLoyal(raft, from);",
        replace:
          "const canGrant = message.term === raft.term + 1 && isUpToDate(raft, message) && !isLoyal(raft, from);",
      },
    ],
    seedsMax: 600,
  },
  {
    name: "apply-before-durable",
    about: "entries are applied that are not on the member's own disk",
    edits: [
      {
        file: `${raft}/turn.ts`,
        find: "return Math.min(raft.commitIndex, raft.durableIndex);",
        replace: "return raft.commitIndex;",
      },
    ],
    seedsMax: 600,
  },
  {
    name: "snapshot-acknowledged-before-install",
    about: "a snapshot counts as held before it is in place",
    edits: [
      {
        file: `${raft}/snapshot.ts`,
        find: "  beginInstalling(raft, from, point);\n",
        replace: "  beginInstalling(raft, from, point);\n  acknowledge(raft, from, point.index);\n",
      },
    ],
    seedsMax: 1500,
  },
  {
    name: "commit-of-a-snapshot-not-in-place",
    about: "what a snapshot proves is learned, and written, before the snapshot is on disk",
    edits: [
      {
        file: `${raft}/snapshot.ts`,
        find: "  beginInstalling(raft, from, point);\n",
        replace: "  beginInstalling(raft, from, point);\n  raft.commitIndex = point.index;\n",
      },
    ],
    plans: "raft",
  },
  {
    name: "lease-of-one-that-would-not-know",
    about:
      "an answer that a lease rests on leaves before its sender is anything on disk (found by reading)",
    edits: [
      {
        file: "packages/consensus/src/outbox/outbox.ts",
        find: "if (!settings.leaseReads || outbox.sequenceDone >= outbox.sequenceOfState) {",
        replace: "if (settings !== undefined) {",
      },
    ],
    test: "packages/consensus/src/testing/conformance.test.ts",
  },
  {
    name: "only-voter-forgets-its-lease",
    about: "the only voter that is left takes itself to have promised nothing (found by a plan)",
    edits: [
      {
        file: `${raft}/self.ts`,
        find: "promiseUntilMs: settings.leaseReads && state !== undefined ?",
        replace: "promiseUntilMs: settings.leaseReads && state !== undefined && !isAlone ?",
      },
    ],
    test: "packages/consensus/src/testing/conformance.test.ts",
  },
  {
    name: "snapshot-of-a-later-epoch-taken",
    about:
      "a snapshot whose point is of a later epoch than its stream's is installed (found by reading)",
    edits: [
      {
        file: `${raft}/snapshot.ts`,
        find: "if (!isOfStream(epoch, point)) return;",
        replace: "void isOfStream;",
      },
    ],
    test: "packages/consensus/src/installing/installing.test.ts",
  },
];
