// Messages between members as bytes, for a real transport: one byte of kind, then lean fields. What is
// decoded is well formed; anything else ends in `MalformedPeerMessage`, and byte strings are views. The
// kinds from 10 to 31 are the service's, which reads and writes them itself.

import { decodeLogPoint, encodeLogPoint, type Protocol } from "@althing/consensus";
import type { PeerMessage } from "./ports.ts";

export class MalformedPeerMessage extends Error {
  readonly code = "malformedPeerMessage";
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "MalformedPeerMessage";
  }
}

const KINDS = [
  "protocol",
  "forward",
  "forwardRejected",
  "stateHash",
  "snapshotBegin",
  "snapshotChunk",
  "snapshotAck",
  "adminForward",
  "adminDone",
] as const;

type Kind = (typeof KINDS)[number];

const KIND_BYTES: Record<Kind, number> = {
  protocol: 1,
  forward: 2,
  forwardRejected: 3,
  stateHash: 4,
  snapshotBegin: 5,
  snapshotChunk: 6,
  snapshotAck: 7,
  adminForward: 8,
  adminDone: 9,
};
const SERVICE_FIRST = 10;
const SERVICE_LAST = 31;

export function encodePeerMessage(protocol: Protocol, message: PeerMessage): Uint8Array {
  switch (message.kind) {
    case "protocol": {
      const body = protocol.encodeMessage(message.message);
      const bytes = new Uint8Array(1 + body.length);
      bytes[0] = KIND_BYTES.protocol;
      bytes.set(body, 1);
      return bytes;
    }
    case "forward":
      return encodeForward(message.payloads);
    case "service":
      return message.bytes;
    default: {
      const writer = new Writer(message.kind === "snapshotChunk" ? message.bytes.length + 32 : 128);
      writer.byte(KIND_BYTES[message.kind]);
      encodeFields(writer, message);
      return writer.finish();
    }
  }
}

/** Throws `MalformedPeerMessage` and nothing else. */
export function decodePeerMessage(protocol: Protocol, bytes: Uint8Array): PeerMessage {
  const number = bytes[0] ?? 0;
  if (number >= SERVICE_FIRST && number <= SERVICE_LAST) return { kind: "service", bytes };
  const kind = KINDS[number - 1];
  if (kind === undefined) throw new MalformedPeerMessage("the message is of no known kind");
  try {
    if (kind === "protocol") {
      return { kind, message: protocol.decodeMessage(bytes.subarray(1)) };
    }
    const reader = new Reader(bytes, 1);
    const message = decodeFields(kind, reader);
    reader.end();
    return message;
  } catch (cause) {
    if (cause instanceof MalformedPeerMessage) throw cause;
    throw new MalformedPeerMessage(`the ${kind} message is malformed`, { cause });
  }
}

/** The hot one: the exact size is known. */
function encodeForward(payloads: readonly Uint8Array[]): Uint8Array {
  let size = 6;
  for (const payload of payloads) size += payload.length + 5;
  const writer = new Writer(size);
  writer.byte(KIND_BYTES.forward);
  writer.number(payloads.length);
  for (const payload of payloads) writer.bytes(payload);
  return writer.finish();
}

function encodeFields(
  writer: Writer,
  message: Exclude<PeerMessage, { kind: "protocol" | "forward" | "service" }>,
): void {
  switch (message.kind) {
    case "forwardRejected":
      writer.text(message.reason);
      writer.number(message.session);
      writer.number(message.requests.length);
      for (const request of message.requests) writer.number(request);
      writer.text(message.leaderHint ?? "");
      return;
    case "stateHash":
      writer.number(message.index);
      writer.number(message.hash);
      return;
    case "snapshotBegin":
      writer.number(message.stream);
      writer.number(message.epoch);
      writer.bytes(encodeLogPoint(message.point));
      return;
    case "snapshotChunk":
      writer.number(message.stream);
      writer.number(message.sequence);
      writer.byte(message.last ? 1 : 0);
      writer.bytes(message.bytes);
      return;
    case "snapshotAck":
      writer.number(message.stream);
      writer.number(message.next);
      writer.text(message.refused);
      return;
    case "adminForward":
      writer.number(message.session);
      writer.number(message.request);
      writer.bytes(message.body);
      return;
    case "adminDone":
      writer.number(message.session);
      writer.number(message.request);
      writer.text(message.code);
      writer.byte(message.unknown ? 1 : 0);
  }
}

function decodeFields(kind: Exclude<Kind, "protocol">, reader: Reader): PeerMessage {
  switch (kind) {
    case "forward": {
      const payloads: Uint8Array[] = [];
      for (let left = reader.count(); left > 0; left--) payloads.push(reader.bytes());
      return { kind, payloads };
    }
    case "forwardRejected": {
      const reason = reader.text();
      const session = reader.number();
      const requests: number[] = [];
      for (let left = reader.count(); left > 0; left--) requests.push(reader.number());
      const hint = reader.text();
      return { kind, reason, session, requests, leaderHint: hint === "" ? undefined : hint };
    }
    case "stateHash":
      return { kind, index: reader.number(), hash: reader.number() };
    case "snapshotBegin":
      return {
        kind,
        stream: reader.number(),
        epoch: reader.number(),
        point: decodeLogPoint(reader.bytes()),
      };
    case "snapshotChunk": {
      const stream = reader.number();
      const sequence = reader.number();
      const last = reader.boolean();
      return { kind, stream, sequence, last, bytes: reader.bytes() };
    }
    case "snapshotAck":
      return { kind, stream: reader.number(), next: reader.number(), refused: reader.text() };
    case "adminForward": {
      const session = reader.number();
      return { kind, session, request: reader.number(), body: reader.bytes() };
    }
    case "adminDone": {
      const session = reader.number();
      const request = reader.number();
      const code = reader.text();
      return { kind, session, request, code, unknown: reader.boolean() };
    }
  }
}

class Writer {
  #bytes: Uint8Array;
  #at = 0;

  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = value;
  }

  /** A safe integer >= 0, seven bits a byte, the lowest first. */
  number(value: number): void {
    this.#room(8);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#at++] = rest;
  }

  bytes(value: Uint8Array): void {
    this.number(value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** UTF-16 code units: identifiers and short reasons. */
  text(value: string): void {
    this.number(value.length);
    for (let place = 0; place < value.length; place++) this.number(value.charCodeAt(place));
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  #room(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + size));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  boolean(): boolean {
    const value = this.#byte();
    if (value > 1) throw new MalformedPeerMessage("a boolean is 0 or 1");
    return value === 1;
  }

  number(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 8; count++) {
      const next = this.#byte();
      value += (next & 0x7f) * scale;
      if (next < 0x80) {
        if (Number.isSafeInteger(value)) return value;
        break;
      }
      scale *= 128;
    }
    throw new MalformedPeerMessage("a number is too large");
  }

  /** Of things that take at least a byte each: junk cannot ask for memory. */
  count(): number {
    const count = this.number();
    if (count > this.#bytes.length - this.#at) {
      throw new MalformedPeerMessage("a count is larger than the message");
    }
    return count;
  }

  bytes(): Uint8Array {
    const length = this.count();
    const start = this.#at;
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }

  text(): string {
    let text = "";
    for (let left = this.count(); left > 0; left--) {
      const unit = this.number();
      if (unit > 0xffff) throw new MalformedPeerMessage("a text has a unit beyond 16 bits");
      text += String.fromCharCode(unit);
    }
    return text;
  }

  end(): void {
    if (this.#at !== this.#bytes.length) {
      throw new MalformedPeerMessage("the message has bytes after its end");
    }
  }

  #byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw new MalformedPeerMessage("the message ends too early");
    this.#at++;
    return value;
  }
}
