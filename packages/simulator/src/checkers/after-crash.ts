// A member that loses its power now, in the middle of whatever is under way, starts again with all that it
// answered for, and acts on nothing that was not chosen: what was acknowledged stays on some disk of that member
// through installs, resets and crashes, and a commit that it wrote down never exceeds what its disk holds
// of the chosen log. Judged over copies of its virtual disk by production's own recovery, so nothing has to
// go wrong first.

import type { Core, Entry, MemberId } from "@althing/consensus";
import type { Restart } from "../cluster/restart.ts";
import { hashBytes } from "../trace/hash.ts";
import type { Durability } from "./durability.ts";
import type { Committed, StateMachineSafety } from "./state-machine-safety.ts";
import type { Verdicts } from "./verdicts.ts";

export interface Subject {
  readonly id: MemberId;
  readonly name: string;
  /** Undefined: its process is down. */
  readonly core: Core<unknown, unknown> | undefined;
}

/** A member would act on this entry after a crash, and nobody has yet. */
interface Ahead {
  readonly member: string;
  readonly entry: Committed;
}

export class AfterCrash {
  readonly #verdicts: Verdicts;
  readonly #durability: Durability;
  readonly #machine: StateMachineSafety;
  readonly #protocol: string;
  readonly #ahead = new Map<number, Ahead>();
  /** How often it was asked. */
  asked = 0;

  constructor(
    verdicts: Verdicts,
    protocol: string,
    durability: Durability,
    machine: StateMachineSafety,
  ) {
    this.#verdicts = verdicts;
    this.#protocol = protocol;
    this.#durability = durability;
    this.#machine = machine;
  }

  /** `leaders`: all cores that lead now. */
  judge(
    subject: Subject,
    restart: () => Restart,
    leaders: readonly { readonly name: string; readonly core: Core<unknown, unknown> }[],
  ): void {
    this.asked++;
    let found: Restart;
    try {
      found = restart();
    } catch (error) {
      this.#violate(`${subject.name} would not start: ${error}`);
      return;
    }
    this.#durability.wouldRestore(subject.name, found.restored);
    for (const leader of leaders) this.#counted(subject, found, leader);
    for (const entry of found.applied) this.#acted(subject.name, entry);
    this.#compareAhead();
  }

  /** Everything that a leader counts on is held there, as the leader has it, or as part of the store. */
  #counted(
    { id, name, core }: Subject,
    { restored }: Restart,
    leader: { readonly name: string; readonly core: Core<unknown, unknown> },
  ): void {
    const { epoch, peers, firstIndex } = leader.core.status();
    const match = peers.find((peer) => peer.id === id)?.match ?? 0;
    // Whoever has gone on to a later leader may have dropped what this one counts on.
    if (core === undefined || core.status().epoch !== epoch) return;
    if (this.#protocol === "paxos" && promisedTo(core) !== promisedTo(leader.core)) return;
    const held = new Map(restored.entries.map((entry) => [entry.index, entry]));
    const first = Math.max(firstIndex, restored.base.index + 1, restored.applied + 1);
    for (let index = first; index <= match; index++) {
      const own = leader.core.entryAt(index);
      const entry = held.get(index);
      if (entry === undefined) {
        this.#violate(`${leader.name} counts on ${name} for ${index}, which is on no disk there`);
        return;
      }
      if (own === undefined || this.#isSame(committedOf(own), committedOf(entry))) continue;
      this.#violate(`${leader.name} counts on ${name} for ${index}, which is another there`);
      return;
    }
  }

  #acted(name: string, entry: Entry): void {
    const known = this.#machine.committed[entry.index];
    const found = committedOf(entry);
    if (known === undefined) {
      // Chosen, perhaps, and heard of by this member first.
      if (!this.#ahead.has(entry.index)) {
        this.#ahead.set(entry.index, { member: name, entry: found });
      }
    } else this.#compare(name, entry.index, found, known);
  }

  #compareAhead(): void {
    for (const [index, { member, entry }] of this.#ahead) {
      const known = this.#machine.committed[index];
      if (known === undefined) continue;
      this.#ahead.delete(index);
      this.#compare(member, index, entry, known);
    }
  }

  #compare(name: string, index: number, found: Committed, known: Committed): void {
    if (this.#isSame(found, known)) return;
    this.#violate(
      `${name} would apply at ${index} ${found.kind} of epoch ${found.epoch}, ` +
        `where ${known.kind} of epoch ${known.epoch} was chosen`,
    );
  }

  #isSame(one: Committed, other: Committed): boolean {
    if (one.hash !== other.hash || one.kind !== other.kind) return false;
    return this.#protocol === "paxos" || one.epoch === other.epoch;
  }

  #violate(detail: string): void {
    this.#verdicts.violate("after a crash", detail);
  }
}

function committedOf({ epoch, kind, payload }: Entry): Committed {
  return { epoch, kind, hash: hashBytes(payload), committedIn: epoch };
}

function promisedTo(core: Core<unknown, unknown>): string {
  return (core.inspect() as { readonly promised: { readonly proposer: string } }).promised.proposer;
}
