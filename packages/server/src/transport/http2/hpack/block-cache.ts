// Remembers what header blocks decoded to. A client of gRPC repeats the same block for every call of a
// method; as long as the dynamic table has not changed, equal bytes mean equal headers. Blocks that change
// the table themselves are not remembered.

interface Entry<Value> {
  readonly generation: number;
  readonly bytes: Buffer;
  readonly value: Value;
}

const slots = 16;
/** Longer blocks are not worth comparing. */
const blockBytesMax = 512;

export class BlockCache<Value> {
  private entries: (Entry<Value> | undefined)[] | undefined;

  find(bytes: Buffer, start: number, end: number, generation: number): Value | undefined {
    const entry = this.entries?.[slotOf(bytes, start, end)];
    if (entry === undefined || entry.generation !== generation) return undefined;
    const known = entry.bytes;
    if (known.length !== end - start) return undefined;
    for (let i = 0; i < known.length; i++) if (known[i] !== bytes[start + i]) return undefined;
    return entry.value;
  }

  remember(bytes: Buffer, start: number, end: number, generation: number, value: Value): void {
    if (end - start > blockBytesMax) return;
    this.entries ??= new Array(slots).fill(undefined);
    this.entries[slotOf(bytes, start, end)] = {
      generation,
      bytes: Buffer.from(bytes.subarray(start, end)),
      value,
    };
  }
}

/** Methods differ in some byte; which one depends on the client. */
function slotOf(bytes: Buffer, start: number, end: number): number {
  let hash = end - start;
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
  return (hash ^ (hash >>> 16)) & (slots - 1);
}
