// What one member can be, over all interleavings. Members are deterministic: the same step in the same state
// has the same outcome whatever the others are. So each state of a machine gets a number, and each step in
// it is done once; the exploration of the whole puts numbers together and hardly ever runs a core. A machine
// has no copy: to step in a state a second time, the steps that led there are done again.
//
// States are told apart by 106 bits of a hash of their text. For two of ten million states to collide by
// chance is less likely than one in 10^17.

import type {
  Core,
  CoreOptions,
  CoreStatus,
  Entry,
  MemberId,
  Membership,
  Protocol,
  Restored,
} from "@althing/consensus";
import { defineProtocol, type Parts } from "@althing/consensus/parts";
import { holdsLease } from "./core-state.ts";
import { Machine, type Outcome, type Step } from "./machine.ts";
import { type Carried, stepOfKey } from "./steps.ts";

/** A state of one machine: what moves and checks ask of it. */
export interface Local {
  readonly number: number;
  readonly member: MemberId;
  readonly parent: Local | undefined;
  readonly step: Step | undefined;
  readonly status: CoreStatus;
  readonly isLeader: boolean;
  readonly holdsLease: boolean;
  /** It hears somebody else lead, and would be told of a connection that breaks. */
  readonly follows: boolean;
  readonly writes: number;
  readonly installs: number;
  readonly storeIndex: number;
  readonly baseIndex: number;
  readonly machineStore: Machine["store"];
  readonly disk: Machine["disk"];
  /** What a leader has in memory, for comparing with the disks that it counts on. */
  readonly held: ReadonlyMap<number, Entry>;
  /** Paxos: whose ballot it promised. */
  readonly promisedTo: string;
}

export interface Transition<Effects> {
  readonly next: Local;
  /** What the step does to the rest of the world, in a form that is quick to do again. */
  readonly effects: Effects;
  /** Nothing came of it at all. */
  readonly isIdle: boolean;
}

/** A core holds some kilobytes. */
const liveMax = 20_000;

export class Locals<Effects> {
  readonly all: Local[] = [];
  readonly #protocol: Protocol;
  readonly #membership: Membership;
  readonly #hasLeases: boolean;
  readonly #states = new WeakMap<object, object>();
  readonly #numbers = new Map<string, number>();
  readonly #transitions: Map<number, Transition<Effects>>[] = [];
  readonly #compile: (member: MemberId, outcome: Outcome) => Effects;
  readonly #carried: Carried;
  /** Machines that nothing was done to since they came to their state; those found last. */
  readonly #live = new Map<number, Machine>();
  steps = 0;

  constructor(
    parts: Parts<object, unknown, unknown, object>,
    membership: Membership,
    hasLeases: boolean,
    carried: Carried,
    compile: (member: MemberId, outcome: Outcome) => Effects,
  ) {
    this.#membership = membership;
    this.#hasLeases = hasLeases;
    this.#carried = carried;
    this.#compile = compile;
    let created: object | undefined;
    const protocol = defineProtocol({
      ...parts,
      create: (options: CoreOptions, restored: Restored<unknown>) => {
        created = parts.create(options, restored) as object;
        return created as never;
      },
    } as never) as unknown as Protocol;
    this.#protocol = {
      ...protocol,
      create: (options, restored) => {
        const core = protocol.create(options, restored);
        if (created !== undefined) this.#states.set(core, created);
        return core;
      },
    };
  }

  get protocol(): Protocol {
    return this.#protocol;
  }

  start(member: MemberId): Local {
    return this.#find(this.#create(member), undefined, undefined);
  }

  /** `key` names the step among those in the same state. */
  step(from: number, key: number): Transition<Effects> {
    return this.#transitions[from]!.get(key) ?? this.#stepFirst(this.all[from]!, key);
  }

  #stepFirst(from: Local, key: number): Transition<Effects> {
    const step = stepOfKey(key, this.#carried);
    const machine = this.#machineIn(from);
    const outcome = machine.do(step);
    this.steps++;
    const next = this.#find(machine, from, step);
    const isIdle = next === from && isNothing(outcome);
    const transition = { next, effects: this.#compile(from.member, outcome), isIdle };
    this.#transitions[from.number]!.set(key, transition);
    return transition;
  }

  /** What a step makes a member tell, for people. */
  told(from: Local, key: number): readonly string[] {
    return this.#machineIn(from).do(stepOfKey(key, this.#carried)).told;
  }

  #create(member: MemberId): Machine {
    const stateOf = (core: Core<unknown, unknown>) => this.#states.get(core)!;
    const reads = this.#hasLeases ? "lease" : "quorum";
    return new Machine(member, reads, this.#membership, this.#protocol, stateOf);
  }

  #machineIn(local: Local): Machine {
    const live = this.#live.get(local.number);
    if (live !== undefined) {
      this.#live.delete(local.number);
      return live;
    }
    const steps: Step[] = [];
    for (let at: Local = local; at.step !== undefined; at = at.parent!) steps.push(at.step);
    const machine = this.#create(local.member);
    machine.redo(steps.reverse());
    return machine;
  }

  #find(machine: Machine, parent: Local | undefined, step: Step | undefined): Local {
    const hash = hashOf(`${machine.id} ${machine.describe()}`);
    const known = this.#numbers.get(hash);
    if (known !== undefined) {
      this.#keep(known, machine);
      return this.all[known]!;
    }
    const state = this.#states.get(machine.core)!;
    const local = describe(machine, state, this.#protocol.name, this.all.length, parent, step);
    this.all.push(local);
    this.#transitions.push(new Map());
    this.#numbers.set(hash, local.number);
    this.#keep(local.number, machine);
    return local;
  }

  /** A state is come to about as often as it is left: mostly a machine is there for the next step. */
  #keep(number: number, machine: Machine): void {
    this.#live.set(number, machine);
    if (this.#live.size <= liveMax) return;
    for (const oldest of this.#live.keys()) {
      this.#live.delete(oldest);
      break;
    }
  }
}

function isNothing({ letters, snapshotsWanted, chosen, settled, broken }: Outcome): boolean {
  return [letters, snapshotsWanted, chosen, settled, broken].every(({ length }) => length === 0);
}

function describe(
  machine: Machine,
  state: object,
  name: Protocol["name"],
  number: number,
  parent: Local | undefined,
  step: Step | undefined,
): Local {
  const { core, disk, store } = machine;
  const status = core.status();
  const held = new Map<number, Entry>();
  if (status.role === "leader") {
    for (let index = status.firstIndex; index <= status.lastIndex; index++) {
      const entry = core.entryAt(index);
      if (entry !== undefined) held.set(index, entry);
    }
  }
  const { promised } = core.inspect() as { readonly promised?: { readonly proposer?: string } };
  return {
    number,
    member: machine.id,
    parent,
    step,
    status,
    isLeader: status.role === "leader",
    holdsLease: holdsLease(name, state),
    follows: status.leader !== undefined && status.leader !== machine.id,
    writes: machine.writes.length,
    installs: machine.installs.length,
    storeIndex: store.point.index,
    baseIndex: disk.base.index,
    machineStore: store,
    disk,
    held,
    promisedTo: promised?.proposer ?? "",
  };
}

/** Two of cyrb53, with seeds of their own. */
function hashOf(text: string): string {
  return `${cyrb53(text, 1)}.${cyrb53(text, 2)}`;
}

function cyrb53(text: string, seed: number): number {
  let high = 0xdeadbeef ^ seed;
  let low = 0x41c6ce57 ^ seed;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return 4294967296 * (2097151 & low) + (high >>> 0);
}
