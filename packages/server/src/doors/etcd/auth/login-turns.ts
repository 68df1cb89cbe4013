// Whose password is looked at next. Each look costs a core a good part of a second, so that a flood of
// logins must not keep others out. A login belongs to a connection, an address and a user; what each of
// the three has cost lately is remembered for a while, and that login goes first whose three have cost
// least. When there is no room left, whoever costs and waits most is turned away, not whoever comes last.

import { createHash } from "node:crypto";
import { visitorOf } from "../../../transport/index.ts";

export interface LoginOrigin {
  /** "address:port" of the client. */
  readonly connection: string;
  readonly user: string;
}

export interface LoginTurn {
  /** Undefined: somebody who proved already who he is. He goes first and is charged nothing. */
  readonly origin: LoginOrigin | undefined;
  isWanted(): boolean;
}

interface Waiting<Turn> {
  readonly turn: Turn;
  readonly keys: readonly string[];
}

interface Cost {
  value: number;
  atMs: number;
}

/** After that time a cost counts half. */
const halfLifeMs = 30_000;
/** More are known only if so many logins were looked at, which takes longer than they count. */
const costsMax = 8192;

export class LoginTurns<Turn extends LoginTurn> {
  readonly #waitingMax: number;
  readonly #nowMs: () => number;
  readonly #costs = new Map<string, Cost>();
  /** How many wait, by connection, address and user. */
  readonly #crowds = new Map<string, number>();
  #waiting: Waiting<Turn>[] = [];
  /** The greatest weight of those that wait, as long as they are the same; time only takes from it. */
  #greatest = Number.POSITIVE_INFINITY;

  constructor(waitingMax: number, nowMs: () => number) {
    this.#waitingMax = waitingMax;
    this.#nowMs = nowMs;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Who finds no room because of it: another, itself, or nobody. Those who left are forgotten first. */
  add(turn: Turn): readonly Turn[] {
    const newcomer = { turn, keys: keysOf(turn.origin) };
    if (this.#waiting.length < this.#waitingMax) {
      this.#enter(newcomer);
      return [];
    }
    const gone = this.#waiting.filter((one) => !one.turn.isWanted());
    // In a flood most newcomers are of it: that is seen without looking at all others again.
    if (gone.length === 0 && this.#weightOf(newcomer, 1) > this.#greatest) return [turn];
    this.#enter(newcomer);
    const leaving = gone.length > 0 ? gone : [this.#heaviest()];
    for (const one of leaving) this.#leave(one);
    if (leaving[0] !== newcomer) return leaving.map((one) => one.turn);
    // It is gone again, and those that wait are the same as before.
    this.#greatest = this.#weightOf(this.#heaviest(), 0);
    return [turn];
  }

  /** It is charged for at once, so that of those who came together others are next. */
  next(): Turn | undefined {
    let first: Waiting<Turn> | undefined;
    let least = Number.POSITIVE_INFINITY;
    const now = this.#nowMs();
    for (const one of this.#waiting) {
      const cost = one.turn.origin === undefined ? -1 : this.#costOf(one.keys, now);
      if (cost >= least) continue;
      least = cost;
      first = one;
    }
    if (first === undefined) return undefined;
    this.#leave(first);
    this.#charge(first.keys, 1);
    return first.turn;
  }

  /** The password was right: that costs nobody his place. */
  forgive(origin: LoginOrigin | undefined): void {
    this.#charge(keysOf(origin), -1);
  }

  #enter(one: Waiting<Turn>): void {
    this.#waiting.push(one);
    this.#greatest = Number.POSITIVE_INFINITY;
    for (const key of one.keys) this.#crowds.set(key, (this.#crowds.get(key) ?? 0) + 1);
  }

  #leave(one: Waiting<Turn>): void {
    this.#waiting.splice(this.#waiting.indexOf(one), 1);
    this.#greatest = Number.POSITIVE_INFINITY;
    for (const key of one.keys) {
      const left = this.#crowds.get(key)! - 1;
      if (left === 0) this.#crowds.delete(key);
      else this.#crowds.set(key, left);
    }
  }

  /** The latest of those that cost and wait most. */
  #heaviest(): Waiting<Turn> {
    const now = this.#nowMs();
    let [heaviest] = this.#waiting;
    let most = Number.NEGATIVE_INFINITY;
    for (const one of this.#waiting) {
      const weight = this.#weightOf(one, 0, now);
      if (weight < most) continue;
      most = weight;
      heaviest = one;
    }
    return heaviest!;
  }

  /** `more`: how many wait of each kind besides those that are counted. */
  #weightOf({ keys }: Waiting<Turn>, more: number, now = this.#nowMs()): number {
    let weight = this.#costOf(keys, now);
    for (const key of keys) weight += (this.#crowds.get(key) ?? 0) + more;
    return weight;
  }

  #costOf(keys: readonly string[], now: number): number {
    let sum = 0;
    for (const key of keys) {
      const cost = this.#costs.get(key);
      if (cost !== undefined) sum += decayed(cost, now);
    }
    return sum;
  }

  #charge(keys: readonly string[], amount: number): void {
    const now = this.#nowMs();
    for (const key of keys) {
      const before = this.#costs.get(key);
      const value = (before === undefined ? 0 : decayed(before, now)) + amount;
      // Those that were charged last stand last.
      this.#costs.delete(key);
      if (value > 0.01) this.#costs.set(key, { value, atMs: now });
    }
    for (const key of this.#costs.keys()) {
      if (this.#costs.size <= costsMax) break;
      this.#costs.delete(key);
    }
  }
}

function keysOf(origin: LoginOrigin | undefined): string[] {
  if (origin === undefined) return [];
  const { connection, user } = origin;
  const address = connection.slice(0, Math.max(connection.lastIndexOf(":"), 0));
  return [`c ${connection}`, `a ${visitorOf(address)}`, `u ${shortOf(user)}`];
}

/** Anybody may make up a name, of a megabyte too, and costs are remembered for long. */
function shortOf(user: string): string {
  return user.length <= 64 ? user : createHash("sha256").update(user).digest("base64");
}

function decayed({ value, atMs }: Cost, now: number): number {
  return value * 2 ** ((atMs - now) / halfLifeMs);
}
