// The least of an input that still does it: parts are taken out, larger ones first, as long as it does.

const triesMax = 3000;

export async function shrink(
  input: Buffer,
  fails: (input: Buffer) => Promise<boolean>,
): Promise<Buffer> {
  let least = input;
  let tries = 0;
  for (let length = least.length >> 1; length > 0; length >>= 1) {
    for (let at = 0; at < least.length && tries < triesMax; tries++) {
      const less = Buffer.concat([least.subarray(0, at), least.subarray(at + length)]);
      if (await fails(less)) least = less;
      else at += length;
    }
  }
  return least;
}
