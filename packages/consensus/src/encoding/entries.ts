// Bytes of entries, as messages carry them: a kind byte, the epoch where it may differ from entry to
// entry, the payload. Which index an entry has is told by its place.

import { type ByteReader, ByteWriter, MalformedBytes, varintSize } from "@althing/bytes";
import type { Entry, EntryKind, Epoch, Index } from "../contract.ts";
import { decodeMembershipEntry } from "../membership/codec.ts";

/** The bytes of kinds are their places. */
const kinds: readonly EntryKind[] = ["noop", "command", "membership"];

/** A stretch of a gapless log, with its count: into a buffer of exactly its size. */
export function encodeEntries(entries: readonly Entry[]): Uint8Array {
  const writer = new ByteWriter(entriesSize(entries));
  writeEntries(writer, entries);
  return writer.written();
}

export function entriesSize(entries: readonly Entry[]): number {
  let size = varintSize(entries.length);
  for (const { epoch, payload } of entries) {
    size += 1 + varintSize(epoch) + varintSize(payload.length) + payload.length;
  }
  return size;
}

export function writeEntries(writer: ByteWriter, entries: readonly Entry[]): void {
  writer.varint(entries.length);
  for (const { kind, epoch, payload } of entries) {
    writeEntryKind(writer, kind);
    writer.varint(epoch);
    writer.block(payload);
  }
}

/** Those that follow on `previousIndex`. Along a log epochs never fall, nor are they from the future. */
export function readEntries(
  reader: ByteReader,
  previousIndex: Index,
  epochs: { readonly least: Epoch; readonly most: Epoch },
): Entry[] {
  const count = reader.count(3);
  if (!Number.isSafeInteger(previousIndex + count)) {
    throw new MalformedBytes("an index is too large");
  }
  const entries: Entry[] = [];
  let lastEpoch = epochs.least;
  for (let i = 1; i <= count; i++) {
    const kind = readEntryKind(reader);
    const epoch = reader.varint();
    if (epoch < lastEpoch || epoch > epochs.most) {
      throw new MalformedBytes("the epoch of an entry is wrong");
    }
    lastEpoch = epoch;
    const payload = readPayload(reader, kind);
    entries.push({ index: previousIndex + i, epoch, proposer: "", kind, payload });
  }
  return entries;
}

export function writeEntryKind(writer: ByteWriter, kind: EntryKind): void {
  writer.u8(kinds.indexOf(kind));
}

export function readEntryKind(reader: ByteReader): EntryKind {
  const kind = kinds[reader.u8()];
  if (kind === undefined) throw new MalformedBytes("no such kind of entry");
  return kind;
}

/** A view of the message's bytes. A membership is well formed. */
export function readPayload(reader: ByteReader, kind: EntryKind): Uint8Array {
  const payload = reader.block();
  if (kind === "membership") decodeMembershipEntry(payload);
  return payload;
}
