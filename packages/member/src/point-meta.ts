// What the store keeps beside its place in the log, in the same transaction as the effects, and takes
// along in snapshots: the membership in force there, and the fence. Before there were fences it was the
// membership alone, which reads as one that nobody has fenced.

import {
  ByteReader,
  ByteWriter,
  decodeMembershipEntry,
  encodeMembershipEntry,
  type Membership,
} from "@althing/consensus";
import type { Lead } from "./envelope.ts";

/** Whose commands count, and where in the log that was said. */
export interface Fence extends Lead {
  readonly index: number;
}

/** Below every lead. */
export const noFence: Fence = { index: 0, epoch: 0, proposer: "" };

export function encodePointMeta(membership: Membership, fence: Fence): Uint8Array {
  const writer = new ByteWriter(32);
  if (fence.index > 0) {
    writer.varint(fence.index);
    writer.varint(fence.epoch);
    writer.identifier(fence.proposer);
  }
  return encodeMembershipEntry(membership, writer.finish());
}

/** Undefined: a store that was told of no membership yet. Throws `MalformedMessage`. */
export function decodePointMeta(
  meta: Uint8Array,
): { membership: Membership; fence: Fence } | undefined {
  if (meta.length === 0) return undefined;
  const { membership, context } = decodeMembershipEntry(meta);
  if (context.length === 0) return { membership, fence: noFence };
  const reader = new ByteReader(context);
  const index = reader.varint();
  const fence = { index, epoch: reader.varint(), proposer: reader.identifier() };
  reader.end();
  return { membership, fence };
}
