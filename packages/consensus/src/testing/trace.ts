// Effects as lines of text, the same for every protocol. Messages are shown when they arrive.

import type { Effect, Entry } from "../contract.ts";
import { describeMembership } from "../membership/membership.ts";

/** "" for what is shown elsewhere. */
export function traceEffect<M, S>(effect: Effect<M, S>): string {
  switch (effect.kind) {
    case "persist": {
      const state = effect.state === undefined ? "" : ` state ${describe(effect.state)}`;
      const cut = effect.truncateFrom === undefined ? "" : ` truncate ${effect.truncateFrom}`;
      const entries = effect.entries.length === 0 ? "" : ` entries ${range(effect.entries)}`;
      const waiting = effect.thenSend.length === 0 ? "" : ` then send ${effect.thenSend.length}`;
      return `write ${effect.sequence}:${state}${cut}${entries}${waiting}`;
    }
    case "send":
      return "";
    case "apply":
      return `apply ${range(effect.entries)}`;
    case "readReady":
      return `read ${effect.token} ready at ${effect.index}`;
    case "accepted":
      return `accepted ${effect.token} at ${effect.index}@${effect.epoch}`;
    case "rejected": {
      const hint = effect.leaderHint === undefined ? "" : `, try ${effect.leaderHint}`;
      return `rejected ${effect.token}: ${effect.reason}${hint}`;
    }
    case "transferred":
      return `transferred ${effect.token}`;
    case "sendSnapshot":
      return `send a snapshot to ${effect.to}`;
    case "installSnapshot":
      return `install snapshot ${effect.point.index}@${effect.point.epoch}`;
    case "roleChanged": {
      const leader = effect.leader === undefined ? "nobody" : effect.leader;
      return `is ${effect.role} in ${effect.epoch}, led by ${leader}`;
    }
    case "membershipSettled":
      return `membership at ${effect.index} is settled`;
    case "membershipChanged":
      return `membership ${describeMembership(effect.membership)}`;
  }
}

function describe(state: unknown): string {
  return Object.entries(state as Record<string, unknown>)
    .map(([name, value]) => `${name} ${value === "" ? "-" : value}`)
    .join(" ");
}

function range(entries: readonly Entry[]): string {
  const first = entries[0]!;
  const last = entries[entries.length - 1]!;
  const ends = `${first.index}@${first.epoch}`;
  return first === last ? ends : `${ends}..${last.index}@${last.epoch}`;
}
