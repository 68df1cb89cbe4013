// The order in which locks are held and elections won, as etcd keeps it: a key per lease under the name,
// and the one created first owns. It is a plain range of keys, so that clients that do the same by
// themselves take part. Nobody is told that it owns before its own key was seen to exist still: a lease that
// ended while it waited owns nothing (corpus 64).

import {
  type Command,
  encodeCommand,
  type Key,
  type KeyValue,
  type RangeRequest,
  type Result,
  type Store,
  type StoreErrorCode,
  Watcher,
  type WatchHub,
} from "@althing/store";
import type { Member, MemberErrorCode } from "./contract.ts";

export interface Place {
  readonly key: Key;
  readonly createRevision: number;
  readonly lease: bigint;
  /** Of the write that took the place. */
  readonly revision: number;
}

/** `sessionExpired`: the place, and with it the lease, was gone before it came first. */
export type SuccessionFault = MemberErrorCode | StoreErrorCode | "sessionExpired";

/** Whoever asks: told once of a failure, and able to give up. */
export interface Contender {
  fail(code: SuccessionFault): void;
  onCancel(run: () => void): void;
}

export interface SuccessionParts {
  readonly member: Pick<Member, "propose" | "read">;
  readonly store: Pick<Store, "range" | "revision">;
  readonly hub: WatchHub;
  /** A lease that nobody has. */
  readonly drawLease: () => bigint;
}

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
  readonly #parts: SuccessionParts;

  constructor(parts: SuccessionParts) {
    this.#parts = parts;
  }

  /** Takes the last place, or finds the one that the lease has; a lease 0 is granted first. */
  enter(
    name: Key,
    lease: bigint,
    value: Uint8Array,
    contender: Contender,
    done: (place: Place) => void,
  ): void {
    if (lease === 0n) {
      const granted = this.#parts.drawLease();
      const grant: Command = { kind: "leaseGrant", lease: granted, ttlSeconds: sessionSeconds };
      this.propose(grant, contender, () => this.enter(name, granted, value, contender, done));
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
    this.propose(command, contender, (result) => {
      if (result.kind !== "txn") return;
      const [first] = result.responses;
      const found = first?.kind === "range" ? first.kvs[0] : undefined;
      const createRevision = found?.createRevision ?? result.revision;
      const place = { key, createRevision, lease, revision: result.revision };
      if (found === undefined || areEqual(found.value, value)) done(place);
      else this.guarded(place, [putOf(key, value, lease)], contender, () => done(place));
    });
  }

  /** Until everybody before it has gone. A contender that gives up leaves the queue. */
  wait(name: Key, place: Place, contender: Contender, done: () => void): void {
    const { member, store, hub } = this.#parts;
    let settled = false;
    const leave = () => {
      settled = true;
      hub.remove(watcher);
    };
    const look = () => {
      if (settled) return;
      if (!this.#holds(place)) {
        leave();
        contender.fail("sessionExpired");
        return;
      }
      const before = { ...prefixOf(name), maxCreateRevision: place.createRevision - 1, limit: 1 };
      const older = store.range({ ...before, keysOnly: true });
      if (older.kind === "range" && older.kvs.length > 0) return;
      // What this member sees may be old; that it owns must be true now.
      member.read((error) => {
        if (settled) return;
        if (error === undefined && !this.#holds(place)) {
          look();
          return;
        }
        leave();
        if (error === undefined) done();
        else contender.fail(error.code);
      });
    };
    const sink = {
      events: () => {
        look();
        return true;
      },
      compacted: () => {
        leave();
        contender.fail("compacted");
      },
    };
    const { key, rangeEnd } = prefixOf(name);
    const options = { key, rangeEnd, prevKv: false, puts: false, deletes: true };
    const watcher = new Watcher(0n, options, sink, store.revision + 1);
    hub.add(watcher);
    contender.onCancel(() => {
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
    const found = this.#parts.store.range({ ...prefixOf(name), ...sort });
    return found.kind === "range" ? found.kvs[0] : undefined;
  }

  /** Only while the place is the one that was taken; `done(false)` when it is not. */
  guarded(
    { key, createRevision }: Pick<Place, "key" | "createRevision">,
    success: Extract<Command, { kind: "txn" }>["success"],
    contender: Contender,
    done: (succeeded: boolean, revision: number) => void,
  ): void {
    const compare = { key, rangeEnd: "", result: "equal", target: "create" } as const;
    const compares = [{ ...compare, value: createRevision }];
    this.propose({ kind: "txn", compares, success, failure: [] }, contender, (result) => {
      if (result.kind === "txn") done(result.succeeded, result.revision);
    });
  }

  propose(command: Command, contender: Contender, done: (result: Result) => void): void {
    this.#parts.member.propose(encodeCommand(command), (outcome) => {
      if (outcome.kind === "failed") contender.fail(outcome.error.code);
      else if (outcome.result.kind === "error") contender.fail(outcome.result.code);
      else done(outcome.result);
    });
  }

  #holds({ key, createRevision }: Place): boolean {
    const own = this.#parts.store.range({ ...simple, key, keysOnly: true });
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

function areEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
