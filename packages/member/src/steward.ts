// What only a leader may propose (that a lease has ended, that a member's state differs) is decided above the
// state machine, by its steward: the member tells it who leads and lets time pass for it.

import type { MemberId } from "@althing/consensus";
import type { MemberError, MemberErrorCode, ProposeOutcome } from "./outcome.ts";
import type { Clock, MemberEvent } from "./ports.ts";
import type { Leadership, Waits } from "./turn.ts";

/**
 * What a service above the state machine does on this member: who leads lets time pass for it, proposes
 * what only a leader may, answers the others' services.
 */
export interface Steward {
  /** After the member has turned to the change itself; see `StewardHost.leadership`. */
  leadershipChanged(): void;
  tick(nowMs: number): void;
  /** From the service of another member, as its `send` was given it. Bytes that it cannot read are ignored. */
  receive(from: MemberId, bytes: Uint8Array): void;
  /** Whoever waits for an answer gets this one: the member serves nobody any more. */
  failAll(code: MemberErrorCode, message: string): void;
  /** Of whom the replicated state says that theirs differs: such a member serves nothing. */
  corruptMembers?(): readonly MemberId[];
  /** As the leader, on every tick until it is one of `corruptMembers`: a majority disagrees with it. */
  foundOdd?(member: MemberId): void;
}

/** What the member is to its steward. What is proposed and read here is refused to nobody: see `refusal`. */
export interface StewardHost<Result = unknown> {
  readonly id: MemberId;
  readonly clock: Clock;
  readonly waits: Waits;
  readonly leadership: Leadership;
  /** Random per start of this member: an answer to an earlier one is none to this. */
  readonly session: number;
  /** Why the member serves its clients nothing now, as it failed or stops; undefined: it serves. */
  refusal(): MemberError | undefined;
  propose(command: Uint8Array, done: (outcome: ProposeOutcome<Result>) => void): void;
  /** In the log of this leadership or in none: no later leader takes it over. */
  proposeAsLeader(command: Uint8Array, done: (outcome: ProposeOutcome<Result>) => void): void;
  read(done: (error: MemberError | undefined) => void): void;
  /** To the service of another member. The first byte is 10 to 31: see `peer-codec.ts`. */
  send(to: MemberId, bytes: Uint8Array): void;
  observe(event: MemberEvent): void;
  /** Runs a caller's callback: what it throws is reported and harms nobody else. */
  guard(run: () => void): void;
}
