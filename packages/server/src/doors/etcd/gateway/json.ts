// JSON in and out of messages, by the schema. A body may hold several objects in sequence, as they come: each
// is cut out by counting its brackets and parsed by itself.

import {
  createJsonMapping,
  type EtcdMessageName,
  etcdCodecs,
  etcdSchema,
  type MessageCodec,
  WireError,
  Writer,
} from "@althing/wire";
import { ByteCollector } from "../../../transport/index.ts";

const json = createJsonMapping(etcdSchema);
const scratch = new Writer();
const malformed = 'json: malformed: an object is expected, such as {"key":"Zm9v"}';

/** The message in wire format, so that the method that takes it decodes it as if it came by gRPC. */
export function messageFromJson(name: EtcdMessageName, text: string): Uint8Array {
  // The codec's type depends on the name, which is known only now; the mapping fits it by the schema.
  const codec = etcdCodecs[name] as unknown as MessageCodec<unknown, object>;
  return codec.encode(json.fromJson(name, parseJson(text) ?? {}));
}

export function jsonFromMessage(
  name: EtcdMessageName,
  encode: (writer: Writer, message: unknown) => void,
  message: unknown,
): string {
  scratch.reset();
  encode(scratch, message);
  return JSON.stringify(objectOf(name, scratch.take()));
}

/** An answer that is encoded in pieces, as the JSON of one piece after the other. */
export class PiecewiseJson {
  private readonly name: EtcdMessageName;
  private readonly texts: Buffer[] = [];
  /** Of the texts so far. */
  bytes = 0;
  private before = "{";
  /** The list that the last piece ended with: the next may go on with it. */
  private list = "";

  constructor(name: EtcdMessageName) {
    this.name = name;
  }

  push(piece: Uint8Array): void {
    let text = "";
    for (const [field, value] of Object.entries(objectOf(this.name, piece))) {
      const isList = Array.isArray(value);
      const inner = JSON.stringify(value);
      if (isList && field === this.list) text += `,${inner.slice(1, -1)}`;
      else {
        text += `${this.endOfList()}${this.before}${JSON.stringify(field)}:`;
        text += isList ? inner.slice(0, -1) : inner;
        this.list = isList ? field : "";
      }
      this.before = ",";
    }
    const made = Buffer.from(text);
    this.texts.push(made);
    this.bytes += made.length;
  }

  /** Its text, in parts. */
  finish(): readonly Buffer[] {
    const end = `${this.endOfList()}${this.before === "{" ? "{" : ""}}`;
    return [...this.texts, Buffer.from(end)];
  }

  private endOfList(): string {
    return this.list === "" ? "" : "]";
  }
}

function objectOf(name: EtcdMessageName, bytes: Uint8Array): object {
  return json.toJson(name, etcdCodecs[name].decode(bytes)) as object;
}

/** Integers that a double cannot hold are read from the text, digit for digit: ids are 64 bits wide. */
function parseJson(text: string): unknown {
  try {
    if (!/\d{16}/.test(text)) return JSON.parse(text);
    return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
      const source = context?.source ?? "";
      const isRounded = typeof value === "number" && !Number.isSafeInteger(value);
      return isRounded && /^-?\d{1,20}$/.test(source) ? BigInt(source) : value;
    });
  } catch (cause) {
    throw new WireError("jsonInvalid", malformed, { cause });
  }
}

const quote = 0x22;
const comma = 0x2c;
const openingBracket = 0x5b;
const backslash = 0x5c;
const closingBracket = 0x5d;
const openingBrace = 0x7b;
const closingBrace = 0x7d;
/** Of one object, at any depth, known or not: each is work before anybody can tell what it is. */
const jsonValuesMax = 32_768;

/** Cuts a stream of bytes into the texts of its JSON objects. */
export class JsonSequence {
  private readonly held = new ByteCollector();
  private readonly objectBytesMax: number;
  private depth = 0;
  private values = 0;
  private inString = false;
  private isEscaped = false;

  constructor(objectBytesMax: number) {
    this.objectBytesMax = objectBytesMax;
  }

  /** What the incomplete object occupies. */
  get heldBytes(): number {
    return this.held.capacity;
  }

  /** The objects that are complete now. Throws for one that is too large or holds too much. */
  push(chunk: Uint8Array): string[] {
    const objects: string[] = [];
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    const hasEscapes = bytes.includes(backslash);
    let start = 0;
    for (let at = 0; at < bytes.length; at++) {
      // What is large is a string, and base64 escapes nothing.
      if (this.inString && !hasEscapes && !this.isEscaped) {
        at = bytes.indexOf(quote, at);
        if (at < 0) break;
      }
      const byte = bytes[at]!;
      if (this.inString) {
        if (this.isEscaped) this.isEscaped = false;
        else if (byte === backslash) this.isEscaped = true;
        else if (byte === quote) this.inString = false;
      } else if (byte === quote) this.inString = true;
      else if (byte === comma) this.countValue();
      else if (byte === openingBrace || byte === openingBracket) {
        this.countValue();
        this.depth++;
      } else if (byte === closingBrace || byte === closingBracket) {
        if (--this.depth > 0) continue;
        this.depth = 0;
        this.values = 0;
        objects.push(this.complete(bytes.subarray(start, at + 1)));
        start = at + 1;
      }
    }
    this.hold(bytes.subarray(start));
    return objects;
  }

  /** What there is without a complete object; "" for nothing but white space. */
  rest(): string {
    const text = this.held.bytes().toString("utf8").trim();
    this.held.clear();
    return text;
  }

  private countValue(): void {
    if (++this.values <= jsonValuesMax) return;
    throw new WireError("jsonInvalid", `json: more than ${jsonValuesMax} values in one object`);
  }

  /** Nearly always an object lies in one piece. */
  private complete(end: Buffer): string {
    if (this.held.size === 0 && end.length <= this.objectBytesMax) {
      return end.toString("utf8").trim();
    }
    this.hold(end);
    return this.rest();
  }

  private hold(bytes: Uint8Array): void {
    if (this.held.size + bytes.length > this.objectBytesMax) {
      throw new WireError(
        "jsonInvalid",
        `json: more than ${this.objectBytesMax} bytes in one object`,
      );
    }
    this.held.push(bytes, this.objectBytesMax);
  }
}
