// Watches do not outlive the right to them. Each was permitted when it was created; whenever users, roles or
// auth itself have changed, all are judged again: some in each turn, for there may be a quarter of a million, and
// each before anything is sent to it that came after the change. A watch is its user's: it ends with the user,
// with another password of his, with the permission and with auth, but not with a token whose time is over, for a
// watch may last longer than any token.

import type { AuthCaller, AuthErrorCode, AuthReads, Key } from "../contract.ts";

/** Each takes some microseconds, and more when it has to be told. */
const judgedPerTurn = 256;

export interface WatchRight<Fault extends string> {
  readonly key: Key;
  readonly rangeEnd: Key;
  /** By the state that is applied now. Undefined: nobody was asked, for auth is disabled. */
  caller(): AuthCaller | Fault | undefined;
  /** Called once; it is forgotten by then. */
  ended(why: AuthErrorCode | "revoked" | Fault): void;
}

/** In the hands of who holds it. */
export interface HeldRight {
  /** Judges it by the state that is applied now, unless that was done. False: it has ended. */
  check(): boolean;
  forget(): void;
}

interface Held<Fault extends string> {
  readonly right: WatchRight<Fault>;
  /** Who created it, if anybody was asked then. */
  caller: AuthCaller | undefined;
  /** After which of the changes it was judged last. */
  judged: number;
}

export class WatchRights<Fault extends string> {
  readonly #store: AuthReads;
  readonly #soon: (run: () => void) => void;
  /** Those that were judged last come last. */
  readonly #held = new Set<Held<Fault>>();
  #isEnabled: boolean;
  #revision: number;
  /** Changes that were seen. */
  #changes = 0;
  #isJudging = false;

  /** `soon` calls once, in a later turn of the loop. */
  constructor(store: AuthReads, soon: (run: () => void) => void) {
    this.#store = store;
    this.#soon = soon;
    this.#isEnabled = store.auth.enabled;
    this.#revision = store.auth.revision;
  }

  /** Of what was permitted just now, in this turn. */
  hold(right: WatchRight<Fault>): HeldRight {
    this.review();
    const caller = right.caller();
    const held: Held<Fault> = {
      right,
      caller: typeof caller === "string" ? undefined : caller,
      judged: this.#changes,
    };
    this.#held.add(held);
    return {
      check: () => {
        this.review();
        if (this.#held.has(held) && held.judged !== this.#changes) this.#judge(held);
        return this.#held.has(held);
      },
      forget: () => {
        this.#held.delete(held);
      },
    };
  }

  /**
   * Costs a comparison when nothing has changed. False: some are still to be judged, and whoever has something for
   * one of them asks it first.
   */
  review(): boolean {
    const { enabled, revision } = this.#store.auth;
    if (revision === this.#revision && enabled === this.#isEnabled) return !this.#isJudging;
    this.#isEnabled = enabled;
    this.#revision = revision;
    this.#changes++;
    if (!this.#isJudging) this.#judgeOn();
    return !this.#isJudging;
  }

  /** Those that are due, in their order. */
  #judgeOn(): void {
    let left = judgedPerTurn;
    this.#isJudging = true;
    for (const held of this.#held) {
      if (held.judged === this.#changes) break;
      if (left-- === 0) {
        this.#soon(() => this.#judgeOn());
        return;
      }
      this.#judge(held);
    }
    this.#isJudging = false;
  }

  #judge(held: Held<Fault>): void {
    held.judged = this.#changes;
    this.#held.delete(held);
    // While it is disabled all may, and who created a watch is kept for when it is enabled again.
    const why = this.#isEnabled ? this.#refuses(held) : undefined;
    if (why === undefined) this.#held.add(held);
    else held.right.ended(why);
  }

  #refuses(held: Held<Fault>): AuthErrorCode | "revoked" | Fault | undefined {
    const { auth } = this.#store;
    const { right } = held;
    const caller = held.caller ?? right.caller();
    if (caller === undefined || typeof caller === "string") return caller;
    held.caller = caller;
    if (auth.isRevoked(caller)) return "revoked";
    const now = { user: caller.user, authRevision: auth.revision };
    return auth.refusesRange(right.key, right.rangeEnd, now);
  }
}
