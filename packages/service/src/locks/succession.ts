// The order in which locks are held and elections won, as etcd keeps it: a key per lease under the name,
// and the one created first owns. It is a plain range of keys, so that clients that do the same by
// themselves take part. Nobody is told that it owns before its own key was seen to exist still: a lease that
// ended while it waited owns nothing (corpus 64).

import type { Member, MemberError, MemberErrorCode } from "@althing/member";
import {
  type Command,
  encodeCommand,
  type Key,
  type KeyValue,
  plainRange,
  type RangeRequest,
  type Result,
  type Store,
  type StoreErrorCode,
  Watcher,
  type WatchHub,
} from "@althing/store";
import { type CallerOutcome, certainly } from "../callers/caller-proposals.ts";
import { Standings } from "./standing.ts";

export interface Place {
  readonly key: Key;
  readonly createRevision: number;
  readonly lease: bigint;
  /** Of the write that took the place. */
  readonly revision: number;
  /** By this very call: else the lease had it already. */
  readonly isNew: boolean;
  /** When it was taken or found. */
  readonly isFirst: boolean;
}

/** `value`: what the place is to say. A lock says nothing, and leaves alone what is there. */
export interface Claim {
  readonly kind: "lock" | "election";
  readonly name: Key;
  readonly lease: bigint;
  readonly value: Uint8Array;
}

/** `sessionExpired`: the place, and with it the lease, was gone before it came first. */
export type SuccessionFault = MemberErrorCode | StoreErrorCode | "sessionExpired" | "cancelled";

/** Whoever asks: it is told once of a failure, and may give up. */
export interface Claimant {
  readonly cancelled: boolean;
  onCancel(run: () => void): void;
  fail(fault: SuccessionFault): void;
  /** In the name of who asks. */
  propose(command: Uint8Array, done: (outcome: CallerOutcome<SuccessionFault>) => void): void;
  /** Why it may not see who stands in line. */
  refusesRange(range: RangeRequest): SuccessionFault | undefined;
}

export interface SuccessionParts {
  readonly member: Pick<Member, "read">;
  readonly store: Pick<Store, "range" | "revision">;
  readonly hub: WatchHub;
  /** A lease that nobody has. */
  readonly drawLease: () => bigint;
  readonly after: (ms: number, run: () => void) => void;
}

type Done = (result: Result, isRepeated: boolean) => void;

const sessionSeconds = 60;
/** Of a write whose outcome is unknown, or a retreat that failed. */
const triesMax = 5;
const retreatAgainMs = 500;
const simple = plainRange("");

export class Succession {
  readonly #parts: SuccessionParts;
  readonly #standings = new Standings();

  constructor(parts: SuccessionParts) {
    this.#parts = parts;
  }

  /** Calls back once the lease owns: at once, or when everybody before it has gone. */
  hold(claim: Claim, claimant: Claimant, done: (place: Place) => void): void {
    this.#enter(claim, claimant, (place) => {
      if (!place.isFirst) this.#wait(claim, place, claimant, () => done(place));
      else if (place.isNew && claimant.cancelled) this.#retreat(place, claimant);
      else {
        this.#standings.holdAtOnce(place);
        done(place);
      }
    });
  }

  /** The one in the first place, as this member has applied it. */
  owner(name: Key): KeyValue | undefined {
    const sort = { sortOrder: "ascend", sortTarget: "create", limit: 1 } as const;
    const found = this.#parts.store.range({ ...prefixOf(name), ...sort });
    return found.kind === "range" ? found.kvs[0] : undefined;
  }

  /** Only while the place is the one that was taken; `done(false)` when it is not. */
  guarded(
    place: Pick<Place, "key" | "createRevision">,
    success: Extract<Command, { kind: "txn" }>["success"],
    claimant: Claimant,
    done: (succeeded: boolean, revision: number) => void,
  ): void {
    this.propose(guardedBy(place, success), claimant, (result) => {
      if (result.kind === "txn") done(result.succeeded, result.revision);
    });
  }

  /** For a lease 0 one is granted that nobody keeps alive. */
  withLease(given: bigint, claimant: Claimant, done: (lease: bigint) => void): void {
    if (given !== 0n) {
      done(given);
      return;
    }
    const lease = this.#parts.drawLease();
    const grant: Command = { kind: "leaseGrant", lease, ttlSeconds: sessionSeconds };
    this.propose(grant, claimant, () => done(lease));
  }

  propose(command: Command, claimant: Claimant, done: (result: Result) => void): void {
    this.#insist(command, claimant, 1, done);
  }

  /** Whether it has failed, because whoever asks may not read what stands under the name. */
  denies(name: Key, claimant: Claimant): boolean {
    const refused = claimant.refusesRange(prefixOf(name));
    if (refused !== undefined) claimant.fail(refused);
    return refused !== undefined;
  }

  /** Takes the last place, or finds the one that the lease has; a lease 0 is granted first. */
  #enter(claim: Claim, claimant: Claimant, done: (place: Place) => void): void {
    const refuses = () => claimant.refusesRange(prefixOf(claim.name));
    certainly(this.#parts.member, refuses, (refused, error) => {
      const fault = error?.code ?? refused;
      if (fault === undefined) this.#enterPermitted(claim, claimant, done);
      else claimant.fail(fault);
    });
  }

  #enterPermitted(claim: Claim, claimant: Claimant, done: (place: Place) => void): void {
    const { kind, name, lease, value } = claim;
    if (lease === 0n) {
      this.withLease(lease, claimant, (granted) =>
        this.#enter({ ...claim, lease: granted }, claimant, done),
      );
      return;
    }
    const key = `${name}/${lease.toString(16)}`;
    const command: Command = {
      kind: "txn",
      compares: [{ key, rangeEnd: "", result: "equal", target: "create", value: 0 }],
      success: [putOf(key, value, lease)],
      failure: [{ ...simple, kind: "range", key }],
    };
    // It may be carried out again, whether it was before or not: that is how an unknown outcome is known.
    const { revision: before } = this.#parts.store;
    this.#insist(command, claimant, triesMax, (result, isRepeated) => {
      if (result.kind !== "txn") return;
      const [first] = result.responses;
      const found = first?.kind === "range" ? first.kvs[0] : undefined;
      const createRevision = found?.createRevision ?? result.revision;
      const isNew = found === undefined || (isRepeated && createRevision > before);
      const isFirst = this.#older(name, createRevision) === undefined;
      const place = { key, createRevision, lease, revision: result.revision, isNew, isFirst };
      if (this.#standings.isLeaving(place, () => this.#enter(claim, claimant, done))) return;
      const saysSo = found === undefined || areEqual(found.value, value);
      if (saysSo || kind === "lock") done(place);
      else {
        this.guarded(place, [putOf(key, value, lease)], claimant, (succeeded) => {
          if (succeeded) done(place);
          else claimant.fail("sessionExpired");
        });
      }
    });
  }

  /** Until everybody before it has gone. Who fails or gives up leaves the line. */
  #wait({ name }: Pick<Claim, "name">, place: Place, claimant: Claimant, done: () => void): void {
    const { member, store, hub } = this.#parts;
    let settled = false;
    let predecessor: Watcher | undefined;
    const watch = (key: Key) => {
      const options = { key, rangeEnd: "", prevKv: false, puts: false, deletes: true };
      const watcher = new Watcher(0n, options, sink, store.revision + 1);
      hub.add(watcher);
      return watcher;
    };
    const unwatch = (watcher: Watcher | undefined) => {
      if (watcher !== undefined) hub.remove(watcher);
    };
    const settle = () => {
      settled = true;
      unwatch(own);
      unwatch(predecessor);
    };
    const fail = (fault: SuccessionFault) => {
      settle();
      if (this.#standings.leave(place)) this.#retreat(place, claimant);
      claimant.fail(fault);
    };
    const look = () => {
      if (settled) return;
      unwatch(predecessor);
      predecessor = undefined;
      const older = this.#older(name, place.createRevision);
      if (!this.#exists(place)) fail("sessionExpired");
      // Whoever leaves wakes the next, not all.
      else if (older !== undefined) predecessor = watch(older);
      else member.read(claimNow);
    };
    // What this member sees may be old; that the place is still there must be true now.
    const claimNow = (error: MemberError | undefined) => {
      if (settled) return;
      const refused = error?.code ?? claimant.refusesRange(prefixOf(name));
      if (refused !== undefined) fail(refused);
      else if (!this.#exists(place)) fail("sessionExpired");
      else {
        settle();
        this.#standings.hold(place);
        done();
      }
    };
    const sink = {
      events: () => {
        look();
        return true;
      },
      // What went by unseen shows in what there is now.
      compacted: () => {
        if (settled) return;
        unwatch(own);
        own = watch(place.key);
        look();
      },
    };
    let own = watch(place.key);
    this.#standings.wait(place);
    claimant.onCancel(() => {
      if (!settled) fail("cancelled");
    });
    look();
  }

  /** Proposes again what may have been carried out or not. `isRepeated`: it may have been before. */
  #insist(
    command: Command,
    claimant: Pick<Claimant, "propose" | "fail">,
    tries: number,
    done: Done,
    isRepeated = false,
  ): void {
    claimant.propose(encodeCommand(command), (outcome) => {
      if (outcome.kind === "refused") claimant.fail(outcome.code);
      else if (outcome.kind === "applied") {
        if (outcome.result.kind === "error") claimant.fail(outcome.result.code);
        else done(outcome.result, isRepeated);
      } else if (outcome.error.outcome === "unknown" && tries > 1) {
        this.#insist(command, claimant, tries - 1, done, true);
      } else {
        // Of an earlier try it is not known either, however certain the last one is.
        const isUnknown = isRepeated || outcome.error.outcome === "unknown";
        claimant.fail(isUnknown ? "timedOut" : outcome.error.code);
      }
    });
  }

  /** Gives the place up, unless it is another one by now. Until that is done its lease cannot find it. */
  #retreat(place: Place, claimant: Claimant): void {
    const gone = { kind: "deleteRange", key: place.key, rangeEnd: "", prevKv: false } as const;
    const command = guardedBy(place, [gone]);
    const done = this.#standings.giveUp(place);
    const tries = (left: number) => {
      const fail = () => {
        if (left === 0) done();
        else this.#parts.after(retreatAgainMs, () => tries(left - 1));
      };
      const propose: Claimant["propose"] = (bytes, told) => claimant.propose(bytes, told);
      this.#insist(command, { propose, fail }, 1, done);
    };
    tries(triesMax);
  }

  #exists({ key, createRevision }: Place): boolean {
    const own = this.#parts.store.range({ ...simple, key, keysOnly: true });
    return own.kind === "range" && own.kvs[0]?.createRevision === createRevision;
  }

  /** Who came last before it. */
  #older(name: Key, createRevision: number): Key | undefined {
    const found = this.#parts.store.range({
      ...prefixOf(name),
      maxCreateRevision: createRevision - 1,
      sortOrder: "descend",
      sortTarget: "create",
      limit: 1,
      keysOnly: true,
    });
    return found.kind === "range" ? found.kvs[0]?.key : undefined;
  }
}

export function prefixOf(name: Key): RangeRequest {
  // The character after the slash: everything that begins with the name and a slash.
  return { ...simple, key: `${name}/`, rangeEnd: `${name}0` };
}

export function putOf(key: Key, value: Uint8Array, lease: bigint) {
  const flags = { prevKv: false, ignoreValue: false, ignoreLease: false };
  return { kind: "put", key, value, lease, ...flags } as const;
}

function guardedBy(
  { key, createRevision }: Pick<Place, "key" | "createRevision">,
  success: Extract<Command, { kind: "txn" }>["success"],
): Command {
  const compare = { key, rangeEnd: "", result: "equal", target: "create" } as const;
  return { kind: "txn", compares: [{ ...compare, value: createRevision }], success, failure: [] };
}

function areEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
