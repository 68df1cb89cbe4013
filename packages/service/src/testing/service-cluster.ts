// Members in the small world of the member's tests, with the service above them.

import type { MemberId } from "@althing/consensus";
import {
  Cluster,
  type ClusterOptions,
  type TestMember,
  type TestOptions,
} from "../../../member/src/testing/cluster.ts";
import { createService, type Leases } from "../service.ts";

export class ServiceCluster extends Cluster {
  readonly #leases = new Map<MemberId, Leases>();
  readonly #leaseCheckpointMs: number | undefined;

  constructor(options: ClusterOptions & { readonly leaseCheckpointMs?: number } = {}) {
    super(options);
    this.#leaseCheckpointMs = options.leaseCheckpointMs;
  }

  leases(id: MemberId): Leases {
    const leases = this.#leases.get(id);
    if (leases === undefined) throw new Error(`${id} was never started`);
    return leases;
  }

  protected override make({ stateMachine: store, ...options }: TestOptions): TestMember {
    const { member, leases } = createService({
      ...options,
      store,
      ...(this.#leaseCheckpointMs !== undefined && { leaseCheckpointMs: this.#leaseCheckpointMs }),
    });
    this.#leases.set(options.id, leases);
    return member;
  }
}
