// What a Raft member must not forget besides its log: the current term and whom it voted for in
// it (Raft figure 2). The commit index travels along when something else is written anyway, so that
// a restarted member need not wait for a leader to tell it what it knew.

import { ByteReader, ByteWriter } from "@althing/bytes";
import type { Epoch, Index, MemberId } from "../contract.ts";

export interface RaftState {
  readonly term: Epoch;
  /** "" when no vote was given in this term. */
  readonly vote: MemberId;
  /** A lower bound of what is committed. */
  readonly commit: Index;
}

export function encodeState(state: RaftState): Uint8Array {
  const writer = new ByteWriter(40);
  writer.varint(state.term);
  writer.byteString(state.vote);
  writer.varint(state.commit);
  return writer.written();
}

export function decodeState(bytes: Uint8Array): RaftState {
  const reader = new ByteReader(bytes);
  const state = { term: reader.varint(), vote: reader.byteString(), commit: reader.varint() };
  reader.expectEnd();
  return state;
}
