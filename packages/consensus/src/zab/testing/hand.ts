// One Zab member played by hand, for tests of single claims: messages in, effects out, and a disk that
// writes when the test says so.

import assert from "node:assert/strict";
import type { CoreOptions, Entry, MemberId, Membership } from "../../contract.ts";
import { membershipOf } from "../../membership/membership.ts";
import { bytesOf } from "../../testing/cluster.ts";
import type { ZabInspection } from "../inspect.ts";
import type { MessageKind, MessageOf, Vote, ZabMessage } from "../messages.ts";
import type { ZabEffect } from "../outbox.ts";
import { type ZabCore, zab } from "../zab.ts";

export interface Sent {
  readonly to: MemberId;
  readonly message: ZabMessage;
}

interface HandOptions extends Partial<CoreOptions> {
  /** Epochs of the history, from index 1. */
  readonly history?: readonly number[];
  readonly acceptedEpoch?: number;
  readonly currentEpoch?: number;
  readonly commit?: number;
  readonly membership?: Membership;
}

/** Member a of a, b and c, unless told otherwise. */
export class Hand {
  readonly core: ZabCore;
  /** Left at once, in order. */
  readonly sent: Sent[] = [];
  /** Leaves once the write is done. */
  readonly waiting: Sent[] = [];
  readonly effects: ZabEffect[] = [];
  #sequence = 0;

  constructor(options: HandOptions = {}) {
    const { history = [], commit = 0, membership = membershipOf(["a", "b", "c"]) } = options;
    const last = history[history.length - 1] ?? 0;
    const { acceptedEpoch = last, currentEpoch = last } = options;
    const basics = { heartbeatTicks: 2, electionTicks: 10, tickMs: 10, random: () => 0.5 };
    this.core = zab.create(
      { id: "a", ...basics, ...options },
      {
        state: { acceptedEpoch, currentEpoch, commit },
        base: { index: 0, epoch: 0, proposer: "", membership },
        entries: history.map((epoch, i) => entry(i + 1, epoch)),
        applied: 0,
      },
    );
  }

  get state(): ZabInspection {
    return this.core.inspect();
  }

  receive(from: MemberId, message: ZabMessage): void {
    this.core.step({ kind: "receive", from, message }, 0);
    this.turn();
  }

  tick(count = 1): void {
    for (let i = 0; i < count; i++) {
      this.core.step({ kind: "tick" }, 0);
      this.turn();
    }
  }

  turn(): void {
    for (const effect of this.core.effects()) {
      this.effects.push(effect);
      if (effect.kind === "send") this.sent.push(effect);
      if (effect.kind !== "persist") continue;
      this.#sequence = effect.sequence;
      this.waiting.push(...effect.thenSend);
    }
  }

  /** Everything handed to the disk is on it. */
  persist(): void {
    this.sent.push(...this.waiting.splice(0));
    this.core.step({ kind: "persisted", sequence: this.#sequence }, 0);
    this.turn();
  }

  /** The newest message of a kind that left, to anybody or to one member. */
  last<Kind extends MessageKind>(kind: Kind, to?: MemberId): MessageOf<Kind> {
    const found = this.find(kind, to);
    assert(found !== undefined, `no ${kind} was sent`);
    return found;
  }

  find<Kind extends MessageKind>(kind: Kind, to?: MemberId): MessageOf<Kind> | undefined {
    const fits = (one: Sent) => one.message.kind === kind && (to === undefined || one.to === to);
    return this.sent.filter(fits).at(-1)?.message as MessageOf<Kind> | undefined;
  }

  /** Begins to follow `leader`, which already leads; returns the session. */
  follow(leader: MemberId): number {
    const vote = voteFor(leader);
    const says = { kind: "notification", round: 1, state: "leading", epoch: 1, vote } as const;
    this.turn();
    this.receive(leader, says);
    return this.last("followerInfo", leader).session;
  }

  /** Follows `leader` and accepts its epoch, on disk. */
  join(leader: MemberId, epoch: number): { readonly session: number; readonly epoch: number } {
    const session = this.follow(leader);
    this.receive(leader, { kind: "leaderInfo", session, epoch, isEstablished: false });
    this.persist();
    return { session, epoch };
  }
}

export function entry(index: number, epoch: number): Entry {
  return { index, epoch, proposer: "", kind: "command", payload: bytesOf(`${index}@${epoch}`) };
}

export function voteFor(leader: MemberId, history: Partial<Vote> = {}): Vote {
  const none = { currentEpoch: 0, lastEpoch: 0, lastIndex: 0 };
  return { leader, ...none, isPreferred: false, priority: 1, ...history };
}

export function looks(vote: Vote | undefined, round = 1): MessageOf<"notification"> {
  return { kind: "notification", round, state: "looking", epoch: 0, vote };
}
