// The leader's side of forwarding: proposals that peers sent in this turn, and which of them the core
// has not decided on yet. A batch costs one map entry, not one per proposal.

import type { MemberId, Proposal } from "@althing/consensus";
import { requestOf, sessionOf, writeFence, writeLeaderTime } from "./envelope.ts";
import type { Turn } from "./turn.ts";

interface Batch {
  readonly from: MemberId;
  readonly payloads: readonly Uint8Array[];
  open: number;
}

interface Refusal {
  readonly to: MemberId;
  readonly reason: string;
  readonly session: number;
  readonly requests: number[];
}

/** Tokens are negative: -(batch * BATCH_TOKENS + position) - 1. */
const BATCH_TOKENS = 2 ** 16;

export class ForwardedBatches {
  readonly #turn: Turn;
  readonly #batches = new Map<number, Batch>();
  #arrived: Batch[] = [];
  #refusals: Refusal[] = [];
  #nextBatch = 0;

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  get waiting(): boolean {
    return this.#arrived.length > 0;
  }

  receive(from: MemberId, payloads: readonly Uint8Array[]): void {
    for (let start = 0; start < payloads.length; start += BATCH_TOKENS) {
      const part =
        payloads.length <= BATCH_TOKENS ? payloads : payloads.slice(start, start + BATCH_TOKENS);
      this.#arrived.push({ from, payloads: part, open: part.length });
    }
  }

  /** Moves what arrived into the leader's batch, stamped with the leader's time and fence. */
  take(proposals: Proposal[], timeMs: number, fence: number): void {
    for (const batch of this.#arrived) {
      const base = this.#nextBatch++ * BATCH_TOKENS;
      this.#batches.set(base / BATCH_TOKENS, batch);
      for (let position = 0; position < batch.payloads.length; position++) {
        const payload = batch.payloads[position]!;
        writeLeaderTime(payload, timeMs);
        writeFence(payload, fence);
        proposals.push({ token: -(base + position) - 1, payload });
      }
    }
    this.#arrived = [];
  }

  /** Everything that arrived in this turn goes back. */
  refuseWaiting(reason: "notLeader" | "overloaded"): void {
    for (const batch of this.#arrived) {
      for (const payload of batch.payloads) this.#refuse(batch.from, payload, reason);
    }
    this.#arrived = [];
  }

  settled(token: number): Batch | undefined {
    const key = Math.floor((-token - 1) / BATCH_TOKENS);
    const batch = this.#batches.get(key);
    if (batch === undefined) return undefined;
    batch.open--;
    if (batch.open === 0) this.#batches.delete(key);
    return batch;
  }

  rejected(token: number, reason: string): void {
    const batch = this.settled(token);
    // The outcome is unknown: the origin sees the change of leader itself and must not send it again.
    if (batch === undefined || reason === "leadershipLost" || reason === "timedOut") return;
    this.#refuse(batch.from, batch.payloads[(-token - 1) % BATCH_TOKENS]!, reason);
  }

  forget(): void {
    this.#batches.clear();
  }

  flushRefusals(): void {
    if (this.#refusals.length === 0) return;
    const refusals = this.#refusals;
    this.#refusals = [];
    const leaderHint = this.#turn.leadership.leader;
    for (const { to, reason, session, requests } of refusals) {
      this.#turn.send(to, { kind: "forwardRejected", reason, session, requests, leaderHint });
      this.#turn.observe({
        kind: "proposal.refused",
        level: "debug",
        peer: to,
        reason,
        count: requests.length,
      });
    }
  }

  #refuse(to: MemberId, payload: Uint8Array, reason: string): void {
    const session = sessionOf(payload);
    const last = this.#refusals.at(-1);
    if (last?.to === to && last.reason === reason && last.session === session) {
      last.requests.push(requestOf(payload));
    } else {
      this.#refusals.push({ to, reason, session, requests: [requestOf(payload)] });
    }
  }
}
