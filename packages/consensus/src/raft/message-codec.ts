// Bytes of Raft messages: a kind byte, then the fields as varints. An append message is written
// into one buffer of exactly its size; decoding checks all that can be checked without state.

import type { Entry, EntryKind } from "../contract.ts";
import { ByteReader } from "../encoding/byte-reader.ts";
import { ByteWriter, varintSize } from "../encoding/byte-writer.ts";
import { MalformedMessage } from "../encoding/malformed-message.ts";
import { decodeMembershipEntry } from "../membership/codec.ts";
import type { MessageKind, MessageOf, RaftMessage } from "./messages.ts";

/** The numbers on the wire. Never reused for another kind. */
const numbers: Readonly<Record<MessageKind, number>> = {
  preVoteRequest: 1,
  preVoteResponse: 2,
  voteRequest: 3,
  voteResponse: 4,
  appendRequest: 5,
  appendResponse: 6,
  appendRefusal: 7,
  heartbeatRequest: 8,
  heartbeatResponse: 9,
  commitNotice: 10,
  readRequest: 11,
  readResponse: 12,
  readRefusal: 13,
  timeoutNow: 14,
};
const kinds = new Map(Object.entries(numbers).map(([kind, n]) => [n, kind as MessageKind]));
const entryKinds: readonly EntryKind[] = ["noop", "command", "membership"];

export function encodeMessage(message: RaftMessage): Uint8Array {
  if (message.kind === "appendRequest") return encodeAppend(message);
  const writer = new ByteWriter(48);
  writer.byte(numbers[message.kind]);
  writer.varint(message.term);
  switch (message.kind) {
    case "preVoteRequest":
      writer.varint(message.lastIndex);
      writer.varint(message.lastTerm);
      writer.varint(message.priority);
      break;
    case "voteRequest":
      writer.varint(message.lastIndex);
      writer.varint(message.lastTerm);
      writer.boolean(message.transfer);
      break;
    case "preVoteResponse":
    case "voteResponse":
      writer.boolean(message.granted);
      break;
    case "appendResponse":
      writer.varint(message.matchIndex);
      break;
    case "appendRefusal":
      writer.varint(message.previousIndex);
      writer.varint(message.hintIndex);
      writer.varint(message.hintTerm);
      break;
    case "heartbeatRequest":
      writer.varint(message.commitIndex);
      writer.varint(message.round);
      break;
    case "heartbeatResponse":
      writer.varint(message.round);
      writer.varint(message.priority);
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
    case "timeoutNow":
      break;
  }
  return writer.finish();
}

/** Throws `MalformedMessage`. Payloads are views of `bytes`. */
export function decodeMessage(bytes: Uint8Array): RaftMessage {
  const reader = new ByteReader(bytes);
  const kind = kinds.get(reader.byte());
  if (kind === undefined) throw new MalformedMessage("no such kind of message");
  const message = readMessage(kind, reader.varint(), reader);
  reader.end();
  return message;
}

function readMessage(kind: MessageKind, term: number, reader: ByteReader): RaftMessage {
  switch (kind) {
    case "preVoteRequest": {
      const lastIndex = reader.varint();
      return { kind, term, lastIndex, lastTerm: reader.varint(), priority: reader.varint() };
    }
    case "voteRequest": {
      const lastIndex = reader.varint();
      return { kind, term, lastIndex, lastTerm: reader.varint(), transfer: reader.boolean() };
    }
    case "preVoteResponse":
    case "voteResponse":
      return { kind, term, granted: reader.boolean() };
    case "appendRequest":
      return readAppend(term, reader);
    case "appendResponse":
      return { kind, term, matchIndex: reader.varint() };
    case "appendRefusal": {
      const previousIndex = reader.varint();
      const hintIndex = reader.varint();
      return { kind, term, previousIndex, hintIndex, hintTerm: reader.varint() };
    }
    case "heartbeatRequest": {
      const commitIndex = reader.varint();
      return { kind, term, commitIndex, round: reader.varint() };
    }
    case "heartbeatResponse": {
      const round = reader.varint();
      return { kind, term, round, priority: reader.varint() };
    }
    case "commitNotice":
      return { kind, term, commitIndex: reader.varint() };
    case "readRequest":
    case "readRefusal":
      return { kind, term, request: reader.varint() };
    case "readResponse": {
      const request = reader.varint();
      return { kind, term, request, index: reader.varint() };
    }
    case "timeoutNow":
      return { kind, term };
  }
}

function encodeAppend(message: MessageOf<"appendRequest">): Uint8Array {
  const { term, previousIndex, previousTerm, commitIndex, entries } = message;
  let size = 1 + varintSize(term) + varintSize(previousIndex) + varintSize(previousTerm);
  size += varintSize(commitIndex) + varintSize(entries.length);
  for (const entry of entries) {
    const length = entry.payload.length;
    size += 1 + varintSize(entry.epoch) + varintSize(length) + length;
  }
  const writer = new ByteWriter(size);
  writer.byte(numbers.appendRequest);
  writer.varint(term);
  writer.varint(previousIndex);
  writer.varint(previousTerm);
  writer.varint(commitIndex);
  writer.varint(entries.length);
  for (const entry of entries) {
    writer.byte(entryKinds.indexOf(entry.kind));
    writer.varint(entry.epoch);
    writer.bytes(entry.payload);
  }
  return writer.finish();
}

function readAppend(term: number, reader: ByteReader): RaftMessage {
  const previousIndex = reader.varint();
  const previousTerm = reader.varint();
  const commitIndex = reader.varint();
  const count = reader.count(3);
  if (!Number.isSafeInteger(previousIndex + count)) {
    throw new MalformedMessage("an index is too large");
  }
  const entries: Entry[] = [];
  let lastEpoch = previousTerm;
  for (let i = 1; i <= count; i++) {
    const kind = entryKinds[reader.byte()];
    if (kind === undefined) throw new MalformedMessage("no such kind of entry");
    const epoch = reader.varint();
    if (epoch < lastEpoch || epoch > term) throw new MalformedMessage("an entry's term is wrong");
    lastEpoch = epoch;
    const payload = reader.bytes();
    if (kind === "membership") decodeMembershipEntry(payload);
    entries.push({ index: previousIndex + i, epoch, proposer: "", kind, payload });
  }
  return { kind: "appendRequest", term, previousIndex, previousTerm, commitIndex, entries };
}
