// The kind byte that every message begins with.

import type { ByteReader } from "./byte-reader.ts";
import { MalformedMessage } from "./malformed-message.ts";

/** Reads a kind by its number. Numbers are never used again for another kind. */
export function kindReader<Kind extends string>(
  numbers: Readonly<Record<Kind, number>>,
): (reader: ByteReader) => Kind {
  const kinds = new Map(Object.entries(numbers).map(([kind, number]) => [number, kind as Kind]));
  return (reader) => {
    const kind = kinds.get(reader.byte());
    if (kind === undefined) throw new MalformedMessage("no such kind of message");
    return kind;
  };
}
