import { ByteReader, ByteWriter, MalformedBytes } from "@althing/bytes";
// What members say to each other of leases: a question to the leader, and its answer. One byte of kind, then
// varints, seven bits a byte, the lowest first.

/** A lease to be kept alive, or only looked at, by the leader. */
export interface LeaseAsk {
  readonly kind: "leaseAsk";
  /** Of the member that asks: who restarted must not take an old answer as its own. */
  readonly session: number;
  readonly request: number;
  readonly lease: bigint;
  readonly renew: boolean;
}

export interface LeaseAnswer {
  readonly kind: "leaseAnswer";
  readonly session: number;
  readonly request: number;
  /** "": answered. Otherwise nothing was done, and it may be asked again. */
  readonly code: string;
  /** One more than the milliseconds left; 0: there is no such lease. */
  readonly left: number;
}

export type LeaseMessage = LeaseAsk | LeaseAnswer;

const kindBytes = { leaseAsk: 10, leaseAnswer: 11 } as const;

export function encodeLeaseMessage(message: LeaseMessage): Uint8Array {
  const writer = new ByteWriter(48);
  writer.u8(kindBytes[message.kind]);
  writer.varint(message.session);
  writer.varint(message.request);
  if (message.kind === "leaseAsk") {
    const bits = BigInt.asUintN(64, message.lease);
    writer.varint(Number(bits >> 32n));
    writer.varint(Number(bits & 0xffff_ffffn));
    writer.boolean(message.renew);
  } else {
    writer.varint(message.code.length);
    for (let place = 0; place < message.code.length; place++) {
      writer.varint(message.code.charCodeAt(place));
    }
    writer.varint(message.left);
  }
  return writer.written();
}

/** Undefined: it is none, or one of a later version. */
export function decodeLeaseMessage(bytes: Uint8Array): LeaseMessage | undefined {
  try {
    const reader = new ByteReader(bytes);
    const message = read(reader);
    reader.expectEnd();
    return message;
  } catch (error) {
    if (error instanceof MalformedBytes) return undefined;
    throw error;
  }
}

function read(reader: ByteReader): LeaseMessage {
  const kind = reader.u8();
  const session = reader.varint();
  const request = reader.varint();
  if (kind === kindBytes.leaseAsk) {
    const [high, low] = [reader.varint(), reader.varint()];
    if (high >= 2 ** 32 || low >= 2 ** 32) {
      throw new MalformedBytes("a lease has more than 64 bits");
    }
    const lease = BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));
    return { kind: "leaseAsk", session, request, lease, renew: reader.boolean() };
  }
  if (kind !== kindBytes.leaseAnswer) throw new MalformedBytes("no message about leases");
  let code = "";
  for (let left = reader.count(1); left > 0; left--) code += String.fromCharCode(reader.varint());
  return { kind: "leaseAnswer", session, request, code, left: reader.varint() };
}
