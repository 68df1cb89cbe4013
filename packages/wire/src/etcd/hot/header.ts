// ResponseHeader. Cluster and member id never change while a member lives, so their bytes are made once.

import { Writer } from "../../protobuf/writer.ts";

/** The encoded first two fields of every header of one member. */
export function encodeHeaderIds(clusterId: bigint, memberId: bigint): Uint8Array {
  const writer = new Writer(32);
  writer.bigField(0x10, memberId);
  writer.bigField(0x08, clusterId);
  return writer.take();
}

export function writeHeader(
  writer: Writer,
  ids: Uint8Array,
  revision: number,
  raftTerm: number,
): void {
  const mark = writer.mark();
  writer.uintField(0x20, raftTerm);
  writer.uintField(0x18, revision);
  writer.raw(ids);
  writer.closeMessage(0x0a, mark);
}

/** Of an operation inside a txn: the revision alone. */
export function writeOpHeader(writer: Writer, revision: number): void {
  const mark = writer.mark();
  writer.uintField(0x18, revision);
  writer.closeMessage(0x0a, mark);
}
