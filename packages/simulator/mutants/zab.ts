// Mutants of Zab. Where one is a bug that ZooKeeper had, it carries the name that the bug has in the
// corpus; where it is one that a search found in this implementation before, it says so.

import type { Mutant } from "./mutant.ts";

const zab = "packages/consensus/src/zab";
const flags = ["--protocol", "zab"];
const crashFlags = [...flags, "--faults", "crash,partition"];
const diskFlags = [...flags, "--faults", "crash,disk,partition"];
const membershipFlags = [...flags, "--faults", "crash,partition,membership", "--seconds", "20"];
const leaseFlags = [...flags, "--faults", "crash,pause,partition,transfer,clock"];
const sendAtOnce =
  '((to, message) => zab.outbox.sends.push({ kind: "send", to, message } as never))';

type Edit = readonly [file: string, find: string, replace: string];

function mutant(
  name: string,
  about: string,
  edits: readonly Edit[],
  more: Partial<Mutant> = {},
): Mutant {
  return {
    name: `zab-${name}`,
    about,
    edits: edits.map(([file, find, replace]) => {
      const isShared = file.includes("/");
      return {
        file: isShared ? `packages/consensus/src/${file}` : `${zab}/${file}`,
        find,
        replace,
      };
    }),
    flags,
    seedsMax: 600,
    ...more,
  };
}

export const zabMutants: readonly Mutant[] = [
  mutant(
    "ack-newleader-before-persist",
    "NEWLEADER is acknowledged before the history and the epoch are on disk",
    [
      [
        "synchronization.ts",
        'sendAfterDisk(zab, from, { kind: "ackNewLeader"',
        `${sendAtOnce}(from, { kind: "ackNewLeader"`,
      ],
    ],
    { flags: diskFlags, seedsMax: 2000 },
  ),
  mutant(
    "ack-before-persist",
    "a proposal is acknowledged before it is on disk",
    [["append.ts", "sendAfterDisk(zab, leader, {", `${sendAtOnce}(leader, {`]],
    { flags: diskFlags },
  ),
  mutant(
    "ack-epoch-before-persist",
    "a promised epoch is told before it is on disk",
    [["discovery.ts", "sendAfterDisk(zab, leader, {", `${sendAtOnce}(leader, {`]],
    { flags: diskFlags },
  ),
  mutant(
    "counts-without-epoch",
    "whoever holds a transaction is counted, also before it took over the epoch",
    [
      [
        "leadership.ts",
        "return peer?.isSynchronized === true ? peer.progress.match : 0;",
        "return peer === undefined ? 0 : peer.progress.match;",
      ],
    ],
    { flags: crashFlags },
  ),
  mutant(
    "current-epoch-unwritten",
    "the epoch that was taken over is never written",
    [
      [
        "outbox/log-writes.ts",
        "...(withState && { state }),",
        "...(withState && { state: { ...state, currentEpoch: log.baseEpoch } }),",
      ],
    ],
    { flags: crashFlags, seedsMax: 2000 },
  ),
  mutant(
    "history-by-length",
    "histories are compared by length alone",
    [
      [
        "vote.ts",
        "if (one.currentEpoch !== other.currentEpoch) return one.currentEpoch - other.currentEpoch;",
        "",
      ],
      [
        "vote.ts",
        "if (one.lastEpoch !== other.lastEpoch) return one.lastEpoch - other.lastEpoch;",
        "",
      ],
    ],
    { flags: crashFlags, seedsMax: 2000 },
  ),
  mutant(
    "election-ignores-history",
    "any member may be elected, and does not mind a follower that is ahead of it",
    [
      ["vote.ts", "if (byHistory !== 0) return byHistory > 0;", "void byHistory;"],
      [
        "election.ts",
        "const isFit = compareHistories(vote, historyOf(zab)) >= 0;",
        "const isFit = true; void compareHistories;",
      ],
      [
        "discovery.ts",
        "const isAhead = compareHistories(message, historyOf(zab)) > 0;",
        "const isAhead = false; void compareHistories;",
      ],
    ],
    { flags: crashFlags },
  ),
  mutant("epoch-not-later", "a leader proposes the epoch that its quorum already accepted", [
    [
      "discovery.ts",
      "acceptEpoch(zab, latest + 1);\n  leadership.epoch = latest + 1;",
      "acceptEpoch(zab, Math.max(1, latest));\n  leadership.epoch = Math.max(1, latest);",
    ],
  ]),
  mutant("established-without-quorum", "a leader is established before a quorum has its history", [
    [
      "synchronization.ts",
      "if (!isQuorum(membership(zab), isCurrent)) return;",
      "void isCurrent;\n  void isQuorum;",
    ],
  ]),
  mutant(
    "scale-up-partial-diff",
    "NEWLEADER is sent before all of the DIFF",
    [["replication.ts", "if (progress.next <= peer.historyEnd) return;", ""]],
    { flags: crashFlags, seedsMax: 1500 },
  ),
  mutant("diff-by-length", "a follower is taken to agree as far as it is long", [
    [
      "synchronization.ts",
      "if (index > agreed && log.epochAt(index) === epoch) agreed = index;",
      "void epoch;\n    if (lastIndex > agreed) agreed = Math.min(lastIndex, log.lastIndex);\n    void index;",
    ],
  ]),
  mutant(
    "committedlog-hole-propagates",
    "a transaction is taken in although one before it is missing",
    [
      [
        "append.ts",
        "!following.hasAgreed || message.previousIndex !== zab.log.lastIndex",
        "!following.hasAgreed",
      ],
      [
        "loyalty.ts",
        "if (message.sequence !== following.received + 1) {",
        "if (message.sequence < 0) {",
      ],
      ["heartbeat.ts", "if (message.sequence !== received) {", "if (message.sequence < 0) {"],
    ],
  ),
  mutant(
    "observer-counts",
    "observers are counted as voters for a commit, and hear of nothing before it",
    [
      [
        "commit.ts",
        "quorumIndex(membership(zab), (member)",
        "quorumIndex({ ...membership(zab), voters: [...membership(zab).voters, ...membership(zab).learners].sort() }, (member)",
      ],
    ],
    { flags: crashFlags },
  ),
  mutant(
    "commit-before-durable",
    "the leader counts what is not on its own disk",
    [
      [
        "leadership.ts",
        "return zab.durableCurrentEpoch === leadership.epoch ? zab.durableIndex : 0;",
        "return zab.log.lastIndex;",
      ],
    ],
    { flags: diskFlags },
  ),
  mutant("commit-by-one", "a transaction is committed by the leader alone", [
    [
      "commit.ts",
      "const index = Math.min(reached, zab.log.lastIndex);",
      "const index = Math.max(Math.min(reached, zab.log.lastIndex), zab.durableIndex);",
    ],
  ]),
  mutant(
    "apply-before-durable",
    "a follower applies what is not on its disk",
    [["turn.ts", "Math.min(zab.commitIndex, zab.durableIndex)", "zab.commitIndex"]],
    { flags: diskFlags },
  ),
  mutant(
    "snap-not-saved-then-diff",
    "what follows on a snapshot is asked for before it is in place",
    [
      [
        "snapshot.ts",
        "  beginInstalling(zab, from, point);\n",
        "  beginInstalling(zab, from, point);\n  restartSession(zab, following);\n",
      ],
      ["receive.ts", 'zab.installing === undefined ? zab.role : "installing"', "zab.role"],
    ],
    { plans: "zab", seedsMax: 3000 },
  ),
  mutant(
    "installing-member-takes-part",
    "a member that installs a snapshot takes part in its session as ever",
    [["receive.ts", 'zab.installing === undefined ? zab.role : "installing"', "zab.role"]],
    { plans: "zab", seedsMax: 3000 },
  ),
  mutant(
    "commit-of-a-snapshot-not-in-place",
    "what a snapshot proves is learned, and written, before the snapshot is on disk",
    [
      [
        "snapshot.ts",
        "  beginInstalling(zab, from, point);\n",
        "  beginInstalling(zab, from, point);\n  zab.commitIndex = point.index;\n",
      ],
    ],
    { plans: "zab", seedsMax: 3000 },
  ),
  mutant(
    "only-voters-are-answered",
    "whoever offers nobody is told of no vote by one that does not count it among the voters (found by reading)",
    [
      [
        "election.ts",
        "if (isHeard(member)) told.add(member);",
        "if (isHeard(member) && looking.votes.has(member)) told.add(member);",
      ],
    ],
    { test: "packages/consensus/src/zab/waiting.test.ts" },
  ),
  mutant(
    "elected-not-told",
    "who is voted for and is no voter by the voter's own membership does not hear of it (found by a plan)",
    [["election.ts", "  if (looking.vote !== undefined) told.add(looking.vote.leader);\n", ""]],
    { test: "packages/consensus/src/zab/waiting.test.ts" },
  ),
  mutant(
    "session-begun-twice",
    "a session that its leader began a second time is not begun anew by the follower (found by a plan)",
    [
      [
        "heartbeat.ts",
        "if (message.sequence !== received) {",
        "if (message.sequence > received) {",
      ],
    ],
    { test: "packages/consensus/src/zab/waiting.test.ts" },
  ),
  mutant(
    "released-by-old-word",
    "a follower is released from a lease by what its leader said before a restart (found by reading)",
    [
      [
        "election.ts",
        "if (message.epoch >= zab.acceptedEpoch) releasePromise(zab, from);",
        "releasePromise(zab, from);",
      ],
    ],
    { test: "packages/consensus/src/zab/paper.test.ts" },
  ),
  mutant("durable-index-survives-truncation", "a truncated history still counts as written", [
    ["log-writer.ts", "  forgetWrites(zab, index);\n", ""],
  ]),
  mutant(
    "sync-without-quorum",
    "a read is answered by a leader that asked nobody",
    [["reads.ts", "if (!hasLease(zab, leadership)) return true;", ""]],
    { flags: [...flags, "--faults", "partition,pause"] },
  ),
  mutant(
    "sync-confirmed-by-older-round",
    "a read is confirmed by pings sent before it was asked",
    [
      [
        "reads/rounds.ts",
        "rounds[done]!.round <= confirmed;",
        "rounds[done]!.round <= confirmed + 1;",
      ],
    ],
    { flags: [...flags, "--faults", "partition,pause,network"], seedsMax: 1500 },
  ),
  mutant(
    "lease-1.5x",
    "a leader trusts its lease longer than it was promised",
    [
      [
        "lease.ts",
        "leadership.leaseFromMs + zab.settings.leaseMs",
        "leadership.leaseFromMs + 3 * zab.settings.leaseMs",
      ],
    ],
    { flags: leaseFlags, seedsMax: 1500 },
  ),
  mutant(
    "recovered-joint-left-uncommitted",
    "a joint configuration is left before it is committed",
    [
      [
        "membership-change.ts",
        "if (!isJoint(membership(zab)) || membershipIndex(zab) > zab.commitIndex) return;",
        "if (!isJoint(membership(zab))) return;",
      ],
    ],
    { flags: membershipFlags },
  ),
  mutant(
    "never-leaves-joint",
    "nobody ends a joint configuration",
    [
      [
        "membership-change.ts",
        '  appendOwn(zab, "membership", encodeMembershipEntry(leaveJoint(membership(zab)), noContext));\n',
        "  void leaveJoint;\n  void noContext;\n",
      ],
    ],
    { flags: membershipFlags },
  ),
  mutant(
    "leader-not-told",
    "a leader invites nobody who lost it (found: a member without it waited)",
    [["heartbeat.ts", "else if (isDue) notify(zab, peer.id);", "else void notify;"]],
    { flags: membershipFlags },
  ),
];
