// When leases end. The leader alone counts, and only time in which it could have heard from the holders:
// a process that was stopped, or a loop that was held up, expires nothing for it (corpus 60). Before it
// answers for a lease it confirms that it still leads; a new leader gives every lease its time again. The
// end itself is a revoke in the log, like any other. Members that do not lead ask the one that does.

import type { MemberId } from "@althing/consensus";
import { encodeCommand, type LeaseReads, type Store } from "@althing/store";
import { MemberError, type MemberErrorCode } from "./contract.ts";
import type { PeerMessage } from "./ports.ts";
import type { Proposals } from "./proposals.ts";
import type { Reads } from "./reads.ts";
import type { Turn } from "./turn.ts";

type Done = (error: MemberError | undefined, leftMs: number | undefined) => void;
type Message<Kind extends PeerMessage["kind"]> = Extract<PeerMessage, { kind: Kind }>;
/** A code: nothing was done. */
type Answer = (code: string, leftMs: number | undefined) => void;

interface Asked {
  readonly lease: bigint;
  readonly renew: boolean;
  readonly done: Done;
  readonly deadlineMs: number;
  /** When the present attempt is given up; 0: none is under way. */
  waitMs: number;
}

const EXPIRY_EVERY_MS = 500;
const REVOKES_MAX = 500;
const ASKED_MAX = 2 ** 16;

export class Lessor {
  readonly #turn: Turn;
  readonly #store: Store & Partial<LeaseReads>;
  readonly #proposals: Proposals;
  readonly #reads: Reads;
  /** Milliseconds that this member was there to listen, at the last tick. */
  #timeMs = 0;
  #lastTickMs: number;
  #nextCheckMs = 0;
  /** Leader only: by `#timeMs`. */
  readonly #endsAt = new Map<bigint, number>();
  #leads = false;
  /** Being revoked because they ended, and who waits to hear of it. */
  readonly #ending = new Map<bigint, (() => void)[]>();
  readonly #asked = new Map<number, Asked>();
  #nextRequest = 1;

  constructor(
    turn: Turn,
    parts: { store: Store & Partial<LeaseReads>; proposals: Proposals; reads: Reads },
  ) {
    this.#turn = turn;
    this.#store = parts.store;
    this.#proposals = parts.proposals;
    this.#reads = parts.reads;
    this.#lastTickMs = turn.ports.clock.monotonicMs();
    parts.store.observeLeases?.((change) => {
      if (change.kind === "replaced") this.#beginAnew();
      else if (change.kind === "revoked") this.#endsAt.delete(change.lease);
      else if (change.kind === "granted" && this.#leads) {
        this.#endsAt.set(change.state.lease, this.#presentMs() + change.state.ttlSeconds * 1000);
      }
    });
  }

  ask(lease: bigint, renew: boolean, done: Done): void {
    if (this.#asked.size >= ASKED_MAX) {
      const error = new MemberError("overloaded", "notExecuted", "too many leases are asked for");
      this.#turn.ports.clock.soon(() => this.#turn.guard(() => done(error, undefined)));
      return;
    }
    const nowMs = this.#turn.ports.clock.monotonicMs();
    const deadlineMs = nowMs + this.#turn.waits.requestMs;
    const asked = { lease, renew, done, deadlineMs, waitMs: 0 };
    const request = this.#nextRequest++;
    this.#asked.set(request, asked);
    this.#try(request, asked, nowMs);
  }

  receiveAsk(from: MemberId, { session, request, lease, renew }: Message<"leaseAsk">): void {
    this.#serve(lease, renew, (code, leftMs) => {
      const left = leftMs === undefined ? 0 : Math.floor(leftMs) + 1;
      this.#turn.send(from, { kind: "leaseAnswer", session, request, code, left });
    });
  }

  receiveAnswer({ session, request, code, left }: Message<"leaseAnswer">): void {
    if (session !== this.#proposals.session) return;
    this.#answered(request, code, left === 0 ? undefined : left - 1);
  }

  leadershipChanged(): void {
    const leads = this.#turn.leadership.role === "leader";
    if (leads !== this.#leads) {
      this.#leads = leads;
      this.#beginAnew();
    }
    // Asking is always safe to repeat, and whoever was asked may be gone.
    for (const asked of this.#asked.values()) asked.waitMs = 0;
  }

  tick(nowMs: number): void {
    this.#timeMs += this.#heardMs(nowMs);
    this.#lastTickMs = nowMs;
    for (const [request, asked] of [...this.#asked]) {
      if (asked.waitMs > 0 && nowMs >= asked.waitMs) asked.waitMs = 0;
      if (nowMs >= asked.deadlineMs) {
        const leaderless = this.#turn.leadership.leader === undefined;
        this.#fail(request, asked, leaderless ? "noLeader" : "timedOut", "no leader answered");
      } else if (asked.waitMs === 0) this.#try(request, asked, nowMs);
    }
    if (!this.#leads || this.#timeMs < this.#nextCheckMs) return;
    this.#nextCheckMs = this.#timeMs + EXPIRY_EVERY_MS;
    for (const [lease, endMs] of this.#endsAt) {
      if (this.#ending.size >= REVOKES_MAX) break;
      if (endMs <= this.#timeMs) this.#end(lease);
    }
  }

  /** A whole TTL runs from now on, not from the last tick. */
  #presentMs(): number {
    return this.#timeMs + this.#heardMs(this.#turn.ports.clock.monotonicMs());
  }

  /** Since the last tick. One that comes late says that nobody was heard meanwhile. */
  #heardMs(nowMs: number): number {
    return Math.min(nowMs - this.#lastTickMs, 4 * this.#turn.waits.tickMs);
  }

  failAll(code: MemberErrorCode, message: string): void {
    for (const [request, asked] of [...this.#asked]) this.#fail(request, asked, code, message);
  }

  #try(request: number, asked: Asked, nowMs: number): void {
    const { role, leader } = this.#turn.leadership;
    if (leader === undefined) return;
    asked.waitMs = nowMs + this.#turn.waits.electionMs;
    const { lease, renew } = asked;
    if (role === "leader") {
      this.#serve(lease, renew, (code, leftMs) => this.#answered(request, code, leftMs));
      return;
    }
    const { session } = this.#proposals;
    this.#turn.send(leader, { kind: "leaseAsk", session, request, lease, renew });
  }

  #answered(request: number, code: string, leftMs: number | undefined): void {
    const asked = this.#asked.get(request);
    // Who refused will not do better within this turn: the next tick asks again.
    if (asked === undefined || code !== "") return;
    this.#asked.delete(request);
    this.#turn.guard(() => asked.done(undefined, leftMs));
  }

  /** As the leader: only after a quorum has said that it still is. */
  #serve(lease: bigint, renew: boolean, answer: Answer): void {
    if (!this.#leads) {
      answer("notLeader", undefined);
      return;
    }
    this.#reads.read((error) => {
      if (error !== undefined || !this.#leads) answer(error?.code ?? "notLeader", undefined);
      else this.#serveConfirmed(lease, renew, answer);
    });
  }

  #serveConfirmed(lease: bigint, renew: boolean, answer: Answer): void {
    const state = this.#store.lease?.(lease);
    const endMs = this.#endsAt.get(lease);
    if (state === undefined || endMs === undefined) {
      answer("", undefined);
      return;
    }
    const isOver = this.#ending.has(lease) || endMs <= this.#timeMs;
    if (!renew) answer("", Math.max(0, endMs - this.#presentMs()));
    else if (!isOver) {
      const ttlMs = state.ttlSeconds * 1000;
      this.#endsAt.set(lease, this.#presentMs() + ttlMs);
      answer("", ttlMs);
    } else {
      // It has ended and is not gone yet: its holder hears of it when it is.
      this.#end(lease);
      this.#ending.get(lease)!.push(() => this.#serve(lease, renew, answer));
    }
  }

  #end(lease: bigint): void {
    if (this.#ending.has(lease)) return;
    this.#ending.set(lease, []);
    this.#turn.observe({ kind: "lease.expired", level: "debug", lease: String(lease) });
    this.#proposals.propose(encodeCommand({ kind: "leaseRevoke", lease }), () => {
      const waiting = this.#ending.get(lease) ?? [];
      this.#ending.delete(lease);
      for (const ask of waiting) ask();
    });
  }

  #beginAnew(): void {
    this.#endsAt.clear();
    if (!this.#leads) return;
    const presentMs = this.#presentMs();
    for (const { lease, remainingSeconds } of this.#store.leases?.() ?? []) {
      this.#endsAt.set(lease, presentMs + remainingSeconds * 1000);
    }
  }

  #fail(request: number, asked: Asked, code: MemberErrorCode, message: string): void {
    this.#asked.delete(request);
    const error = new MemberError(code, "notExecuted", message);
    this.#turn.guard(() => asked.done(error, undefined));
  }
}
