// Bytes of memberships and log points. A payload of kind "membership" is a membership followed by
// opaque context, and is the one kind of payload that cores look into.

import { ByteReader, ByteWriter, MalformedBytes } from "@althing/bytes";
import type { LogPoint, Membership } from "../contract.ts";
import { whyInvalid } from "./membership.ts";

export interface MembershipEntry {
  readonly membership: Membership;
  /** Opaque bytes that travel with the change (addresses, names). */
  readonly context: Uint8Array;
}

export function encodeMembershipEntry(membership: Membership, context: Uint8Array): Uint8Array {
  const writer = new ByteWriter(membershipSizeGuess(membership) + context.length);
  writeMembership(writer, membership);
  writer.raw(context);
  return writer.written();
}

/** Throws `MalformedBytes`. `context` is a view of `payload`. */
export function decodeMembershipEntry(payload: Uint8Array): MembershipEntry {
  const reader = new ByteReader(payload);
  return { membership: readMembership(reader), context: reader.rest() };
}

export function encodeMembership(membership: Membership): Uint8Array {
  const writer = new ByteWriter(membershipSizeGuess(membership));
  writeMembership(writer, membership);
  return writer.written();
}

export function decodeMembership(bytes: Uint8Array): Membership {
  const reader = new ByteReader(bytes);
  const membership = readMembership(reader);
  reader.expectEnd();
  return membership;
}

export function encodeLogPoint(point: LogPoint): Uint8Array {
  const writer = new ByteWriter(24 + membershipSizeGuess(point.membership));
  writer.varint(point.index);
  writer.varint(point.epoch);
  writer.byteString(point.proposer);
  writeMembership(writer, point.membership);
  return writer.written();
}

export function decodeLogPoint(bytes: Uint8Array): LogPoint {
  const reader = new ByteReader(bytes);
  const point = {
    index: reader.varint(),
    epoch: reader.varint(),
    proposer: reader.byteString(),
    membership: readMembership(reader),
  };
  reader.expectEnd();
  return point;
}

function writeMembership(writer: ByteWriter, membership: Membership): void {
  writer.byteStrings(membership.voters);
  writer.byteStrings(membership.votersOutgoing);
  writer.byteStrings(membership.learners);
  writer.byteStrings(membership.learnersNext);
}

function readMembership(reader: ByteReader): Membership {
  const membership = {
    voters: reader.byteStrings(),
    votersOutgoing: reader.byteStrings(),
    learners: reader.byteStrings(),
    learnersNext: reader.byteStrings(),
  };
  const why = whyInvalid(membership);
  if (why !== "") throw new MalformedBytes(`not a membership: ${why}`);
  return membership;
}

function membershipSizeGuess({ voters, votersOutgoing, learners, learnersNext }: Membership) {
  const members = voters.length + votersOutgoing.length + learners.length + learnersNext.length;
  return 4 + members * 17;
}
