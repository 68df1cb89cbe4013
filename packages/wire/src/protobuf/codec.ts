// The generic codec: a schema compiled once into closures per field. proto3's rules: defaults are not
// written, unknown fields are skipped, repeated numbers are read packed or not, the last value of a
// singular field wins, messages merge, and setting one member of a oneof clears the others. The members of a oneof
// do not merge: like etcd's own codec, and the hand-written ones, the last one counts.

import { WireError } from "./errors.ts";
import type { Reader } from "./reader.ts";
import { Reader as ByteReader, wireBytes, wireVarint } from "./reader.ts";
import type { FieldSpec, MessageInit, MessageOf, Schema } from "./schema.ts";
import { Writer } from "./writer.ts";

type Fields = Record<string, unknown>;

interface CompiledField {
  readonly name: string;
  readonly tag: number;
  readonly repeated: boolean;
  /** Names of the other members of its oneof. */
  readonly siblings: readonly string[];
  readonly packable: boolean;
  readonly initial: unknown;
  /** Reads one value; `previous` is merged into where the value is a message. */
  readonly read: (reader: Reader, previous: unknown) => unknown;
  /** Writes tag and value, default or not. */
  readonly write: (writer: Writer, value: unknown) => void;
  readonly isDefault: (value: unknown) => boolean;
}

interface CompiledMessage {
  readonly byNumber: readonly (CompiledField | undefined)[];
  /** Descending by number: the writer works from the back. */
  readonly descending: readonly CompiledField[];
  create(): Fields;
}

export interface MessageCodec<Message, Init> {
  readonly name: string;
  decode(bytes: Uint8Array): Message;
  /** Writes the fields in front of what the writer holds. */
  write(message: Init, writer: Writer): void;
  encode(message: Init): Uint8Array;
}

export type CodecsOf<S extends Schema> = {
  readonly [N in keyof S["messages"]]: MessageCodec<MessageOf<S, N>, MessageInit<S, N>>;
};

export function compileSchema<S extends Schema>(schema: S): CodecsOf<S> {
  const compiled = new Map<string, CompiledMessage>();
  const compile = (name: string): CompiledMessage => {
    let message = compiled.get(name);
    if (message === undefined) {
      message = compileMessage(schema, name, compile);
      compiled.set(name, message);
    }
    return message;
  };
  const scratch = new Writer();
  const codecs: Record<string, MessageCodec<unknown, unknown>> = {};
  for (const name of Object.keys(schema.messages)) {
    codecs[name] = {
      name,
      decode(bytes) {
        const reader = new ByteReader(bytes);
        return readMessage(compile(name), reader, undefined);
      },
      write(message, writer) {
        writeMessage(compile(name), writer, message as Fields);
      },
      encode(message) {
        scratch.reset();
        writeMessage(compile(name), scratch, message as Fields);
        return scratch.take();
      },
    };
  }
  // The loop above made exactly the keys of the schema's messages; the compiler cannot see it.
  return codecs as CodecsOf<S>;
}

function readMessage(message: CompiledMessage, reader: Reader, previous: unknown): Fields {
  const fields = (previous as Fields | undefined) ?? message.create();
  while (reader.at < reader.end) {
    const tag = reader.tag();
    const field = message.byNumber[tag >>> 3];
    if (field === undefined) reader.skip(tag);
    else if (tag === field.tag) readField(field, reader, fields);
    else if (field.packable && (tag & 7) === wireBytes) readPacked(field, reader, fields);
    else reader.skip(tag);
  }
  if (reader.at !== reader.end) throw new WireError("truncated", "unexpected EOF");
  return fields;
}

function readField(field: CompiledField, reader: Reader, fields: Fields): void {
  if (field.repeated) {
    (fields[field.name] as unknown[]).push(field.read(reader, undefined));
    return;
  }
  for (const sibling of field.siblings) fields[sibling] = undefined;
  const isOneOfSeveral = field.siblings.length > 0;
  fields[field.name] = field.read(reader, isOneOfSeveral ? undefined : fields[field.name]);
}

function readPacked(field: CompiledField, reader: Reader, fields: Fields): void {
  const list = fields[field.name] as unknown[];
  const outer = reader.enter();
  while (reader.at < reader.end) list.push(field.read(reader, undefined));
  reader.leave(outer);
}

function writeMessage(message: CompiledMessage, writer: Writer, fields: Fields): void {
  for (const field of message.descending) {
    const value = fields[field.name];
    if (value === undefined) continue;
    if (!field.repeated) {
      if (!field.isDefault(value)) field.write(writer, value);
      continue;
    }
    const list = value as readonly unknown[];
    if (field.packable) writePacked(field, writer, list);
    else for (let i = list.length - 1; i >= 0; i--) field.write(writer, list[i]);
  }
}

function writePacked(field: CompiledField, writer: Writer, list: readonly unknown[]): void {
  if (list.length === 0) return;
  const mark = writer.mark();
  for (let i = list.length - 1; i >= 0; i--) writer.int(list[i] as number);
  writer.closeMessage((field.tag & ~7) | wireBytes, mark);
}

function compileMessage(
  schema: Schema,
  name: string,
  compile: (name: string) => CompiledMessage,
): CompiledMessage {
  const spec = schema.messages[name]!;
  const fields = Object.entries(spec).map(([field, parts]) =>
    compileField(schema, field, parts, siblingsOf(spec, field), compile),
  );
  const byNumber: (CompiledField | undefined)[] = [];
  for (const field of fields) byNumber[field.tag >>> 3] = field;
  return {
    byNumber,
    descending: [...fields].sort((a, b) => b.tag - a.tag),
    create() {
      const message: Fields = {};
      for (const field of fields) message[field.name] = field.repeated ? [] : field.initial;
      return message;
    },
  };
}

function siblingsOf(spec: { readonly [field: string]: FieldSpec }, field: string): string[] {
  const group = spec[field]![2];
  if (group === undefined || !group.startsWith("oneof:")) return [];
  return Object.keys(spec).filter((other) => other !== field && spec[other]![2] === group);
}

const emptyBytes = new Uint8Array(0);

function compileField(
  schema: Schema,
  name: string,
  [number, type, label]: FieldSpec,
  siblings: string[],
  compile: (name: string) => CompiledMessage,
): CompiledField {
  const repeated = label === "repeated";
  const always = repeated || (label?.startsWith("oneof:") ?? false);
  const field = (
    wire: number,
    initial: unknown,
    read: CompiledField["read"],
    write: (writer: Writer, value: never) => void,
    isDefault: (value: never) => boolean,
  ): CompiledField => {
    const tag = (number << 3) | wire;
    return {
      name,
      tag,
      repeated,
      siblings,
      packable: repeated && wire === wireVarint,
      initial: always ? undefined : initial,
      read,
      write(writer, value) {
        write(writer, value as never);
        writer.tag(tag);
      },
      isDefault: always ? () => false : (isDefault as (value: unknown) => boolean),
    };
  };
  const writeInt = (writer: Writer, value: number) => writer.int(value);
  const writeBig = (writer: Writer, value: bigint) => writer.big(value);
  const isZero = (value: number) => value === 0;
  const isBigZero = (value: bigint) => value === 0n;
  switch (type) {
    case "bool":
      return field(
        wireVarint,
        false,
        (reader) => reader.bool(),
        (writer, value: boolean) => writer.byte(value ? 1 : 0),
        (value: boolean) => !value,
      );
    case "int32":
      return field(wireVarint, 0, (reader) => reader.int32(), writeInt, isZero);
    case "uint32":
      return field(wireVarint, 0, (reader) => reader.uint32(), writeInt, isZero);
    case "int64":
      return field(wireVarint, 0, (reader) => reader.int64(), writeInt, isZero);
    case "uint64":
      return field(wireVarint, 0, (reader) => reader.uint64(), writeInt, isZero);
    case "bigInt64":
      return field(wireVarint, 0n, (reader) => reader.bigInt64(), writeBig, isBigZero);
    case "bigUint64":
      return field(wireVarint, 0n, (reader) => reader.bigUint64(), writeBig, isBigZero);
    case "string":
      return field(
        wireBytes,
        "",
        (reader) => reader.string(),
        (writer, value: string) => writer.text(value),
        (value: string) => value === "",
      );
    case "bytes":
      return field(
        wireBytes,
        emptyBytes,
        (reader) => reader.view(),
        (writer, value: Uint8Array) => {
          writer.raw(value);
          writer.uint(value.length);
        },
        (value: Uint8Array) => value.length === 0,
      );
    default:
  }
  if (schema.enums[type] !== undefined) {
    return field(wireVarint, 0, (reader) => reader.int32(), writeInt, isZero);
  }
  if (schema.messages[type] === undefined) throw new Error(`${name}: no such type ${type}`);
  return field(
    wireBytes,
    undefined,
    (reader, previous) => {
      const outer = reader.enter();
      const message = readMessage(compile(type), reader, previous);
      reader.leave(outer);
      return message;
    },
    (writer, value: Fields) => {
      const mark = writer.mark();
      writeMessage(compile(type), writer, value);
      writer.uint(writer.mark() - mark);
    },
    () => false,
  );
}
