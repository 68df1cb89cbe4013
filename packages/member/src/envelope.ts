// What travels as the payload of a command entry: a fixed header, then the command's bytes. The
// origin allocates it once; the leader writes its wall clock into the fixed-width slot just before
// it proposes, in place, so that no copy is made on the way. Nobody writes to it after that.
//
//   0      version
//   1..7   session: 53 random bits per start of a member, whose answer this is
//   8..13  request number within the session
//   14..19 leader time, milliseconds
//   20..   command

export const ENVELOPE_VERSION = 1;
export const ENVELOPE_HEADER_BYTES = 20;

const SESSION_AT = 1;
const REQUEST_AT = 8;
const TIME_AT = 14;
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

  wrap(request: number, command: Uint8Array): Uint8Array {
    const length = ENVELOPE_HEADER_BYTES + command.length;
    const envelope = length <= SHARED_BYTES_MAX ? this.#take(length) : new Uint8Array(length);
    envelope[0] = ENVELOPE_VERSION;
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

/** Whether this member can apply it. A leader proposes nothing else for others. */
export function isEnvelope(payload: Uint8Array): boolean {
  return payload.length >= ENVELOPE_HEADER_BYTES && payload[0] === ENVELOPE_VERSION;
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
  return envelope.subarray(ENVELOPE_HEADER_BYTES);
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
