// proto3's JSON mapping as etcd's gateway speaks it: field names as declared (lowerCamelCase is understood too),
// 64-bit integers as strings, bytes as base64, enums by name, defaults left out, unknown fields ignored.
// JSON.parse rounds bare numbers beyond 2^53; a caller that parses them to bigints keeps them exact.

import { WireError } from "./errors.ts";
import type { FieldSpec, Schema } from "./schema.ts";
import { decodeBase64, encodeBase64 } from "./text.ts";

export interface JsonMapping {
  /** A message of the generic codec to a value for JSON.stringify. */
  toJson(name: string, message: object): unknown;
  /** What JSON.parse gave to a message that the generic codec encodes. */
  fromJson(name: string, json: unknown): object;
}

const nestingMax = 100;

export function createJsonMapping(schema: Schema): JsonMapping {
  const inputNames = new Map<string, Map<string, readonly [string, FieldSpec]>>();
  const namesOf = (name: string) => {
    let names = inputNames.get(name);
    if (names !== undefined) return names;
    names = new Map();
    for (const [field, spec] of Object.entries(schema.messages[name]!)) {
      names.set(field, [field, spec]);
      names.set(
        field.replace(/_(.)/g, (_match, letter: string) => letter.toUpperCase()),
        [field, spec],
      );
    }
    inputNames.set(name, names);
    return names;
  };

  function toJson(name: string, message: object): unknown {
    const json: Record<string, unknown> = {};
    const fields = message as Readonly<Record<string, unknown>>;
    for (const [field, [, type, label]] of Object.entries(schema.messages[name]!)) {
      const value = fields[field];
      if (value === undefined) continue;
      if (label === "repeated") {
        const list = value as readonly unknown[];
        if (list.length > 0) json[field] = list.map((one) => valueToJson(type, one));
        continue;
      }
      const isMember = label !== undefined;
      if (isMember || !isDefault(value)) json[field] = valueToJson(type, value);
    }
    return json;
  }

  function valueToJson(type: string, value: unknown): unknown {
    if (typeof value === "bigint") return value.toString();
    if (value instanceof Uint8Array) return encodeBase64(value);
    if (type === "int64" || type === "uint64") return BigInt(value as number).toString();
    const names = schema.enums[type];
    if (names !== undefined) {
      return Object.keys(names).find((name) => names[name] === value) ?? value;
    }
    if (schema.messages[type] !== undefined) return toJson(type, value as object);
    return value;
  }

  function fromJson(name: string, json: unknown, depth = 0): object {
    if (depth > nestingMax) {
      throw new WireError("nestingTooDeep", `messages nested deeper than ${nestingMax}`);
    }
    if (json === null || typeof json !== "object" || Array.isArray(json)) {
      throw invalid(`json: ${describe(json)} is no ${name}`);
    }
    const message: Record<string, unknown> = {};
    const names = namesOf(name);
    for (const [given, value] of Object.entries(json)) {
      const known = names.get(given);
      if (known === undefined || value === null) continue;
      const [field, [, type, label]] = known;
      if (label !== "repeated") {
        message[field] = valueFromJson(type, field, value, depth);
        continue;
      }
      if (!Array.isArray(value)) throw invalid(`json: ${field}: ${describe(value)} is no list`);
      message[field] = value.map((one) => valueFromJson(type, field, one, depth));
    }
    return message;
  }

  function valueFromJson(type: string, field: string, value: unknown, depth: number): unknown {
    const refuse = () => invalid(`json: ${field}: ${describe(value)} is no ${type}`);
    switch (type) {
      case "bool":
        if (typeof value === "boolean") return value;
        throw refuse();
      case "string":
        if (typeof value === "string") return value;
        throw refuse();
      case "bytes":
        if (typeof value === "string") return decodeBase64(value);
        throw refuse();
      case "int64":
      case "uint64":
      case "bigInt64":
      case "bigUint64": {
        const whole = toBigInt(value);
        const isSigned = type === "int64" || type === "bigInt64";
        const width = isSigned ? BigInt.asIntN(64, whole ?? 0n) : BigInt.asUintN(64, whole ?? 0n);
        if (whole === undefined || width !== whole) throw refuse();
        return type.startsWith("big") ? whole : Number(whole);
      }
      case "int32":
      case "uint32": {
        const whole = Number(toBigInt(value) ?? Number.NaN);
        if (whole !== (type === "int32" ? whole | 0 : whole >>> 0)) throw refuse();
        return whole;
      }
      default:
    }
    const names = schema.enums[type];
    if (names === undefined) return fromJson(type, value, depth + 1);
    if (typeof value === "number" && value === (value | 0)) return value;
    // Only names of its own: every object knows `constructor`.
    if (typeof value !== "string" || !Object.hasOwn(names, value)) throw refuse();
    return names[value];
  }

  return { toJson, fromJson: (name, json) => fromJson(name, json) };
}

function toBigInt(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : undefined;
  return typeof value === "string" && /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined;
}

function isDefault(value: unknown): boolean {
  if (value instanceof Uint8Array) return value.length === 0;
  return value === 0 || value === 0n || value === false || value === "";
}

/** In a few characters, however large it is and however deep. */
function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

function invalid(message: string): WireError {
  return new WireError("jsonInvalid", message);
}
