// What may happen next in a state. In every order, or, within a bound on delays, in one order from which
// delays lead away (Emmi, Qadeer and Rakamaric, POPL 2011): how many orders there are grows with the product of
// all that is under way, and with the bound it grows as a power of the delays only. So far more may happen at
// once: elections, crashes, losses and changes in one run.
//
// The one order: what is on the way to a disk gets there before anything else happens, then messages arrive,
// connection by connection, then snapshots. A lane (a connection, a disk, the streams) that falls behind is
// passed over until it catches up, which costs nothing, and may be at any moment.
//
// What befalls a member (a crash, a loss, a command, an election, a delay) does so where the next thing in
// that order would touch that member, or when all is quiet. Before something that touches others only it
// would do the same to the same member, so those orders are left out.

import { type Bounds, left, type Spendable } from "./bounds.ts";
import type { Local } from "./locals.ts";
import { AllMoves, type Move } from "./moves.ts";
import type { World } from "./world.ts";

const everybody = -1;

export class Order {
  readonly #world: World;
  readonly #isBounded: boolean;
  readonly #all: AllMoves;
  #moves: Move[] = [];

  constructor(world: World, bounds: Bounds) {
    this.#world = world;
    this.#isBounded = bounds.delays !== Number.POSITIVE_INFINITY;
    this.#all = new AllMoves(world.layout.places);
  }

  /** Always the same ones in the same order. The list is good until the next call. */
  moves(row: Int32Array): readonly Move[] {
    this.#moves.length = 0;
    if (this.#isBounded) this.#inOneOrder(row);
    else this.#inEveryOrder(row);
    return this.#moves;
  }

  #inEveryOrder(row: Int32Array): void {
    const { layout } = this.#world;
    const mayDrop = may(row[layout.budget]!, "drops");
    for (const to of layout.places) {
      for (const from of layout.places) {
        if (from === to || row[layout.link(from, to)] === 0) continue;
        this.#moves.push(this.#all.deliver[from]![to]!);
        if (mayDrop) this.#drop(row, from, to);
      }
    }
    if (row[layout.wanted] !== 0) {
      this.#moves.push(this.#all.streamArrives);
      if (mayDrop) this.#moves.push(this.#all.streamBreaks);
    }
    for (const at of layout.places) {
      const { writes, installs } = this.#world.localAt(row, at);
      if (writes > 0) this.#moves.push(this.#all.persist[at]!);
      if (installs > 0) this.#moves.push(this.#all.install[at]!);
    }
    this.#befalling(row, everybody, everybody);
  }

  /** The loss of what would be ignored is its arrival, and costs nothing. */
  #drop(row: Int32Array, from: number, to: number): void {
    if (!this.#world.delivery(row, from, to).isIdle) this.#moves.push(this.#all.drop[from]![to]!);
  }

  #inOneOrder(row: Int32Array): void {
    const world = this.#world;
    const { layout } = world;
    const packed = row[layout.budget]!;
    const behind = row[layout.behind]!;
    const next = this.#next(row, behind);
    let touched = everybody;
    let written = everybody;
    if (next !== undefined) {
      const { move, lane } = next;
      this.#moves.push(move);
      touched = 0;
      written = 0;
      let isIdle = true;
      for (const { at, key } of world.partsOf(row, move)) {
        const step = world.locals.step(row[at]!, key);
        isIdle &&= step.isIdle;
        touched |= 1 << at;
        written |= step.effects.receivers;
      }
      // After it everything is as before.
      if (isIdle) return;
      if (may(packed, "drops")) {
        if (move.kind === "deliver") this.#moves.push(this.#all.drop[move.from]![move.to]!);
        if (move.kind === "stream") this.#moves.push(this.#all.streamBreaks);
      }
      if (may(packed, "delays")) this.#moves.push(this.#all.fallBehind[lane]!);
    }
    this.#befalling(row, touched, touched | written);
    if (behind !== 0) this.#catchingUp(behind, touched);
  }

  #next(
    row: Int32Array,
    behind: number,
  ): { readonly move: Move; readonly lane: number } | undefined {
    const { layout } = this.#world;
    const isBehind = (lane: number) => ((behind >>> lane) & 1) === 1;
    for (const at of layout.places) {
      const lane = layout.laneOfDisk(at);
      const { writes, installs } = this.#world.localAt(row, at);
      if (writes + installs === 0 || isBehind(lane)) continue;
      return { move: (writes > 0 ? this.#all.persist : this.#all.install)[at]!, lane };
    }
    for (const from of layout.places) {
      for (const to of layout.places) {
        if (from === to || row[layout.link(from, to)] === 0) continue;
        const lane = layout.laneOfLink(from, to);
        if (!isBehind(lane)) return { move: this.#all.deliver[from]![to]!, lane };
      }
    }
    const lane = layout.laneOfStreams;
    if (row[layout.wanted] === 0 || isBehind(lane)) return undefined;
    return { move: this.#all.streamArrives, lane };
  }

  #catchingUp(behind: number, touched: number): void {
    const { layout } = this.#world;
    const catchUp = (lane: number, at: number) => {
      const concerns = ((behind >>> lane) & 1) === 1 && ((touched >>> at) & 1) === 1;
      if (concerns) this.#moves.push(this.#all.catchUp[lane]!);
    };
    for (const at of layout.places) {
      catchUp(layout.laneOfDisk(at), at);
      for (const from of layout.places) {
        if (from !== at) catchUp(layout.laneOfLink(from, at), at);
      }
    }
    if (((behind >>> layout.laneOfStreams) & 1) === 1) {
      this.#moves.push(this.#all.catchUp[layout.laneOfStreams]!);
    }
  }

  /** What befalls members, a bit each; a crash also loses what is about to be sent to its member. */
  #befalling(row: Int32Array, touched: number, crashable: number): void {
    const world = this.#world;
    const { places, budget } = world.layout;
    const packed = row[budget]!;
    if (packed === 0) return;
    // An election makes all that hear a leader lose it.
    const follows = places.some(
      (at) => ((touched >>> at) & 1) === 1 && world.localAt(row, at).follows,
    );
    for (const at of places) {
      const local = world.localAt(row, at);
      const isTouched = ((touched >>> at) & 1) === 1;
      const canStand = !local.isLeader && may(packed, "terms");
      if (canStand && (isTouched || follows)) this.#moves.push(this.#all.campaign[at]!);
      if (((crashable >>> at) & 1) === 1 && may(packed, "crashes")) this.#crashes(at, local);
      if (!isTouched) continue;
      if (may(packed, "beats")) this.#moves.push(this.#all.beat[at]!);
      if (local.isLeader) this.#asked(at, local, packed);
    }
  }

  #crashes(at: number, { writes, installs }: Local): void {
    if (installs > 0) this.#moves.push(this.#all.crashInInstall[at]!);
    for (let written = 0; written <= writes; written++)
      this.#moves.push(this.#all.crash(at, written));
  }

  /** What a leader is asked for. */
  #asked(at: number, local: Local, packed: number): void {
    if (may(packed, "reads")) this.#moves.push(this.#all.read[at]!);
    if (may(packed, "entries")) this.#moves.push(this.#all.propose[at]!);
    const canCompact = local.writes === 0 && local.installs === 0;
    if (may(packed, "installs") && canCompact && local.storeIndex > local.baseIndex) {
      this.#moves.push(this.#all.compact[at]!);
    }
    const mayChange = may(packed, "memberships");
    if (mayChange && this.#world.outside(local) !== 0) this.#moves.push(this.#all.grow[at]!);
    for (const member of this.#world.layout.places) {
      if (mayChange) this.#moves.push(this.#all.remove[at]![member]!);
      if (may(packed, "transfers") && member !== at)
        this.#moves.push(this.#all.transfer[at]![member]!);
    }
  }
}

function may(packed: number, kind: Spendable): boolean {
  return left(packed, kind) > 0;
}
