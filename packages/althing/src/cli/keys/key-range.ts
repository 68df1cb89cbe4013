// The keys a command means: one, a half-open range, a prefix, or everything from one on.

import { type Command, type Option, type Parsed, usageError } from "../command.ts";

export const rangeOptions: readonly Option[] = [
  { name: "prefix", kind: "boolean", help: "All keys that begin with KEY" },
  { name: "from-key", kind: "boolean", help: "All keys from KEY on" },
];

export interface KeyRange {
  readonly key: Uint8Array;
  /** Empty: the single key. */
  readonly rangeEnd: Uint8Array;
}

const everything = new Uint8Array([0]);

export function keyRange(command: Command, parsed: Parsed): KeyRange {
  return rangeOf(parsed.words, parsed, (message) => usageError(command, message));
}

export function rangeOf(
  [key, end, ...more]: readonly string[],
  parsed: Parsed,
  wrong: (message: string) => Error,
): KeyRange {
  const prefix = parsed.flag("prefix");
  const fromKey = parsed.flag("from-key");
  if (key === undefined) throw wrong("which key?");
  if (more.length > 0) throw wrong(`too many words: ${more.join(" ")}`);
  if (Number(prefix) + Number(fromKey) + Number(end !== undefined) > 1) {
    throw wrong("choose one of END, --prefix and --from-key");
  }
  if (key === "" && !prefix && !fromKey) {
    throw wrong('a key must not be empty; `--prefix ""` means all keys');
  }
  const start = Buffer.from(key, "utf8");
  if (prefix) return { key: key === "" ? everything : start, rangeEnd: prefixEnd(start) };
  if (fromKey) return { key: key === "" ? everything : start, rangeEnd: everything };
  return { key: start, rangeEnd: end === undefined ? new Uint8Array(0) : Buffer.from(end, "utf8") };
}

/** The first key after all those that begin with `prefix`; a zero byte when there is none. */
export function prefixEnd(prefix: Uint8Array): Uint8Array {
  let last = prefix.length - 1;
  while (last >= 0 && prefix[last] === 0xff) last--;
  if (last < 0) return everything;
  // `slice` of a Buffer would be a view of it.
  const end = Uint8Array.from(prefix.subarray(0, last + 1));
  end[last]! += 1;
  return end;
}
