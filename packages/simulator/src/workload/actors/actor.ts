// One actor: what it needs of the world, and what is the same for all: choosing a member, waiting, asking
// and hearing nothing when that member dies. All of it happens on the world's time, not on a member's.

import type { MemberError, ProposeOutcome } from "@althing/member";
import {
  type Command,
  encodeCommand,
  plainRange,
  type RangeRequest,
  type Result,
} from "@althing/store";
import type { Checkers } from "../../checkers/checkers.ts";
import type { Prng } from "../../random/prng.ts";
import type { Trace } from "../../trace/trace.ts";
import type { World } from "../../world/world.ts";
import type { Service } from "../service.ts";
import type { PlannedActor } from "./plan.ts";

export interface ActorWorld {
  readonly world: World;
  readonly trace: Trace;
  readonly checkers: Checkers;
  readonly machines: number;
  readonly serviceAt: (machine: number) => Service | undefined;
}

/** Undefined: the member died with the question. */
export type Answer = ProposeOutcome<Result> | undefined;

/** Clients of the history come before them. */
const firstNumber = 100;

export abstract class Actor {
  readonly name: string;
  protected readonly plan: PlannedActor;
  protected readonly prng: Prng;
  protected readonly context: ActorWorld;
  /** The faults are over: it begins nothing new. */
  protected isOver = false;
  readonly #number: number;
  #asked = 0;

  constructor(plan: PlannedActor, prng: Prng, context: ActorWorld) {
    this.name = `${plan.kind} ${plan.id}`;
    this.plan = plan;
    this.prng = prng;
    this.context = context;
    this.#number = firstNumber + plan.id;
  }

  abstract start(): void;

  /** From now on only `machines` can be relied on. */
  windDown(_machines: readonly number[]): void {
    this.isOver = true;
  }

  /** Nothing is outstanding that a healthy cluster owes it. */
  isSettled(): boolean {
    return true;
  }

  describe(): string {
    return this.name;
  }

  protected get now(): number {
    return this.context.world.now;
  }

  protected later(ms: number, run: () => void): void {
    this.context.world.after(Math.ceil(ms * 1000) + 1, undefined, run);
  }

  /** About the pace of this actor. */
  protected pauseMs(factor = 1): number {
    return this.prng.exponential(this.plan.paceMs * factor);
  }

  protected anyMachine(): number {
    return this.prng.below(this.context.machines);
  }

  /** A running member, wherever there is one: tries some. */
  protected anyService(): Service | undefined {
    for (let tries = 0; tries < 4; tries++) {
      const service = this.context.serviceAt(this.anyMachine());
      if (service !== undefined) return service;
    }
    return undefined;
  }

  protected propose(service: Service, command: Command, done: (answer: Answer) => void): void {
    const told = this.once(service, describeCommand(command), done, describeAnswer);
    service.propose(encodeCommand(command), told);
  }

  protected askLease(
    service: Service,
    lease: bigint,
    renew: boolean,
    done: (answer: { readonly error?: MemberError; readonly leftMs?: number } | undefined) => void,
  ): void {
    const what = `${renew ? "keep" : "look at"} lease ${lease.toString(16)}`;
    const told = this.once(service, what, done, (answer) =>
      answer === undefined ? "lost" : (answer.error?.code ?? `${answer.leftMs ?? "gone"}`),
    );
    service.askLease(lease, renew, (error, leftMs) =>
      told({ ...(error && { error }), ...(leftMs !== undefined && { leftMs }) }),
    );
  }

  protected read(service: Service, what: string, done: (isTrue: boolean) => void): void {
    const told = this.once<MemberError | true>(
      service,
      what,
      (error) => done(error === true),
      (error) => (error === true ? "read" : (error?.code ?? "lost")),
    );
    service.read((error) => told(error ?? true));
  }

  /** A question that is answered once, or ends with the member; both go into the trace. */
  protected once<T>(
    service: Service,
    what: string,
    done: (answer: T | undefined) => void,
    describe: (answer: T | undefined) => string,
  ): (answer: T) => void {
    const serial = ++this.#asked;
    const client = this.#number;
    const { trace } = this.context;
    trace.add("call", client, serial, service.machine, 0, (at) => ({
      kind: "call",
      at,
      client,
      serial,
      member: service.machine,
      what,
    }));
    let answered = false;
    const finish = (answer: T | undefined): void => {
      if (answered) return;
      answered = true;
      stopWaiting();
      const result = describe(answer);
      trace.add("return", client, serial, result.length, 0, (at) => ({
        kind: "return",
        at,
        client,
        serial,
        result,
      }));
      done(answer);
    };
    const stopWaiting = service.onDeath(() => finish(undefined));
    return finish;
  }

  /** Something that it was told without having asked. */
  protected heard(what: string, a: number, b: number): void {
    const client = this.#number;
    const serial = ++this.#asked;
    this.context.trace.add("return", client, serial, a, b, (at) => ({
      kind: "return",
      at,
      client,
      serial,
      result: what,
    }));
  }
}

export const wholeRange: RangeRequest = plainRange("\0", "\0");

/** A lease id that nobody else draws. */
export function drawLease(prng: Prng): bigint {
  return (BigInt(prng.word() >>> 1) << 32n) | BigInt(prng.word()) | 1n;
}

function describeCommand(command: Command): string {
  switch (command.kind) {
    case "put":
      return `put ${command.key} under ${command.lease.toString(16)}`;
    case "leaseGrant":
    case "leaseRevoke":
      return `${command.kind} ${command.lease.toString(16)}`;
    case "compact":
      return `compact at ${command.revision}`;
    default:
      return command.kind;
  }
}

function describeAnswer(answer: Answer): string {
  if (answer === undefined) return "lost";
  if (answer.kind === "failed") return `${answer.error.code}, ${answer.error.outcome}`;
  const { result } = answer;
  return result.kind === "error" ? result.code : `${result.kind} at ${result.revision}`;
}
