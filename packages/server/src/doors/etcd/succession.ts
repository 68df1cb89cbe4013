// The order in which locks are held and elections won, as etcd keeps it: a key per lease under the name,
// and the one created first owns. It is a plain range of keys, so that clients that do the same by
// themselves take part. Nobody is told that it owns before its own key was seen to exist still: a lease that
// ended while it waited owns nothing (corpus 64).

import { randomBytes } from "node:crypto";
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
import { Watcher, type WatchHub } from "./watch-hub.ts";

/** All of them reach clients as UNKNOWN with the text. */
export const sessionExpired = "mutex: session is expired";

export interface Place {
  readonly key: Key;
  readonly createRevision: number;
  readonly lease: bigint;
  /** Of the write that took the place. */
  readonly revision: number;
}

type FailingCall = CallContext & { fail(status: GrpcStatus, message: string): void };

const sessionSeconds = 60;
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

  constructor(context: DoorContext, hub: WatchHub) {
    this.context = context;
    this.hub = hub;
  }

  /** Takes the last place, or finds the one that the lease has; a lease 0 is granted first. */
  enter(
    name: Key,
    lease: bigint,
    value: Uint8Array,
    call: FailingCall,
    done: (place: Place) => void,
  ): void {
    if (lease === 0n) {
      const granted = (randomBytes(8).readBigUInt64BE() >> 1n) | 1n;
      const grant: Command = { kind: "leaseGrant", lease: granted, ttlSeconds: sessionSeconds };
      this.propose(grant, call, () => this.enter(name, granted, value, call, done));
      return;
    }
    const key = `${name}/${lease.toString(16)}`;
    const own = { kind: "range", ...simple, key } as const;
    const command: Command = {
      kind: "txn",
      compares: [{ key, rangeEnd: "", result: "equal", target: "create", value: 0 }],
      success: [putOf(key, value, lease)],
      failure: [own],
    };
    this.propose(command, call, (result) => {
      if (result.kind !== "txn") return;
      const [first] = result.responses;
      const found = first?.kind === "range" ? first.kvs[0] : undefined;
      const createRevision = found?.createRevision ?? result.revision;
      const place = { key, createRevision, lease, revision: result.revision };
      if (found === undefined || Buffer.compare(found.value, value) === 0) done(place);
      else this.guarded(place, [putOf(key, value, lease)], call, () => done(place));
    });
  }

  /** Until everybody before it has gone. A call that is given up leaves the queue. */
  wait(name: Key, place: Place, call: FailingCall, done: () => void): void {
    const { member, store } = this.context;
    let settled = false;
    const leave = () => {
      settled = true;
      this.hub.remove(watcher);
    };
    const look = () => {
      if (settled) return;
      if (!this.holds(place)) {
        leave();
        call.fail(grpcStatus.unknown, sessionExpired);
        return;
      }
      const before = { ...prefixOf(name), maxCreateRevision: place.createRevision - 1, limit: 1 };
      const older = store.range({ ...before, keysOnly: true });
      if (older.kind === "range" && older.kvs.length > 0) return;
      // What this member sees may be old; that it owns must be true now.
      member.read((error) => {
        if (settled) return;
        if (error === undefined && !this.holds(place)) {
          look();
          return;
        }
        leave();
        if (error === undefined) done();
        else call.fail(grpcStatus.unknown, etcdErrors[error.code].message);
      });
    };
    const sink = {
      events: () => {
        look();
        return true;
      },
      compacted: () => {
        leave();
        call.fail(grpcStatus.unknown, etcdErrors.compacted.message);
      },
    };
    const { key, rangeEnd } = prefixOf(name);
    const options = { key, rangeEnd, prevKv: false, puts: false, deletes: true };
    const watcher = new Watcher(0n, options, sink, store.revision + 1);
    this.hub.add(watcher);
    call.onCancel(() => {
      if (settled) return;
      leave();
      const gone = { kind: "deleteRange", key: place.key, rangeEnd: "", prevKv: false } as const;
      member.propose(encodeCommand(gone), () => {});
    });
    look();
  }

  /** The one in the first place, as this member has applied it. */
  owner(name: Key): KeyValue | undefined {
    const sort = { sortOrder: "ascend", sortTarget: "create", limit: 1 } as const;
    const found = this.context.store.range({ ...prefixOf(name), ...sort });
    return found.kind === "range" ? found.kvs[0] : undefined;
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

  propose(command: Command, call: FailingCall, done: (result: Result) => void): void {
    const fail = (code: EtcdErrorCode) => call.fail(grpcStatus.unknown, etcdErrors[code].message);
    this.context.member.propose(encodeCommand(command), (outcome) => {
      if (outcome.kind === "failed") fail(outcome.error.code);
      else if (outcome.result.kind === "error") fail(outcome.result.code);
      else done(outcome.result);
    });
  }

  private holds({ key, createRevision }: Place): boolean {
    const own = this.context.store.range({ ...simple, key, keysOnly: true });
    return own.kind === "range" && own.kvs[0]?.createRevision === createRevision;
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
