// The order in which locks are held and elections won, as etcd keeps it: a key per lease under the name,
// and the one created first owns. It is a plain range of keys, so that clients that do the same by
// themselves take part. Nobody is told that it owns before its own key was seen to exist still: a lease that
// ended while it waited owns nothing (corpus 64).

import { randomBytes } from "node:crypto";
import type { MemberError } from "@althing/member";
import {
  type Command,
  encodeCommand,
  type Key,
  type KeyValue,
  type RangeRequest,
  type Result,
} from "@althing/store";
import { type CallContext, type GrpcStatus, grpcStatus } from "../../transport/index.ts";
import type { DoorContext } from "../context.ts";
import { type EtcdErrorCode, etcdErrors } from "./errors.ts";
import { Standings } from "./standing.ts";
import { Watcher, type WatchHub } from "./watch-hub.ts";

/** They reach clients as UNKNOWN with the text. */
const sessionExpired = {
  lock: "mutex: session is expired",
  election: "election: session is expired",
};

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

type FailingCall = CallContext & { fail(status: GrpcStatus, message: string): void };

const sessionSeconds = 60;
/** Of a write whose outcome is unknown, or a retreat that failed. */
const triesMax = 5;
const retreatAgainMs = 500;
const simple: RangeRequest = {
  key: "",
  rangeEnd: "",
  limit: 0,
  revision: 0,
  sortOrder: "none",
  sortTarget: "key",
  keysOnly: false,
  countOnly: false,
  minModRevision: 0,
  maxModRevision: 0,
  minCreateRevision: 0,
  maxCreateRevision: 0,
};

export class Succession {
  private readonly context: DoorContext;
  private readonly hub: WatchHub;
  private readonly standings = new Standings();

  constructor(context: DoorContext, hub: WatchHub) {
    this.context = context;
    this.hub = hub;
  }

  /** Calls back once the lease owns: at once, or when everybody before it has gone. */
  hold(claim: Claim, call: FailingCall, done: (place: Place) => void): void {
    this.enter(claim, call, (place) => {
      if (!place.isFirst) this.wait(claim, place, call, () => done(place));
      else if (place.isNew && call.cancelled) this.retreat(place, call);
      else {
        this.standings.holdAtOnce(place);
        done(place);
      }
    });
  }

  /** The one in the first place, as this member has applied it. */
  owner(name: Key): KeyValue | undefined {
    const sort = { sortOrder: "ascend", sortTarget: "create", limit: 1 } as const;
    const found = this.context.store.range({ ...prefixOf(name), ...sort });
    return found.kind === "range" ? found.kvs[0] : undefined;
  }

  /** Takes the last place, or finds the one that the lease has; a lease 0 is granted first. */
  private enter(claim: Claim, call: FailingCall, done: (place: Place) => void): void {
    const { kind, name, lease, value } = claim;
    if (lease === 0n) {
      this.withLease(lease, call, (granted) =>
        this.enter({ ...claim, lease: granted }, call, done),
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
    const { revision: before } = this.context.store;
    this.insist(command, call, triesMax, (result, isRepeated) => {
      if (result.kind !== "txn") return;
      const [first] = result.responses;
      const found = first?.kind === "range" ? first.kvs[0] : undefined;
      const createRevision = found?.createRevision ?? result.revision;
      const isNew = found === undefined || (isRepeated && createRevision > before);
      const isFirst = this.older(name, createRevision) === undefined;
      const place = { key, createRevision, lease, revision: result.revision, isNew, isFirst };
      if (this.standings.isLeaving(place, () => this.enter(claim, call, done))) return;
      const saysSo = found === undefined || Buffer.compare(found.value, value) === 0;
      if (saysSo || kind === "lock") done(place);
      else {
        this.guarded(place, [putOf(key, value, lease)], call, (succeeded) => {
          if (succeeded) done(place);
          else call.fail(grpcStatus.unknown, sessionExpired[kind]);
        });
      }
    });
  }

  /** Until everybody before it has gone. A call that fails or is given up leaves the line. */
  private wait(
    { kind, name }: Pick<Claim, "kind" | "name">,
    place: Place,
    call: FailingCall,
    done: () => void,
  ): void {
    const { member } = this.context;
    let settled = false;
    let predecessor: Watcher | undefined;
    const watch = (key: Key) => {
      const options = { key, rangeEnd: "", prevKv: false, puts: false, deletes: true };
      const watcher = new Watcher(0n, options, sink, this.context.store.revision + 1);
      this.hub.add(watcher);
      return watcher;
    };
    const unwatch = (watcher: Watcher | undefined) => {
      if (watcher !== undefined) this.hub.remove(watcher);
    };
    const settle = () => {
      settled = true;
      unwatch(own);
      unwatch(predecessor);
    };
    const fail = (message: string) => {
      settle();
      if (this.standings.leave(place)) this.retreat(place, call);
      call.fail(grpcStatus.unknown, message);
    };
    const look = () => {
      if (settled) return;
      unwatch(predecessor);
      predecessor = undefined;
      const older = this.older(name, place.createRevision);
      if (!this.exists(place)) fail(sessionExpired[kind]);
      // Whoever leaves wakes the next, not all.
      else if (older !== undefined) predecessor = watch(older);
      else member.read(claimNow);
    };
    // What this member sees may be old; that the place is still there must be true now.
    const claimNow = (error: MemberError | undefined) => {
      if (settled) return;
      if (error !== undefined) fail(etcdErrors[error.code].message);
      else if (!this.exists(place)) fail(sessionExpired[kind]);
      else {
        settle();
        this.standings.hold(place);
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
    this.standings.wait(place);
    call.onCancel(() => {
      if (!settled) fail("context canceled");
    });
    look();
  }

  /** Only while the place is the one that was taken; `done(false)` when it is not. */
  guarded(
    { key, createRevision }: Pick<Place, "key" | "createRevision">,
    success: Extract<Command, { kind: "txn" }>["success"],
    call: FailingCall,
    done: (succeeded: boolean, revision: number) => void,
  ): void {
    const compare = { key, rangeEnd: "", result: "equal", target: "create" } as const;
    const compares = [{ ...compare, value: createRevision }];
    this.propose({ kind: "txn", compares, success, failure: [] }, call, (result) => {
      if (result.kind === "txn") done(result.succeeded, result.revision);
    });
  }

  /** For a lease 0 one is granted that nobody keeps alive. */
  withLease(given: bigint, call: FailingCall, done: (lease: bigint) => void): void {
    if (given !== 0n) {
      done(given);
      return;
    }
    const lease = (randomBytes(8).readBigUInt64BE() >> 1n) | 1n;
    const grant: Command = { kind: "leaseGrant", lease, ttlSeconds: sessionSeconds };
    this.propose(grant, call, () => done(lease));
  }

  propose(command: Command, call: FailingCall, done: (result: Result) => void): void {
    this.insist(command, call, 1, done);
  }

  /** Proposes again what may have been carried out or not. `isRepeated`: it may have been before. */
  private insist(
    command: Command,
    call: FailingCall,
    tries: number,
    done: (result: Result, isRepeated: boolean) => void,
    isRepeated = false,
  ): void {
    const fail = (code: EtcdErrorCode) => call.fail(grpcStatus.unknown, etcdErrors[code].message);
    this.context.member.propose(encodeCommand(command), (outcome) => {
      if (outcome.kind === "applied") {
        if (outcome.result.kind === "error") fail(outcome.result.code);
        else done(outcome.result, isRepeated);
      } else if (outcome.error.outcome === "unknown" && tries > 1) {
        this.insist(command, call, tries - 1, done, true);
      } else fail(outcome.error.code);
    });
  }

  /** Gives the place up, unless it is another one by now. Until that is done its lease cannot find it. */
  private retreat(place: Place, call: FailingCall): void {
    const gone = { kind: "deleteRange", key: place.key, rangeEnd: "", prevKv: false } as const;
    const done = this.standings.giveUp(place);
    const tries = (left: number) => {
      const again = (_status: GrpcStatus, _message: string) => {
        if (left === 0) done();
        else setTimeout(() => tries(left - 1), retreatAgainMs).unref();
      };
      const asking = {
        caller: call.caller,
        cancelled: true,
        metadata: (name: string) => call.metadata(name),
        onCancel() {},
        fail: again,
      };
      this.guarded(place, [gone], asking, done);
    };
    tries(triesMax);
  }

  private exists({ key, createRevision }: Place): boolean {
    const own = this.context.store.range({ ...simple, key, keysOnly: true });
    return own.kind === "range" && own.kvs[0]?.createRevision === createRevision;
  }

  /** Who came last before it. */
  private older(name: Key, createRevision: number): Key | undefined {
    const found = this.context.store.range({
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

export function keyOf(bytes: Uint8Array): Key {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

export function bytesOf(key: Key): Uint8Array {
  return Buffer.from(key, "latin1");
}

export function prefixOf(name: Key): RangeRequest {
  // The character after the slash: everything that begins with the name and a slash.
  return { ...simple, key: `${name}/`, rangeEnd: `${name}0` };
}

export function putOf(key: Key, value: Uint8Array, lease: bigint) {
  const flags = { prevKv: false, ignoreValue: false, ignoreLease: false };
  return { kind: "put", key, value, lease, ...flags } as const;
}
