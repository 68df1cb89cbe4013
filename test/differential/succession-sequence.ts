// One seeded sequence of locks and elections on two clusters of three whose members are killed in between. Who
// stands in which line is known here, and with it which calls must be answered after each step and which still
// wait; what they are answered, and what observers are told, must be the same on both sides.

import { isDeepStrictEqual } from "node:util";
import type { KeyValue } from "../client/messages.ts";
import type { Message } from "../client/protobuf.ts";
import { eventually } from "../cluster/cluster.ts";
import type { Program } from "../cluster/program.ts";
import { Random } from "./random.ts";
import { Side, show } from "./side.ts";
import { type Asked, type SuccessionMethod, SuccessionSide, type Way } from "./succession-side.ts";

export interface SuccessionReport {
  steps: number;
  refused: number;
  waited: number;
  handed: number;
  kills: number;
  lapsed: number;
  observed: number;
  moved: number;
}

interface Place {
  readonly name: string;
  readonly lease: number;
  /** Calls that were not answered yet, each on both sides, and the member that they were sent to. */
  calls: { readonly at: number; readonly what: string; readonly asked: readonly Asked[] }[];
  rev: number;
}

const names = ["m", "n", "e", "f"] as const;
const isElection = (name: string) => name === "e" || name === "f";

export async function runSuccession(options: {
  readonly seed: number;
  readonly steps: number;
  readonly reference: Program;
  readonly subject: Program;
}): Promise<SuccessionReport> {
  await using held = new AsyncDisposableStack();
  const both = [
    held.use(await Side.start(options.reference)),
    held.use(await Side.start(options.subject)),
  ];
  const sides = both.map((side) => new SuccessionSide(side));
  held.defer(() => {
    for (const side of sides) side.close();
  });
  const run = new Run(sides, new Random(options.seed));
  try {
    await run.begin();
    for (let i = 0; i < options.steps; i++) await run.step();
    await run.finish();
  } catch (error) {
    const told = `seed ${options.seed}, step ${run.report.steps}\n${run.last.join("\n")}`;
    throw new Error(`${told}\n${(error as Error).message}\n${both[1]?.cluster.logs(15)}`, {
      cause: error,
    });
  }
  return run.report;
}

class Run {
  readonly report: SuccessionReport = {
    steps: 0,
    refused: 0,
    waited: 0,
    handed: 0,
    kills: 0,
    lapsed: 0,
    observed: 0,
    moved: 0,
  };
  /** What was done, for whoever reads of a difference. */
  readonly last: string[] = [];
  readonly #sides: readonly SuccessionSide[];
  readonly #random: Random;
  readonly #lines = new Map<string, Place[]>(names.map((name) => [name, []]));
  #leases = 100;
  #values = 0;
  #down: number | undefined;

  constructor(sides: readonly SuccessionSide[], random: Random) {
    this.#sides = sides;
    this.#random = random;
  }

  async begin(): Promise<void> {
    for (const [i, name] of ["e", "f", "e"].entries()) {
      for (const side of this.#sides) side.observe(name, i);
    }
  }

  async step(): Promise<void> {
    const random = this.#random;
    this.report.steps += 1;
    const held = [...this.#lines.values()].filter((line) => line.length > 0);
    const waiting = held.flatMap((line) => line.slice(1)).filter(({ calls }) => calls.length > 0);
    const some = held.length > 0;
    await random.weighted<Promise<void>>([
      [12, () => this.#enter(random.pick(names))],
      [some ? 8 : 0, () => this.#leave(random.pick(held))],
      [some ? 3 : 0, () => this.#endLease(random.pick(held))],
      [1, () => this.#lapse(random.pick(names))],
      [waiting.length > 0 ? 3 : 0, () => this.#giveUp(random.pick(waiting))],
      [some ? 3 : 0, () => this.#again(random.pick(random.pick(held)))],
      [5, () => this.#proclaim(random.pick(["e", "f"]))],
      [3, () => this.#ask("leader", { name: random.pick(names) })],
      [4, () => this.#refused()],
      [this.#down === undefined ? 2 : 5, () => this.#fault()],
    ]);
    await this.#observersCaughtUp();
  }

  async finish(): Promise<void> {
    if (this.#down !== undefined) await this.#fault();
    for (const line of this.#lines.values()) while (line.length > 0) await this.#leave(line);
    await this.#observersCaughtUp();
    const [one, other] = this.#sides.map(({ observers }) =>
      observers.map(({ told }) => told.map(withoutLease)),
    );
    this.#same("what observers were told", one, other);
    for (const { observers } of this.#sides.slice(1)) {
      this.report.observed = observers.reduce((sum, { told }) => sum + told.length, 0);
      this.report.moved = observers.reduce((sum, { moved }) => sum + moved, 0);
    }
  }

  // ------------------------------------------------------------------------------------ steps

  async #enter(name: string): Promise<void> {
    const lease = await this.#grant(3000);
    await this.#stand(name, lease);
  }

  async #grant(TTL: number): Promise<number> {
    this.#leases += 1;
    await this.#ask("leaseGrant", { ID: this.#leases, TTL }, "grpc");
    return this.#leases;
  }

  async #stand(name: string, lease: number): Promise<void> {
    const line = this.#lines.get(name)!;
    const place: Place = { name, lease, calls: [], rev: 0 };
    line.push(place);
    this.#call(place);
    if (line[0] === place) await this.#answered(place);
    else await this.#entered(place);
  }

  #call(place: Place): void {
    const { name, lease } = place;
    const election = isElection(name);
    const request = election ? { name, lease, value: this.#value() } : { name, lease };
    const { at, way } = this.#where();
    const method = election ? "campaign" : "lock";
    const what = this.#tell(method, request, at, way);
    const asked = this.#sides.map((side) => side.ask(method, request, at, way));
    place.calls.push({ at, what, asked });
  }

  /** The same lease once more: at once when it owns, beside its other calls when it waits. */
  async #again(place: Place): Promise<void> {
    const line = this.#lines.get(place.name)!;
    // What a campaign says again is put while it waits; a second call tells nobody when that is done.
    if (line[0] !== place && (isElection(place.name) || place.calls.length > 0)) return;
    this.#call(place);
    if (line[0] === place) await this.#answered(place);
    else this.report.waited += 1;
  }

  async #leave(line: Place[]): Promise<void> {
    const [first] = line;
    if (first === undefined) return;
    line.shift();
    const key = keyOf(first);
    if (isElection(first.name)) {
      const leader = { name: first.name, key, rev: first.rev, lease: first.lease };
      await this.#ask("resign", { leader });
    } else await this.#ask("unlock", { key });
    await this.#handed(line);
  }

  async #endLease(line: Place[]): Promise<void> {
    const { lease } = line.shift()!;
    await this.#ask("leaseRevoke", { ID: lease }, "grpc");
    await this.#handed(line);
  }

  /** An owner that nobody keeps alive loses its place, and the next has it. */
  async #lapse(name: string): Promise<void> {
    const line = this.#lines.get(name)!;
    while (line.length > 0) await this.#leave(line);
    await this.#stand(name, await this.#grant(2));
    await this.#stand(name, await this.#grant(3000));
    line.shift();
    this.report.lapsed += 1;
    await this.#handed(line);
  }

  async #giveUp(place: Place): Promise<void> {
    const line = this.#lines.get(place.name)!;
    this.last.push(`giving up ${keyOf(place)}`);
    for (const { asked } of place.calls) for (const one of asked) one.cancel();
    line.splice(line.indexOf(place), 1);
    const { at } = this.#where();
    await this.#eachSide(`${keyOf(place)} is gone`, async (side) => {
      const { response } = await side.client(at).range({ key: keyOf(place) });
      return response !== undefined && (response.kvs ?? []).length === 0;
    });
  }

  async #proclaim(name: string): Promise<void> {
    const line = this.#lines.get(name)!;
    const isKnown = line.length > 0 && this.#random.chance(0.8);
    const { lease, rev } = isKnown ? this.#random.pick(line) : { lease: 4711, rev: 1 };
    // A waiter's own revision was not told yet: then nobody is to take it for the leader.
    const leader = { name, key: keyOf({ name, lease }), rev: rev || 1, lease };
    await this.#ask("proclaim", { leader, value: this.#value() });
  }

  async #refused(): Promise<void> {
    const absent = { name: "e", key: "e/1", rev: 1, lease: 1 };
    const [method, request] = this.#random.pick<readonly [SuccessionMethod, Message]>([
      ["lock", { name: "m", lease: 99 }],
      ["campaign", { name: "e", lease: 99, value: "x" }],
      ["unlock", {}],
      ["unlock", { key: "nothing" }],
      ["proclaim", { value: "x" }],
      ["proclaim", { leader: absent, value: "x" }],
      ["resign", {}],
      ["resign", { leader: absent }],
      ["leader", { name: "nobody" }],
    ]);
    await this.#ask(method, request);
  }

  /** The same member on both sides: who leads there is chance, so sometimes it is the leader of one of them. */
  async #fault(): Promise<void> {
    const down = this.#down;
    if (down !== undefined) {
      this.last.push(`member ${down} again`);
      await Promise.all(this.#sides.map(({ side }) => side.restart()));
      this.#down = undefined;
      return;
    }
    const at = this.#random.below(3);
    this.#down = at;
    this.report.kills += 1;
    this.last.push(`kill ${at}`);
    await Promise.all(this.#sides.map((side) => side.kill(at)));
    // Who waited there knows nothing; the place is the lease's, and stays.
    for (const place of [...this.#lines.values()].flat()) {
      place.calls = place.calls.filter((call) => call.at !== at);
    }
  }

  // ---------------------------------------------------------------------------------- answers

  async #ask(method: SuccessionMethod, request: Message, by?: Way): Promise<void> {
    const { at, way } = this.#where(by);
    const what = this.#tell(method, request, at, way);
    const asked = this.#sides.map((side) => side.ask(method, request, at, way));
    const answers = await this.#answers(what, asked);
    if (!isSuccess(answers)) this.report.refused += 1;
  }

  async #answers(what: string, asked: readonly Asked[]): Promise<Message> {
    try {
      await eventually(`${what} is answered`, 15_000, () => asked.every(({ answer }) => answer));
    } catch (cause) {
      throw new Error(`${what}: answered ${show(asked.map(({ answer }) => answer ?? "nothing"))}`, {
        cause,
      });
    }
    const [one, other] = asked.map(({ answer }) => comparable(answer));
    this.#same(what, one, other);
    return asked[1]!.answer!;
  }

  /** Its calls are answered, all of them, and nobody else's. */
  async #answered(place: Place): Promise<void> {
    for (const { what, asked } of place.calls) {
      const answer = await this.#answers(what, asked);
      if (!isSuccess(answer)) throw new Error(`${what}: ${show(answer)}`);
    }
    place.calls = [];
    const owner = await this.#sides[1]!.owner(place.name, this.#where().at);
    if (owner?.key !== keyOf(place)) throw new Error(`${keyOf(place)} owns, but ${show(owner)}`);
    place.rev = owner.create_revision ?? 0;
    for (const other of [...this.#lines.values()].flatMap((line) => line.slice(1))) {
      for (const { what, asked } of other.calls) {
        if (asked.some(({ answer }) => answer !== undefined)) {
          throw new Error(`${what} is not first: ${show(asked.map(({ answer }) => answer))}`);
        }
      }
    }
  }

  async #handed(line: readonly Place[]): Promise<void> {
    const [next] = line;
    if (next === undefined) return;
    this.report.handed += 1;
    // Whose call died with its member asks again, as clients do.
    if (next.calls.length === 0) {
      const { at } = this.#where();
      await this.#eachSide(`${keyOf(next)} comes first`, async (side) => {
        return (await side.owner(next.name, at))?.key === keyOf(next);
      });
      this.#call(next);
    }
    await this.#answered(next);
  }

  async #entered(place: Place): Promise<void> {
    this.report.waited += 1;
    const { at } = this.#where();
    await this.#eachSide(`${keyOf(place)} stands in line`, async (side) => {
      const { response } = await side.client(at).range({ key: keyOf(place) });
      return (response?.kvs ?? []).length === 1;
    });
  }

  async #observersCaughtUp(): Promise<void> {
    const { at } = this.#where();
    for (const name of ["e", "f"]) {
      await this.#eachSide(`observers of ${name} know who leads`, async (side) => {
        const owner = await side.owner(name, at);
        return side.observers.every(
          (observer) =>
            observer.name !== name ||
            owner === undefined ||
            observer.told.at(-1)?.mod_revision === owner.mod_revision,
        );
      });
    }
  }

  // ------------------------------------------------------------------------------------- help

  #where(by?: Way): { at: number; way: Way } {
    const running = [0, 1, 2].filter((at) => at !== this.#down);
    const at = this.#random.pick(running);
    return { at, way: by ?? (this.#random.chance(0.3) ? "gateway" : "grpc") };
  }

  #value(): string {
    this.#values += 1;
    return `value ${this.#values}`;
  }

  #tell(method: string, request: Message, at: number, way: Way): string {
    const what = `${method} ${show(request)} at ${at} by ${way}`;
    this.last.push(what);
    return what;
  }

  async #eachSide(claim: string, isSo: (side: SuccessionSide) => Promise<boolean>): Promise<void> {
    await Promise.all(
      this.#sides.map((side) =>
        eventually(`${side.side.cluster.program}: ${claim}`, 20_000, () => isSo(side)),
      ),
    );
  }

  #same(what: string, one: unknown, other: unknown): void {
    if (isDeepStrictEqual(one, other)) return;
    throw new Error(`${what}\nreference: ${show(one)}\nsubject: ${show(other)}`);
  }
}

function keyOf({ name, lease }: Pick<Place, "name" | "lease">): string {
  return `${name}/${lease.toString(16)}`;
}

function isSuccess({ code, status }: Message): boolean {
  return code === 0 || status === 200;
}

function withoutLease({ lease: _, ...kv }: KeyValue): Message {
  return kv as Message;
}

const own = /^(cluster_id|member_id|raft_term)$/;

function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      own.test(name) ? "own" : comparable(inner),
    ]),
  );
}
