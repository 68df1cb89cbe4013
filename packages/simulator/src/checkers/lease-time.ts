// A lease lives at least its TTL from when its holder last asked for it and was told yes, by any clock
// within the drift that is allowed, unless somebody revoked it (corpus 60); what is kept alive exists, and
// what is said to be gone is gone (corpus 61). Times are the world's: the holder's own send time counts,
// because the leader can only have heard of it later.

import type { LeaseId } from "@althing/store";
import type { Reference } from "../observe/reference.ts";
import type { Verdicts } from "./verdicts.ts";

interface Known {
  ttlMicros: number;
  /** Of the last request that was answered with yes. */
  sentAt: number;
  endedAt: number;
  /** Somebody asked for its end: it may come at any time. */
  mayEnd: boolean;
}

export class LeaseTime {
  readonly #verdicts: Verdicts;
  readonly #reference: Reference;
  readonly #now: () => number;
  /** The fastest clock that a member may have. */
  readonly #rateMax: number;
  readonly #leases = new Map<LeaseId, Known>();

  constructor(verdicts: Verdicts, reference: Reference, now: () => number, clockSkew: number) {
    this.#verdicts = verdicts;
    this.#reference = reference;
    this.#now = now;
    this.#rateMax = 1 + clockSkew;
    reference.listeners.push({
      leaseEnded: (lease) => this.#ended(lease),
      changed: () => {},
    });
  }

  /** A grant was answered with yes. */
  granted(lease: LeaseId, ttlSeconds: number, sentAt: number): void {
    const known = this.#of(lease);
    known.ttlMicros = ttlSeconds * 1e6;
    this.#confirmed(lease, known, sentAt);
  }

  /** A request to keep it alive was answered with yes. */
  renewed(lease: LeaseId, leftMs: number, sentAt: number): void {
    const known = this.#of(lease);
    if (known.endedAt < sentAt) {
      this.#violate(lease, "was kept alive after it had ended");
    } else if (leftMs * 1000 !== known.ttlMicros) {
      this.#violate(lease, `was kept alive for ${leftMs} ms of ${known.ttlMicros / 1000}`);
    } else this.#confirmed(lease, known, sentAt);
  }

  /** A question without renewal was answered. */
  left(lease: LeaseId, leftMs: number, sentAt: number): void {
    const known = this.#of(lease);
    if (known.endedAt < sentAt) this.#violate(lease, "was said to live after it had ended");
    else if (leftMs * 1000 > known.ttlMicros) this.#violate(lease, `has ${leftMs} ms left`);
  }

  /** Any question was answered with: there is no such lease. */
  gone(lease: LeaseId): void {
    if (this.#reference.leases.has(lease)) this.#violate(lease, "was said to be gone and is not");
  }

  /** Its end was asked for. */
  revoking(lease: LeaseId): void {
    this.#of(lease).mayEnd = true;
  }

  #ended(lease: LeaseId): void {
    const known = this.#of(lease);
    known.endedAt = this.#now();
    this.#verifyEnd(lease, known);
  }

  #confirmed(lease: LeaseId, known: Known, sentAt: number): void {
    if (sentAt > known.sentAt) known.sentAt = sentAt;
    this.#verifyEnd(lease, known);
  }

  #verifyEnd(lease: LeaseId, known: Known): void {
    if (known.mayEnd || known.endedAt === Number.POSITIVE_INFINITY || known.sentAt < 0) return;
    const earliest = known.sentAt + Math.floor(known.ttlMicros / this.#rateMax);
    // Clocks are read in whole milliseconds.
    if (known.endedAt >= earliest - 1000) return;
    this.#violate(
      lease,
      `of ${known.ttlMicros / 1e6} s ended ${(known.endedAt - known.sentAt) / 1e6} s after it was last ` +
        `asked for, at ${known.sentAt / 1e6} s`,
    );
  }

  #of(lease: LeaseId): Known {
    let known = this.#leases.get(lease);
    if (known === undefined) {
      const endedAt = Number.POSITIVE_INFINITY;
      known = { ttlMicros: 0, sentAt: -1, endedAt, mayEnd: false };
      this.#leases.set(lease, known);
    }
    return known;
  }

  #violate(lease: LeaseId, detail: string): void {
    this.#verdicts.violate("lease", `lease ${lease.toString(16)} ${detail}`);
  }
}
