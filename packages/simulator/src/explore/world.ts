// The whole: members by the numbers of their states, what is on the way between them, what was acted on so
// far and what may still happen. One row of small numbers, so that rows are quick to compare and to keep.
//
// A connection hands over in order (TCP does), so of each only the oldest message may arrive or be lost. A
// crash loses what was on its way to the member; what it had sent before may still arrive. A member that is
// down for long is one that crashes later and hears nothing until then, so a crash and the start after it are
// one move. A member stands for election when all that hear a leader have lost their connection to it:
// otherwise they would be loyal to it, and nobody waits for timers here.

import type { MemberId } from "@althing/consensus";
import type { Parts } from "@althing/consensus/parts";
import { type Bounds, left, packBudget, type Spendable, spend } from "./bounds.ts";
import { whyNotHeld, whyNotSettled } from "./checks.ts";
import { Lists, Named } from "./lists.ts";
import { type Local, Locals } from "./locals.ts";
import { keyOf, type Outcome, type Step, type Store, votersNamed } from "./machine.ts";
import type { Move } from "./moves.ts";

/** Steps of a member are told apart by number: a kind, what it carries and whom it is about. */
const stepKinds = {
  receive: 0,
  persist: 1,
  install: 2,
  beat: 3,
  compact: 4,
  crash: 5,
  crashInInstall: 6,
  hangUp: 7,
  campaign: 8,
  propose: 9,
  remove: 10,
  transfer: 11,
  snapshot: 12,
  sent: 13,
} as const;

function keyOfStep(kind: number, what = 0, whom = 0): number {
  return (what * 8 + whom) * 16 + kind;
}

/** A step's outcome, in numbers. */
interface Effects {
  /** Connection and message, in turn. */
  readonly letters: readonly number[];
  readonly snapshotsWanted: readonly number[];
  /** Index and value, in turn. */
  readonly chosen: readonly number[];
  readonly settled: readonly number[];
  readonly broken: readonly string[];
}

export interface After {
  readonly row: readonly number[];
  /** What does not hold any more. */
  readonly broken: readonly string[];
}

export type AnyParts = Parts<object, unknown, unknown, object>;

export class World {
  readonly members: readonly MemberId[];
  readonly locals: Locals<Effects>;
  readonly #name: AnyParts["name"];
  readonly #bounds: Bounds;
  readonly #lists = new Lists();
  readonly #messages = new Named<Uint8Array>();
  readonly #values = new Named<string>();
  readonly #stores = new Named<Store>();
  readonly #held = new Map<number, string>();

  constructor(parts: AnyParts, bounds: Bounds) {
    this.#name = parts.name;
    this.#bounds = bounds;
    const membership = votersNamed(bounds.members);
    this.members = membership.voters;
    this.locals = new Locals(parts, membership, (member, outcome) => {
      return this.#compile(this.members.indexOf(member), outcome);
    });
  }

  get #count(): number {
    return this.members.length;
  }

  // Where things stand in a row: members, connections by sender and receiver, then these.
  get #wanted(): number {
    return this.#count + this.#count * this.#count;
  }
  get #chosen(): number {
    return this.#wanted + 1;
  }
  get #leaders(): number {
    return this.#wanted + 2;
  }
  get #budget(): number {
    return this.#wanted + 3;
  }
  get width(): number {
    return this.#wanted + 4;
  }

  start(): number[] {
    const row = new Array<number>(this.width).fill(0);
    this.members.forEach((member, place) => {
      row[place] = this.locals.start(member).number;
    });
    row[this.#budget] = packBudget(this.#bounds);
    return row;
  }

  localAt(row: readonly number[], place: number): Local {
    return this.locals.all[row[place]!]!;
  }

  messageAt(row: readonly number[], from: number, to: number): Uint8Array | undefined {
    const list = this.#lists.at(row[this.#link(from, to)]!);
    return list.length === 0 ? undefined : this.#messages.at(list[0]!);
  }

  /** All that may happen in this state. */
  moves(row: readonly number[]): Move[] {
    const moves: Move[] = [];
    const packed = row[this.#budget]!;
    const may = (kind: Spendable) => left(packed, kind) > 0;
    for (let to = 0; to < this.#count; to++) {
      for (let from = 0; from < this.#count; from++) {
        if (row[this.#link(from, to)] === 0) continue;
        moves.push({ kind: "deliver", from, to });
        if (may("drops")) moves.push({ kind: "drop", from, to });
      }
    }
    if (row[this.#wanted] !== 0) {
      moves.push({ kind: "stream", ok: true });
      if (may("drops")) moves.push({ kind: "stream", ok: false });
    }
    for (let at = 0; at < this.#count; at++) this.#movesOf(at, this.localAt(row, at), may, moves);
    return moves;
  }

  #movesOf(at: number, local: Local, may: (kind: Spendable) => boolean, moves: Move[]): void {
    if (local.writes > 0) moves.push({ kind: "persist", at });
    if (local.installs > 0) moves.push({ kind: "install", at });
    if (may("crashes")) {
      if (local.installs > 0) moves.push({ kind: "crashInInstall", at });
      for (let written = 0; written <= local.writes; written++) {
        moves.push({ kind: "crash", at, written });
      }
    }
    if (may("beats")) moves.push({ kind: "beat", at });
    if (local.status.role !== "leader") {
      if (may("terms")) moves.push({ kind: "campaign", at });
      return;
    }
    if (may("entries")) moves.push({ kind: "propose", at });
    const canCompact = local.writes === 0 && local.installs === 0;
    if (may("installs") && canCompact && local.storeIndex > local.baseIndex) {
      moves.push({ kind: "compact", at });
    }
    for (let member = 0; member < this.#count; member++) {
      if (may("memberships")) moves.push({ kind: "remove", at, member });
      if (may("transfers") && member !== at) moves.push({ kind: "transfer", at, member });
    }
  }

  perform(row: readonly number[], move: Move): After {
    const next = [...row];
    const broken: string[] = [];
    this.#perform(next, move, broken);
    for (let one = 0; one < this.#count; one++) {
      for (let other = 0; other < this.#count; other++) {
        if (one === other || (next[one] === row[one] && next[other] === row[other])) continue;
        const why = this.#whyNotHeld(this.localAt(next, one), this.localAt(next, other));
        if (why !== "") broken.push(why);
      }
    }
    return { row: next, broken };
  }

  /** The steps of members that a move is made of; for telling it. */
  stepsOf(row: readonly number[], move: Move): { readonly at: number; readonly step: Step }[] {
    const steps: { at: number; step: Step }[] = [];
    this.#perform([...row], move, [], (at, step) => steps.push({ at, step }));
    return steps;
  }

  #perform(
    row: number[],
    move: Move,
    broken: string[],
    onStep?: (at: number, step: Step) => void,
  ): void {
    const step = (at: number, key: number, stepOf: () => Step) => {
      onStep?.(at, stepOf());
      this.#step(row, at, key, stepOf, broken);
    };
    const pay = (kind: Spendable) => {
      row[this.#budget] = spend(row[this.#budget]!, kind);
    };
    switch (move.kind) {
      case "deliver": {
        const { from, to } = move;
        const message = this.#take(row, this.#link(from, to))!;
        const bytes = this.#messages.at(message);
        step(to, keyOfStep(stepKinds.receive, message, from), () => {
          return { kind: "receive", from: this.members[from]!, bytes };
        });
        return;
      }
      case "drop":
        pay("drops");
        this.#take(row, this.#link(move.from, move.to));
        return;
      case "persist":
      case "install":
        step(move.at, keyOfStep(stepKinds[move.kind]), () => ({ kind: move.kind }) as Step);
        return;
      case "beat":
        pay("beats");
        step(move.at, keyOfStep(stepKinds.beat), () => ({ kind: "beat" }));
        return;
      case "compact":
        pay("installs");
        step(move.at, keyOfStep(stepKinds.compact), () => ({ kind: "compact" }));
        return;
      case "crash":
      case "crashInInstall": {
        pay("crashes");
        this.#hangUpAll(row, move.at);
        const written = move.kind === "crash" ? move.written : 0;
        const { kind } = move;
        step(move.at, keyOfStep(stepKinds[kind], written), () => ({ kind, written }) as Step);
        return;
      }
      case "campaign": {
        pay("terms");
        for (let at = 0; at < this.#count; at++) {
          if (at === move.at) continue;
          step(at, keyOfStep(stepKinds.hangUp), () => ({ kind: "hangUp", campaigns: false }));
        }
        step(move.at, keyOfStep(stepKinds.campaign), () => ({ kind: "hangUp", campaigns: true }));
        return;
      }
      case "propose": {
        // Each entry is another one.
        const payload = Uint8Array.of(left(row[this.#budget]!, "entries"));
        pay("entries");
        step(move.at, keyOfStep(stepKinds.propose, payload[0]!), () => {
          return { kind: "input", input: { kind: "propose", proposals: [{ token: 1, payload }] } };
        });
        return;
      }
      case "remove": {
        pay("memberships");
        const changes = [{ kind: "remove", member: this.members[move.member]! }] as const;
        const context = new Uint8Array(0);
        step(move.at, keyOfStep(stepKinds.remove, move.member), () => {
          return { kind: "input", input: { kind: "changeMembership", changes, context, token: 2 } };
        });
        return;
      }
      case "transfer": {
        pay("transfers");
        const to = this.members[move.member]!;
        step(move.at, keyOfStep(stepKinds.transfer, move.member), () => {
          return { kind: "input", input: { kind: "transferLeadership", to, token: 3 } };
        });
        return;
      }
      case "stream":
        if (!move.ok) pay("drops");
        this.#stream(row, move.ok, step);
        return;
    }
  }

  /** A stream carries the store as it is when it ends. */
  #stream(
    row: number[],
    ok: boolean,
    step: (at: number, key: number, stepOf: () => Step) => void,
  ): void {
    const packed = this.#take(row, this.#wanted)!;
    const from = packed % 8;
    const to = (packed >>> 3) % 8;
    const epoch = packed >>> 6;
    const store = this.localAt(row, from).machineStore;
    const { index } = store.point;
    if (ok) {
      const key = `${JSON.stringify(store.point)} ${store.applied.map(keyOf).join()}`;
      const number = this.#stores.numberOf(key, store);
      step(to, keyOfStep(stepKinds.snapshot, number * 64 + epoch, from), () => {
        return { kind: "snapshot", from: this.members[from]!, epoch, store };
      });
    }
    step(from, keyOfStep(stepKinds.sent, index * 2 + (ok ? 1 : 0), to), () => {
      const input = { kind: "snapshotSent", to: this.members[to]!, ok, index } as const;
      return { kind: "input", input };
    });
  }

  /** Streams of a member that crashes are broken, and what was on its way to it is lost. */
  #hangUpAll(row: number[], at: number): void {
    for (let from = 0; from < this.#count; from++) row[this.#link(from, at)] = 0;
    const wanted = this.#lists.at(row[this.#wanted]!);
    row[this.#wanted] = this.#lists.numberOf(wanted.filter((each) => each % 8 !== at));
  }

  #step(row: number[], at: number, key: number, stepOf: () => Step, broken: string[]): void {
    const { next, effects } = this.locals.step(this.localAt(row, at), key, stepOf);
    row[at] = next.number;
    const { letters, snapshotsWanted, chosen, settled } = effects;
    for (let i = 0; i < letters.length; i += 2) this.#append(row, letters[i]!, letters[i + 1]!);
    for (const each of snapshotsWanted) this.#append(row, this.#wanted, each);
    for (let i = 0; i < chosen.length; i += 2) {
      this.#note(row, chosen[i]!, chosen[i + 1]!, next.member, broken);
    }
    broken.push(...effects.broken);
    for (const index of settled) {
      const all = this.members.map((_, place) => this.localAt(row, place));
      const why = whyNotSettled(this.#name, next, all, index);
      if (why !== "") broken.push(why);
    }
    // A Paxos ballot is (round, proposer): two members may lead in the same round.
    if (next.status.role !== "leader" || this.#name === "paxos") return;
    this.#noteLeader(row, next.status.epoch, at, broken);
  }

  #note(row: number[], index: number, value: number, member: MemberId, broken: string[]): void {
    const chosen = this.#lists.at(row[this.#chosen]!);
    const known = chosen[index - 1] ?? 0;
    if (known === value + 1) return;
    if (known !== 0) {
      broken.push(
        `${member} acts on "${this.#values.at(value)}", others on "${this.#values.at(known - 1)}"`,
      );
      return;
    }
    const list = [...chosen];
    while (list.length < index) list.push(0);
    list[index - 1] = value + 1;
    row[this.#chosen] = this.#lists.numberOf(list);
  }

  #noteLeader(row: number[], epoch: number, at: number, broken: string[]): void {
    const leaders = this.#lists.at(row[this.#leaders]!);
    const known = leaders.find((each) => each >>> 3 === epoch);
    if (known === undefined) {
      const list = [...leaders, (epoch << 3) | at].sort((one, other) => one - other);
      row[this.#leaders] = this.#lists.numberOf(list);
    } else if (known % 8 !== at) {
      broken.push(`${this.members[known % 8]} and ${this.members[at]} lead in ${epoch}`);
    }
  }

  #whyNotHeld(leader: Local, peer: Local): string {
    if (leader.status.role !== "leader") return "";
    const key = leader.number * 2 ** 26 + peer.number;
    let why = this.#held.get(key);
    if (why === undefined) {
      why = whyNotHeld(this.#name, leader, peer);
      this.#held.set(key, why);
    }
    return why;
  }

  #link(from: number, to: number): number {
    return this.#count + from * this.#count + to;
  }

  #append(row: number[], place: number, item: number): void {
    row[place] = this.#lists.with(row[place]!, item);
  }

  #take(row: number[], place: number): number | undefined {
    const [first] = this.#lists.at(row[place]!);
    row[place] = this.#lists.withoutFirst(row[place]!);
    return first;
  }

  #compile(from: number, outcome: Outcome): Effects {
    const letters: number[] = [];
    for (const { to, bytes } of outcome.letters) {
      const place = this.members.indexOf(to);
      if (place < 0) continue;
      letters.push(this.#link(from, place), this.#messages.numberOf(bytes.join("."), bytes));
    }
    const chosen: number[] = [];
    for (const entry of outcome.chosen) {
      // Paxos may choose one value in several ballots.
      const value = keyOf(this.#name === "paxos" ? { ...entry, epoch: 0, proposer: "" } : entry);
      chosen.push(entry.index, this.#values.numberOf(value, value));
    }
    const snapshotsWanted = outcome.snapshotsWanted.map(({ to, epoch }) => {
      return (epoch << 6) | (this.members.indexOf(to) << 3) | from;
    });
    return { letters, snapshotsWanted, chosen, settled: outcome.settled, broken: outcome.broken };
  }
}
