// The network's part of the trace. A message goes into the hash by its kind and its numbers, and into
// a kept trace in the protocol's own words.

import type { Protocol } from "@althing/consensus";
import type { PeerMessage } from "@althing/member";
import { decodeLeaseMessage, type LeaseMessage } from "@althing/service";
import type { NetworkTrace } from "../network/network.ts";
import type { Trace } from "../trace/trace.ts";

const reasons = ["blocked", "noConnection", "broken", "chance", "down"];

export function networkTrace(trace: Trace, protocol: Protocol): NetworkTrace {
  return {
    sent(from, to, serial, message) {
      trace.add("sent", from, to, serial, fingerprint(message), (at) => ({
        kind: "sent",
        at,
        from,
        to,
        serial,
        what: describe(message, protocol),
      }));
    },
    delivered(from, to, serial) {
      trace.add("delivered", from, to, serial, 0, (at) => ({
        kind: "delivered",
        at,
        from,
        to,
        serial,
      }));
    },
    lost(from, to, serial, why) {
      trace.add("lost", from, to, serial, reasons.indexOf(why), (at) => ({
        kind: "lost",
        at,
        from,
        to,
        serial,
        why,
      }));
    },
  };
}

function bodyOf(message: PeerMessage): object {
  if (message.kind === "protocol") return message.message as object;
  if (message.kind === "service") return decodeLeaseMessage(message.bytes) ?? message;
  return message;
}

/** All numbers and lengths of a message, one level deep. */
function fingerprint(message: PeerMessage): number {
  const body = bodyOf(message);
  let hash = 7;
  for (const key in body) {
    const value = (body as Record<string, unknown>)[key];
    let part = 0;
    if (typeof value === "number") part = value;
    else if (typeof value === "string" || Array.isArray(value)) part = value.length + 1000;
    else if (typeof value === "boolean") part = value ? 3 : 5;
    hash = Math.imul(hash ^ part, 0x01000193);
  }
  return hash;
}

function describe(message: PeerMessage, protocol: Protocol): string {
  switch (message.kind) {
    case "protocol":
      return protocol.describeMessage(message.message);
    case "forward":
      return `forward ${message.payloads.length} proposals`;
    case "forwardRejected":
      return `forwardRejected ${message.reason} ${message.requests.join(" ")}`;
    case "stateHash":
      return `stateHash index ${message.index} ${(message.hash >>> 0).toString(16)}`;
    case "snapshotBegin":
      return `snapshotBegin stream ${message.stream} index ${message.point.index}`;
    case "snapshotChunk":
      return `snapshotChunk stream ${message.stream} #${message.sequence}${message.last ? " last" : ""}`;
    case "adminForward":
      return `adminForward ${message.request}`;
    case "service":
      return describeLeaseMessage(decodeLeaseMessage(message.bytes));
    case "adminDone":
      return `adminDone ${message.request} ${message.code}`;
    case "snapshotAck":
      return `snapshotAck stream ${message.stream} next ${message.next}${message.refused === "" ? "" : ` refused: ${message.refused}`}`;
  }
}

function describeLeaseMessage(message: LeaseMessage | undefined): string {
  if (message === undefined) return "service message";
  const { kind, request } = message;
  return kind === "leaseAsk"
    ? `${kind} ${request} ${message.lease}${message.renew ? " renew" : ""}`
    : `${kind} ${request} ${message.code} ${message.left}`;
}
