// The whole: members by the numbers of their states, what is on the way between them, what was acted on so
// far and what may still happen. One row of small numbers, so that rows are quick to compare and to keep.
//
// A connection hands over in order (TCP does), so of each only the oldest message may arrive or be lost. A
// crash loses what was on its way to the member; what it had sent before may still arrive. A member that is
// down for long is one that crashes later and hears nothing until then, so a crash and the start after it are
// one move. A member stands for election when all that hear a leader have lost their connection to it:
// otherwise they would be loyal to it, and nobody waits for timers here.

import { type MemberId, membershipOf } from "@althing/consensus";
import type { Parts } from "@althing/consensus/parts";
import { type Bounds, left, packBudget, type Spendable, spend } from "./bounds.ts";
import { whyLeaseBroken, whyNotHeld, whyNotSettled } from "./checks.ts";
import { Layout } from "./layout.ts";
import { Lists, Named } from "./lists.ts";
import { type Local, Locals, type Transition } from "./locals.ts";
import { keyOf, membersNamed, type Outcome, type Store } from "./machine.ts";
import type { Move } from "./moves.ts";
import { keyOfStep, snapshotOf, stepKinds } from "./steps.ts";

/** A step's outcome, in numbers. */
export interface Effects {
  /** Connection and message, in turn. */
  readonly letters: readonly number[];
  /** Those that letters go to, a bit each. */
  readonly receivers: number;
  readonly snapshotsWanted: readonly number[];
  /** Index and value, in turn. */
  readonly chosen: readonly number[];
  readonly settled: readonly number[];
  readonly broken: readonly string[];
}

export type AnyParts = Parts<object, unknown, unknown, object>;

/** One member's part in a move. */
export interface Part {
  readonly at: number;
  readonly key: number;
}

export class World {
  readonly members: readonly MemberId[];
  readonly layout: Layout;
  readonly locals: Locals<Effects>;
  readonly #name: AnyParts["name"];
  readonly #bounds: Bounds;
  readonly #lists = new Lists();
  readonly #messages = new Named<Uint8Array>();
  readonly #values = new Named<string>();
  readonly #stores = new Named<Store>();
  /** By leader and peer, what is wrong between them. */
  readonly #held: (Map<number, string> | undefined)[] = [];

  constructor(parts: AnyParts, bounds: Bounds) {
    this.#name = parts.name;
    this.#bounds = bounds;
    this.members = membersNamed(bounds.members);
    this.layout = new Layout(bounds.members);
    const founders = membershipOf(this.members.slice(0, bounds.members - bounds.joiners));
    const carried = {
      members: this.members,
      message: (number: number) => this.#messages.at(number),
      store: (number: number) => this.#stores.at(number),
    };
    this.locals = new Locals(parts, founders, bounds.leases > 0, carried, (member, outcome) => {
      return this.#compile(this.members.indexOf(member), outcome);
    });
  }

  start(): Int32Array {
    const row = new Int32Array(this.layout.width);
    this.members.forEach((member, place) => {
      row[place] = this.locals.start(member).number;
    });
    row[this.layout.budget] = packBudget(this.#bounds);
    return row;
  }

  localAt(row: Int32Array, place: number): Local {
    return this.locals.all[row[place]!]!;
  }

  /** Those that are in no membership that this member knows of, a bit each. */
  outside({ status }: Local): number {
    const { voters, votersOutgoing } = status.membership;
    return this.members.reduce((bits, member, place) => {
      const isIn = voters.includes(member) || votersOutgoing.includes(member);
      return isIn ? bits : bits | (1 << place);
    }, 0);
  }

  /** What the oldest message of a connection makes of its receiver. */
  delivery(row: Int32Array, from: number, to: number): Transition<Effects> {
    return this.locals.step(row[to]!, this.#deliveryKey(row, from, to));
  }

  #deliveryKey(row: Int32Array, from: number, to: number): number {
    const message = this.#lists.at(row[this.layout.link(from, to)]!)[0]!;
    return keyOfStep(stepKinds.receive, message, from);
  }

  /** Who streams the oldest snapshot that was asked for, and to whom. */
  stream(row: Int32Array): { readonly from: number; readonly to: number; readonly epoch: number } {
    const packed = this.#lists.at(row[this.layout.wanted]!)[0]!;
    return { from: packed % 8, to: (packed >>> 3) % 8, epoch: packed >>> 6 };
  }

  /** Makes `next` what comes of a move, and adds to `broken` what does not hold any more. */
  perform(row: Int32Array, move: Move, next: Int32Array, broken: string[]): void {
    next.set(row);
    this.#pay(next, move);
    // By far the most of all; the lists that others need are not made for it.
    if (move.kind === "deliver") {
      this.#step(next, move.to, this.#deliveryKey(row, move.from, move.to), broken);
    } else {
      for (const { at, key } of this.partsOf(row, move)) this.#step(next, at, key, broken);
    }
    this.#checkHeld(row, next, broken);
  }

  #checkHeld(row: Int32Array, next: Int32Array, broken: string[]): void {
    const { count } = this.layout;
    for (let one = 0; one < count; one++) {
      const leader = this.localAt(next, one);
      if (!leader.isLeader) continue;
      for (let other = 0; other < count; other++) {
        if (one === other || (next[one] === row[one] && next[other] === row[other])) continue;
        const why = this.#whyNotHeld(leader, this.localAt(next, other));
        if (why !== "") broken.push(why);
      }
    }
  }

  /** What a move changes but for the members. */
  #pay(row: Int32Array, move: Move): void {
    const { layout } = this;
    switch (move.kind) {
      case "deliver":
        this.#take(row, layout.link(move.from, move.to));
        return;
      case "drop":
        this.#spend(row, "drops");
        this.#take(row, layout.link(move.from, move.to));
        return;
      case "persist":
      case "install":
        return;
      case "beat":
        this.#spend(row, "beats");
        return;
      case "compact":
        this.#spend(row, "installs");
        return;
      case "crash":
      case "crashInInstall":
        this.#spend(row, "crashes");
        this.#hangUpAll(row, move.at);
        return;
      case "campaign":
        this.#spend(row, "terms");
        return;
      case "propose":
        this.#spend(row, "entries");
        return;
      case "remove":
      case "grow":
        this.#spend(row, "memberships");
        return;
      case "read":
        this.#spend(row, "reads");
        return;
      case "transfer":
        this.#spend(row, "transfers");
        return;
      case "stream":
        if (!move.ok) this.#spend(row, "drops");
        this.#take(row, layout.wanted);
        return;
      case "fallBehind":
        this.#spend(row, "delays");
        row[layout.behind]! |= 1 << move.lane;
        return;
      case "catchUp":
        row[layout.behind]! &= ~(1 << move.lane);
        return;
    }
  }

  /** The steps of members that a move is made of. */
  partsOf(row: Int32Array, move: Move): readonly Part[] {
    switch (move.kind) {
      case "deliver":
        return [{ at: move.to, key: this.#deliveryKey(row, move.from, move.to) }];
      case "drop":
      case "fallBehind":
      case "catchUp":
        return [];
      case "persist":
      case "install":
      case "beat":
      case "compact":
      case "crashInInstall":
        return [{ at: move.at, key: stepKinds[move.kind] }];
      case "crash":
        return [{ at: move.at, key: keyOfStep(stepKinds.crash, move.written) }];
      case "campaign": {
        const others = this.layout.places.filter((at) => at !== move.at);
        const parts = others.map((at) => ({ at, key: stepKinds.hangUp as number }));
        return [...parts, { at: move.at, key: stepKinds.campaign }];
      }
      case "propose": {
        // Each entry is another one.
        const entry = left(row[this.layout.budget]!, "entries");
        return [{ at: move.at, key: keyOfStep(stepKinds.propose, entry) }];
      }
      case "read": {
        const { length } = this.#lists.at(row[this.layout.chosen]!);
        return [{ at: move.at, key: keyOfStep(stepKinds.read, length) }];
      }
      case "grow": {
        const outside = this.outside(this.localAt(row, move.at));
        return [{ at: move.at, key: keyOfStep(stepKinds.grow, outside) }];
      }
      case "remove":
      case "transfer":
        return [{ at: move.at, key: keyOfStep(stepKinds[move.kind], move.member) }];
      case "stream":
        return this.#partsOfStream(row, move.ok);
    }
  }

  /** A stream carries the store as it is when it ends. */
  #partsOfStream(row: Int32Array, ok: boolean): readonly Part[] {
    const { from, to, epoch } = this.stream(row);
    const store = this.localAt(row, from).machineStore;
    const sent = keyOfStep(stepKinds.sent, store.point.index * 2 + (ok ? 1 : 0), to);
    if (!ok) return [{ at: from, key: sent }];
    const key = `${JSON.stringify(store.point)} ${store.applied.map(keyOf).join()}`;
    const number = this.#stores.numberOf(key, store);
    const snapshot = keyOfStep(stepKinds.snapshot, snapshotOf(number, epoch), from);
    return [
      { at: to, key: snapshot },
      { at: from, key: sent },
    ];
  }

  /** Streams of a member that crashes are broken, and what was on its way to it is lost. */
  #hangUpAll(row: Int32Array, at: number): void {
    const { layout } = this;
    for (const from of layout.places) if (from !== at) row[layout.link(from, at)] = 0;
    const wanted = this.#lists.at(row[layout.wanted]!);
    row[layout.wanted] = this.#lists.numberOf(wanted.filter((each) => each % 8 !== at));
  }

  #step(row: Int32Array, at: number, key: number, broken: string[]): void {
    const { next, effects } = this.locals.step(row[at]!, key);
    row[at] = next.number;
    const { letters, snapshotsWanted, chosen, settled } = effects;
    for (let i = 0; i < letters.length; i += 2) this.#append(row, letters[i]!, letters[i + 1]!);
    for (const each of snapshotsWanted) this.#append(row, this.layout.wanted, each);
    for (let i = 0; i < chosen.length; i += 2) {
      this.#note(row, chosen[i]!, chosen[i + 1]!, next.member, broken);
    }
    for (const each of effects.broken) broken.push(each);
    for (const index of settled) {
      const all = this.members.map((_, place) => this.localAt(row, place));
      const why = whyNotSettled(this.#name, next, all, index);
      if (why !== "") broken.push(why);
    }
    // A Paxos ballot is (round, proposer): two members may lead in the same round.
    if (!next.isLeader || this.#name === "paxos") return;
    this.#noteLeader(row, next.status.epoch, at, broken);
  }

  #note(row: Int32Array, index: number, value: number, member: MemberId, broken: string[]): void {
    const chosen = this.#lists.at(row[this.layout.chosen]!);
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
    row[this.layout.chosen] = this.#lists.numberOf(list);
  }

  #noteLeader(row: Int32Array, epoch: number, at: number, broken: string[]): void {
    const leaders = this.#lists.at(row[this.layout.leaders]!);
    const known = leaders.find((each) => each >>> 3 === epoch);
    if (known === undefined) {
      const list = [...leaders, (epoch << 3) | at].sort((one, other) => one - other);
      row[this.layout.leaders] = this.#lists.numberOf(list);
    } else if (known % 8 !== at) {
      broken.push(`${this.members[known % 8]} and ${this.members[at]} lead in ${epoch}`);
    }
  }

  #whyNotHeld(leader: Local, peer: Local): string {
    this.#held[leader.number] ??= new Map();
    const known = this.#held[leader.number]!;
    let why = known.get(peer.number);
    if (why === undefined) {
      why = whyLeaseBroken(leader, peer) || whyNotHeld(this.#name, leader, peer);
      known.set(peer.number, why);
    }
    return why;
  }

  #spend(row: Int32Array, kind: Spendable): void {
    row[this.layout.budget] = spend(row[this.layout.budget]!, kind);
  }

  #append(row: Int32Array, place: number, item: number): void {
    row[place] = this.#lists.with(row[place]!, item);
  }

  #take(row: Int32Array, place: number): void {
    row[place] = this.#lists.withoutFirst(row[place]!);
  }

  #compile(from: number, outcome: Outcome): Effects {
    const letters: number[] = [];
    let receivers = 0;
    for (const { to, bytes } of outcome.letters) {
      const place = this.members.indexOf(to);
      if (place < 0 || place === from) continue;
      receivers |= 1 << place;
      letters.push(this.layout.link(from, place), this.#messages.numberOf(bytes.join("."), bytes));
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
    const { settled, broken } = outcome;
    return { letters, receivers, snapshotsWanted, chosen, settled, broken };
  }
}
