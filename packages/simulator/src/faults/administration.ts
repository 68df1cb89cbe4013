// What operators do to a cluster in the middle of everything else: they change its members and hand leadership
// over.

import type { MembershipChange } from "@althing/consensus";
import type { Reconfiguration } from "@althing/member";
import type { Cluster } from "../cluster/cluster.ts";
import type { Fault } from "./plan.ts";

export class Administration {
  readonly #cluster: Cluster;
  readonly #told: {
    asked(fault: Fault, members: readonly number[]): void;
    told(what: string): void;
  };

  constructor(
    cluster: Cluster,
    told: { asked(fault: Fault, members: readonly number[]): void; told(what: string): void },
  ) {
    this.#cluster = cluster;
    this.#told = told;
  }

  changeMembership(fault: Extract<Fault, { kind: "membership" }>): void {
    const cluster = this.#cluster;
    const leader = cluster.leader();
    if (leader?.process === undefined || leader.process.stopping) return;
    const changes: MembershipChange[] = [];
    for (const { kind, member } of fault.changes) {
      const machine = cluster.machines[member];
      if (machine === undefined || machine.damaged) continue;
      // Who joins runs first, and waits to be spoken to.
      if (kind === "addVoter" || kind === "addLearner") cluster.startIfDue(machine);
      changes.push({ kind, member: machine.id });
    }
    if (changes.length === 0) return;
    this.#told.asked(
      fault,
      fault.changes.map((change) => change.member),
    );
    leader.process.member.changeMembership(changes, new Uint8Array(0), (error) => {
      this.#told.told(`membership change: ${error === undefined ? "done" : error.code}`);
    });
  }

  reconfigure(fault: Extract<Fault, { kind: "reconfigure" }>): void {
    const cluster = this.#cluster;
    const { process } = cluster.machines[fault.via] ?? {};
    const machine = cluster.machines[fault.member];
    if (process === undefined || process.stopping || machine === undefined) return;
    if (machine.damaged) return;
    const { change, strict } = fault;
    if (change === "addVoter" || change === "addLearner") cluster.startIfDue(machine);
    this.#told.asked(fault, [fault.via, fault.member]);
    process.member.reconfigure(requestOf(change, machine.id, strict), (error) => {
      this.#told.told(`reconfiguration: ${error === undefined ? "done" : error.code}`);
    });
  }

  transfer(fault: Extract<Fault, { kind: "transfer" }>): void {
    const cluster = this.#cluster;
    const leader = cluster.leader();
    const to = cluster.machines[fault.to];
    if (leader?.process === undefined || to === undefined || leader.process.stopping) return;
    this.#told.asked(fault, [leader.ordinal, to.ordinal]);
    leader.process.member.transferLeadership(to.id, (error) => {
      this.#told.told(`transfer: ${error === undefined ? "done" : error.code}`);
    });
  }
}

function requestOf(
  change: Extract<Fault, { kind: "reconfigure" }>["change"],
  member: string,
  strict: boolean,
): Reconfiguration {
  if (change === "promote") return { kind: "promote", member };
  if (change === "remove") return { kind: "remove", member, strict };
  return {
    kind: "add",
    member,
    peerUrls: [],
    as: change === "addVoter" ? "voter" : "learner",
    strict,
  };
}
