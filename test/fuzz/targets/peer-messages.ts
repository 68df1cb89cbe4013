// What one member says to another after the handshake, under each protocol.

import { deepStrictEqual } from "node:assert/strict";
import { encodeMembershipEntry, type Protocol, paxos, raft, zab } from "@althing/consensus";
import {
  decodePeerMessage,
  encodePeerMessage,
  MalformedPeerMessage,
} from "../../../packages/member/src/peer-codec.ts";
import type { PeerMessage } from "../../../packages/member/src/ports.ts";
import {
  decodeReconfiguration,
  encodeReconfiguration,
} from "../../../packages/member/src/reconfiguration.ts";
import { Roster } from "../../../packages/member/src/roster/roster.ts";
import {
  decodeLeaseMessage,
  encodeLeaseMessage,
} from "../../../packages/service/src/leases/lease-messages.ts";
import { rosterOfStore } from "../../../packages/service/src/store-roster.ts";
import { accepted, plain, type Target } from "../target.ts";

const protocols = [raft, paxos, zab] as unknown as readonly Protocol[];
const membership = { voters: ["a", "b"], votersOutgoing: [], learners: [], learnersNext: [] };
const point = { index: 7, epoch: 3, proposer: "a", membership };
const rosters = [new Roster(undefined, new Uint8Array(0)), rosterOfStore({ members: () => [] })];
const [body, olderBody] = rosters.map((roster) =>
  encodeReconfiguration(
    {
      kind: "add",
      member: "0000000000000001",
      peerUrls: ["http://127.0.0.1:2380"],
      as: "voter",
      strict: true,
    },
    roster,
  ),
) as [Uint8Array, Uint8Array];
const messages: readonly PeerMessage[] = [
  {
    kind: "forward",
    payloads: [
      Buffer.from("one"),
      Buffer.alloc(0),
      encodeMembershipEntry(membership, Buffer.alloc(2)),
    ],
  },
  {
    kind: "forwardRejected",
    reason: "notLeader",
    session: 2 ** 50,
    requests: [1, 300],
    leaderHint: "b",
  },
  { kind: "stateHash", index: 9, hash: 0xffffffff },
  { kind: "snapshotBegin", stream: 4, epoch: 2, point },
  { kind: "snapshotChunk", stream: 4, sequence: 1, last: true, bytes: Buffer.from("chunk") },
  { kind: "snapshotAck", stream: 4, next: 2, refused: "no" },
  { kind: "adminForward", session: 5, request: 6, body },
  { kind: "adminForward", session: 5, request: 6, body: olderBody },
  { kind: "adminDone", session: 5, request: 6, code: "unhealthy", unknown: true },
  ...(
    [
      { kind: "leaseAsk", session: 5, request: 6, lease: -7n, renew: true },
      { kind: "leaseAnswer", session: 5, request: 6, code: "", left: 30 },
    ] as const
  ).map((lease) => ({ kind: "service", bytes: encodeLeaseMessage(lease) }) as const),
] as const;

export const target: Target = {
  name: "peer-messages",
  seeds: () => [
    ...messages.map((message) =>
      Buffer.concat([Buffer.from([0]), encodePeerMessage(protocols[0]!, message)]),
    ),
    Buffer.from([0, 1, 2, 5, 1]),
    Buffer.from([1, 1, 14, 5, 1, 97]),
    Buffer.from([2, 1, 17, 5]),
  ],
  run(input) {
    const protocol = protocols[(input[0] ?? 0) % protocols.length]!;
    const bytes = plain(input.subarray(1));
    const decode = (from: Uint8Array) => decodePeerMessage(protocol, from);
    const message = accepted(
      () => decode(bytes),
      (error) => error instanceof MalformedPeerMessage,
    );
    if (message === undefined) return;
    deepStrictEqual(decode(encodePeerMessage(protocol, message)), message);
    if (message.kind === "service") {
      const lease = decodeLeaseMessage(message.bytes);
      if (lease !== undefined) {
        deepStrictEqual(decodeLeaseMessage(encodeLeaseMessage(lease)), lease);
      }
    }
    if (message.kind !== "adminForward") return;
    for (const roster of rosters) {
      const change = decodeReconfiguration(message.body, roster);
      if (change === undefined) continue;
      const again = decodeReconfiguration(encodeReconfiguration(change, roster), roster);
      deepStrictEqual(again, change);
    }
  },
};
