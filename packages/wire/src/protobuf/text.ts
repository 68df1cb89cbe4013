// Bytes to strings and back without any platform: UTF-8 (strict), latin1 (one unit per byte, how keys
// travel) and base64 (how JSON carries bytes). A platform with faster primitives installs them once.

import { WireError } from "./errors.ts";

export interface TextPrimitives {
  decodeLatin1(bytes: Uint8Array, start: number, end: number): string;
  /** Writes one byte per UTF-16 unit at `offset`; the caller has made room. */
  encodeLatin1(text: string, into: Uint8Array, offset: number): void;
  /** Throws WireError "utf8Invalid". */
  decodeUtf8(bytes: Uint8Array, start: number, end: number): string;
  encodeBase64(bytes: Uint8Array): string;
}

const pieceUnits = 8192;

export const portableText: TextPrimitives = {
  decodeLatin1(bytes, start, end) {
    if (end - start <= pieceUnits) {
      return String.fromCharCode.apply(null, bytes.subarray(start, end) as unknown as number[]);
    }
    let text = "";
    for (let at = start; at < end; at += pieceUnits) {
      const piece = bytes.subarray(at, Math.min(end, at + pieceUnits));
      text += String.fromCharCode.apply(null, piece as unknown as number[]);
    }
    return text;
  },
  encodeLatin1(text, into, offset) {
    for (let i = 0; i < text.length; i++) into[offset + i] = text.charCodeAt(i);
  },
  decodeUtf8(bytes, start, end) {
    let text = "";
    for (let at = start; at < end; ) {
      const point = codePointAt(bytes, at, end);
      at += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
      text += String.fromCodePoint(point);
    }
    return text;
  },
  encodeBase64: (bytes) => portableBase64(bytes),
};

let installed: TextPrimitives = portableText;

/** Replaces the primitives for the whole process; results must be the same as the portable ones. */
export function installTextPrimitives(primitives: TextPrimitives): void {
  installed = primitives;
}

/** Below this length a loop in JavaScript beats the call into the platform. */
const shortUnits = 24;

export function decodeLatin1(bytes: Uint8Array, start: number, end: number): string {
  return installed.decodeLatin1(bytes, start, end);
}

export function encodeLatin1(text: string, into: Uint8Array, offset: number): void {
  const length = text.length;
  if (length > shortUnits) {
    installed.encodeLatin1(text, into, offset);
    return;
  }
  for (let i = 0; i < length; i++) into[offset + i] = text.charCodeAt(i);
}

export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  return installed.decodeUtf8(bytes, start, end);
}

export function latin1ToBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  encodeLatin1(text, bytes, 0);
  return bytes;
}

/** A lone surrogate becomes U+FFFD, so that the output is always valid. */
export function utf8ToBytes(text: string): Uint8Array {
  let size = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) size += 1;
    else if (unit < 0x800) size += 2;
    else if (isPair(text, i)) {
      size += 4;
      i++;
    } else size += 3;
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    let point = text.charCodeAt(i);
    if (isPair(text, i)) {
      point = 0x10000 + ((point & 0x3ff) << 10) + (text.charCodeAt(++i) & 0x3ff);
    } else if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd;
    if (point < 0x80) bytes[at++] = point;
    else {
      if (point < 0x800) bytes[at++] = 0xc0 | (point >> 6);
      else {
        if (point < 0x10000) bytes[at++] = 0xe0 | (point >> 12);
        else {
          bytes[at++] = 0xf0 | (point >> 18);
          bytes[at++] = 0x80 | ((point >> 12) & 0x3f);
        }
        bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
      }
      bytes[at++] = 0x80 | (point & 0x3f);
    }
  }
  return bytes;
}

function isPair(text: string, at: number): boolean {
  const high = text.charCodeAt(at);
  if (high < 0xd800 || high > 0xdbff || at + 1 >= text.length) return false;
  const low = text.charCodeAt(at + 1);
  return low >= 0xdc00 && low <= 0xdfff;
}

function codePointAt(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return first;
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + size > end) throw invalidUtf8();
  let point = first & (0x7f >> size);
  for (let i = 1; i < size; i++) {
    const next = bytes[at + i]!;
    if ((next & 0xc0) !== 0x80) throw invalidUtf8();
    point = (point << 6) | (next & 0x3f);
  }
  const least = size === 2 ? 0x80 : size === 3 ? 0x800 : 0x10000;
  if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
    throw invalidUtf8();
  }
  return point;
}

function invalidUtf8(): WireError {
  return new WireError("utf8Invalid", "string field contains invalid UTF-8");
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const base64Values = new Int8Array(128).fill(-1);
for (let i = 0; i < 64; i++) base64Values[alphabet.charCodeAt(i)] = i;
// The URL alphabet is accepted too, as proto3's JSON mapping asks.
base64Values["-".charCodeAt(0)] = 62;
base64Values["_".charCodeAt(0)] = 63;

export function encodeBase64(bytes: Uint8Array): string {
  return installed.encodeBase64(bytes);
}

function portableBase64(bytes: Uint8Array): string {
  const pieces: string[] = [];
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group =
      (bytes[i]! << 16) | ((left > 1 ? bytes[i + 1]! : 0) << 8) | (left > 2 ? bytes[i + 2]! : 0);
    text += alphabet[group >> 18];
    text += alphabet[(group >> 12) & 63];
    text += left > 1 ? alphabet[(group >> 6) & 63] : "=";
    text += left > 2 ? alphabet[group & 63] : "=";
    if (text.length > pieceUnits) {
      pieces.push(text);
      text = "";
    }
  }
  pieces.push(text);
  return pieces.join("");
}

/** Padding may be left out; anything else malformed is refused. */
export function decodeBase64(text: string): Uint8Array {
  let length = text.length;
  if (length % 4 === 0) {
    if (text.endsWith("==")) length -= 2;
    else if (text.endsWith("=")) length -= 1;
  }
  if (length % 4 === 1) throw new WireError("jsonInvalid", "illegal base64 data");
  const bytes = new Uint8Array((length * 3) >> 2);
  let at = 0;
  let bits = 0;
  let held = 0;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    const value = unit < 128 ? base64Values[unit]! : -1;
    if (value < 0) throw new WireError("jsonInvalid", `illegal base64 data at input byte ${i}`);
    held = ((held << 6) | value) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >> bits) & 0xff;
    }
  }
  return bytes;
}
