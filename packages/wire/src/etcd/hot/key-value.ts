// mvccpb.KeyValue, the message that most bytes of most answers are.

import type { Writer } from "../../protobuf/writer.ts";

export interface WireKeyValue {
  /** A byte string: one unit per byte. */
  readonly key: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: bigint;
  readonly value: Uint8Array;
}

export function writeKeyValue(writer: Writer, tag: number, kv: WireKeyValue): void {
  const mark = writer.mark();
  if (kv.lease !== 0n) writer.bigField(0x30, kv.lease);
  writer.bytesField(0x2a, kv.value);
  writer.uintField(0x20, kv.version);
  writer.uintField(0x18, kv.modRevision);
  writer.uintField(0x10, kv.createRevision);
  writer.latin1Field(0x0a, kv.key);
  writer.closeMessage(tag, mark);
}

export function writeKeyValues(writer: Writer, tag: number, kvs: readonly WireKeyValue[]): void {
  for (let i = kvs.length - 1; i >= 0; i--) writeKeyValue(writer, tag, kvs[i]!);
}
