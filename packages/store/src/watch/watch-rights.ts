// Watches do not outlive the right to them. Each was permitted when it was created; whenever users, roles or
// auth itself have changed, all are judged again, and before anything is sent that came after the change. A
// watch is its user's: it ends with the user, with another password of his, with the permission and with
// auth, but not with a token whose time is over, for a watch may last longer than any token.

import type { AuthCaller, AuthErrorCode, AuthReads, Key } from "../contract.ts";

export interface WatchRight<Fault extends string> {
  readonly key: Key;
  readonly rangeEnd: Key;
  /** By the state that is applied now. Undefined: nobody was asked, for auth is disabled. */
  caller(): AuthCaller | Fault | undefined;
  /** Called once; it is forgotten by then. */
  ended(why: AuthErrorCode | "revoked" | Fault): void;
}

interface Held<Fault extends string> {
  readonly right: WatchRight<Fault>;
  /** Who created it, if anybody was asked then. */
  caller: AuthCaller | undefined;
}

export class WatchRights<Fault extends string> {
  readonly #store: AuthReads;
  readonly #held = new Set<Held<Fault>>();
  #isEnabled: boolean;
  #revision: number;

  constructor(store: AuthReads) {
    this.#store = store;
    this.#isEnabled = store.auth.enabled;
    this.#revision = store.auth.revision;
  }

  /** Of what was permitted just now, in this turn. Returns what forgets it. */
  hold(right: WatchRight<Fault>): () => void {
    this.review();
    const caller = right.caller();
    const held = { right, caller: typeof caller === "string" ? undefined : caller };
    this.#held.add(held);
    return () => {
      this.#held.delete(held);
    };
  }

  /** Costs a comparison when nothing has changed. */
  review(): void {
    const { enabled, revision } = this.#store.auth;
    if (revision === this.#revision && enabled === this.#isEnabled) return;
    this.#isEnabled = enabled;
    this.#revision = revision;
    // While it is disabled all may, and who created a watch is kept for when it is enabled again.
    if (!enabled) return;
    for (const held of [...this.#held]) {
      const why = this.#refuses(held);
      if (why === undefined || !this.#held.delete(held)) continue;
      held.right.ended(why);
    }
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
