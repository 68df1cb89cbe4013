// One client: it does its planned operations one after the other through members that may fail, and
// writes down only what it can know. An answer is an outcome; a refusal that certainly did nothing is
// forgotten; everything else stays unknown for ever.

import {
  encodeCommand,
  plainRange,
  type RangeRequest,
  type Result,
  type TxnCommand,
} from "@althing/store";
import type { SessionGuarantees } from "../checkers/session-guarantees.ts";
import type { Action, Compare, Outcome } from "../linearizability/model.ts";
import { decodeValue, encodeValue } from "../observe/reference.ts";
import type { WorkloadOptions } from "../options/options.ts";
import type { Prng } from "../random/prng.ts";
import type { Trace } from "../trace/trace.ts";
import type { World } from "../world/world.ts";
import type { History } from "./history.ts";
import type { PlannedOperation } from "./plan.ts";
import type { Service } from "./service.ts";

export interface ClientWorld {
  readonly world: World;
  readonly trace: Trace;
  readonly history: History;
  readonly sessions: SessionGuarantees;
  readonly workload: WorkloadOptions;
  /** The member that runs on a machine now; undefined when none listens there. */
  readonly serviceAt: (machine: number) => Service | undefined;
  readonly machines: number;
}

export class Client {
  readonly #id: number;
  readonly #context: ClientWorld;
  readonly #prng: Prng;
  readonly #plan: readonly PlannedOperation[];
  #next = 0;
  #isOver = false;
  #machine: number;
  /** What this client believes of a key: the guess of its next compare-and-swap. */
  readonly #believed = new Map<number, number>();

  constructor(id: number, plan: readonly PlannedOperation[], prng: Prng, context: ClientWorld) {
    this.#id = id;
    this.#plan = plan;
    this.#prng = prng;
    this.#context = context;
    this.#machine = id % context.machines;
  }

  start(): void {
    this.#scheduleNext(0);
  }

  /** Asks for nothing more; what is under way it waits for. */
  stop(): void {
    this.#isOver = true;
  }

  #scheduleNext(extraMs: number): void {
    const planned = this.#plan[this.#next++];
    if (planned === undefined) return;
    this.#context.world.after((planned.thinkMs + extraMs) * 1000 + 1, undefined, () => {
      this.#perform(planned);
    });
  }

  #perform(planned: PlannedOperation): void {
    if (this.#isOver) return;
    if (planned.machine !== undefined) this.#machine = planned.machine % this.#context.machines;
    const service = this.#context.serviceAt(this.#machine);
    if (service === undefined) {
      this.#moveOn();
      this.#scheduleNext(this.#prng.between(1, 20));
      return;
    }
    switch (planned.kind) {
      case "serializableRead":
        this.#readLocally(planned, service);
        return;
      case "read":
      case "transactionRead":
        this.#read(planned, service);
        return;
      default:
        this.#write(planned, service);
    }
  }

  #write(planned: PlannedOperation, service: Service): void {
    const { history, workload, trace } = this.#context;
    const { compares, success, failure } = this.#actionsOf(planned);
    const record = history.call(this.#id, compares, success, failure);
    const command = commandOf(compares, success, failure, {
      tellPrevious: planned.tellPrevious,
      valueBytes: workload.valueBytes,
    });
    this.#traceCall(record.serial, planned, compares);
    let answered = false;
    // The machine may die with the request; then nobody answers, and the outcome stays unknown.
    const stopWaiting = service.onDeath(() => finish(undefined, true, "connection lost"));
    const finish = (outcome: Outcome | undefined, unknown: boolean, told: string): void => {
      if (answered) return;
      answered = true;
      stopWaiting();
      trace.add(
        "return",
        this.#id,
        record.serial,
        unknown ? 2 : outcome === undefined ? 1 : 0,
        0,
        (at) => ({
          kind: "return",
          at,
          client: this.#id,
          serial: record.serial,
          result: told,
        }),
      );
      if (outcome !== undefined) {
        history.return(record, outcome);
        this.#learn(success, failure, outcome);
      } else if (!unknown) history.forget(record);
      if (outcome === undefined) this.#moveOn();
      this.#scheduleNext(outcome === undefined ? this.#prng.between(1, 50) : 0);
    };
    service.propose(encodeCommand(command), (answer) => {
      if (answer.kind === "failed") {
        const { code, outcome } = answer.error;
        finish(undefined, outcome === "unknown", `${code}, ${outcome}`);
        return;
      }
      const { result } = answer;
      if (result.kind === "error") {
        finish(undefined, false, result.code);
        return;
      }
      const outcome = outcomeOf(result, planned.tellPrevious);
      history.acknowledged(record, answer.index);
      this.#context.sessions.saw(this.#id, service.life, result.revision);
      finish(outcome, false, describeOutcome(outcome));
    });
  }

  #read(planned: PlannedOperation, service: Service): void {
    const { history, trace } = this.#context;
    const success: Action[] = planned.keys.map((key) => ({ kind: "get", key }));
    const record = history.call(this.#id, [], success, []);
    this.#traceCall(record.serial, planned, []);
    let answered = false;
    const stopWaiting = service.onDeath(() => finish(undefined, "connection lost"));
    const finish = (outcome: Outcome | undefined, told: string): void => {
      if (answered) return;
      answered = true;
      stopWaiting();
      trace.add("return", this.#id, record.serial, outcome === undefined ? 1 : 0, 0, (at) => ({
        kind: "return",
        at,
        client: this.#id,
        serial: record.serial,
        result: told,
      }));
      if (outcome === undefined) {
        // A read changes nothing: without an answer it says nothing.
        history.forget(record);
        this.#moveOn();
      } else {
        history.return(record, outcome);
        this.#learn(success, [], outcome);
      }
      this.#scheduleNext(outcome === undefined ? this.#prng.between(1, 50) : 0);
    };
    service.read((error) => {
      if (error !== undefined) {
        finish(undefined, error.code);
        return;
      }
      const result = service.store.readTxn(
        commandOf([], success, [], { tellPrevious: false, valueBytes: 0 }) as TxnCommand,
      );
      if (result.kind === "error") {
        finish(undefined, result.code);
        return;
      }
      this.#context.sessions.saw(this.#id, service.life, result.revision);
      const outcome = outcomeOf(result, true);
      finish(outcome, describeOutcome(outcome));
    });
  }

  /** What the member has, however old: held to the session guarantees only. */
  #readLocally(planned: PlannedOperation, service: Service): void {
    const { sessions } = this.#context;
    for (const key of planned.keys) {
      const result = service.store.range(rangeOf(key));
      if (result.kind === "error") continue;
      const kv = result.kvs[0];
      const value = kv === undefined ? 0 : decodeValue(kv.value);
      sessions.read(this.#id, service.life, nameOf(key), result.revision, value);
    }
    this.#scheduleNext(0);
  }

  #actionsOf(planned: PlannedOperation): {
    compares: Compare[];
    success: Action[];
    failure: Action[];
  } {
    const [key = 0] = planned.keys;
    const guess = (of: number): Compare => ({ key: of, equals: this.#believed.get(of) ?? 0 });
    switch (planned.kind) {
      case "delete":
        return { compares: [], success: [{ kind: "delete", key }], failure: [] };
      case "compareAndSwap":
        return {
          compares: [guess(key)],
          success: [{ kind: "put", key, value: planned.value }],
          failure: [{ kind: "get", key }],
        };
      case "transaction":
        return {
          compares: planned.tellPrevious ? planned.keys.map(guess) : [],
          success: planned.keys.map((one, position) => ({
            kind: "put" as const,
            key: one,
            value: planned.value + position,
          })),
          failure: planned.keys.map((one) => ({ kind: "get" as const, key: one })),
        };
      default:
        return { compares: [], success: [{ kind: "put", key, value: planned.value }], failure: [] };
    }
  }

  #learn(success: readonly Action[], failure: readonly Action[], outcome: Outcome): void {
    for (const [position, action] of (outcome.succeeded ? success : failure).entries()) {
      const found = outcome.found[position];
      if (action.kind === "put") this.#believed.set(action.key, action.value);
      else if (action.kind === "delete") this.#believed.set(action.key, 0);
      else if (found !== undefined) this.#believed.set(action.key, found);
    }
  }

  #moveOn(): void {
    this.#machine = this.#prng.below(this.#context.machines);
  }

  #traceCall(serial: number, planned: PlannedOperation, compares: readonly Compare[]): void {
    const machine = this.#machine;
    this.#context.trace.add("call", this.#id, serial, machine, planned.value, (at) => ({
      kind: "call",
      at,
      client: this.#id,
      serial,
      member: machine,
      what: describePlanned(planned, compares),
    }));
  }
}

function nameOf(key: number): string {
  return `k${key}`;
}

function rangeOf(key: number): RangeRequest {
  return plainRange(nameOf(key));
}

type OneOp = TxnCommand["success"][number];

function commandOf(
  compares: readonly Compare[],
  success: readonly Action[],
  failure: readonly Action[],
  options: { readonly tellPrevious: boolean; readonly valueBytes: number },
) {
  const op = (action: Action): OneOp => {
    switch (action.kind) {
      case "get":
        return { kind: "range", ...rangeOf(action.key) };
      case "put":
        return {
          kind: "put",
          key: nameOf(action.key),
          value: encodeValue(action.value, options.valueBytes),
          lease: 0n,
          prevKv: options.tellPrevious,
          ignoreValue: false,
          ignoreLease: false,
        };
      case "delete":
        return {
          kind: "deleteRange",
          key: nameOf(action.key),
          rangeEnd: "",
          prevKv: options.tellPrevious,
        };
    }
  };
  const [only] = success;
  if (compares.length === 0 && success.length === 1 && only !== undefined && only.kind !== "get") {
    return op(only) as Exclude<OneOp, { kind: "range" }>;
  }
  const txn: TxnCommand = {
    kind: "txn",
    compares: compares.map((compare) =>
      compare.equals === 0
        ? {
            key: nameOf(compare.key),
            rangeEnd: "",
            result: "equal" as const,
            target: "create" as const,
            value: 0,
          }
        : {
            key: nameOf(compare.key),
            rangeEnd: "",
            result: "equal" as const,
            target: "value" as const,
            value: encodeValue(compare.equals, options.valueBytes),
          },
    ),
    success: success.map(op),
    failure: failure.map(op),
  };
  return txn;
}

/** What the actions found, as far as the answer says. */
function outcomeOf(result: Exclude<Result, { kind: "error" }>, tellPrevious: boolean): Outcome {
  if (result.kind !== "txn") return { succeeded: true, found: [foundIn(result, tellPrevious)] };
  return {
    succeeded: result.succeeded,
    found: result.responses.map((response) => foundIn(response, tellPrevious)),
  };
}

function foundIn(result: Result, tellPrevious: boolean): number | undefined {
  switch (result.kind) {
    case "range": {
      const kv = result.kvs[0];
      return kv === undefined ? 0 : decodeValue(kv.value);
    }
    case "put":
      if (!tellPrevious) return undefined;
      return result.prevKv === undefined ? 0 : decodeValue(result.prevKv.value);
    case "deleteRange": {
      const previous = result.prevKvs[0];
      if (result.deleted === 0) return 0;
      return previous === undefined ? undefined : decodeValue(previous.value);
    }
    default:
      return undefined;
  }
}

function describePlanned(planned: PlannedOperation, compares: readonly Compare[]): string {
  const keys = planned.keys.map(nameOf).join(" ");
  const when = compares.map((one) => `${nameOf(one.key)}==${one.equals}`).join(" ");
  const value = planned.kind.toLowerCase().includes("read") ? "" : ` ${planned.value}`;
  return `${planned.kind} ${keys}${value}${when === "" ? "" : ` if ${when}`}`;
}

function describeOutcome(outcome: Outcome): string {
  return `${outcome.succeeded ? "ok" : "not equal"} ${outcome.found.map((v) => v ?? "-").join(" ")}`.trim();
}
