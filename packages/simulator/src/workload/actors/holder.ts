// Holds one lease after the other: grants it, hangs keys on it, keeps it alive at a pace of its own, now
// and then for too long not at all, and in the end revokes it or simply forgets it.

import { encodeValue } from "../../observe/reference.ts";
import type { Service } from "../service.ts";
import { Actor, drawLease } from "./actor.ts";

const ttlSeconds = [1, 1, 2, 3, 5];

export class Holder extends Actor {
  #serial = 0;

  start(): void {
    this.later(this.pauseMs(), () => this.#grant());
  }

  #grant(): void {
    if (this.isOver) return;
    const service = this.anyService();
    if (service === undefined) {
      this.start();
      return;
    }
    const lease = drawLease(this.prng);
    const ttl = this.prng.pick(ttlSeconds);
    const sentAt = this.now;
    this.propose(service, { kind: "leaseGrant", lease, ttlSeconds: ttl }, (answer) => {
      if (answer?.kind !== "applied") {
        this.start();
        return;
      }
      this.context.checkers.leases.granted(lease, ttl, sentAt);
      // Some hurry, some are late now and then, some too late.
      const everyMs = ttl * 1000 * this.prng.pick([0.1, 0.3, 0.6, 0.9]);
      this.#hold(lease, ttl, everyMs, this.prng.between(1, 8));
    });
  }

  #hold(lease: bigint, ttl: number, everyMs: number, steps: number): void {
    const isPaused = this.prng.chance(0.05);
    const waitMs = isPaused ? ttl * 2000 * this.prng.random() : everyMs * this.prng.random() * 1.3;
    this.later(waitMs, () => {
      if (this.isOver) return;
      const service = this.anyService();
      const goOn = (isThere: boolean): void => {
        if (isThere && steps > 0) this.#hold(lease, ttl, everyMs, steps - 1);
        else this.#part(lease, isThere);
      };
      if (service === undefined) goOn(true);
      else if (this.prng.chance(0.3)) this.#put(service, lease, () => goOn(true));
      else this.#ask(service, lease, this.prng.chance(0.85), goOn);
    });
  }

  #ask(service: Service, lease: bigint, renew: boolean, done: (isThere: boolean) => void): void {
    const { leases } = this.context.checkers;
    const sentAt = this.now;
    this.askLease(service, lease, renew, (answer) => {
      if (answer === undefined || answer.error !== undefined) {
        done(true);
        return;
      }
      const { leftMs } = answer;
      if (leftMs === undefined) leases.gone(lease);
      else if (renew) leases.renewed(lease, leftMs, sentAt);
      else leases.left(lease, leftMs, sentAt);
      done(leftMs !== undefined);
    });
  }

  /** A key of its own or one for which several holders change leases; sometimes freed of any. */
  #put(service: Service, lease: bigint, done: () => void): void {
    const own = `s${this.plan.id}-${this.prng.below(3)}`;
    const key = this.prng.chance(0.3) ? "s-shared" : own;
    const under = this.prng.chance(0.85) ? lease : 0n;
    const value = encodeValue(this.plan.id * 1000 + ++this.#serial, 0);
    const flags = { prevKv: this.prng.chance(0.5), ignoreValue: false, ignoreLease: false };
    this.propose(service, { kind: "put", key, value, lease: under, ...flags }, done);
  }

  #part(lease: bigint, isThere: boolean): void {
    const service = this.anyService();
    const revokes = isThere && this.prng.chance(0.4);
    if (!revokes || service === undefined) {
      this.start();
      return;
    }
    this.context.checkers.leases.revoking(lease);
    this.propose(service, { kind: "leaseRevoke", lease }, () => this.start());
  }
}
