// What a Multi-Paxos member must not forget besides what it accepted, slot by slot: the highest ballot
// that it promised, and how large the quorums are that all this was done with. What is chosen is a
// lower bound; it travels along when something else is written anyway.

import { ByteReader, ByteWriter } from "@althing/bytes";
import type { Epoch, Index, MemberId } from "../contract.ts";

export interface PaxosState {
  /** The promised ballot. */
  readonly round: Epoch;
  readonly proposer: MemberId;
  readonly commit: Index;
  /** 0 for a majority. */
  readonly prepareQuorum: number;
  readonly acceptQuorum: number;
  /** The point of a snapshot that is being installed, or was when this was written last. */
  readonly installing?: Index;
}

export function encodeState(state: PaxosState): Uint8Array {
  const writer = new ByteWriter(48);
  writer.varint(state.round);
  writer.byteString(state.proposer);
  writer.varint(state.commit);
  writer.varint(state.prepareQuorum);
  writer.varint(state.acceptQuorum);
  if (state.installing !== undefined) writer.varint(state.installing);
  return writer.written();
}

export function decodeState(bytes: Uint8Array): PaxosState {
  const reader = new ByteReader(bytes);
  const state = {
    round: reader.varint(),
    proposer: reader.byteString(),
    commit: reader.varint(),
    prepareQuorum: reader.varint(),
    acceptQuorum: reader.varint(),
  };
  const installing = reader.remaining > 0 ? { installing: reader.varint() } : {};
  reader.expectEnd();
  return { ...state, ...installing };
}
