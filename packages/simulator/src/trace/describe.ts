// A trace for reading: one line per event, time first, then who, then what.

import type { TraceEvent } from "./events.ts";

export function* describeTrace(
  events: readonly TraceEvent[],
  members: readonly string[],
): Generator<string> {
  const name = (ordinal: number): string => members[ordinal] ?? "nobody";
  const sent = new Map<number, string>();
  for (const event of events) {
    const line = describeEvent(event, name, sent);
    yield `${seconds(event.at)}  ${line}`;
  }
}

function seconds(micros: number): string {
  return (micros / 1_000_000).toFixed(6).padStart(11);
}

function describeEvent(
  event: TraceEvent,
  name: (ordinal: number) => string,
  sent: Map<number, string>,
): string {
  switch (event.kind) {
    case "sent":
      sent.set(event.serial, event.what);
      return `${name(event.from)} -> ${name(event.to)}  #${event.serial} ${event.what}`;
    case "delivered":
      return `${name(event.to)} <- ${name(event.from)}  #${event.serial} ${sent.get(event.serial) ?? ""}`;
    case "lost":
      return `${name(event.from)} -x ${name(event.to)}  #${event.serial} lost (${event.why}) ${sent.get(event.serial) ?? ""}`;
    case "started":
      return `${name(event.member)}  started, life ${event.life}, store at ${event.applied}`;
    case "stopped":
      return `${name(event.member)}  stopped: ${event.why}`;
    case "role":
      return `${name(event.member)}  ${event.role} of epoch ${event.epoch}, leader ${name(event.leader)}`;
    case "membership":
      return `${name(event.member)}  membership: ${event.what}`;
    case "persist": {
      const parts = [`persist #${event.sequence}`];
      if (event.state !== "") parts.push(event.state);
      if (event.truncateFrom > 0) parts.push(`truncate from ${event.truncateFrom}`);
      if (event.first > 0) parts.push(`entries ${event.first}..${event.last}`);
      return `${name(event.member)}  ${parts.join(", ")}`;
    }
    case "persisted":
      return `${name(event.member)}  persisted #${event.sequence}`;
    case "apply":
      return `${name(event.member)}  apply ${event.first}..${event.last}`;
    case "hash":
      return `${name(event.member)}  state ${(event.hash >>> 0).toString(16)} at index ${event.index}`;
    case "disk":
      return `${name(event.member)}  disk: ${event.what}${event.bytes > 0 ? `, ${event.bytes} bytes` : ""}`;
    case "fault":
      return `FAULT  ${event.what}  ${event.members.map(name).join(" ")}`;
    case "phase":
      return `PHASE  ${event.what}`;
    case "call":
      return `client ${event.client} -> ${name(event.member)}  (${event.serial}) ${event.what}`;
    case "return":
      return `client ${event.client} <- (${event.serial}) ${event.result}`;
    case "note":
      return `${name(event.member)}  ${event.level}: ${event.what}`;
    case "violation":
      return `VIOLATION  ${event.property}: ${event.detail}`;
  }
}
