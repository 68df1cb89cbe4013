// What the parts of a member share: the core, the clock, who leads, and the group-commit point. Inputs
// are stepped as they come; the effects of all of them are executed once, when the turn is flushed.

import type { Core, Epoch, Input, MemberId, Role } from "@althing/consensus";
import type { MemberEvent, PeerMessage, Ports } from "./ports.ts";

/** Who leads, as the effects told so far. Changed in one place only, while effects are executed. */
export interface Leadership {
  readonly role: Role;
  readonly epoch: Epoch;
  readonly leader: MemberId | undefined;
}

export interface Turn {
  readonly id: MemberId;
  readonly core: Core<unknown, unknown>;
  readonly ports: Ports;
  readonly leadership: Leadership;
  /** Fixed waits, derived once from the options. */
  readonly waits: Waits;
  step(input: Input<unknown>): void;
  /** Asks for one flush at the end of this turn. */
  schedule(): void;
  send(to: MemberId, message: PeerMessage): void;
  observe(event: MemberEvent): void;
  /** Runs a caller's callback: what it throws is reported and harms nobody else. */
  guard(run: () => void): void;
  /** Unrepairable: stop acting, answer everybody, say why. */
  fail(reason: string, cause: unknown): void;
}

export interface Waits {
  readonly tickMs: number;
  readonly electionMs: number;
  readonly requestMs: number;
}

/** Tokens of the different askers share one core and must differ. */
export const READ_TOKENS = 2 ** 50;
export const ADMIN_TOKENS = 2 ** 51;
export const FENCE_TOKEN = 2 ** 52;
