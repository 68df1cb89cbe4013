// For whom a call is made, and what it may do. A command that goes into the log carries its caller and is
// judged when it is applied (packages/store/src/auth); reads are judged by the very state that they read.
// While auth is disabled a call costs one comparison here, and its credentials are not looked at.

import type { MemberError } from "@althing/member";
import { type CallerOutcome, certainly, proposeFor } from "@althing/service";
import {
  type AuthCaller,
  type AuthName,
  type DeleteRangeCommand,
  type HeldRight,
  type Key,
  type LeaseId,
  type TxnCommand,
  WatchRights,
} from "@althing/store";
import type { CallContext } from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import { type EtcdErrorCode, failWith } from "../errors.ts";
import { nameOf } from "./names.ts";
import type { Tokens } from "./tokens.ts";

const bearer = "Bearer ";

/** What tells who calls. */
type Asking = Pick<CallContext, "metadata" | "caller">;

export class Access {
  readonly tokens: Tokens;
  readonly watches: WatchRights<EtcdErrorCode>;
  private readonly context: DoorContext;
  private readonly store: DoorContext["store"];

  constructor(context: DoorContext, tokens: Tokens) {
    this.context = context;
    this.store = context.store;
    this.tokens = tokens;
    this.watches = new WatchRights(context.store, setImmediate);
  }

  get isEnabled(): boolean {
    return this.store.auth.enabled;
  }

  /** Of a command as `encodeCommand` made it, for whoever calls: he is judged where it is applied. */
  propose(
    call: CallContext,
    command: Uint8Array,
    done: (outcome: CallerOutcome<EtcdErrorCode>) => void,
  ): void {
    proposeFor(this.context.member, { caller: () => this.seen(call) }, command, done);
  }

  /** The same of a command that members propose of their own accord too. */
  proposeAsClient(
    call: CallContext,
    command: Uint8Array,
    done: (outcome: CallerOutcome<EtcdErrorCode>) => void,
  ): void {
    const asking = { caller: () => this.seen(call), neverUnnamed: true };
    proposeFor(this.context.member, asking, command, done);
  }

  /** Nobody is turned away from what changes something by this member's own, maybe old, view. */
  unlessRefused(
    call: CallContext & Parameters<typeof failWith>[0],
    refuses: () => EtcdErrorCode | undefined,
    go: () => void,
    codeOf: (error: MemberError) => EtcdErrorCode = (error) => error.code,
  ): void {
    certainly(this.context.member, refuses, (refused, error) => {
      const code = error === undefined ? refused : codeOf(error);
      if (code === undefined) go();
      else failWith(call, code);
    });
  }

  /** Why a txn or a deletion must not be carried out in the state as it is now. */
  refuses(call: CallContext, op: TxnCommand | DeleteRangeCommand): EtcdErrorCode | undefined {
    return this.judge(call, (caller) => this.store.auth.refuses(op, caller));
  }

  refusesRange(
    call: CallContext,
    { key, rangeEnd }: { readonly key: Key; readonly rangeEnd: Key },
  ): EtcdErrorCode | undefined {
    return this.judge(call, (caller) => {
      return this.store.auth.refusesRange(key, rangeEnd, caller);
    });
  }

  /** Of a watch that is permitted now: when the right to it ends it is told why. */
  holdWatch(
    call: CallContext,
    { key, rangeEnd }: { readonly key: Key; readonly rangeEnd: Key },
    ended: (code: EtcdErrorCode) => void,
  ): HeldRight {
    return this.watches.hold({
      key,
      rangeEnd,
      caller: () => this.seen(call),
      ended: (why) => ended(why === "revoked" ? "tokenInvalid" : why),
    });
  }

  /** Unless it may read all keys that hang on any of them. */
  refusesLeases(
    call: CallContext,
    leases: readonly { readonly lease: LeaseId }[],
  ): EtcdErrorCode | undefined {
    return this.judge(call, (caller) => {
      const { auth } = this.store;
      if (auth.refusesAdmin(caller) === undefined) return undefined;
      for (const { lease } of leases) {
        const refused = auth.refusesLease(lease, "read", caller);
        if (refused !== undefined) return refused;
      }
      return auth.refusesUser(caller);
    });
  }

  refusesLease(
    call: CallContext,
    lease: LeaseId,
    access: "read" | "write",
  ): EtcdErrorCode | undefined {
    return this.judge(call, (caller) => {
      return this.store.auth.refusesLease(lease, access, caller);
    });
  }

  /** Unless it comes from some user. */
  refusesStranger(call: CallContext): EtcdErrorCode | undefined {
    return this.judge(call, (caller) => this.store.auth.refusesUser(caller));
  }

  refusesNonAdmin(call: Asking): EtcdErrorCode | undefined {
    return this.judge(call, (caller) => this.store.auth.refusesAdmin(caller));
  }

  /** With auth enabled: whether it is this user who asks. */
  isUser(call: CallContext, user: AuthName): boolean {
    const caller = this.callerOf(call);
    return typeof caller !== "string" && caller.user === user;
  }

  hasRole(call: CallContext, role: AuthName): boolean {
    const caller = this.callerOf(call);
    if (typeof caller === "string") return false;
    return this.store.auth.user(caller.user)?.roles.includes(role) === true;
  }

  /** With auth enabled. A token says whose the call is, or else the client's certificate. */
  callerOf(call: Asking): AuthCaller | EtcdErrorCode {
    const token = tokenOf(call);
    const { auth } = this.store;
    if (token !== undefined) return this.tokens.callerOf(token, auth) ?? "tokenInvalid";
    const { commonName } = call.caller;
    if (this.context.auth.namesByCertificate && commonName !== "") {
      return { user: nameOf(commonName), authRevision: auth.revision };
    }
    return "userEmpty";
  }

  /** The entry that tells of the call's token, when this member has yet to apply it; 0 otherwise. */
  awaits(call: CallContext): number {
    if (!this.isEnabled) return 0;
    const token = tokenOf(call);
    const index = token === undefined ? 0 : this.tokens.knownFrom(token);
    return index > this.store.appliedIndex ? index : 0;
  }

  /** As this member sees it now. */
  private seen(call: Asking): AuthCaller | EtcdErrorCode | undefined {
    return this.isEnabled ? this.callerOf(call) : undefined;
  }

  private judge(
    call: Asking,
    refuses: (caller: AuthCaller) => EtcdErrorCode | undefined,
  ): EtcdErrorCode | undefined {
    if (!this.isEnabled) return undefined;
    const caller = this.callerOf(call);
    return typeof caller === "string" ? caller : refuses(caller);
  }
}

function tokenOf(call: Asking): string | undefined {
  const token = call.metadata("token") ?? call.metadata("authorization");
  return token?.startsWith(bearer) ? token.slice(bearer.length) : token;
}
