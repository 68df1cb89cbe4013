// Bytes of Raft messages: a kind byte, then the fields as varints. An append message is written
// into one buffer of exactly its size; decoding checks all that can be checked without state.

import { ByteReader, ByteWriter, varintSize } from "@althing/bytes";
import { entriesSize, readEntries, writeEntries } from "../encoding/entries.ts";
import { kindReader } from "../encoding/message-kinds.ts";
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
const readKind = kindReader(numbers);

export function encodeMessage(message: RaftMessage): Uint8Array {
  if (message.kind === "appendRequest") return encodeAppend(message);
  const writer = new ByteWriter(48);
  writer.u8(numbers[message.kind]);
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
  return writer.written();
}

/** Throws `MalformedBytes`. Payloads are views of `bytes`. */
export function decodeMessage(bytes: Uint8Array): RaftMessage {
  const reader = new ByteReader(bytes);
  const kind = readKind(reader);
  const message = readMessage(kind, reader.varint(), reader);
  reader.expectEnd();
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
  size += varintSize(commitIndex) + entriesSize(entries);
  const writer = new ByteWriter(size);
  writer.u8(numbers.appendRequest);
  writer.varint(term);
  writer.varint(previousIndex);
  writer.varint(previousTerm);
  writer.varint(commitIndex);
  writeEntries(writer, entries);
  return writer.written();
}

function readAppend(term: number, reader: ByteReader): RaftMessage {
  const previousIndex = reader.varint();
  const previousTerm = reader.varint();
  const commitIndex = reader.varint();
  const entries = readEntries(reader, previousIndex, { least: previousTerm, most: term });
  return { kind: "appendRequest", term, previousIndex, previousTerm, commitIndex, entries };
}
