// Who leads, as it comes to be: the leader there is, then whatever it proclaims, in order, and when its place
// is gone the next. It follows one key at a time, so that contenders behind the leader cost it nothing; what it
// missed while its history was compacted it makes good by looking at what there is now.

import { prefixOf, type Succession } from "@althing/service";
import type { HeldRight, Key, KeyValue, StoreEvent } from "@althing/store";
import type { EtcdInit } from "@althing/wire";
import { grpcStatus, type StreamCall } from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import type { Access } from "../auth/access.ts";
import type { MemberView } from "../cluster/member-view.ts";
import { etcdErrors } from "../errors.ts";
import { storedKeyValue } from "../kv/key-value.ts";
import { Watcher, type WatchHub, type WatchSink } from "../watch/watch-hub.ts";
import { claimantOf } from "./succession.ts";

interface Parts {
  readonly context: DoorContext;
  readonly view: MemberView;
  readonly access: Access;
  readonly succession: Succession;
  readonly hub: WatchHub;
}

export function observeElection(
  parts: Parts,
  name: Key,
  call: StreamCall<EtcdInit<"LeaderResponse">>,
): void {
  parts.context.member.read((error) => {
    if (error !== undefined) call.fail(grpcStatus.unknown, etcdErrors[error.code].message);
    else if (
      !call.cancelled &&
      !parts.succession.denies(name, claimantOf(call, "election", parts.access))
    ) {
      const observer = new Observer(parts, name, call);
      const right = parts.access.holdWatch(call, prefixOf(name), (code) => {
        observer.close();
        call.fail(grpcStatus.unknown, etcdErrors[code].message);
      });
      call.onCancel(() => {
        right.forget();
        observer.close();
      });
      observer.begin(right);
    }
  });
}

class Observer implements WatchSink {
  private readonly parts: Parts;
  private readonly name: Key;
  private readonly call: StreamCall<EtcdInit<"LeaderResponse">>;
  private watcher: Watcher | undefined;
  private right: HeldRight | undefined;
  private isWaiting = false;
  /** What was told last is not told again when it is looked at again. */
  private told = { key: "", modRevision: 0 };

  constructor(parts: Parts, name: Key, call: StreamCall<EtcdInit<"LeaderResponse">>) {
    this.parts = parts;
    this.name = name;
    this.call = call;
  }

  begin(right: HeldRight): void {
    this.right = right;
    this.look();
  }

  /** Tells who leads now, and follows it; nobody: whoever comes first. */
  private look(): boolean {
    const { context, succession } = this.parts;
    const { revision } = context.store;
    const leader = succession.owner(this.name);
    if (leader === undefined) {
      const { key, rangeEnd } = prefixOf(this.name);
      this.follow(key, rangeEnd, revision + 1);
      return true;
    }
    this.follow(leader.key, "", revision + 1);
    const { key, modRevision } = this.told;
    const isTold = leader.key === key && leader.modRevision === modRevision;
    return isTold || this.tell(leader, revision);
  }

  events(
    watcher: Watcher,
    _revision: number,
    events: readonly StoreEvent[],
    more: boolean,
  ): boolean {
    const isAnyones = watcher.options.rangeEnd !== "";
    this.right?.check();
    if (watcher.isRemoved) return true;
    let flows = true;
    for (const { type, kv } of events) {
      if (type === "put") {
        flows = this.tell(kv, kv.modRevision);
        if (!isAnyones) continue;
        // Nobody led: the first to come does, and may be gone within the same transaction.
        this.follow(kv.key, "", kv.modRevision + 1);
        if (more || events.some((event) => isEndOf(kv, event))) flows = this.look();
        break;
      } else if (!isAnyones) {
        flows = this.look();
        break;
      }
    }
    return flows;
  }

  compacted(): void {
    this.look();
  }

  close(): void {
    if (this.watcher !== undefined) this.parts.hub.remove(this.watcher);
    this.watcher = undefined;
    this.parts.hub.forget(this);
  }

  private follow(key: Key, rangeEnd: Key, from: number): void {
    const { hub } = this.parts;
    if (this.watcher !== undefined) hub.remove(this.watcher);
    const options = { key, rangeEnd, prevKv: false, puts: true, deletes: true };
    this.watcher = new Watcher(0n, options, this, from);
    hub.add(this.watcher);
  }

  private tell(kv: KeyValue, revision: number): boolean {
    const { view, hub } = this.parts;
    this.told = { key: kv.key, modRevision: kv.modRevision };
    const flows = this.call.send({ header: view.header(revision), kv: storedKeyValue(kv) });
    if (!flows && !this.isWaiting) {
      this.isWaiting = true;
      this.call.onDrain(() => {
        this.isWaiting = false;
        hub.resumed(this);
      });
    }
    return flows;
  }
}

function isEndOf({ key, modRevision }: KeyValue, { type, kv }: StoreEvent): boolean {
  return type === "delete" && kv.key === key && kv.modRevision === modRevision;
}
