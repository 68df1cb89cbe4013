// What members tell the cluster about themselves, and how it is written: into the log by who publishes or
// forgets a member, and into the meta of the state's point.

import { ByteReader, ByteWriter, MalformedBytes } from "@althing/bytes";
import type { MemberId } from "@althing/consensus";

/** A member's name, its addresses and the identity of its disk. */
export interface MemberRecord {
  readonly member: MemberId;
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  /**
   * Drawn when the data directory was created; "": it was added and has not started yet. A member that
   * comes back with another one has lost its votes and is refused (corpus: reformatted-node-forgets-promise).
   */
  readonly incarnation: string;
  /** Added to vote, it follows as a learner until it has caught up; then the leader promotes it. */
  readonly votesWhenReady?: true;
}

export type RosterChange =
  | ({ readonly kind: "publishMember" } & MemberRecord)
  /** It left: what it published is forgotten. */
  | { readonly kind: "removeMember"; readonly member: MemberId };

const kinds = ["removeMember", "publishMember", "publishFutureVoter"] as const;

export function encodeRosterChange(change: RosterChange): Uint8Array {
  const writer = new ByteWriter(256);
  if (change.kind === "removeMember") {
    writer.u8(kinds.indexOf("removeMember"));
    writer.byteString(change.member);
  } else writeRecord(writer, change);
  return writer.written();
}

/** Undefined: it is of a later version, or no change of a roster. */
export function decodeRosterChange(bytes: Uint8Array): RosterChange | undefined {
  try {
    const reader = new ByteReader(bytes);
    const change = readChange(reader);
    reader.expectEnd();
    return change;
  } catch (error) {
    if (error instanceof MalformedBytes) return undefined;
    throw error;
  }
}

export function writeRecord(writer: ByteWriter, record: MemberRecord): void {
  writer.u8(kinds.indexOf(record.votesWhenReady ? "publishFutureVoter" : "publishMember"));
  writer.byteString(record.member);
  writeText(writer, record.name);
  writeTexts(writer, record.peerUrls);
  writeTexts(writer, record.clientUrls);
  writeText(writer, record.incarnation);
}

/** Throws `MalformedBytes`. */
export function readChange(reader: ByteReader): RosterChange {
  const kind = kinds[reader.u8()];
  if (kind === undefined) throw new MalformedBytes("no known change of a roster");
  const member = reader.byteString();
  if (kind === "removeMember") return { kind, member };
  return {
    kind: "publishMember",
    member,
    name: readText(reader),
    peerUrls: readTexts(reader),
    clientUrls: readTexts(reader),
    incarnation: readText(reader),
    ...(kind === "publishFutureVoter" && { votesWhenReady: true as const }),
  };
}

/** UTF-16 code units. */
function writeText(writer: ByteWriter, text: string): void {
  writer.varint(text.length);
  for (let place = 0; place < text.length; place++) writer.varint(text.charCodeAt(place));
}

function readText(reader: ByteReader): string {
  let text = "";
  for (let left = reader.count(1); left > 0; left--) {
    const unit = reader.varint();
    if (unit > 0xffff) throw new MalformedBytes("a text has a unit beyond 16 bits");
    text += String.fromCharCode(unit);
  }
  return text;
}

function writeTexts(writer: ByteWriter, texts: readonly string[]): void {
  writer.varint(texts.length);
  for (const text of texts) writeText(writer, text);
}

function readTexts(reader: ByteReader): string[] {
  const texts: string[] = [];
  for (let left = reader.count(1); left > 0; left--) texts.push(readText(reader));
  return texts;
}
