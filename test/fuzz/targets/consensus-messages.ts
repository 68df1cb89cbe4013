// What the cores of all three protocols read: messages from other members, and their own durable state. The first
// byte of an input says which. What is accepted must say the same after it was written again.

import { deepStrictEqual } from "node:assert/strict";
import { MalformedBytes } from "@althing/bytes";
import {
  decodeLogPoint,
  decodeMembershipEntry,
  encodeLogPoint,
  encodeMembershipEntry,
  type Protocol,
  paxos,
  raft,
  zab,
} from "@althing/consensus";
import { accepted, plain, type Target } from "../target.ts";

interface Codec {
  decode(bytes: Uint8Array): unknown;
  encode(value: unknown): Uint8Array;
}

function codecsOf(protocol: Protocol): Codec[] {
  return [
    {
      decode: (bytes) => {
        const message = protocol.decodeMessage(bytes);
        protocol.describeMessage(message);
        return message;
      },
      encode: (message) => protocol.encodeMessage(message),
    },
    {
      decode: (bytes) => protocol.decodeState(bytes),
      encode: (state) => protocol.encodeState(state),
    },
  ];
}

const codecs: readonly Codec[] = [
  // Each is asked only to write what it has read itself.
  ...[raft, paxos, zab].flatMap((protocol) => codecsOf(protocol as unknown as Protocol)),
  {
    decode: decodeLogPoint,
    encode: (point) => encodeLogPoint(point as ReturnType<typeof decodeLogPoint>),
  },
  {
    decode: decodeMembershipEntry,
    encode: (value) => {
      const { membership, context } = value as ReturnType<typeof decodeMembershipEntry>;
      return encodeMembershipEntry(membership, context);
    },
  },
];

const membership = { voters: ["a", "b"], votersOutgoing: [], learners: ["c"], learnersNext: [] };
const entry = encodeMembershipEntry(membership, Buffer.from("x"));

export const target: Target = {
  name: "consensus-messages",
  seeds: () => [
    ...codecs.flatMap((_codec, which) =>
      // Every kind of message, with as many small numbers as the longest of them has.
      Array.from({ length: 20 }, (_one, kind) =>
        Buffer.from([which, kind, 5, 1, 97, 3, 1, 1, 1, 1, 2, 1]),
      ),
    ),
    Buffer.from([0, 5, 9, 4, 2, 3, 2, 1, 3, 1, 120, 1, 4, 0]),
    Buffer.concat([Buffer.from([0, 5, 9, 4, 2, 3, 1, 2, 3, entry.length]), entry]),
    Buffer.concat([
      Buffer.from([6]),
      encodeLogPoint({ index: 3, epoch: 2, proposer: "", membership }),
    ]),
    Buffer.concat([Buffer.from([7]), entry]),
  ],
  run(input) {
    const codec = codecs[(input[0] ?? 0) % codecs.length]!;
    const first = accepted(
      () => codec.decode(plain(input.subarray(1))),
      (error) => error instanceof MalformedBytes,
    );
    if (first === undefined) return;
    deepStrictEqual(codec.decode(codec.encode(first)), first);
  },
};
