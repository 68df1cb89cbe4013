// As much of DER (X.690) as certificates and lists of revoked ones need: writing by composition, reading one
// element at a time. What is read comes from files, and whatever does not fit in its parent is an error.

export const tag = {
  integer: 0x02,
  sequence: 0x30,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const;

export function sequence(...parts: readonly Buffer[]): Buffer {
  return element(tag.sequence, Buffer.concat(parts));
}

export function setOf(...parts: readonly Buffer[]): Buffer {
  return element(0x31, Buffer.concat(parts));
}

/** By the numbers between its dots. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((number) => {
    const digits = [number & 0x7f];
    for (let left = number >>> 7; left > 0; left >>>= 7) digits.unshift(0x80 | (left & 0x7f));
    return digits;
  });
  return element(0x06, Buffer.from(bytes));
}

/** Of a number that is not negative. */
export function integer(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const digits = bytes.subarray(start);
  const isHigh = (digits[0] ?? 0) >= 0x80;
  return element(tag.integer, Buffer.concat(isHigh ? [Buffer.from([0]), digits] : [digits]));
}

export function boolean(value: boolean): Buffer {
  return element(0x01, Buffer.from([value ? 0xff : 0]));
}

export function octets(content: Uint8Array): Buffer {
  return element(0x04, content);
}

/** `unused`: so many of the last byte's bits do not count. */
export function bits(content: Uint8Array, unused = 0): Buffer {
  return element(0x03, Buffer.concat([Buffer.from([unused]), content]));
}

export function text(value: string): Buffer {
  return element(0x0c, Buffer.from(value, "utf8"));
}

/** Whole seconds, also of the years before 2050 that RFC 5280 would rather have shorter. */
export function time(ms: number): Buffer {
  const date = new Date(ms);
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, "");
  const year = date.getUTCFullYear();
  return year < 2050
    ? element(tag.utcTime, Buffer.from(digits.slice(2), "latin1"))
    : element(tag.generalizedTime, Buffer.from(digits, "latin1"));
}

export function element(tagByte: number, content: Uint8Array): Buffer {
  const length: number[] = [];
  for (let left = content.length; left > 0; left = Math.floor(left / 256)) {
    length.unshift(left % 256);
  }
  const head =
    content.length < 0x80 ? [tagByte, content.length] : [tagByte, 0x80 | length.length, ...length];
  return Buffer.concat([Buffer.from(head), content]);
}

export interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

/** The elements of which `bytes` consist; throws RangeError where they do not. */
export function* elementsOf(bytes: Buffer): Generator<Element> {
  for (let at = 0; at < bytes.length; ) {
    const tagByte = bytes[at]!;
    if (at + 2 > bytes.length) throw new RangeError("an element without a length");
    const first = bytes[at + 1]!;
    at += 2;
    let length = first;
    if (first >= 0x80) {
      const digits = first - 0x80;
      if (digits < 1 || digits > 4 || at + digits > bytes.length) {
        throw new RangeError("an element of no length that there could be");
      }
      length = bytes.readUIntBE(at, digits);
      at += digits;
    }
    if (at + length > bytes.length) throw new RangeError("an element longer than what it is in");
    yield { tag: tagByte, content: bytes.subarray(at, at + length) };
    at += length;
  }
}

/** PEM of one object. */
export function pemOf(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
