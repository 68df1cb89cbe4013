// The figures of a comparison as rows: what the table prints and the chart draws. A row says what it
// is in words; its values stand in the order of the protocols.

import type { Spread } from "./availability.ts";
import type { Comparison, ProtocolFigures } from "./compare.ts";
import type { PartitionName } from "./partitions.ts";

export interface ComparisonRow {
  readonly group: string;
  readonly label: string;
  readonly values: readonly ComparisonValue[];
}
export interface ComparisonValue {
  /** What a bar shows. */
  readonly number: number;
  readonly text: string;
}

export function rowsOf(comparison: Comparison): ComparisonRow[] {
  const { protocols, members, runs } = comparison;
  const row =
    (group: string) =>
    (label: string, of: (figures: ProtocolFigures) => number | Spread): ComparisonRow => ({
      group,
      label,
      values: protocols.map((figures) => shown(of(figures))),
    });
  const calm = row(`calm, ${members} members`);
  const crash = row(`the leader dies, ${members} members, ${runs} runs`);
  const back = row("a member was away");
  const missed = protocols[0]?.catchUp.missed ?? 0;
  return [
    calm("round trips per commit, asked at the leader", (f) => f.steady.atLeader.roundTrips),
    calm("round trips per commit, asked at a follower", (f) => f.steady.atFollower.roundTrips),
    calm("the same at the leader, a disk write taking half", (f) => {
      return f.steady.atLeaderSlowDisk.roundTrips;
    }),
    calm("messages per commit, one at a time", (f) => f.steady.atLeader.messages),
    calm("bytes per commit, one at a time", (f) => f.steady.atLeader.bytes),
    calm("fsyncs per commit, one at a time", (f) => f.steady.atLeader.syncs),
    calm("messages per commit, 100 clients", (f) => f.steady.hundredClients.messages),
    calm("bytes per commit, 100 clients", (f) => f.steady.hundredClients.bytes),
    calm("fsyncs per commit, 100 clients", (f) => f.steady.hundredClients.syncs),
    calm("messages per commit, asked at a follower", (f) => f.steady.atFollower.messages),
    calm("round trips per read at the leader", (f) => f.steady.quorumRead.leader),
    calm("round trips per read at a follower", (f) => f.steady.quorumRead.follower),
    calm("round trips per lease read at the leader", (f) => f.steady.leaseRead.leader),
    calm("round trips per lease read at a follower", (f) => f.steady.leaseRead.follower),
    calm("idle: messages per second", (f) => f.steady.idle.messagesPerSecond),
    calm("idle: bytes per second", (f) => f.steady.idle.bytesPerSecond),
    crash("process killed: ms without an answer", (f) => f.crash.killGapMs),
    crash("process killed: ms until puts under way are answered", (f) => f.crash.killStrandedMs),
    crash("power cut: ms without an answer", (f) => f.crash.powerGapMs),
    crash("power cut, idle: ms until all follow", (f) => f.crash.electionMs),
    crash("power cut, idle: messages until then", (f) => f.crash.electionMessages),
    crash("power cut, idle: bytes until then", (f) => f.crash.electionBytes),
    back(`messages to bring it ${missed} puts`, (f) => f.catchUp.messages),
    back(`bytes to bring it ${missed} puts`, (f) => f.catchUp.bytes),
    back("round trips until it has them", (f) => f.catchUp.roundTrips),
    ...partitionRows(comparison, "quorumLoss", "quorum loss"),
    ...partitionRows(comparison, "constrainedElection", "constrained election"),
    ...partitionRows(comparison, "chained", "chained"),
  ];
}

function partitionRows(
  { protocols }: Comparison,
  name: PartitionName,
  words: string,
): ComparisonRow[] {
  const of = protocols[0]?.partitions[name];
  if (of === undefined) return [];
  const group = `${words}, ${of.members} members, ${of.runs} runs of ${of.windowMs / 1000} s`;
  const spread = (label: string, what: "gapMs" | "commits" | "leaderChanges" | "served") => ({
    group,
    label,
    values: protocols.map((figures) => shown(figures.partitions[name][what])),
  });
  const share = (label: string, what: "lives" | "recovers") => ({
    group,
    label,
    values: protocols.map((figures) => {
      const number = figures.partitions[name][what];
      return { number, text: `${number} of ${figures.partitions[name].runs}` };
    }),
  });
  return [
    share("runs that commit in spite of it", "lives"),
    spread("ms without an answer, at longest", "gapMs"),
    spread("puts answered", "commits"),
    spread("members that serve clients", "served"),
    spread("changes of leader", "leaderChanges"),
    share("runs whole again once mended", "recovers"),
  ];
}

/** A spread as its median, and its ends where they differ. */
function shown(value: number | Spread): ComparisonValue {
  if (typeof value === "number") return { number: value, text: String(value) };
  const ends = value.least === value.most ? "" : ` (${value.least} to ${value.most})`;
  return { number: value.median, text: `${value.median}${ends}` };
}
