// Bytes of Zab messages: a kind byte, then the fields as varints. Transactions are written into one
// buffer of exactly their size; decoding checks all that can be checked without state.

import { ByteReader, ByteWriter, MalformedBytes, varintSize } from "@althing/bytes";
import type { Entry } from "../contract.ts";
import { encodeEntries, readEntries } from "../encoding/entries.ts";
import { kindReader } from "../encoding/message-kinds.ts";
import type { EpochEnd, MessageKind, MessageOf, Vote, ZabMessage } from "./messages.ts";

/** The numbers on the wire. Never reused for another kind. */
const numbers: Readonly<Record<MessageKind, number>> = {
  notification: 1,
  followerInfo: 2,
  leaderInfo: 3,
  ackEpoch: 4,
  diff: 5,
  trunc: 6,
  snap: 7,
  newLeader: 8,
  ackNewLeader: 9,
  upToDate: 10,
  proposal: 11,
  inform: 12,
  commit: 13,
  ack: 14,
  ping: 15,
  pong: 16,
  syncRequest: 17,
  syncResponse: 18,
  syncRefusal: 19,
};
const readKind = kindReader(numbers);
const states = ["looking", "following", "leading"] as const;

type Transactions = MessageOf<"proposal"> | MessageOf<"inform">;

export function encodeMessage(message: ZabMessage): Uint8Array {
  if (message.kind === "proposal" || message.kind === "inform") return encodeTransactions(message);
  const writer = new ByteWriter(64);
  writer.u8(numbers[message.kind]);
  switch (message.kind) {
    case "notification":
      writer.varint(message.round);
      writer.u8(states.indexOf(message.state));
      writer.varint(message.epoch);
      writer.boolean(message.vote !== undefined);
      if (message.vote !== undefined) writeVote(writer, message.vote);
      return writer.written();
    case "syncRequest":
    case "syncRefusal":
      writer.varint(message.request);
      return writer.written();
    case "syncResponse":
      writer.varint(message.request);
      writer.varint(message.index);
      return writer.written();
    case "followerInfo":
      writer.varint(message.session);
      writer.varint(message.acceptedEpoch);
      return writer.written();
  }
  writer.varint(message.session);
  writer.varint(message.epoch);
  switch (message.kind) {
    case "leaderInfo":
      writer.boolean(message.isEstablished);
      break;
    case "ackEpoch":
      writer.boolean(message.counts);
      writer.varint(message.currentEpoch);
      writer.varint(message.lastEpoch);
      writer.varint(message.lastIndex);
      writer.varint(message.commitIndex);
      writer.varint(message.ends.length);
      for (const end of message.ends) {
        writer.varint(end.epoch);
        writer.varint(end.lastIndex);
      }
      break;
    case "diff":
    case "trunc":
      writer.varint(message.sequence);
      writer.varint(message.agreedIndex);
      break;
    case "snap":
      writer.varint(message.sequence);
      break;
    case "newLeader":
      writer.varint(message.sequence);
      writer.varint(message.lastIndex);
      break;
    case "upToDate":
    case "commit":
      writer.varint(message.sequence);
      writer.varint(message.commitIndex);
      break;
    case "ackNewLeader":
    case "ack":
      writer.varint(message.index);
      break;
    case "ping":
      writer.varint(message.sequence);
      writer.varint(message.round);
      break;
    case "pong":
      writer.varint(message.round);
      writer.varint(message.index);
      writer.boolean(message.isCurrent);
      writer.varint(message.priority);
      break;
  }
  return writer.written();
}

/** Throws `MalformedBytes`. Payloads are views of `bytes`. */
export function decodeMessage(bytes: Uint8Array): ZabMessage {
  const reader = new ByteReader(bytes);
  const kind = readKind(reader);
  const message = readMessage(kind, reader);
  reader.expectEnd();
  return message;
}

function readMessage(kind: MessageKind, reader: ByteReader): ZabMessage {
  switch (kind) {
    case "notification": {
      const round = reader.varint();
      const state = states[reader.u8()];
      if (state === undefined) throw new MalformedBytes("no such state of a member");
      const epoch = reader.varint();
      return { kind, round, state, epoch, vote: reader.boolean() ? readVote(reader) : undefined };
    }
    case "syncRequest":
    case "syncRefusal":
      return { kind, request: reader.varint() };
    case "syncResponse": {
      const request = reader.varint();
      return { kind, request, index: reader.varint() };
    }
    case "followerInfo": {
      const session = reader.varint();
      return { kind, session, acceptedEpoch: reader.varint() };
    }
    default: {
      const session = reader.varint();
      return readInSession(kind, { session, epoch: reader.varint() }, reader);
    }
  }
}

type OutsideSession =
  | "notification"
  | "syncRequest"
  | "syncRefusal"
  | "syncResponse"
  | "followerInfo";

function readInSession(
  kind: Exclude<MessageKind, OutsideSession>,
  head: { readonly session: number; readonly epoch: number },
  reader: ByteReader,
): ZabMessage {
  switch (kind) {
    case "leaderInfo":
      return { kind, ...head, isEstablished: reader.boolean() };
    case "ackEpoch": {
      const counts = reader.boolean();
      const currentEpoch = reader.varint();
      const lastEpoch = reader.varint();
      const lastIndex = reader.varint();
      const commitIndex = reader.varint();
      const ends = readEnds(reader, lastEpoch, lastIndex);
      return { kind, ...head, counts, currentEpoch, lastEpoch, lastIndex, commitIndex, ends };
    }
    case "diff":
    case "trunc": {
      const sequence = reader.varint();
      return { kind, ...head, sequence, agreedIndex: reader.varint() };
    }
    case "snap":
      return { kind, ...head, sequence: reader.varint() };
    case "newLeader": {
      const sequence = reader.varint();
      return { kind, ...head, sequence, lastIndex: reader.varint() };
    }
    case "upToDate":
    case "commit": {
      const sequence = reader.varint();
      return { kind, ...head, sequence, commitIndex: reader.varint() };
    }
    case "ackNewLeader":
    case "ack":
      return { kind, ...head, index: reader.varint() };
    case "ping": {
      const sequence = reader.varint();
      return { kind, ...head, sequence, round: reader.varint() };
    }
    case "pong": {
      const round = reader.varint();
      const index = reader.varint();
      const isCurrent = reader.boolean();
      return { kind, ...head, round, index, isCurrent, priority: reader.varint() };
    }
    case "proposal":
    case "inform":
      return readTransactions(kind, head, reader);
  }
}

function writeVote(writer: ByteWriter, vote: Vote): void {
  writer.byteString(vote.leader);
  writer.varint(vote.currentEpoch);
  writer.varint(vote.lastEpoch);
  writer.varint(vote.lastIndex);
  writer.boolean(vote.isPreferred);
  writer.varint(vote.priority);
}

function readVote(reader: ByteReader): Vote {
  const leader = reader.byteString();
  if (leader === "") throw new MalformedBytes("a vote names somebody");
  const currentEpoch = reader.varint();
  const lastEpoch = reader.varint();
  const lastIndex = reader.varint();
  const isPreferred = reader.boolean();
  return { leader, currentEpoch, lastEpoch, lastIndex, isPreferred, priority: reader.varint() };
}

function readEnds(reader: ByteReader, lastEpoch: number, lastIndex: number): EpochEnd[] {
  const ends: EpochEnd[] = [];
  for (let left = reader.count(2); left > 0; left--) {
    const end = { epoch: reader.varint(), lastIndex: reader.varint() };
    const later = ends[ends.length - 1];
    const fits =
      later === undefined
        ? end.epoch === lastEpoch && end.lastIndex === lastIndex
        : end.epoch < later.epoch && end.lastIndex < later.lastIndex;
    if (!fits) throw new MalformedBytes("the ends of the epochs do not descend from the last");
    ends.push(end);
  }
  return ends;
}

/** Followers that are equally far are sent the same entries, each in its own session. */
const encodedLately = new WeakMap<readonly Entry[], Uint8Array>();

function encodeTransactions(message: Transactions): Uint8Array {
  const { session, epoch, sequence, commitIndex, previousIndex, entries } = message;
  let encoded = encodedLately.get(entries);
  if (encoded === undefined) {
    encoded = encodeEntries(entries);
    encodedLately.set(entries, encoded);
  }
  let size = 1 + varintSize(session) + varintSize(epoch) + varintSize(sequence);
  size += varintSize(commitIndex) + varintSize(previousIndex) + encoded.length;
  const writer = new ByteWriter(size);
  writer.u8(numbers[message.kind]);
  writer.varint(session);
  writer.varint(epoch);
  writer.varint(sequence);
  writer.varint(commitIndex);
  writer.varint(previousIndex);
  writer.raw(encoded);
  return writer.written();
}

function readTransactions(
  kind: "proposal" | "inform",
  head: { readonly session: number; readonly epoch: number },
  reader: ByteReader,
): ZabMessage {
  const sequence = reader.varint();
  const commitIndex = reader.varint();
  const previousIndex = reader.varint();
  const entries = readEntries(reader, previousIndex, { least: 0, most: head.epoch });
  return { kind, ...head, sequence, commitIndex, previousIndex, entries };
}
