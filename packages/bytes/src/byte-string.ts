// Keys are strings with one code unit per byte. These two functions are the only way between such a
// string and bytes; the string they make pins no buffer.

const unitsAtOnceMax = 4096;
/** Up to here a string is put together without a view of the bytes, which would cost the most. */
const shortMax = 64;

export function byteStringOf(bytes: Uint8Array, start = 0, end = bytes.length): string {
  if (end - start <= shortMax) return short(bytes, start, end);
  if (end - start <= unitsAtOnceMax) return fromUnits(bytes.subarray(start, end));
  let text = "";
  for (let at = start; at < end; at += unitsAtOnceMax) {
    text += fromUnits(bytes.subarray(at, Math.min(end, at + unitsAtOnceMax)));
  }
  return text;
}

/** Writes the bytes of `text` at `offset`; returns the offset after them. */
export function writeByteString(text: string, target: Uint8Array, offset: number): number {
  for (let i = 0; i < text.length; i++) target[offset + i] = text.charCodeAt(i);
  return offset + text.length;
}

function fromUnits(units: Uint8Array): string {
  return String.fromCharCode.apply(null, units as unknown as number[]);
}

function short(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let at = start;
  for (; at + 8 <= end; at += 8) {
    text += String.fromCharCode(
      bytes[at]!,
      bytes[at + 1]!,
      bytes[at + 2]!,
      bytes[at + 3]!,
      bytes[at + 4]!,
      bytes[at + 5]!,
      bytes[at + 6]!,
      bytes[at + 7]!,
    );
  }
  for (; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}
