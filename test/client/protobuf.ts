// A small table-driven protobuf codec for tests. It is written apart from the product's codecs on
// purpose: the two must agree on real bytes, so neither can be wrong alone.
//
// Decoding leaves out fields at their default, so two answers are equal when they mean the same.

export type FieldType = "bytes" | "string" | "int64" | "uint64" | "bool" | "enum" | Schema;

export interface Field {
  readonly number: number;
  readonly name: string;
  readonly type: FieldType;
  readonly isRepeated?: boolean;
}

export interface Schema {
  readonly name: string;
  readonly fields: readonly Field[];
}

export type Message = { readonly [name: string]: unknown };

export function encode(schema: Schema, message: Message): Uint8Array {
  const bytes: number[] = [];
  write(bytes, schema, message);
  return Uint8Array.from(bytes);
}

export function decode(schema: Schema, bytes: Uint8Array): Message {
  const message: Record<string, unknown> = {};
  const reader = { bytes, at: 0 };
  while (reader.at < bytes.length) {
    const tag = Number(readVarint(reader));
    const wireType = tag & 7;
    const field = schema.fields.find((candidate) => candidate.number === tag >>> 3);
    if (field === undefined) throw new Error(`${schema.name} has no field ${tag >>> 3}`);
    const expected = isLengthDelimited(field.type) ? 2 : 0;
    if (wireType === 2 && expected === 0 && field.isRepeated) {
      const end = Number(readVarint(reader)) + reader.at;
      while (reader.at < end) put(message, field, scalar(field.type, readVarint(reader)));
      continue;
    }
    if (wireType !== expected) {
      throw new Error(`${schema.name}.${field.name} has wire type ${wireType}`);
    }
    if (expected === 0) {
      put(message, field, scalar(field.type, readVarint(reader)));
      continue;
    }
    const length = Number(readVarint(reader));
    const part = bytes.subarray(reader.at, reader.at + length);
    if (part.length !== length) throw new Error(`${schema.name}.${field.name} is cut short`);
    reader.at += length;
    if (field.type === "bytes") put(message, field, Buffer.from(part).toString("latin1"));
    else if (field.type === "string") put(message, field, Buffer.from(part).toString("utf8"));
    else put(message, field, decode(field.type as Schema, part));
  }
  return message;
}

function put(message: Record<string, unknown>, field: Field, value: unknown): void {
  if (field.isRepeated) {
    const list = (message[field.name] ?? []) as unknown[];
    list.push(value);
    message[field.name] = list;
  } else if (value !== 0 && value !== false && value !== "") {
    message[field.name] = value;
  }
}

function write(bytes: number[], schema: Schema, message: Message): void {
  for (const name of Object.keys(message)) {
    if (!schema.fields.some((field) => field.name === name)) {
      throw new Error(`${schema.name} has no field ${name}`);
    }
  }
  for (const field of schema.fields) {
    const value = message[field.name];
    if (value === undefined) continue;
    for (const item of field.isRepeated ? (value as unknown[]) : [value]) {
      writeField(bytes, field, item);
    }
  }
}

function writeField(bytes: number[], field: Field, value: unknown): void {
  if (!isLengthDelimited(field.type)) {
    writeVarint(bytes, field.number * 8);
    writeVarint(bytes, BigInt(value as number | bigint | boolean));
    return;
  }
  let part: ArrayLike<number>;
  if (field.type === "bytes") part = toBytes(value as string | Uint8Array);
  else if (field.type === "string") part = Buffer.from(value as string, "utf8");
  else part = encode(field.type as Schema, value as Message);
  writeVarint(bytes, field.number * 8 + 2);
  writeVarint(bytes, part.length);
  for (let i = 0; i < part.length; i++) bytes.push(part[i] ?? 0);
}

/** Bytes are latin1 strings in tests: one character per byte, readable when they differ. */
function toBytes(value: string | Uint8Array): Uint8Array {
  return typeof value === "string" ? Buffer.from(value, "latin1") : value;
}

function isLengthDelimited(type: FieldType): boolean {
  return typeof type !== "string" || type === "bytes" || type === "string";
}

function scalar(type: FieldType, raw: bigint): number | bigint | boolean {
  if (type === "bool") return raw !== 0n;
  if (type === "uint64") return narrow(raw);
  return narrow(BigInt.asIntN(64, raw));
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function readVarint(reader: { readonly bytes: Uint8Array; at: number }): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = reader.bytes[reader.at++];
    if (byte === undefined) break;
    value |= BigInt(byte & 0x7f) << shift;
    if ((byte & 0x80) === 0) return value;
  }
  throw new Error("a varint is cut short");
}

function writeVarint(bytes: number[], value: number | bigint): void {
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
}
