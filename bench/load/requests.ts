// The few etcd messages that load is made of, encoded by hand: a generator that spends its time in a
// general codec measures the codec.

export const paths = {
  put: "/etcdserverpb.KV/Put",
  range: "/etcdserverpb.KV/Range",
  txn: "/etcdserverpb.KV/Txn",
  status: "/etcdserverpb.Maintenance/Status",
  watch: "/etcdserverpb.Watch/Watch",
  leaseGrant: "/etcdserverpb.Lease/LeaseGrant",
  leaseKeepAlive: "/etcdserverpb.Lease/LeaseKeepAlive",
} as const;

/** Keys of one width, so that every request of a run has one size. */
export function keyOf(number: number): Uint8Array {
  return Buffer.from(`bench/${String(number).padStart(10, "0")}`, "latin1");
}

/** PutRequest: 1 key, 2 value. */
export function encodePut(key: Uint8Array, value: Uint8Array): Uint8Array {
  return message([bytesField(1, key), bytesField(2, value)]);
}

/** RangeRequest of one key: 1 key, 7 serializable. */
export function encodeRange(key: Uint8Array, serializable: boolean): Uint8Array {
  return message([bytesField(1, key), serializable ? Uint8Array.of(0x38, 1) : noBytes]);
}

/** TxnRequest: 2 success, of RequestOp: 2 request_put. */
export function encodePuts(keys: readonly Uint8Array[], value: Uint8Array): Uint8Array {
  return message(keys.map((key) => bytesField(2, bytesField(2, encodePut(key, value)))));
}

/** A TxnRequest that puts a key if its version is the expected one, encoded once and patched. */
export class Swap {
  readonly #bytes: Uint8Array;
  readonly #versionAt: number;

  constructor(key: Uint8Array, value: Uint8Array) {
    // Compare: 1 result EQUAL and 2 target VERSION are zero, 3 key, 4 version.
    const version = Uint8Array.of(0x20, ...paddedVarint(0));
    const compare = bytesField(1, message([bytesField(3, key), version]));
    this.#bytes = message([compare, bytesField(2, bytesField(2, encodePut(key, value)))]);
    this.#versionAt = compare.length - paddedBytes;
  }

  from(version: number): Uint8Array {
    this.#bytes.set(paddedVarint(version), this.#versionAt);
    return this.#bytes;
  }
}

/** TxnResponse: 1 header, 2 succeeded. */
export function swapSucceeded(response: Uint8Array | undefined): boolean {
  if (response === undefined || response[0] !== 0x0a) return false;
  const at = 2 + (response[1] ?? 0);
  return response[at] === 0x10 && response[at + 1] === 1;
}

/** WatchRequest: 1 create_request, of WatchCreateRequest: 1 key. */
export function encodeWatch(key: Uint8Array): Uint8Array {
  return bytesField(1, bytesField(1, key));
}

/** LeaseGrantRequest: 1 TTL, 2 ID. */
export function encodeLeaseGrant(lease: number, ttlSeconds: number): Uint8Array {
  return Uint8Array.of(0x08, ...varint(ttlSeconds), 0x10, ...varint(lease));
}

/** LeaseKeepAliveRequest: 1 ID. */
export function encodeLeaseKeepAlive(lease: number): Uint8Array {
  return Uint8Array.of(0x08, ...varint(lease));
}

const noBytes = new Uint8Array(0);
const paddedBytes = 5;

function bytesField(number: number, value: Uint8Array): Uint8Array {
  return message([Uint8Array.of((number << 3) | 2, ...varint(value.length)), value]);
}

function message(fields: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((sum, field) => sum + field.length, 0));
  let at = 0;
  for (const field of fields) {
    bytes.set(field, at);
    at += field.length;
  }
  return bytes;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return bytes;
}

/** Of one width whatever the value, which protobuf allows. */
function paddedVarint(value: number): number[] {
  return [0, 7, 14, 21].map((shift) => ((value >>> shift) & 0x7f) | 0x80).concat(value >>> 28);
}
