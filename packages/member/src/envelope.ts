// What travels as the payload of a command entry: a fixed header, then the command's bytes. The
// origin allocates it once; the leader writes its wall clock and its fence into the fixed-width slots
// just before it proposes, in place, so that no copy is made on the way. Nobody writes to it after that.
//
//   0      version
//   1..7   session: 53 random bits per start of a member, whose answer this is
//   8..13  request number within the session
//   14..19 leader time, milliseconds
//   20..25 fence: where the lead stands in the log in which it counts (fences.ts); 0: it always does
//   26..   command
//
// Version 1 has no fence, and is read as if it were 0. Version 3 is as 2, and what it carries is no command
// of the state machine's but a change of the roster, the member's own. What begins with `FENCE` is a fence.

import { ByteReader, ByteWriter } from "@althing/bytes";
import type { Epoch, MemberId } from "@althing/consensus";

/** A leader and its epoch: in Paxos a ballot. */
export interface Lead {
  readonly epoch: Epoch;
  readonly proposer: MemberId;
}

export const ENVELOPE_VERSION = 2;
export const ENVELOPE_HEADER_BYTES = 26;

const ROSTER_VERSION = 3;
const UNFENCED_VERSION = 1;
const UNFENCED_HEADER_BYTES = 20;
const FENCE = 255;

const SESSION_AT = 1;
const REQUEST_AT = 8;
const TIME_AT = 14;
const FENCE_AT = 20;
const LOW = 2 ** 32;

/** Commands up to this size share a slab: one allocation for many proposals of one burst. */
const SHARED_BYTES_MAX = 4096;
const SLAB_BYTES = 64 * 1024;

/** Requests are numbered below this, so that a number fits its slot. */
export const REQUEST_LIMIT = 2 ** 48;

export class EnvelopeWriter {
  readonly session: number;
  #slab: Uint8Array = new Uint8Array(0);
  #used = 0;

  constructor(random: () => number) {
    this.session = Math.floor(random() * Number.MAX_SAFE_INTEGER);
  }

  wrap(request: number, command: Uint8Array, isRosterChange = false): Uint8Array {
    const length = ENVELOPE_HEADER_BYTES + command.length;
    const envelope = length <= SHARED_BYTES_MAX ? this.#take(length) : new Uint8Array(length);
    envelope[0] = isRosterChange ? ROSTER_VERSION : ENVELOPE_VERSION;
    writeSession(envelope, this.session);
    write48(envelope, REQUEST_AT, request);
    envelope.set(command, ENVELOPE_HEADER_BYTES);
    return envelope;
  }

  #take(length: number): Uint8Array {
    if (this.#used + length > this.#slab.length) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used = start + length;
    return this.#slab.subarray(start, start + length);
  }
}

/** What a leader can stamp. It proposes nothing else for others. */
export function isEnvelope(payload: Uint8Array): boolean {
  if (payload.length < ENVELOPE_HEADER_BYTES) return false;
  return payload[0] === ENVELOPE_VERSION || payload[0] === ROSTER_VERSION;
}

/** Of a readable one: what it carries is a change of the roster. */
export function isRosterChange(envelope: Uint8Array): boolean {
  return envelope[0] === ROSTER_VERSION;
}

/** Whether this member can apply it. */
export function isReadable(payload: Uint8Array): boolean {
  return isEnvelope(payload) || isUnfenced(payload);
}

function isUnfenced(payload: Uint8Array): boolean {
  return payload.length >= UNFENCED_HEADER_BYTES && payload[0] === UNFENCED_VERSION;
}

export function writeFence(envelope: Uint8Array, index: number): void {
  write48(envelope, FENCE_AT, index);
}

/** 0: whichever lead is in force, it counts. */
export function fenceOf(envelope: Uint8Array): number {
  return envelope[0] === UNFENCED_VERSION ? 0 : read48(envelope, FENCE_AT);
}

/** By whom and in which epoch the log is led from here on. */
export function fencePayload({ epoch, proposer }: Lead): Uint8Array {
  const writer = new ByteWriter(32);
  writer.u8(FENCE);
  writer.varint(epoch);
  writer.byteString(proposer);
  return writer.written();
}

/** Undefined: the payload is no fence. */
export function leadOf(payload: Uint8Array): Lead | undefined {
  if (payload[0] !== FENCE) return undefined;
  const reader = new ByteReader(payload.subarray(1));
  const lead = { epoch: reader.varint(), proposer: reader.byteString() };
  reader.expectEnd();
  return lead;
}

export function writeLeaderTime(envelope: Uint8Array, timeMs: number): void {
  write48(envelope, TIME_AT, timeMs);
}

export function sessionOf(envelope: Uint8Array): number {
  const high =
    envelope[SESSION_AT + 4]! |
    (envelope[SESSION_AT + 5]! << 8) |
    (envelope[SESSION_AT + 6]! << 16);
  return high * LOW + read32(envelope, SESSION_AT);
}

export function requestOf(envelope: Uint8Array): number {
  return read48(envelope, REQUEST_AT);
}

export function leaderTimeOf(envelope: Uint8Array): number {
  return read48(envelope, TIME_AT);
}

/** A view, not a copy. */
export function commandOf(envelope: Uint8Array): Uint8Array {
  const isOld = envelope[0] === UNFENCED_VERSION;
  return envelope.subarray(isOld ? UNFENCED_HEADER_BYTES : ENVELOPE_HEADER_BYTES);
}

function writeSession(bytes: Uint8Array, session: number): void {
  const high = Math.floor(session / LOW);
  write32(bytes, SESSION_AT, session >>> 0);
  bytes[SESSION_AT + 4] = high & 0xff;
  bytes[SESSION_AT + 5] = (high >>> 8) & 0xff;
  bytes[SESSION_AT + 6] = (high >>> 16) & 0xff;
}

function write48(bytes: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / LOW);
  write32(bytes, at, value >>> 0);
  bytes[at + 4] = high & 0xff;
  bytes[at + 5] = (high >>> 8) & 0xff;
}

function read48(bytes: Uint8Array, at: number): number {
  return (bytes[at + 4]! | (bytes[at + 5]! << 8)) * LOW + read32(bytes, at);
}

function write32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value & 0xff;
  bytes[at + 1] = (value >>> 8) & 0xff;
  bytes[at + 2] = (value >>> 16) & 0xff;
  bytes[at + 3] = (value >>> 24) & 0xff;
}

function read32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}
