// What a member has decided to do since it was last asked, whatever the protocol. It upholds the order
// of disk and wire: what must not leave before it is durable waits in `afterDisk`.

import type {
  Effect,
  Epoch,
  Index,
  MemberId,
  Outgoing,
  RejectReason,
  Role,
  Token,
} from "../contract.ts";

export interface Outbox<Message, State> {
  /** Answers to the caller: accepted, rejected, transferred. */
  answers: Effect<Message, State>[];
  sends: Effect<Message, State>[];
  afterDisk: Outgoing<Message>[];
  readsReady: Effect<Message, State>[];
  snapshots: Effect<Message, State>[];
  /** What must not be forgotten besides the log changed since the last persist effect. */
  stateChanged: boolean;
  membershipChanged: boolean;
  /** The membership that is to be told as settled. */
  membershipSettled: Index | undefined;
  /** Of the last persist effect. */
  sequence: number;
  /** Of the last one that was reported durable. */
  sequenceDone: number;
  /** Of the first one that carried a state; 0 when a restart found one. */
  sequenceOfState: number;
  /** The commit index that was last written along with it. */
  commitWritten: Index;
  roleTold: { role: Role; epoch: Epoch; leader: MemberId | undefined };
}

/** A core's state, as far as it has an outbox. */
export interface Sender<Message, State = unknown> {
  readonly outbox: Outbox<Message, State>;
}

export function createOutbox<Message, State>(
  epoch: Epoch,
  commitIndex: Index,
  hasState: boolean,
): Outbox<Message, State> {
  return {
    answers: [],
    sends: [],
    afterDisk: [],
    readsReady: [],
    snapshots: [],
    stateChanged: false,
    membershipChanged: false,
    membershipSettled: undefined,
    sequence: 0,
    sequenceDone: 0,
    sequenceOfState: hasState ? 0 : Number.POSITIVE_INFINITY,
    commitWritten: commitIndex,
    roleTold: { role: "follower", epoch, leader: undefined },
  };
}

/** A persist effect carries the state. */
export function noteState(
  outbox: Outbox<unknown, unknown>,
  commitIndex: Index,
  sequence: number,
): void {
  outbox.commitWritten = commitIndex;
  if (outbox.sequenceOfState === Number.POSITIVE_INFINITY) outbox.sequenceOfState = sequence;
}

export function send<Message>(
  { outbox }: Sender<Message>,
  to: MemberId,
  message: NoInfer<Message>,
): void {
  outbox.sends.push({ kind: "send", to, message });
}

/** Leaves once everything decided so far is on disk. */
export function sendAfterDisk<Message>(
  { outbox }: Sender<Message>,
  to: MemberId,
  message: NoInfer<Message>,
): void {
  outbox.afterDisk.push({ to, message });
}

/**
 * The answer to a leader, on which its lease may rest. A restart takes everything for promised, unless it
 * finds that this member never was anything: so what it is must be on disk first.
 */
export function answerLeader<Message>(
  self: Sender<Message> & { readonly settings: { readonly leaseReads: boolean } },
  to: MemberId,
  message: NoInfer<Message>,
): void {
  const { outbox, settings } = self;
  if (!settings.leaseReads || outbox.sequenceDone >= outbox.sequenceOfState) {
    send(self, to, message);
    return;
  }
  if (outbox.sequenceOfState === Number.POSITIVE_INFINITY) outbox.stateChanged = true;
  sendAfterDisk(self, to, message);
}

export function reject(
  self: Sender<unknown> & {
    readonly settings: { readonly id: MemberId };
    readonly leader: MemberId | undefined;
  },
  token: Token,
  reason: RejectReason,
): void {
  const leaderHint = self.leader === self.settings.id ? undefined : self.leader;
  self.outbox.answers.push({ kind: "rejected", token, reason, leaderHint });
}

/** A leader found its membership settled; `leadership` remembers what was told in this lead. */
export function tellSettled(
  { outbox }: Sender<unknown>,
  leadership: { membershipSettled: Index },
  index: Index,
): void {
  if (leadership.membershipSettled === index) return;
  leadership.membershipSettled = index;
  outbox.membershipSettled = index;
}

export function readReady({ outbox }: Sender<unknown>, token: Token, index: Index): void {
  outbox.readsReady.push({ kind: "readReady", token, index });
}
