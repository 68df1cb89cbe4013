// A watch stream's call as the session above the store sees it: each answer in etcd's words, and who asks.

import type { EventsInParts, StreamClient, WatchRefusal } from "@althing/service";
import type { HeldRight, StoreEvent, WatcherOptions } from "@althing/store";
import { encodeWatchEvents, encodeWatchResponse, type WatchResponseMessage } from "@althing/wire";
import { overloaded, type StreamCall } from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import type { Access } from "../auth/access.ts";
import type { MemberView } from "../cluster/member-view.ts";
import { encoded } from "../encoded.ts";
import { type EtcdErrorCode, etcdErrors, failWith, goText } from "../errors.ts";
import { runInSteps, stepFault } from "../steps.ts";

type Call = StreamCall<WatchResponseMessage>;

interface Parts {
  readonly context: DoorContext;
  readonly view: MemberView;
  readonly access: Access;
}

/** What a refused creation and a progress report of a whole stream are addressed to. */
const nobody = -1n;

const refusals: Readonly<Record<WatchRefusal, string>> = {
  emptyRange: "mvcc: watcher range is empty",
  compacted: etcdErrors.compacted.message,
  duplicateWatch: "mvcc: duplicate watch ID provided on the WatchStream",
  overloaded,
};

export class EtcdWatchClient implements StreamClient<EtcdErrorCode> {
  readonly needsLeader: boolean;
  readonly #call: Call;
  readonly #context: DoorContext;
  readonly #view: MemberView;
  readonly #access: Access;

  constructor(call: Call, { context, view, access }: Parts) {
    this.needsLeader = call.metadata("hasleader") === "true";
    this.#call = call;
    this.#context = context;
    this.#view = view;
    this.#access = access;
  }

  created(watchId: bigint): boolean {
    return this.#send({ watchId, created: true });
  }

  refused(why: WatchRefusal): boolean {
    return this.#refuse(refusals[why]);
  }

  denied(why: EtcdErrorCode): boolean {
    return this.#refuse(goText(why));
  }

  events(
    watchId: bigint,
    revision: number,
    events: readonly StoreEvent[],
    fragment: boolean,
  ): boolean {
    return this.#call.send({ ...emptyResponse, revision, watchId, events, fragment });
  }

  beginEvents(watchId: bigint, revision: number): EventsInParts {
    const { ids, raftTerm } = this.#view;
    const message = this.#call.beginMessage();
    const head = { ...emptyResponse, watchId, revision };
    message.add(encoded((writer) => encodeWatchResponse(writer, ids, raftTerm, head)));
    return {
      add: (events) => message.add(encoded((writer) => encodeWatchEvents(writer, events))),
      send: () => message.send(),
      drop: () => message.drop(),
    };
  }

  progress(watchId: bigint | undefined, revision: number): boolean {
    return this.#send({ watchId: watchId ?? nobody, revision });
  }

  cancelled(watchId: bigint, why: EtcdErrorCode | undefined): boolean {
    const cancelReason = why === undefined ? "" : goText(why);
    return this.#send({ watchId, canceled: true, cancelReason });
  }

  compacted(watchId: bigint, floor: number): boolean {
    return this.#send({ watchId, revision: 0, canceled: true, compactRevision: floor });
  }

  fail(why: EtcdErrorCode): void {
    failWith(this.#call, why);
  }

  onDrain(run: () => void): void {
    this.#call.onDrain(run);
  }

  inSteps(step: () => boolean): void {
    runInSteps(step, (error) => failWith(this.#call, stepFault(error, this.#context)));
  }

  charge(bytes: number): boolean {
    return this.#call.charge(bytes);
  }

  release(bytes: number): void {
    this.#call.release(bytes);
  }

  refuses(range: WatcherOptions): EtcdErrorCode | undefined {
    return this.#access.refusesRange(this.#call, range);
  }

  hold(range: WatcherOptions, ended: (why: EtcdErrorCode) => void): HeldRight {
    return this.#access.holdWatch(this.#call, range, ended);
  }

  #refuse(cancelReason: string): boolean {
    return this.#send({ watchId: nobody, created: true, canceled: true, cancelReason });
  }

  #send(message: Partial<WatchResponseMessage>): boolean {
    const { revision } = this.#context.store;
    return this.#call.send({ ...emptyResponse, revision, ...message });
  }
}

const emptyResponse: WatchResponseMessage = {
  revision: 0,
  watchId: 0n,
  created: false,
  canceled: false,
  compactRevision: 0,
  cancelReason: "",
  fragment: false,
  events: [],
};
