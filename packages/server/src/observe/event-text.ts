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
  peerMessageTooLarge: (event) =>
    `a ${event["message"]} message of ${event["bytes"]} bytes for member ${event["peer"]} is larger than a frame may be`,
  roleChanged: (event) => {
    const where = `in term ${event["epoch"]}`;
    if (event["role"] === "leader") return `this member leads ${where}`;
    const leader = event["leader"];
    return leader === undefined || leader === ""
      ? `this member is a ${event["role"]} ${where}, without a leader`
      : `this member follows ${leader} ${where}`;
  },
};

export function describeEvent(event: MemberEvent): string {
  const describe = texts[event.kind];
  if (describe !== undefined) return describe(event);
  const words = event.kind.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
  const detail = event["detail"] ?? event["reason"] ?? event["message"];
  return typeof detail === "string" && detail !== "" ? `${words}: ${detail}` : words;
}
