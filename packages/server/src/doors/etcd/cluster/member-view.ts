// What every answer of this member says about it: its ids, its term, whether it may serve. The member's full
// status is a copy of much; answers share one that is at most a few milliseconds old.

import type { MemberStatus } from "@althing/member";
import { type EtcdInit, encodeHeaderIds } from "@althing/wire";
import type { DoorContext } from "../../context.ts";

const statusAgeMaxMs = 10;

export class MemberView {
  /** Cluster and member id as every header carries them. */
  readonly ids: Uint8Array;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  private readonly context: DoorContext;
  private cached: MemberStatus | undefined;
  private cachedAtMs = 0;

  constructor(context: DoorContext) {
    this.context = context;
    this.clusterId = BigInt(`0x${context.clusterId}`);
    this.memberId = BigInt(`0x${context.member.id}`);
    this.ids = encodeHeaderIds(this.clusterId, this.memberId);
  }

  get raftTerm(): number {
    return this.recent().epoch;
  }

  recent(): MemberStatus {
    const now = performance.now();
    if (this.cached === undefined || now - this.cachedAtMs > statusAgeMaxMs) {
      this.cached = this.context.member.status();
      this.cachedAtMs = now;
    }
    return this.cached;
  }

  /** Of its own kind; one that was added to vote and has not caught up yet is none to clients. */
  get isLearner(): boolean {
    const own = this.context.members().find(({ id }) => id === this.context.member.id);
    return this.recent().role === "learner" && own?.isLearner !== false;
  }

  /** The header for messages of the generic codec. */
  header(revision: number): EtcdInit<"ResponseHeader"> {
    return {
      cluster_id: this.clusterId,
      member_id: this.memberId,
      revision,
      raft_term: this.raftTerm,
    };
  }
}
