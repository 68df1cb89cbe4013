// A client of a state machine of somebody's own: one command or read after the other, through members that
// may fail. What it is told is held against the log; what it is not told may have been done or not.

import { type Answer, encodeJson, type Machine } from "@althing/member";
import type { Prng } from "../random/prng.ts";
import type { RunningMember } from "../workload/service.ts";
import type { World } from "../world/world.ts";
import type { MachineJudge } from "./judge.ts";

export interface MachineClientParts {
  readonly world: World;
  readonly judge: MachineJudge<Machine>;
  readonly memberAt: (machine: number) => RunningMember | undefined;
  readonly appliedAt: (machine: number) => number;
  readonly machines: number;
  readonly nextCommand: () => unknown;
  readonly commands: number;
  /** Between an answer and the next question, at most. */
  readonly thinkMs: number;
}

const readShare = 0.2;

export class MachineClient {
  answered = 0;
  readonly #prng: Prng;
  readonly #parts: MachineClientParts;
  #left: number;
  #machine: number;

  constructor(prng: Prng, parts: MachineClientParts) {
    this.#prng = prng;
    this.#parts = parts;
    this.#left = parts.commands;
    this.#machine = prng.below(parts.machines);
  }

  start(): void {
    const { world, thinkMs } = this.#parts;
    if (this.#left-- <= 0) return;
    world.after(this.#prng.below(thinkMs * 1000) + 1, undefined, () => this.#ask());
  }

  #ask(): void {
    const member = this.#parts.memberAt(this.#machine);
    if (member === undefined) {
      this.#moveOn();
      return;
    }
    const { judge } = this.#parts;
    const asked = judge.told;
    let isOver = false;
    const over = (isAnswered: boolean): boolean => {
      if (isOver) return false;
      isOver = true;
      forget();
      if (isAnswered) {
        this.answered++;
        this.start();
      } else this.#moveOn();
      return true;
    };
    // The machine may die with the question; then nobody answers.
    const forget = member.onDeath(() => over(false));
    if (this.#prng.chance(readShare)) {
      member.read((error) => {
        if (error === undefined) judge.read(this.#parts.appliedAt(member.machine), asked);
        over(error === undefined);
      });
      return;
    }
    const command = this.#parts.nextCommand();
    member.propose(encodeJson(command), (outcome) => {
      const { kind } = outcome;
      if (!over(kind === "applied") || kind === "failed") return;
      judge.answered(command, outcome.index, outcome.result as Answer<unknown>, asked);
    });
  }

  #moveOn(): void {
    this.#machine = this.#prng.below(this.#parts.machines);
    this.start();
  }
}
