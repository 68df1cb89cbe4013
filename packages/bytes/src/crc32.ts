// CRC-32 (IEEE) and CRC-32C (Castagnoli) over a chain of byte arrays, eight bytes a step. The first
// carries the state hash and the snapshot chunks (the server may inject the built-in one, which is
// faster); the second is what etcd's HashKV is defined with.

/** CRC of `bytes`, continuing from `seed` (the CRC of what came before). */
export type Crc32 = (bytes: Uint8Array, seed?: number) => number;

export const crc32: Crc32 = createCrc32(0xedb88320);
export const crc32c: Crc32 = createCrc32(0x82f63b78);

function createCrc32(polynomial: number): Crc32 {
  const tables = new Uint32Array(8 * 256);
  for (let i = 0; i < 256; i++) {
    let value = i;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    tables[i] = value;
  }
  for (let i = 256; i < tables.length; i++) {
    const previous = tables[i - 256]!;
    tables[i] = (previous >>> 8) ^ tables[previous & 0xff]!;
  }
  return (bytes, seed = 0) => {
    let crc = ~seed;
    let at = 0;
    const aligned = bytes.length - 7;
    while (at < aligned) {
      crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      crc =
        tables[0x700 + (crc & 0xff)]! ^
        tables[0x600 + ((crc >>> 8) & 0xff)]! ^
        tables[0x500 + ((crc >>> 16) & 0xff)]! ^
        tables[0x400 + (crc >>> 24)]! ^
        tables[0x300 + bytes[at + 4]!]! ^
        tables[0x200 + bytes[at + 5]!]! ^
        tables[0x100 + bytes[at + 6]!]! ^
        tables[bytes[at + 7]!]!;
      at += 8;
    }
    for (; at < bytes.length; at++) crc = (crc >>> 8) ^ tables[(crc ^ bytes[at]!) & 0xff]!;
    return ~crc >>> 0;
  };
}
