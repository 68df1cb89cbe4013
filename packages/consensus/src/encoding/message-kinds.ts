import { type ByteReader, MalformedBytes } from "@althing/bytes";
// The kind byte that every message begins with.

/** Reads a kind by its number. Numbers are never used again for another kind. */
export function kindReader<Kind extends string>(
  numbers: Readonly<Record<Kind, number>>,
): (reader: ByteReader) => Kind {
  const kinds = new Map(Object.entries(numbers).map(([kind, number]) => [number, kind as Kind]));
  return (reader) => {
    const kind = kinds.get(reader.u8());
    if (kind === undefined) throw new MalformedBytes("no such kind of message");
    return kind;
  };
}
