// Bytes of Multi-Paxos messages: a kind byte, the ballot, then the fields as varints. Values are written
// into one buffer of exactly its size; decoding checks all that can be checked without state. Values
// of an accept request are all of its ballot, so only those in promises carry one of their own.

import { ByteReader, ByteWriter, MalformedBytes, varintSize } from "@althing/bytes";
import type { Entry } from "../contract.ts";
import { readEntryKind, readPayload, writeEntryKind } from "../encoding/entries.ts";
import { kindReader } from "../encoding/message-kinds.ts";
import { type Ballot, compareBallots, sameBallot } from "../synod/ballot.ts";
import type { MessageKind, MessageOf, PaxosMessage } from "./messages.ts";

/** The numbers on the wire. Never reused for another kind. */
const numbers: Readonly<Record<MessageKind, number>> = {
  canvassRequest: 1,
  canvassResponse: 2,
  prepareRequest: 3,
  promise: 4,
  acceptRequest: 5,
  acceptResponse: 6,
  refusal: 7,
  heartbeatRequest: 8,
  heartbeatResponse: 9,
  commitNotice: 10,
  readRequest: 11,
  readResponse: 12,
  readRefusal: 13,
  takeOver: 14,
};
const readKind = kindReader(numbers);

export function encodeMessage(message: PaxosMessage): Uint8Array {
  const writer = new ByteWriter(sizeOf(message));
  writer.u8(numbers[message.kind]);
  writeBallot(writer, message.ballot);
  switch (message.kind) {
    case "canvassRequest":
      writer.varint(message.commitIndex);
      writer.varint(message.priority);
      break;
    case "canvassResponse":
      writer.boolean(message.granted);
      writeBallot(writer, message.promised);
      break;
    case "prepareRequest":
      writer.varint(message.first);
      writer.boolean(message.handedOver !== undefined);
      if (message.handedOver !== undefined) writeBallot(writer, message.handedOver);
      writer.varint(message.quorums.prepare);
      writer.varint(message.quorums.accept);
      break;
    case "promise":
      writePromise(writer, message);
      break;
    case "acceptRequest":
      writer.varint(message.first);
      writer.varint(message.commitIndex);
      writer.varint(message.entries.length);
      for (const { kind, payload } of message.entries) {
        writeEntryKind(writer, kind);
        writer.block(payload);
      }
      break;
    case "acceptResponse":
      writer.varint(message.first);
      writer.varint(message.last);
      writer.varint(message.matchIndex);
      break;
    case "refusal":
      writeBallot(writer, message.promised);
      break;
    case "heartbeatRequest":
      writer.varint(message.commitIndex);
      writer.varint(message.round);
      break;
    case "heartbeatResponse":
      writer.varint(message.round);
      writer.varint(message.priority);
      writer.varint(message.matchIndex);
      writer.varint(message.receivedIndex);
      writer.varint(message.commitIndex);
      break;
    case "commitNotice":
      writer.varint(message.commitIndex);
      break;
    case "readResponse":
      writer.varint(message.request);
      writer.varint(message.index);
      break;
    case "readRequest":
    case "readRefusal":
      writer.varint(message.request);
      break;
    case "takeOver":
      break;
  }
  return writer.written();
}

/** Throws `MalformedBytes`. Payloads are views of `bytes`. */
export function decodeMessage(bytes: Uint8Array): PaxosMessage {
  const reader = new ByteReader(bytes);
  const kind = readKind(reader);
  const ballot = readBallot(reader);
  if (ballot.proposer === "") throw new MalformedBytes("a ballot without a proposer");
  const message = readMessage(kind, ballot, reader);
  reader.expectEnd();
  return message;
}

function readMessage(kind: MessageKind, ballot: Ballot, reader: ByteReader): PaxosMessage {
  switch (kind) {
    case "canvassRequest":
      return { kind, ballot, commitIndex: reader.varint(), priority: reader.varint() };
    case "canvassResponse":
      return { kind, ballot, granted: reader.boolean(), promised: readBallot(reader) };
    case "prepareRequest": {
      const first = indexOf(reader);
      const handedOver = reader.boolean() ? readBallot(reader) : undefined;
      const quorums = { prepare: reader.varint(), accept: reader.varint() };
      return { kind, ballot, first, handedOver, quorums };
    }
    case "promise":
      return readPromise(ballot, reader);
    case "acceptRequest":
      return readAccept(ballot, reader);
    case "acceptResponse": {
      const first = indexOf(reader);
      const last = reader.varint();
      if (last < first) throw new MalformedBytes("slots end before they begin");
      return { kind, ballot, first, last, matchIndex: reader.varint() };
    }
    case "refusal":
      return { kind, ballot, promised: readBallot(reader) };
    case "heartbeatRequest": {
      const commitIndex = reader.varint();
      return { kind, ballot, commitIndex, round: reader.varint() };
    }
    case "heartbeatResponse": {
      const round = reader.varint();
      const priority = reader.varint();
      const matchIndex = reader.varint();
      const receivedIndex = reader.varint();
      const commitIndex = reader.varint();
      return { kind, ballot, round, priority, matchIndex, receivedIndex, commitIndex };
    }
    case "commitNotice":
      return { kind, ballot, commitIndex: reader.varint() };
    case "readRequest":
    case "readRefusal":
      return { kind, ballot, request: reader.varint() };
    case "readResponse": {
      const request = reader.varint();
      return { kind, ballot, request, index: reader.varint() };
    }
    case "takeOver":
      return { kind, ballot };
  }
}

function readAccept(ballot: Ballot, reader: ByteReader): PaxosMessage {
  const first = indexOf(reader);
  const commitIndex = reader.varint();
  const count = reader.count(2);
  if (count === 0) throw new MalformedBytes("an accept request without a value");
  if (!Number.isSafeInteger(first + count)) throw new MalformedBytes("an index is too large");
  const { round: epoch, proposer } = ballot;
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) {
    const kind = readEntryKind(reader);
    const payload = readPayload(reader, kind);
    entries.push({ index: first + i, epoch, proposer, kind, payload });
  }
  return { kind: "acceptRequest", ballot, first, commitIndex, entries };
}

/** Slots as distances; the ballot only where it is another than in the slot before. */
function writePromise(writer: ByteWriter, message: MessageOf<"promise">): void {
  writer.varint(message.first);
  writer.varint(message.last);
  writer.boolean(message.isLast);
  writer.varint(message.commitIndex);
  writer.varint(message.baseIndex);
  writer.varint(message.entries.length);
  let previous: Entry | undefined;
  for (const entry of message.entries) {
    const { index, epoch, proposer, kind, payload } = entry;
    const isSame = previous?.epoch === epoch && previous.proposer === proposer;
    writer.varint(index - (previous?.index ?? 0));
    writeEntryKind(writer, kind);
    writer.boolean(isSame);
    if (!isSame) writeBallot(writer, { round: epoch, proposer });
    writer.block(payload);
    previous = entry;
  }
}

function readPromise(ballot: Ballot, reader: ByteReader): PaxosMessage {
  const first = indexOf(reader);
  const last = reader.varint();
  const isLast = reader.boolean();
  const commitIndex = reader.varint();
  const baseIndex = reader.varint();
  const entries: Entry[] = [];
  let index = 0;
  let own: Ballot | undefined;
  for (let left = reader.count(4); left > 0; left--) {
    const distance = indexOf(reader);
    index += distance;
    const kind = readEntryKind(reader);
    if (!reader.boolean()) own = otherBallot(reader, own);
    if (own === undefined) throw new MalformedBytes("an accepted value without a ballot");
    if (compareBallots(own, ballot) > 0) throw new MalformedBytes("accepted above the promise");
    if (index < first || index > last) throw new MalformedBytes("a slot that was not asked for");
    const payload = readPayload(reader, kind);
    entries.push({ index, epoch: own.round, proposer: own.proposer, kind, payload });
  }
  if (last < first - 1) throw new MalformedBytes("slots end before they begin");
  return { kind: "promise", ballot, first, last, isLast, commitIndex, baseIndex, entries };
}

/** One encoding for one message: a ballot is not written again. */
function otherBallot(reader: ByteReader, before: Ballot | undefined): Ballot {
  const ballot = readBallot(reader);
  if (before !== undefined && sameBallot(before, ballot)) {
    throw new MalformedBytes("a ballot is told twice");
  }
  return ballot;
}

/** The first slot is 1. */
function indexOf(reader: ByteReader): number {
  const index = reader.varint();
  if (index === 0) throw new MalformedBytes("there is no slot 0");
  return index;
}

function writeBallot(writer: ByteWriter, { round, proposer }: Ballot): void {
  writer.varint(round);
  writer.byteString(proposer);
}

function readBallot(reader: ByteReader): Ballot {
  return { round: reader.varint(), proposer: reader.byteString() };
}

/** Exact for what carries many values, enough for the rest. */
function sizeOf(message: PaxosMessage): number {
  const { round, proposer } = message.ballot;
  const head = 1 + varintSize(round) + varintSize(proposer.length) + proposer.length;
  if (message.kind === "promise") {
    let size = head + 48;
    for (const { payload } of message.entries) size += 40 + payload.length;
    return size;
  }
  if (message.kind !== "acceptRequest") return head + 48;
  const { first, commitIndex, entries } = message;
  let size = head + varintSize(first) + varintSize(commitIndex) + varintSize(entries.length);
  for (const { payload } of entries) size += 1 + varintSize(payload.length) + payload.length;
  return size;
}
