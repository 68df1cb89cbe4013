// The frames that carry no message, as this server sends them.

import { type ErrorCode, flag, frameType } from "./codes.ts";
import type { Output } from "./output.ts";

export const pingBytes = 8;
const nothing = Buffer.alloc(pingBytes);

export function sendSettings(output: Output, settings: readonly (readonly [number, number])[]) {
  output.frameHeader(settings.length * 6, frameType.settings, 0, 0);
  for (const [name, value] of settings) {
    output.uint16(name);
    output.uint32(value);
  }
}

export function acknowledgeSettings(output: Output): void {
  output.frameHeader(0, frameType.settings, flag.ack, 0);
}

export function sendPing(output: Output): void {
  output.frameHeader(pingBytes, frameType.ping, 0, 0);
  output.copy(nothing, 0, pingBytes);
}

export function answerPing(output: Output, bytes: Uint8Array, start: number, end: number): void {
  output.frameHeader(pingBytes, frameType.ping, flag.ack, 0);
  output.copy(bytes, start, end);
}

export function sendWindowUpdate(output: Output, streamId: number, credit: number): void {
  output.frameHeader(4, frameType.windowUpdate, 0, streamId);
  output.uint32(credit);
}

export function sendReset(output: Output, streamId: number, code: ErrorCode): void {
  output.frameHeader(4, frameType.resetStream, 0, streamId);
  output.uint32(code);
}

export function sendGoAway(
  output: Output,
  lastStreamId: number,
  code: ErrorCode,
  message: string,
): void {
  const debug = Buffer.from(message, "latin1");
  output.frameHeader(8 + debug.length, frameType.goAway, 0, 0);
  output.uint32(lastStreamId);
  output.uint32(code);
  output.copy(debug, 0, debug.length);
}
