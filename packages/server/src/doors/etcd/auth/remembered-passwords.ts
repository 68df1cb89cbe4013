// Passwords that were found right a short while ago, so that a program that logs in for every command does
// not pay for a slow hash each time. What is kept is a keyed hash of user, stored hash and password under a
// key that this process drew and never tells: without the key it says nothing, and with another stored hash
// (a new password, a user made anew) it does not fit. Only whoever brings the right password is any
// faster; a wrong one, an unknown user and a user without password all take the slow way.

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { AuthName } from "@althing/store";

interface Remembered {
  readonly digest: Buffer;
  readonly endsAtMs: number;
}

const rememberMs = 5 * 60_000;
const usersMax = 4096;

export class RememberedPasswords {
  readonly #key = randomBytes(32);
  readonly #nowMs: () => number;
  /** Those that were found right last stand last. */
  readonly #users = new Map<AuthName, Remembered>();
  /** What nobody's password has: compared where nothing is remembered, so that it takes as long. */
  readonly #nobody: Remembered = { digest: randomBytes(32), endsAtMs: 0 };

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#users.size;
  }

  knows(user: AuthName, stored: string, password: string): boolean {
    const { digest, endsAtMs } = this.#users.get(user) ?? this.#nobody;
    const isSame = timingSafeEqual(digest, this.#digest(user, stored, password));
    return isSame && this.#nowMs() < endsAtMs;
  }

  /** It was found right just now. */
  add(user: AuthName, stored: string, password: string): void {
    this.#users.delete(user);
    const digest = this.#digest(user, stored, password);
    this.#users.set(user, { digest, endsAtMs: this.#nowMs() + rememberMs });
    if (this.#users.size <= usersMax) return;
    for (const oldest of this.#users.keys()) {
      this.#users.delete(oldest);
      return;
    }
  }

  forget(user: AuthName): void {
    this.#users.delete(user);
  }

  clear(): void {
    this.#users.clear();
  }

  /** Lengths first: no two different triples are the same bytes. */
  #digest(user: AuthName, stored: string, password: string): Buffer {
    const hmac = createHmac("sha256", this.#key);
    for (const part of [user, stored, password]) {
      const bytes = Buffer.from(part, "utf8");
      hmac.update(`${bytes.length}:`).update(bytes);
    }
    return hmac.digest();
  }
}
