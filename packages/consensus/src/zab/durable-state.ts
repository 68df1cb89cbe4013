// What a Zab member must not forget besides its history: the epoch it promised to a prospective leader
// (f.p in the paper, acceptedEpoch in Zab1.0) and the epoch whose leader's history it took over (f.a,
// currentEpoch). The commit index travels along, so that a restarted member knows what it knew.

import { ByteReader, ByteWriter } from "@althing/bytes";
import type { Epoch, Index } from "../contract.ts";

export interface ZabState {
  readonly acceptedEpoch: Epoch;
  readonly currentEpoch: Epoch;
  /** A lower bound of what is committed. */
  readonly commit: Index;
}

export function encodeState(state: ZabState): Uint8Array {
  const writer = new ByteWriter(24);
  writer.varint(state.acceptedEpoch);
  writer.varint(state.currentEpoch);
  writer.varint(state.commit);
  return writer.written();
}

export function decodeState(bytes: Uint8Array): ZabState {
  const reader = new ByteReader(bytes);
  const state = {
    acceptedEpoch: reader.varint(),
    currentEpoch: reader.varint(),
    commit: reader.varint(),
  };
  reader.expectEnd();
  return state;
}
