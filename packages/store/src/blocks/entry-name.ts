// The names of table entries as they lie on the disk: the byte string in UTF-8, each unit a character.

export function bytesOfName(name: string): Uint8Array {
  const bytes: number[] = [];
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    if (unit < 0x80) bytes.push(unit);
    else if (unit <= 0xff) bytes.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f));
    else throw new Error("the name of a table entry is not a byte string");
  }
  return Uint8Array.from(bytes);
}

export function nameOfBytes(bytes: Uint8Array): string {
  let name = "";
  for (let at = 0; at < bytes.length; at++) {
    const first = bytes[at]!;
    name += String.fromCharCode(
      first < 0x80 ? first : ((first & 0x3) << 6) | (bytes[++at]! & 0x3f),
    );
  }
  return name;
}
