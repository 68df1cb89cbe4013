// Lets the planned faults happen. A fault that has no object now (its machine is down already) does
// nothing: plans stay plans when the shrinker takes parts of them away.

import type { Cluster } from "../cluster/cluster.ts";
import type { Machine } from "../cluster/machine.ts";
import type { WindowKind } from "../observe/windows.ts";
import type { SimulationOptions } from "../options/options.ts";
import type { Prng } from "../random/prng.ts";
import type { Trace } from "../trace/trace.ts";
import type { World } from "../world/world.ts";
import { Administration } from "./administration.ts";
import type { Fault, Target } from "./plan.ts";

export interface NemesisParts {
  readonly world: World;
  readonly trace: Trace;
  readonly cluster: Cluster;
  readonly prng: Prng;
  readonly options: SimulationOptions;
}

export class Nemesis {
  readonly #parts: NemesisParts;
  readonly #administration: Administration;
  /** Kinds of faults that really struck. */
  readonly struck = new Map<string, number>();
  #healed = false;
  /** How many partitions hold each channel closed now. */
  readonly #blocks = new Map<string, number>();
  /** Those that wait for their windows. */
  readonly #ambushes = new Set<Extract<Fault, { kind: "ambush" }>>();

  constructor(parts: NemesisParts) {
    this.#parts = parts;
    this.#administration = new Administration(parts.cluster, {
      asked: (fault, members) => this.#note(fault, members),
      told: (what) => this.#trace(what, []),
    });
    parts.cluster.windows.onOpened((machine, kind) => this.#opened(machine, kind));
  }

  plan(faults: readonly Fault[]): void {
    for (const fault of faults) {
      this.#parts.world.at(fault.atMs * 1000, undefined, () => {
        if (!this.#healed) this.#strike(fault);
      });
    }
  }

  /**
   * Ends every fault; machines that have their data come up again. Sometimes only a majority does:
   * the others stay without power, and progress is demanded of those that are left.
   */
  heal(plan: readonly Fault[]): void {
    this.#healed = true;
    const { world, cluster } = this.#parts;
    this.#trace("heal", []);
    this.#leaveOut(plan);
    cluster.network.calm = true;
    for (const from of cluster.machines) {
      for (const to of cluster.machines) {
        if (from === to) continue;
        cluster.network.unblock(from.ordinal, to.ordinal);
        cluster.network.clog(from.ordinal, to.ordinal, 0);
      }
    }
    for (const machine of cluster.machines) {
      machine.turns.turnCost = 0;
      world.unstall(machine.turns);
      machine.disk.faults.fails = {};
      machine.disk.faults.freeBytes = undefined;
      machine.disk.faults.slowMicros = 0;
      machine.disk.faults.calm = true;
      machine.disk.busyUntil = Math.min(machine.disk.busyUntil, world.now);
      machine.downUntil = 0;
      if (machine.lives > 0 && machine.isCountedOn) cluster.startIfDue(machine);
    }
  }

  /** Not while the membership changes: which majority counts would be in doubt. */
  #leaveOut(plan: readonly Fault[]): void {
    const { cluster, options, prng } = this.#parts;
    const chance = prng.split("core");
    if (
      plan.some(({ kind }) => kind === "membership" || kind === "reconfigure") ||
      chance.chance(0.5)
    )
      return;
    const voters = cluster.machines.slice(0, options.voters);
    const damaged = voters.filter((machine) => machine.damaged).length;
    const quorums = options.paxosQuorums;
    const needed =
      quorums === undefined
        ? Math.floor(options.voters / 2) + 1
        : Math.max(quorums.prepare, quorums.accept);
    const spare = options.voters - needed - damaged;
    for (const machine of chance.shuffle(voters).slice(0, Math.max(0, spare))) {
      if (machine.damaged) continue;
      machine.leftOut = true;
      if (machine.process !== undefined) cluster.kill(machine, "left out of the core", true);
      this.#trace("left out", [machine.ordinal]);
    }
  }

  #strike(fault: Fault): void {
    switch (fault.kind) {
      case "crash":
        this.#withProcess(fault.target, fault, (machine) =>
          this.#takeDown(machine, fault.downMs, fault.power ? "power" : "kill"),
        );
        return;
      case "ambush":
        this.#ambushes.add(fault);
        return;
      case "blackout":
        for (const machine of this.#parts.cluster.machines) {
          if (machine.process !== undefined) this.#takeDown(machine, fault.downMs, "power");
        }
        this.#note(fault, []);
        return;
      case "restart":
        this.#withProcess(fault.target, fault, (machine) => this.#restart(machine, fault.downMs));
        return;
      case "pause":
        this.#withProcess(fault.target, fault, ({ turns }) => {
          turns.timersFirst = fault.timersFirst;
          this.#parts.world.stall(turns, this.#later(fault.forMs));
        });
        return;
      case "slow":
        this.#withProcess(fault.target, fault, ({ turns }) => {
          turns.turnCost = fault.turnMs * 1000;
          this.#after(fault.forMs, () => {
            turns.turnCost = 0;
          });
        });
        return;
      case "partition":
        this.#note(fault, fault.sides.flat());
        this.#blockFor(fault.forMs, pairsBetween(fault.sides));
        return;
      case "isolate":
        this.#withProcess(fault.target, fault, (machine) => {
          const pairs: [number, number][] = [];
          for (const other of this.#parts.cluster.machines) {
            if (other === machine) continue;
            if (fault.direction !== "mute") pairs.push([other.ordinal, machine.ordinal]);
            if (fault.direction !== "deaf") pairs.push([machine.ordinal, other.ordinal]);
          }
          this.#blockFor(fault.forMs, pairs);
        });
        return;
      case "clog":
        if (fault.from === fault.to) return;
        this.#note(fault, [fault.from, fault.to]);
        this.#parts.cluster.network.clog(fault.from, fault.to, fault.extraMs * 1000);
        this.#after(fault.forMs, () => this.#parts.cluster.network.clog(fault.from, fault.to, 0));
        return;
      case "clock":
        this.#withMachine(fault.target, fault, ({ clock }) => {
          clock.setRate(fault.rate);
          clock.wallOffsetMs += fault.wallJumpMs;
        });
        return;
      case "diskError":
        this.#withProcess(fault.target, fault, (machine) => {
          machine.disk.faults.fails[fault.on] = 1;
        });
        return;
      case "diskFull":
        this.#withProcess(fault.target, fault, (machine) => {
          machine.disk.faults.freeBytes = fault.freeBytes;
          this.#after(fault.forMs, () => {
            machine.disk.faults.freeBytes = undefined;
          });
        });
        return;
      case "diskSlow":
        this.#withProcess(fault.target, fault, ({ disk }) => {
          disk.faults.slowMicros = fault.slowMs * 1000;
          this.#after(fault.forMs, () => {
            disk.faults.slowMicros = 0;
          });
        });
        return;
      case "rot":
        this.#withMachine(fault.target, fault, (machine) => this.#rot(machine, fault.downMs));
        return;
      case "wipe":
        this.#withMachine(fault.target, fault, (machine) => this.#wipe(machine, fault.downMs));
        return;
      case "membership":
        this.#administration.changeMembership(fault);
        return;
      case "reconfigure":
        this.#administration.reconfigure(fault);
        return;
      case "transfer":
        this.#administration.transfer(fault);
    }
  }

  /** The first that waits for it takes it; it waits for another one if this one closes too soon. */
  #opened(ordinal: number, kind: WindowKind): void {
    const { cluster } = this.#parts;
    const machine = cluster.machines[ordinal];
    const ambush = [...this.#ambushes].find(({ window }) => window === kind);
    if (machine === undefined || ambush === undefined) return;
    this.#ambushes.delete(ambush);
    this.#after(ambush.afterMicros / 1000, () => {
      if (machine.process === undefined || !cluster.windows.isOpen(ordinal, kind)) {
        this.#ambushes.add(ambush);
        return;
      }
      this.#note(ambush, [ordinal]);
      this.#takeDown(machine, ambush.downMs, ambush.power ? "power" : "kill");
    });
  }

  #takeDown(machine: Machine, downMs: number, why: "power" | "kill"): void {
    const { cluster } = this.#parts;
    cluster.kill(machine, why, why === "power");
    this.#comeBack(machine, downMs);
  }

  #restart(machine: Machine, downMs: number): void {
    const { process } = machine;
    if (process === undefined || process.stopping) return;
    process.stopping = true;
    machine.wasStopped = true;
    process.member.stop(() => {
      // From inside its own turn: the process ends when that is over.
      this.#parts.world.after(0, undefined, () => {
        if (machine.process === process) this.#takeDown(machine, downMs, "kill");
      });
    });
  }

  /** Old data goes bad while the machine is without power. */
  #rot(machine: Machine, downMs: number): void {
    const { cluster, prng } = this.#parts;
    if (machine.process === undefined || machine.damaged) return;
    cluster.kill(machine, "power", true);
    const file = machine.disk.rot(prng.split(`rot ${machine.ordinal}`), "");
    if (file !== undefined) machine.damaged = true;
    this.#comeBack(machine, downMs);
  }

  #wipe(machine: Machine, downMs: number): void {
    const { cluster } = this.#parts;
    // A disk is refused by its identity, so whoever could vote for the empty one must have learned
    // the old one. Before that nobody can tell a lost disk from a new cluster's first start.
    const voters = cluster.machines.slice(0, this.#parts.options.voters);
    const known = voters.every(
      (other) =>
        other === machine ||
        other.process?.member.roster().some(({ member }) => member === machine.id) === true,
    );
    if (machine.process === undefined || machine.damaged || !known) return;
    cluster.kill(machine, "wiped", true);
    cluster.wipe(machine);
    this.#comeBack(machine, downMs);
  }

  #blockFor(forMs: number, pairs: readonly (readonly [number, number])[]): void {
    const { cluster } = this.#parts;
    for (const [from, to] of pairs) {
      const key = `${from} ${to}`;
      this.#blocks.set(key, (this.#blocks.get(key) ?? 0) + 1);
      cluster.network.block(from, to);
    }
    this.#after(forMs, () => {
      for (const [from, to] of pairs) {
        const key = `${from} ${to}`;
        const left = (this.#blocks.get(key) ?? 1) - 1;
        this.#blocks.set(key, left);
        if (left === 0) cluster.network.unblock(from, to);
      }
      this.#trace(
        "unblock",
        [...new Set(pairs.flat())].sort((a, b) => a - b),
      );
    });
  }

  #withMachine(target: Target, fault: Fault, act: (machine: Machine) => void): void {
    const { cluster } = this.#parts;
    const machine = target === "leader" ? cluster.leader() : cluster.machines[target];
    if (machine === undefined) return;
    this.#note(fault, [machine.ordinal]);
    act(machine);
  }

  #withProcess(target: Target, fault: Fault, act: (machine: Machine) => void): void {
    this.#withMachine(target, fault, (machine) => {
      if (machine.process !== undefined) act(machine);
    });
  }

  #later(ms: number): number {
    return this.#parts.world.now + ms * 1000;
  }

  #after(ms: number, run: () => void): void {
    this.#parts.world.after(ms * 1000, undefined, () => {
      if (!this.#healed) run();
    });
  }

  /** Also when the healing comes in between: then at once. */
  #comeBack(machine: Machine, downMs: number): void {
    const { world, cluster } = this.#parts;
    const wait = this.#healed ? 0 : downMs * 1000;
    machine.downUntil = Math.max(machine.downUntil, world.now + wait);
    world.after(wait, undefined, () => cluster.startIfDue(machine));
  }

  #note(fault: Fault, members: readonly number[]): void {
    this.struck.set(fault.kind, (this.struck.get(fault.kind) ?? 0) + 1);
    this.#trace(describeFault(fault), members);
  }

  #trace(what: string, members: readonly number[]): void {
    const { trace } = this.#parts;
    trace.text("fault", what, (at) => ({ kind: "fault", at, what, members }));
    for (const member of members) trace.mix(member);
  }
}

function describeFault(fault: Fault): string {
  const parts: string[] = [fault.kind];
  for (const [key, value] of Object.entries(fault)) {
    if (key === "kind" || key === "atMs") continue;
    parts.push(`${key}=${typeof value === "object" ? JSON.stringify(value) : value}`);
  }
  return parts.join(" ");
}

function pairsBetween(sides: readonly (readonly number[])[]): [number, number][] {
  const pairs: [number, number][] = [];
  for (const [position, side] of sides.entries()) {
    for (const [other, others] of sides.entries()) {
      if (position === other) continue;
      for (const from of side) for (const to of others) pairs.push([from, to]);
    }
  }
  return pairs;
}
