// JSON values as bytes. Whatever is beyond ASCII is escaped, so that a byte is a character, both ways.

const charactersAtOnce = 4096;

/** Throws `TypeError` for what is no JSON value: undefined, a function, a bigint, a circle. */
export function encodeJson(value: unknown): Uint8Array {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`${typeof value} is no JSON value`);
  const ascii = text.replace(/[\u0080-\uffff]/g, escaped);
  const bytes = new Uint8Array(ascii.length);
  for (let place = 0; place < ascii.length; place++) bytes[place] = ascii.charCodeAt(place);
  return bytes;
}

/** Throws `SyntaxError`. */
export function decodeJson(bytes: Uint8Array): unknown {
  let text = "";
  for (let start = 0; start < bytes.length; start += charactersAtOnce) {
    text += String.fromCharCode(...bytes.subarray(start, start + charactersAtOnce));
  }
  return JSON.parse(text);
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
