// Liveness: once a majority is healthy and the network is calm, the cluster elects a leader and every
// healthy member serves again, within a bound (Raft §5.6: broadcastTime << electionTimeout << MTBF;
// the bound is many election timeouts). Safety can be had by doing nothing; this is what forbids it.

import type { Membership } from "@althing/consensus";
import type { Cluster } from "../cluster/cluster.ts";
import type { Machine } from "../cluster/machine.ts";
import type { Trace } from "../trace/trace.ts";
import type { World } from "../world/world.ts";

export class Liveness {
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #trace: Trace;
  /** Machines that answered a write of their own after the healing. */
  readonly #served = new Map<number, number>();
  readonly #asked = new Set<string>();
  #highest = 0;

  /** Voters that must be there, when a majority is not what counts. */
  readonly #needed: number | undefined;

  /** What is asked of a machine to see that it serves. */
  readonly #probeOf: (ordinal: number) => Uint8Array;

  constructor(
    world: World,
    cluster: Cluster,
    trace: Trace,
    probeOf: (ordinal: number) => Uint8Array,
    needed?: number,
  ) {
    this.#probeOf = probeOf;
    this.#needed = needed;
    this.#world = world;
    this.#cluster = cluster;
    this.#trace = trace;
  }

  /** False when what was lost leaves no majority to demand anything of. */
  get demanded(): boolean {
    const { voters, votersOutgoing } = this.#cluster.membership();
    const majority = (ids: readonly string[]): boolean => {
      const healthy = ids.filter((id) => this.#healthy(id)).length;
      const needed = this.#needed ?? Math.floor(ids.length / 2) + 1;
      return ids.length === 0 || healthy >= needed;
    };
    return majority(voters) && majority(votersOutgoing);
  }

  /** Asks again of everyone who has not served yet; true when all have, and all are level. */
  poll(): boolean {
    const required = this.#required();
    for (const machine of required) this.#probe(machine);
    // A joint membership is a passage: whoever leads ends it (dissertation §4.3).
    if (this.#cluster.membership().votersOutgoing.length > 0) return false;
    return (
      required.length > 0 &&
      required.every((machine) => {
        const served = this.#served.get(machine.ordinal);
        const applied = machine.process?.member.status().appliedIndex ?? -1;
        return served !== undefined && applied >= this.#highest;
      })
    );
  }

  /** The machines that must serve. */
  reliable(): number[] {
    return this.#required().map(({ ordinal }) => ordinal);
  }

  /** Who has not served, for people. */
  describe(): string {
    const parts = this.#required().map((machine) => {
      const status = machine.process?.member.status();
      if (status === undefined) return `${machine.name} is down`;
      const served = this.#served.has(machine.ordinal) ? "served" : "did not serve";
      return (
        `${machine.name} ${served}, ${status.role} of epoch ${status.epoch}, log to ${status.lastIndex}, ` +
        `commit ${status.commitIndex}, applied ${status.appliedIndex}` +
        (status.leaderless === "" ? "" : ` (${status.leaderless})`)
      );
    });
    return `${parts.join("; ")}; the highest probe is at ${this.#highest}`;
  }

  #required(): Machine[] {
    const membership: Membership = this.#cluster.membership();
    const ids = [...membership.voters, ...membership.votersOutgoing, ...membership.learners];
    return this.#cluster.machines.filter(
      (machine) => ids.includes(machine.id) && this.#healthy(machine.id) && machine.lives > 0,
    );
  }

  #healthy(id: string): boolean {
    const machine = this.#cluster.machines.find((one) => one.id === id);
    return machine?.isCountedOn === true && machine.lives > 0;
  }

  #probe(machine: Machine): void {
    const service = this.#cluster.memberAt(machine.ordinal);
    if (service === undefined || this.#served.has(machine.ordinal)) return;
    if (this.#asked.has(service.life)) return;
    this.#asked.add(service.life);
    service.propose(this.#probeOf(machine.ordinal), (outcome) => {
      this.#asked.delete(service.life);
      if (outcome.kind === "failed") return;
      if (outcome.index > this.#highest) this.#highest = outcome.index;
      // A linearizable read must work there as well.
      service.read((error) => {
        if (error !== undefined) return;
        this.#served.set(machine.ordinal, this.#world.now);
        this.#trace.add("phase", machine.ordinal, outcome.index, 0, 0, (at) => ({
          kind: "phase",
          at,
          what: `m${machine.ordinal} serves again`,
        }));
      });
    });
  }
}
