// What must hold of a state machine of somebody's own, wherever it runs: every member answers as one that was
// never disturbed, what always holds does hold, and what clients were told is what the log says.

import type { Answer, Machine, MachineContext } from "@althing/member";
import type { Verdicts } from "../checkers/verdicts.ts";

export interface JudgeParts<Own extends Machine> {
  readonly verdicts: Verdicts;
  /** One that nothing ever happens to. */
  readonly reference: Own;
  readonly invariant: (machine: Own) => string | undefined;
}

export class MachineJudge<Own extends Machine> {
  readonly #parts: JudgeParts<Own>;
  readonly #commands = new Map<number, string>();
  readonly #answers = new Map<number, string>();
  #newest = 0;
  /** The highest index that any client was told of. */
  #told = 0;

  constructor(parts: JudgeParts<Own>) {
    this.#parts = parts;
  }

  /** A machine, with whoever it is told to. */
  watched(name: string, machine: Own): Machine {
    return {
      apply: (command, context) => {
        const answer = answerOf(machine, command, context);
        this.#applied(name, command, context, answer);
        this.#check(name, machine, `after ${JSON.stringify(command)} at ${context.index}`);
        if (answer.kind === "threw") throw answer.error;
        return answer.value;
      },
      snapshot: () => machine.snapshot(),
      restore: (state) => {
        machine.restore(state);
        this.#check(name, machine, "after it was restored");
      },
    };
  }

  /** What is asked from here on comes after all that was told so far. */
  get told(): number {
    return this.#told;
  }

  /** `asked`: what had been told when the client asked. */
  answered(command: unknown, index: number, answer: Answer<unknown>, asked: number): void {
    const { verdicts } = this.#parts;
    const shown = JSON.stringify(command);
    if (index <= asked) {
      const detail = `${shown} was answered from ${index}, though ${asked} was told before it was asked`;
      verdicts.violate("linearizability", detail);
    }
    if (this.#commands.get(index) !== shown) {
      verdicts.violate(
        "durability",
        `${shown} was acknowledged, and is not what stands at ${index}`,
      );
    }
    if (this.#answers.get(index) !== describe(answer)) {
      const detail = `${shown} at ${index} was answered ${describe(answer)}, the log says ${this.#answers.get(index)}`;
      verdicts.violate("linearizability", detail);
    }
    this.#told = Math.max(this.#told, index);
  }

  read(appliedIndex: number, asked: number): void {
    if (appliedIndex >= asked) return;
    const detail = `a read saw ${appliedIndex}, though ${asked} was told before it was asked`;
    this.#parts.verdicts.violate("linearizability", detail);
  }

  #applied(name: string, command: unknown, context: MachineContext, answer: Answer<unknown>): void {
    const { index } = context;
    if (index > this.#newest) {
      this.#newest = index;
      this.#commands.set(index, JSON.stringify(command));
      this.#answers.set(index, describe(answerOf(this.#parts.reference, command, context)));
    }
    const expected = this.#answers.get(index);
    const found = describe(answer);
    if (found === expected) return;
    const shown = JSON.stringify(command);
    const detail = `${name} answers ${found} to ${shown} at ${index}, where one that nothing happened to answers ${expected}`;
    this.#parts.verdicts.violate("determinism", detail);
  }

  #check(name: string, machine: Own, when: string): void {
    const fault = this.#parts.invariant(machine);
    if (fault !== undefined)
      this.#parts.verdicts.violate("invariant", `${name}, ${when}: ${fault}`);
  }
}

function answerOf(machine: Machine, command: unknown, context: MachineContext): Answer<unknown> {
  try {
    return { kind: "returned", value: machine.apply(command, context) };
  } catch (error) {
    return { kind: "threw", error };
  }
}

function describe(answer: Answer<unknown>): string {
  return answer.kind === "threw"
    ? `a throw of ${answer.error}`
    : String(JSON.stringify(answer.value));
}
