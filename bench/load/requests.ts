// The few etcd messages that load is made of, encoded by hand: a generator that spends its time in a
// general codec measures the codec.

export const paths = {
  put: "/etcdserverpb.KV/Put",
  range: "/etcdserverpb.KV/Range",
  status: "/etcdserverpb.Maintenance/Status",
} as const;

/** Keys of one width, so that every request of a run has one size. */
export function keyOf(number: number): Uint8Array {
  return Buffer.from(`bench/${String(number).padStart(10, "0")}`, "latin1");
}

/** PutRequest: 1 key, 2 value. */
export function encodePut(key: Uint8Array, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(
    2 + varintLength(key.length) + key.length + varintLength(value.length) + value.length,
  );
  let at = field(bytes, 0, 0x0a, key);
  at = field(bytes, at, 0x12, value);
  return bytes.subarray(0, at);
}

/** RangeRequest of one key: 1 key, 7 serializable. */
export function encodeRange(key: Uint8Array, serializable: boolean): Uint8Array {
  const bytes = new Uint8Array(1 + varintLength(key.length) + key.length + (serializable ? 2 : 0));
  const at = field(bytes, 0, 0x0a, key);
  if (serializable) bytes.set([0x38, 1], at);
  return bytes;
}

function field(bytes: Uint8Array, start: number, tag: number, value: Uint8Array): number {
  let at = start;
  bytes[at++] = tag;
  let length = value.length;
  while (length >= 0x80) {
    bytes[at++] = (length & 0x7f) | 0x80;
    length >>>= 7;
  }
  bytes[at++] = length;
  bytes.set(value, at);
  return at + value.length;
}

function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4;
}
