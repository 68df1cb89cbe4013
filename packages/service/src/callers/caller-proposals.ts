// Commands in the name of whoever asks. Who may do what is judged where a command is applied, by the state
// that the log has there. What this member sees of it may be old: it may have yet to apply that auth was
// disabled or enabled, that a password was changed, that a token was made known. So it refuses no write by
// that view alone. Where it sees nobody it asks for the newest state and looks again, and a command that was
// refused for somebody whom it sees otherwise by then is made anew for whom it sees.

import type { Member, MemberError, ProposeOutcome } from "@althing/member";
import { type AuthCaller, authorizeCommand, type Result } from "@althing/store";

/** `Fault`: why it is nobody. Undefined: while auth is disabled nobody is asked. */
export type SeenCaller<Fault extends string> = AuthCaller | Fault | undefined;

export interface Asking<Fault extends string> {
  /** By the state that is applied here now. */
  caller(): SeenCaller<Fault>;
  /**
   * The command is of a kind that members propose of their own accord too: it must not pass for one of
   * those when auth is enabled before it is applied.
   */
  readonly neverUnnamed?: boolean;
}

export type CallerOutcome<Fault extends string> =
  | ProposeOutcome<Result>
  /** By the newest state: certainly, and nothing was proposed. */
  | { readonly kind: "refused"; readonly code: Fault };

type Proposer = Pick<Member<Result>, "propose" | "read">;

const nobody: AuthCaller = { user: "", authRevision: 0 };
/** Changes of auth that overtake a command again and again. */
const attemptsMax = 5;

/** `command` as `encodeCommand` made it; it stays as it is until the outcome is known. */
export function proposeFor<Fault extends string>(
  member: Proposer,
  asking: Asking<Fault>,
  command: Uint8Array,
  done: (outcome: CallerOutcome<Fault>) => void,
): void {
  attempt(member, asking, command, done, attemptsMax);
}

/** What was refused by what is seen here is looked at again by the newest state; then it is certain. */
export function certainly<Fault extends string>(
  member: Pick<Member, "read">,
  refuses: () => Fault | undefined,
  done: (refused: Fault | undefined, error: MemberError | undefined) => void,
): void {
  if (refuses() === undefined) done(undefined, undefined);
  else member.read((error) => done(error === undefined ? refuses() : undefined, error));
}

function attempt<Fault extends string>(
  member: Proposer,
  asking: Asking<Fault>,
  command: Uint8Array,
  done: (outcome: CallerOutcome<Fault>) => void,
  attemptsLeft: number,
): void {
  const caller = asking.caller();
  if (typeof caller === "string") {
    member.read((error) => {
      const newest = asking.caller();
      if (error !== undefined) done({ kind: "failed", error });
      else if (typeof newest === "string") done({ kind: "refused", code: newest });
      else propose(member, asking, command, done, attemptsLeft, newest);
    });
  } else propose(member, asking, command, done, attemptsLeft, caller);
}

function propose<Fault extends string>(
  member: Proposer,
  asking: Asking<Fault>,
  command: Uint8Array,
  done: (outcome: CallerOutcome<Fault>) => void,
  attemptsLeft: number,
  caller: AuthCaller | undefined,
): void {
  member.propose(sealed(asking, command, caller), (outcome) => {
    // It was judged for whom this member saw then. Now it has applied what the judge knew.
    const isOvertaken =
      outcome.kind === "applied" &&
      outcome.result.kind === "error" &&
      (outcome.result.code === "userEmpty" || outcome.result.code === "authRevisionOld") &&
      attemptsLeft > 1 &&
      !isSame(caller, asking.caller());
    if (isOvertaken) attempt(member, asking, command, done, attemptsLeft - 1);
    else done(outcome);
  });
}

function sealed<Fault extends string>(
  { neverUnnamed = false }: Asking<Fault>,
  command: Uint8Array,
  caller: AuthCaller | undefined,
): Uint8Array {
  if (caller !== undefined) return authorizeCommand(caller, command);
  return neverUnnamed ? authorizeCommand(nobody, command) : command;
}

function isSame(then: AuthCaller | undefined, now: SeenCaller<string>): boolean {
  if (then === undefined || now === undefined || typeof now === "string") return then === now;
  return then.user === now.user && then.authRevision === now.authRevision;
}
