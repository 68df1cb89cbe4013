// One seeded sequence of steps against two clusters of three whose members are killed in between, compared answer
// by answer and event by event. Both start empty, so that a seed alone replays a difference.

import { isDeepStrictEqual } from "node:util";
import type { Message } from "../client/protobuf.ts";
import { eventually } from "../cluster/cluster.ts";
import type { Program } from "../cluster/program.ts";
import type { ComparableAnswer } from "./answer.ts";
import { Auth } from "./auth-steps.ts";
import { difference } from "./compare.ts";
import { nameOfChosen } from "./names.ts";
import type { Operation } from "./operations.ts";
import { Random } from "./random.ts";
import { Interrupted, Side, type StreamTold, show } from "./side.ts";
import type { Step } from "./step.ts";
import { makeStep, type World } from "./steps.ts";

export interface ClusterSequenceOptions {
  readonly seed: number;
  readonly steps: number;
  readonly reference: Program;
  readonly subject: Program;
}

export interface ClusterSequenceReport {
  steps: number;
  errors: number;
  revision: number;
  kills: number;
  events: number;
  resumed: number;
  leases: number;
  denied: number;
}

export async function runClusterSequence(
  options: ClusterSequenceOptions,
): Promise<ClusterSequenceReport> {
  await using held = new AsyncDisposableStack();
  const reference = held.use(await Side.start(options.reference));
  const subject = held.use(await Side.start(options.subject));
  const run = new Run(options, reference, subject);
  let number = 0;
  let step: Step | undefined;
  try {
    for (; number < options.steps; number++) {
      step = run.next();
      await run.perform(step);
    }
    step = undefined;
    await run.finish();
  } catch (error) {
    const { message } = error as Error;
    const told = [
      `seed ${options.seed}, step ${number}: ${step === undefined ? "the end" : show(step)}`,
      message,
      `replay: ALTHING_DIFFERENTIAL_SEED=${options.seed} node tools/test.ts interop test/differential/cluster`,
    ].join("\n");
    if (error instanceof Interrupted) throw new Interrupted(told);
    throw new Error(`${told}\n${subject.cluster.logs(15)}`, { cause: error });
  }
  return run.report;
}

class Run {
  readonly report: ClusterSequenceReport;
  readonly #options: ClusterSequenceOptions;
  readonly #reference: Side;
  readonly #subject: Side;
  readonly #random: Random;
  readonly #world: World;
  readonly #auth: Auth;

  constructor(options: ClusterSequenceOptions, reference: Side, subject: Side) {
    this.#options = options;
    this.#reference = reference;
    this.#subject = subject;
    this.#random = new Random(options.seed);
    this.#auth = new Auth(this.#random.chance(0.7));
    this.#world = {
      store: { revision: 1, floor: -1 },
      leases: new Set(),
      grants: 0,
      watches: 0,
      isOneDown: false,
      auth: this.#auth,
    };
    this.report = {
      steps: 0,
      errors: 0,
      revision: 1,
      kills: 0,
      events: 0,
      resumed: 0,
      leases: 0,
      denied: 0,
    };
  }

  next(): Step {
    return makeStep(this.#random, this.#world);
  }

  async perform(step: Step): Promise<void> {
    this.report.steps += 1;
    switch (step.kind) {
      case "call":
        await this.#call(step);
        return;
      case "stream":
        await this.#stream(step);
        return;
      case "follow": {
        await this.#both((side) => side.settle());
        const watches = this.#sides.map((side) => side.follow(step.request, step.at));
        for (const watch of watches) {
          await eventually("a watch is answered", 10_000, () => {
            return watch.createdAt !== undefined || watch.ended !== undefined;
          });
        }
        this.#world.watches += 1;
        const [one, other] = watches;
        this.#same("created at", one?.createdAt, other?.createdAt);
        return;
      }
      case "unfollow":
        // Its events were compared up to here; from here on nobody is owed any.
        await this.#compareWatches();
        for (const side of this.#sides) side.watches.splice(step.which, 1)[0]?.close();
        this.#world.watches -= 1;
        return;
      case "expire":
        await this.#expire(step);
        return;
      case "kill":
        this.report.kills += step.whom === "all" ? 3 : 1;
        await this.#both((side) => side.kill(step.whom, step.which));
        this.#world.isOneDown = step.whom !== "all";
        return;
      case "restart":
        await this.#both((side) => side.restart());
        this.#world.isOneDown = false;
        return;
    }
  }

  async finish(): Promise<void> {
    if (this.#world.isOneDown) await this.perform({ kind: "restart" });
    await this.#compareWatches();
    // Every member, and not only those that were asked, came to the same.
    const { root } = this.#auth;
    for (let at = 0; at < 3; at++) {
      const operation: Operation = { method: "range", request: { key: "\0", range_end: "\0" } };
      await this.#call({
        kind: "call",
        operation,
        at,
        ...(root === undefined ? {} : { as: root }),
      });
    }
    // Between the two clusters they differ: leases that servers chose are part of what is stored.
    for (const side of this.#sides) {
      const hashes = new Set<unknown>();
      for (let at = 0; at < 3; at++) {
        const answer = await side.call({ method: "hashKV", request: {} }, at, root);
        hashes.add(answer.response?.["hash"] ?? answer.message);
      }
      if (hashes.size !== 1) throw new Error(`${side.cluster.program}: hashes ${[...hashes]}`);
    }
    const watches = this.#subject.watches;
    this.report.events = watches.reduce((sum, watch) => sum + watch.events.length, 0);
    this.report.resumed = watches.reduce((sum, watch) => sum + watch.resumed, 0);
  }

  get #sides(): readonly [Side, Side] {
    return [this.#reference, this.#subject];
  }

  async #both<T>(what: (side: Side) => Promise<T>): Promise<[T, T]> {
    const [one, other] = await Promise.allSettled([what(this.#reference), what(this.#subject)]);
    // Which of two failures is told must not be chance: what cannot be compared says the least.
    const failed = [one, other].filter((result) => result.status === "rejected");
    const real = failed.find(({ reason }) => !(reason instanceof Interrupted)) ?? failed[0];
    if (real !== undefined) throw real.reason as Error;
    if (one.status === "rejected" || other.status === "rejected") throw new Error("unreachable");
    return [one.value, other.value];
  }

  async #call({ operation, at, as }: Step & { kind: "call" }): Promise<ComparableAnswer> {
    const { method, request } = operation;
    if (method === "compact") {
      await this.#compareWatches();
      await this.#both((side) => side.watchersLookedAfter());
    }
    // What is answered from a member's own state needs that state to be up to date.
    if (isLocal(method)) await this.#both((side) => side.settle());
    const [expected, found] = await this.#both((side) => side.call(operation, at, as));
    const isUnnamedGrant = method === "leaseGrant" && request["ID"] === undefined;
    const answers: [ComparableAnswer, ComparableAnswer] = isUnnamedGrant
      ? [this.#name(this.#reference, expected), this.#name(this.#subject, found)]
      : [expected, found];
    this.#compare(operation, ...answers);
    if (expected.code !== 0) this.report.errors += 1;
    if (expected.code === 7) this.report.denied += 1;
    await this.#learn(operation, answers[0]);
    return answers[0];
  }

  #name(side: Side, answer: ComparableAnswer): ComparableAnswer {
    const id = answer.response?.["ID"] as number | bigint | undefined;
    if (answer.response === undefined || id === undefined) return answer;
    const name = nameOfChosen(this.#world.grants);
    side.names.learn(name, id);
    return { ...answer, response: { ...answer.response, ID: name } };
  }

  async #learn(operation: Operation, answer: ComparableAnswer): Promise<void> {
    const { method, request } = operation;
    const { store, leases } = this.#world;
    const header = answer.response?.["header"] as Message | undefined;
    store.revision = Math.max(store.revision, Number(header?.["revision"] ?? 0));
    this.report.revision = store.revision;
    if (answer.code !== 0) return;
    if (method === "compact") store.floor = Number(request["revision"] ?? 0);
    if (method === "leaseRevoke") leases.delete(BigInt(request["ID"] as bigint));
    if (method === "leaseGrant") {
      leases.add(BigInt(answer.response?.["ID"] as bigint));
      this.#world.grants += 1;
      this.report.leases += 1;
    }
    const areTokensStale = this.#auth.learn(operation);
    for (const side of this.#sides) {
      if (areTokensStale) side.forgetTokens();
      side.root = this.#auth.root;
    }
    if (isOfAuth(method)) await this.#both((side) => side.settle());
  }

  async #stream({ at, creations, rest, as }: Step & { kind: "stream" }): Promise<void> {
    await this.#compareWatches();
    const ids = new Map<string, boolean>();
    const { floor, revision } = this.#world.store;
    let nextId = 0;
    let compacted = 0;
    let live = 0;
    let future = 0;
    for (const request of creations) {
      const isEmpty = isEmptyRange(request.key ?? "\0", request.range_end ?? "");
      let id = Number(request.watch_id ?? 0);
      if (id === 0) {
        // A number is used up by a refused creation as well.
        while (ids.has(String(nextId))) nextId += 1;
        id = nextId;
      }
      if (ids.has(String(id)) || isEmpty) continue;
      if (request.watch_id === undefined) nextId += 1;
      const start = Number(request.start_revision ?? 0);
      const isCompacted = start > 0 && start < floor;
      if (isCompacted) compacted += 1;
      else live += 1;
      if (start > revision + 1) future += 1;
      ids.set(String(id), true);
    }
    const cancels = rest.filter(({ cancel_request }) => {
      return cancel_request !== undefined && ids.has(String(cancel_request.watch_id ?? 0));
    });
    // Of a watcher that starts in the future, later releases say nothing.
    const progress = live > 0 && future === 0;
    const expected = { compacted, ended: compacted + cancels.length, progress };
    const operation: Operation = { method: "watch", request: { creations, rest } };
    const [one, other] = await this.#both((side) => side.stream(at, creations, rest, expected, as));
    const answer = (side: Side, told: StreamTold): ComparableAnswer => {
      return { code: 0, message: "", response: side.names.fromServer({ ...told }) };
    };
    this.#compare(operation, answer(this.#reference, one), answer(this.#subject, other));
  }

  /** A lease that runs out, with keys, sometimes while its keeper dies. */
  async #expire({ at, keys, kills }: Step & { kind: "expire" }): Promise<void> {
    const { root } = this.#auth;
    const as = root === undefined ? {} : { as: root };
    const call = (operation: Operation) => this.#call({ kind: "call", operation, at, ...as });
    const granted = await call({ method: "leaseGrant", request: { TTL: 2 } });
    const ID = BigInt(granted.response?.["ID"] as bigint);
    for (const key of keys) await call({ method: "put", request: { key, lease: ID } });
    if (kills) await this.perform({ kind: "kill", whom: "leader", which: 0 });
    await this.#both(async (side) => {
      await eventually(`the lease of ${side.cluster.program} is gone`, 30_000, async () => {
        const asked: Operation = { method: "leaseTimeToLive", request: { ID } };
        const answer = await side.call(asked, at, root).catch((error: unknown) => {
          // An election: asked again.
          if (error instanceof Interrupted) return undefined;
          throw error;
        });
        return answer?.response?.["TTL"] === -1;
      });
      await side.settle();
    });
    this.#world.leases.delete(ID);
    await call({ method: "range", request: { key: "lease/", range_end: "lease0" } });
    if (kills) await this.perform({ kind: "restart" });
  }

  async #compareWatches(): Promise<void> {
    await this.#both((side) => side.settle());
    await this.#both((side) => side.watchersCaughtUp(this.#world.store.revision));
    const same = (what: string, told: (side: Side) => unknown) => {
      const [one, other] = this.#sides.map((side) => side.names.fromServer({ told: told(side) }));
      this.#same(what, one, other);
    };
    same("the history", (side) => side.history);
    for (const [i, { request }] of this.#reference.watches.entries()) {
      same(`the end of ${show(request)}`, (side) => side.watches[i]?.ended);
      same(`the events of ${show(request)}`, (side) => side.watches[i]?.events);
    }
  }

  #compare(
    operation: Operation,
    expected: ComparableAnswer,
    found: ComparableAnswer,
    what = "",
  ): void {
    const differs = difference(operation, expected, found);
    if (differs === undefined) return;
    const { reference, subject } = this.#options;
    throw new Error(
      [
        what,
        `${reference} answers: ${show(differs.reference)}`,
        `${subject} answers: ${show(differs.subject)}`,
        `first difference, ${reference} or ${subject}: ${differs.at}`,
      ].join("\n"),
    );
  }

  #same(what: string, expected: unknown, found: unknown): void {
    if (isDeepStrictEqual(expected, found)) return;
    this.#compare(
      { method: "watch", request: { what } },
      asAnswer(expected),
      asAnswer(found),
      what,
    );
  }
}

function asAnswer(told: unknown): ComparableAnswer {
  return { code: 0, message: "", response: { told } };
}

function isEmptyRange(start: string, end: string): boolean {
  return end !== "" && end !== "\0" && end <= start;
}

function isLocal(method: Operation["method"]): boolean {
  return method.startsWith("lease") || isOfAuth(method);
}

function isOfAuth(method: Operation["method"]): boolean {
  return method.startsWith("auth") || method.startsWith("user") || method.startsWith("role");
}
