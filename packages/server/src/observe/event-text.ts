// What an event says to people. An event without a text of its own is told by its kind: a new one
// needs no entry here to be readable.

import type { MemberEvent } from "@althing/member";

type Describe = (event: MemberEvent) => string;

const texts: Readonly<Record<string, Describe>> = {
  peerConnected: (event) => `connected to member ${event["peer"]}`,
  peerDisconnected: (event) => `lost member ${event["peer"]}: ${event["reason"]}`,
  peerDialFailed: (event) => `member ${event["peer"]} is not to be reached: ${event["reason"]}`,
  peerRefusedUs: (event) => `member ${event["peer"]} turned this member away: ${event["reason"]}`,
  peerRefusedByUs: (event) => `turned member ${event["peer"]} away: ${event["reason"]}`,
  peerTurnedAway: (event) => {
    const repeated = Number(event["repeated"] ?? 0);
    const more = repeated > 0 ? ` (${repeated} more since)` : "";
    return `turned away a connection from ${event["address"]}: ${event["reason"]}${more}`;
  },
  peerHandlerFailed: (event) =>
    `a connection with ${event["peer"] ?? event["address"]} was ended, for serving it failed: ${event["error"]}`,
  peerMessageTooLarge: (event) =>
    `a ${event["message"]} message of ${event["bytes"]} bytes for member ${event["peer"]} is larger than a frame may be`,
  visitorRefused: (event) => `turned away a web request: ${event["reason"]}`,
  "member.started": (event) => {
    const torn = Number(event["tornBytes"] ?? 0);
    const cut = torn > 0 ? `; ${torn} bytes of a write that a crash cut short were dropped` : "";
    return `recovered the log up to ${event["lastIndex"]}, the store up to ${event["appliedIndex"]}${cut}`;
  },
  "member.stopped": () => "stopped cleanly",
  "member.failed": (event) => `this member cannot go on: ${event["reason"]}`,
  "member.corrupt": () =>
    "this member's state differs from the others': it serves nothing until it is rebuilt. Remove it from the cluster and add it anew with an empty data directory",
  "member.published": (event) => `told the cluster the name and addresses of ${event["member"]}`,
  "role.changed": (event) => {
    const where = `in term ${event["epoch"]}`;
    if (event["role"] === "leader") return `this member leads ${where}`;
    const leader = event["leader"];
    return leader === undefined || leader === ""
      ? `this member is a ${event["role"]} ${where}, without a leader`
      : `this member follows ${leader} ${where}`;
  },
  "leadership.unfit": (event) => `this member must not lead now: ${event["reason"]}`,
  "leadership.fit": (event) => `this member may lead again: ${event["reason"]} is over`,
  "log.compacted": (event) => `compacted the log up to ${event["index"]}`,
  "loop.stalled": (event) =>
    `the process stood still for ${Math.round(Number(event["lateMs"]))} ms`,
  "store.behind": (event) =>
    `the disk of the store does not keep up: ${event["bytes"]} bytes wait, and nothing more is applied until it has taken some`,
  "store.caughtUp": () => "the disk of the store keeps up again",
  "snapshot.sending": (event) => `sending a snapshot to member ${event["peer"]}`,
  "snapshot.installed": (event) => `took over a snapshot at index ${event["index"]}`,
  "stateHash.differs": (event) =>
    `member ${event["peer"]} has another state at index ${event["index"]}`,
};

/** Seen by metrics, never by logs: they come with every batch of requests, or with every stranger. */
const unwritten = new Set(["log.synced", "entries.applied", "peerTurnedAwayCounted"]);

/** A shorter stall is nothing that a person could act on. */
const stallMsMin = 250;

export function isWritten(event: MemberEvent): boolean {
  if (event.kind === "loop.stalled") return Number(event["lateMs"]) >= stallMsMin;
  return !unwritten.has(event.kind);
}

export function describeEvent(event: MemberEvent): string {
  const describe = texts[event.kind];
  if (describe !== undefined) return describe(event);
  const words = event.kind
    .replaceAll(".", " ")
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase();
  const detail = event["detail"] ?? event["reason"] ?? event["message"];
  return typeof detail === "string" && detail !== "" ? `${words}: ${detail}` : words;
}
