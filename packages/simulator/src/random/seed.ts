// A seed is 64 bits, written in decimal or as 0x hexadecimal. JavaScript numbers hold 53 of them,
// so it travels as a bigint and is shown in decimal.

import { Prng } from "./prng.ts";

export type Seed = bigint;

/** Undefined for what is not a whole number of 64 bits. */
export function parseSeed(text: string): Seed | undefined {
  if (!/^(0x[0-9a-fA-F]{1,16}|[0-9]{1,20})$/.test(text)) return undefined;
  const seed = BigInt(text);
  return seed < 1n << 64n ? seed : undefined;
}

export function prngOf(seed: Seed): Prng {
  return new Prng(Number(seed >> 32n), Number(seed & 0xffffffffn));
}

/** For JSON: a number while that is exact, else decimal text. */
export function seedForJson(seed: Seed): number | string {
  return seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : seed.toString();
}
