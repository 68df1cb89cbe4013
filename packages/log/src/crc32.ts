// CRC-32 (IEEE 802.3) in plain JavaScript: the fallback where no native one is injected (browser,
// simulator, tests). Four bytes per step; must give exactly what `zlib.crc32` gives.

export type Crc32 = (bytes: Uint8Array, seed?: number) => number;

const tables = buildTables();

export function crc32(bytes: Uint8Array, seed = 0): number {
  const [t0, t1, t2, t3] = tables;
  let crc = ~seed;
  let at = 0;
  const whole = bytes.length - (bytes.length % 4);
  while (at < whole) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc = t3[crc & 255]! ^ t2[(crc >>> 8) & 255]! ^ t1[(crc >>> 16) & 255]! ^ t0[crc >>> 24]!;
    at += 4;
  }
  while (at < bytes.length) {
    crc = t0[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8);
    at += 1;
  }
  return ~crc >>> 0;
}

function buildTables(): [Int32Array, Int32Array, Int32Array, Int32Array] {
  const first = new Int32Array(256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    first[byte] = crc;
  }
  const next = (table: Int32Array) => table.map((crc) => first[crc & 255]! ^ (crc >>> 8));
  const second = next(first);
  const third = next(second);
  return [first, second, third, next(third)];
}
