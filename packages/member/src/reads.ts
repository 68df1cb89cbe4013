// Linearizable reads: all that are asked for in one turn share one read token of the core, and are
// released when the state has applied the index that the core confirmed, and the fence of the leader that
// did: then nothing that an older one proposed can still take effect (fences.ts). A read that finds no leader,
// or loses it, asks again when there is one, until its own timeout (corpus: stale-read-by-default,
// read-before-replay).

import type { RejectReason } from "@althing/consensus";
import { MemberError, type MemberErrorCode } from "./contract.ts";
import type { Lead } from "./envelope.ts";
import type { Fences } from "./fences.ts";
import { READ_TOKENS, type Turn } from "./turn.ts";

type ReadDone = (error: MemberError | undefined) => void;

/** The reads of one turn. */
interface ReadGroup {
  callbacks: ReadDone[];
  readonly deadlineMs: number;
  /** The index to wait for, once confirmed, and the lead in which it was. */
  index: number;
  lead: Lead | undefined;
}

interface Asked {
  readonly groups: ReadGroup[];
  readonly askedMs: number;
}

const READS_WAITING_MAX = 2 ** 16;

export class Reads {
  readonly counts = { slow: 0, failed: 0 };
  readonly #turn: Turn;
  readonly #fences: Pick<Fences, "isPast">;
  #fresh: ReadGroup | undefined;
  #parked: ReadGroup[] = [];
  /** A leader became known, or a tick has passed, since the last refusal. */
  #retry = false;
  readonly #asked = new Map<number, Asked>();
  #confirmed: ReadGroup[] = [];
  #nextToken = READ_TOKENS;
  #waiting = 0;

  constructor(turn: Turn, fences: Pick<Fences, "isPast">) {
    this.#turn = turn;
    this.#fences = fences;
  }

  read(done: ReadDone): void {
    if (this.#waiting >= READS_WAITING_MAX) {
      const error = readError("overloaded", "too many reads wait on this member");
      this.#turn.ports.clock.soon(() => this.#turn.guard(() => done(error)));
      return;
    }
    this.#waiting++;
    if (this.#fresh === undefined) {
      const deadlineMs = this.#turn.ports.clock.monotonicMs() + this.#turn.waits.requestMs;
      this.#fresh = { callbacks: [], deadlineMs, index: 0, lead: undefined };
      this.#turn.schedule();
    }
    this.#fresh.callbacks.push(done);
  }

  /** Asks the core once for what is new, and for what waited when it is time to try again. */
  step(): boolean {
    if (this.#fresh !== undefined) {
      this.#parked.push(this.#fresh);
      // Alone, it is asked at once; among others that were refused, with them.
      if (this.#parked.length === 1) this.#retry = true;
      this.#fresh = undefined;
    }
    const groups = this.#parked;
    if (!this.#retry || groups.length === 0) return false;
    if (this.#turn.leadership.leader === undefined) return false;
    this.#retry = false;
    this.#parked = [];
    const token = this.#nextToken++;
    this.#asked.set(token, { groups, askedMs: this.#turn.ports.clock.monotonicMs() });
    this.#turn.step({ kind: "read", token });
    return true;
  }

  ready(token: number, index: number, appliedIndex: number): void {
    const asked = this.#asked.get(token);
    if (asked === undefined) return;
    this.#asked.delete(token);
    // Whoever is asked is forgotten with the first word of another leader: it is this one that answered.
    const { epoch, leader } = this.#turn.leadership;
    for (const group of asked.groups) {
      group.index = index;
      group.lead = { epoch, proposer: leader ?? "" };
      if (this.#isReady(group, appliedIndex)) this.#settle(group, undefined);
      else this.#confirmed.push(group);
    }
  }

  /** Asked again on the next tick or change of leader: never in a loop within one turn. */
  rejected(token: number, _reason: RejectReason): void {
    const asked = this.#asked.get(token);
    if (asked === undefined) return;
    this.#asked.delete(token);
    this.#park(asked.groups);
  }

  leadershipChanged(): void {
    for (const { groups } of this.#asked.values()) this.#park(groups);
    this.#asked.clear();
    this.#tryAgain();
  }

  applied(appliedIndex: number): void {
    if (this.#confirmed.length === 0) return;
    const ready = this.#confirmed.filter((group) => this.#isReady(group, appliedIndex));
    if (ready.length === 0) return;
    this.#confirmed = this.#confirmed.filter((group) => !ready.includes(group));
    for (const group of ready) this.#settle(group, undefined);
  }

  tick(nowMs: number): void {
    if (this.#waiting === 0) return;
    for (const [token, asked] of this.#asked) {
      // The question or its answer was lost on the way. Asking anew is always safe.
      if (nowMs - asked.askedMs < this.#turn.waits.electionMs) continue;
      this.counts.slow++;
      this.#asked.delete(token);
      this.#park(asked.groups);
    }
    const late = (group: ReadGroup) => nowMs >= group.deadlineMs;
    const noLeader = this.#turn.leadership.leader === undefined;
    for (const group of this.#parked.filter(late)) {
      const why = noLeader ? "no leader was found in time" : "the leader did not answer in time";
      this.#settle(group, readError(noLeader ? "noLeader" : "timedOut", why));
    }
    this.#parked = this.#parked.filter((group) => !late(group));
    for (const asked of this.#asked.values()) {
      for (const group of asked.groups.filter(late)) {
        this.#settle(group, readError("timedOut", "the leader did not answer in time"));
      }
    }
    for (const group of this.#confirmed.filter(late)) {
      this.#settle(group, readError("timedOut", "this member did not catch up in time"));
    }
    this.#confirmed = this.#confirmed.filter((group) => !late(group));
    this.#tryAgain();
  }

  failAll(code: MemberErrorCode, message: string): void {
    const groups = [...this.#parked, ...this.#confirmed];
    for (const asked of this.#asked.values()) groups.push(...asked.groups);
    if (this.#fresh !== undefined) groups.push(this.#fresh);
    this.#fresh = undefined;
    this.#parked = [];
    this.#confirmed = [];
    this.#asked.clear();
    for (const group of groups) this.#settle(group, readError(code, message));
  }

  #tryAgain(): void {
    if (this.#parked.length === 0) return;
    this.#retry = true;
    this.#turn.schedule();
  }

  #isReady({ index, lead }: ReadGroup, appliedIndex: number): boolean {
    return index <= appliedIndex && this.#fences.isPast(lead!);
  }

  #park(groups: readonly ReadGroup[]): void {
    for (const group of groups) if (group.callbacks.length > 0) this.#parked.push(group);
  }

  #settle(group: ReadGroup, error: MemberError | undefined): void {
    const callbacks = group.callbacks;
    group.callbacks = [];
    this.#waiting -= callbacks.length;
    if (error !== undefined) this.counts.failed += callbacks.length;
    for (const done of callbacks) this.#turn.guard(() => done(error));
  }
}

function readError(code: MemberErrorCode, message: string): MemberError {
  return new MemberError(code, "notExecuted", message);
}
