// What the member has the state machine keep beside its place in the log, in the same transaction as the
// effects, and take along in snapshots: the membership in force there, the fence, and the roster, unless
// the state machine keeps that among its own. What is missing at the end is of a version before there was
// such a thing, or empty.

import { ByteReader, ByteWriter, MalformedBytes } from "@althing/bytes";
import { decodeMembershipEntry, encodeMembershipEntry, type Membership } from "@althing/consensus";
import type { Lead } from "./envelope.ts";
import { type MemberRecord, readChange, writeRecord } from "./roster/records.ts";

/** Whose commands count, and where in the log that was said. */
export interface Fence extends Lead {
  readonly index: number;
}

/** Below every lead. */
export const noFence: Fence = { index: 0, epoch: 0, proposer: "" };

export interface PointMeta {
  readonly membership: Membership;
  readonly fence: Fence;
  readonly roster: readonly MemberRecord[];
}

export function encodePointMeta({ membership, fence, roster }: PointMeta): Uint8Array {
  const writer = new ByteWriter(32);
  if (fence.index > 0 || roster.length > 0) {
    writer.varint(fence.index);
    writer.varint(fence.epoch);
    writer.byteString(fence.proposer);
  }
  if (roster.length > 0) {
    writer.varint(roster.length);
    for (const record of roster) writeRecord(writer, record);
  }
  return encodeMembershipEntry(membership, writer.written());
}

/** Undefined: a state that was told of no membership yet. Throws `MalformedBytes`. */
export function decodePointMeta(meta: Uint8Array): PointMeta | undefined {
  if (meta.length === 0) return undefined;
  const { membership, context } = decodeMembershipEntry(meta);
  if (context.length === 0) return { membership, fence: noFence, roster: [] };
  const reader = new ByteReader(context);
  const index = reader.varint();
  const fence = { index, epoch: reader.varint(), proposer: reader.byteString() };
  const roster = reader.remaining === 0 ? [] : readRoster(reader);
  reader.expectEnd();
  return { membership, fence, roster };
}

function readRoster(reader: ByteReader): MemberRecord[] {
  const roster: MemberRecord[] = [];
  for (let left = reader.count(1); left > 0; left--) {
    const change = readChange(reader);
    if (change.kind !== "publishMember") throw new MalformedBytes("a record says who left");
    const { kind: _, ...record } = change;
    roster.push(record);
  }
  return roster;
}
