// Nobody does or sees what it may not, and nobody is kept from what it may: a write is refused only where it was
// judged, by the state of that place in the log, or by a state that was the newest while it was asked for; what is
// said to be refused or not executed has no effect; a read is judged by the state that it reads, and an event
// is handed out by one in which it may be seen. All members have the same users, roles and permissions at the
// same index (corpus 35). Which commands are refused, with what code, is compared by the reference itself.

import type { CallerOutcome } from "@althing/service";
import type { AuthCaller, AuthName, AuthReads, Key, Store } from "@althing/store";
import { type AuthView, describeView, isRevoked, refusesAccess } from "../observe/auth-model.ts";
import type { Reference } from "../observe/reference.ts";
import type { Verdicts } from "./verdicts.ts";

/** Who asks, and what stands for it. */
export interface Session {
  readonly user: AuthName;
  /** Of its token. */
  readonly authRevision: number;
  /** The token speaks of no state but that of its making, as a JWT does. */
  readonly isFixed: boolean;
}

interface Range {
  readonly key: Key;
  readonly rangeEnd: Key;
}

export interface Asked {
  readonly session: Session;
  /** What was committed by then. */
  readonly since: number;
  /** By which its effect is known; 0: by nothing. */
  readonly value: number;
}

/** As a door sees who calls; the same by what a member shows and by what the log says. */
export function seen(
  session: Session,
  auth: { readonly enabled: boolean; readonly revision: number },
  revoked: (caller: AuthCaller) => boolean,
): AuthCaller | "userEmpty" | "tokenInvalid" | undefined {
  if (!auth.enabled) return undefined;
  const { user, authRevision } = session;
  if (user === "") return "userEmpty";
  // A member that has yet to apply that there is such a token does not know it.
  const isUnknown = !session.isFixed && auth.revision < authRevision;
  if (isUnknown || revoked({ user, authRevision })) return "tokenInvalid";
  return { user, authRevision: session.isFixed ? authRevision : auth.revision };
}

/** So often a command is made anew, each time because auth had changed. */
const overtakenMax = 4;

export class Rights {
  readonly #verdicts: Verdicts;
  readonly #reference: Reference;
  /** Where a value was written, and which must never be. */
  readonly #written = new Map<number, number>();
  readonly #disowned = new Map<number, string>();

  constructor(verdicts: Verdicts, reference: Reference) {
    this.#verdicts = verdicts;
    this.#reference = reference;
    reference.listeners.push({
      leaseEnded() {},
      changed: (changes) => {
        for (const { value, isDelete } of changes) if (!isDelete) this.#wrote(value);
      },
    });
  }

  /** What a member shows of auth. */
  stands(member: string, store: Pick<Store, "appliedIndex"> & AuthReads): void {
    const { auth, appliedIndex } = store;
    const shown = describeView({
      enabled: auth.enabled,
      revision: auth.revision,
      since: 0,
      users: new Map(auth.users().map((name) => [name, auth.user(name)!])),
      roles: new Map(auth.roles().map((name) => [name, auth.role(name)!.permissions])),
    });
    const expected = describeView(this.#reference.auth.viewAt(appliedIndex));
    if (shown === expected) return;
    this.#violate(`${member} has [${shown}] after index ${appliedIndex}, not [${expected}]`);
  }

  asks(session: Session, value = 0): Asked {
    return { session, value, since: this.#reference.index };
  }

  answered(asked: Asked, outcome: CallerOutcome<string>): void {
    const { session, since, value } = asked;
    const views = this.#reference.auth.viewsFrom(since, this.#reference.index);
    if (outcome.kind === "failed") {
      if (outcome.error.outcome === "notExecuted") this.#disown(value, outcome.error.code);
    } else if (outcome.kind === "refused") {
      this.#disown(value, outcome.code);
      if (!views.some((view) => seenIn(view, session) === outcome.code)) {
        this.#violate(`${describe(session)} was refused with ${outcome.code}, which no state says`);
      }
    } else if (outcome.result.kind === "error") {
      const { code } = outcome.result;
      this.#disown(value, code);
      this.#verifyAnswer(session, outcome.index, `error:${code}`);
      const isSpared = session.isFixed || views.length > overtakenMax;
      if (code === "authRevisionOld" && session.user !== "" && !isSpared) {
        this.#violate(`${describe(session)} was refused for another state than the newest`);
      }
    } else if (this.#written.get(value) !== outcome.index && value > 0) {
      this.#violate(
        `${describe(session)} was told of a write at ${outcome.index} that is not there`,
      );
    } else this.#verifyAnswer(session, outcome.index, undefined);
  }

  /** A linearizable read was asked for after `since`, and let through or refused. */
  read(asked: Asked, range: Range, index: number, refused: string | undefined): void {
    const { session, since } = asked;
    if (index < since) this.#violate(`a read shows index ${index}, and ${since} was committed`);
    const view = this.#reference.auth.viewAt(index);
    const caller = seenIn(view, session);
    const expected =
      typeof caller === "object"
        ? refusesAccess(view, caller, "read", range.key, range.rangeEnd)
        : caller;
    if (expected === refused) return;
    this.#violate(
      `${describe(session)} reads [${range.key}, ${range.rangeEnd}) at index ${index}: ` +
        `${refused ?? "permitted"}, not ${expected ?? "permitted"}`,
    );
  }

  /** Events are handed to it by a member that stands at `index`. */
  handed(session: Session, range: Range, index: number): void {
    if (this.#maySee(session, range, index)) return;
    this.#violate(`${describe(session)} was handed events that it may not see at index ${index}`);
  }

  /** Its watch has ended for want of the right to it. */
  ended(session: Session, range: Range, index: number, why: string): void {
    if (!this.#maySee(session, range, index)) return;
    this.#violate(`${describe(session)} lost a watch that it may have at index ${index}: ${why}`);
  }

  #maySee(session: Session, { key, rangeEnd }: Range, index: number): boolean {
    const view = this.#reference.auth.viewAt(index);
    const caller = seenIn(view, session);
    if (typeof caller !== "object") return caller === undefined;
    // A watch is its user's, and may last longer than any token.
    const now = { user: caller.user, authRevision: view.revision };
    return refusesAccess(view, now, "read", key, rangeEnd) === undefined;
  }

  #verifyAnswer(session: Session, index: number, refused: string | undefined): void {
    const expected = this.#reference.answerAt(index)?.split(" ")[1] ?? "";
    const isSame = refused === undefined ? !expected.startsWith("error:") : refused === expected;
    if (isSame) return;
    this.#violate(
      `${describe(session)} was told ${refused ?? "success"} of index ${index}, which says ${expected}`,
    );
  }

  #disown(value: number, why: string): void {
    if (value === 0) return;
    this.#disowned.set(value, why);
    if (this.#written.has(value)) this.#violate(`${value} was written, and its writer told ${why}`);
  }

  #wrote(value: number): void {
    this.#written.set(value, this.#reference.index);
    const why = this.#disowned.get(value);
    if (why !== undefined) this.#violate(`${value} is written, and its writer was told ${why}`);
  }

  #violate(detail: string): void {
    this.#verdicts.violate("auth", detail);
  }
}

function seenIn(view: AuthView, session: Session): ReturnType<typeof seen> {
  return seen(session, view, (caller) => isRevoked(view, caller));
}

function describe({ user, authRevision, isFixed }: Session): string {
  return user === "" ? "nobody" : `${user} of ${authRevision}${isFixed ? ", fixed" : ""}`;
}
