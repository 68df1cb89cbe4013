// etcdserverpb.Watch: one stream carries many watchers. Each is answered that it is created before any of
// its events; the events of a revision come together, split only where the client allows it. A client that
// stops reading stops nobody else (watch-hub.ts).

import type { HeldRight, StoreEvent } from "@althing/store";
import {
  type EtcdMessage,
  encodeWatchEvents,
  encodeWatchResponse,
  etcdCodecs,
  etcdSchema,
  type WatchResponseMessage,
} from "@althing/wire";
import {
  type BidiMethod,
  type BidiReceiver,
  type MessageInParts,
  overloaded,
  type StreamCall,
} from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import type { Admission } from "../admission.ts";
import type { Access } from "../auth/access.ts";
import type { MemberView } from "../cluster/member-view.ts";
import { encoded } from "../encoded.ts";
import { type EtcdErrorCode, etcdErrors, failWith, goText } from "../errors.ts";
import { runInSteps, stepFault } from "../steps.ts";
import { eventBytes, Watcher, type WatchHub, type WatchSink } from "./watch-hub.ts";

type Request = EtcdMessage<"WatchRequest">;
type Call = StreamCall<WatchResponseMessage>;

interface Parts {
  readonly context: DoorContext;
  readonly view: MemberView;
  readonly admission: Admission;
  readonly access: Access;
  readonly hub: WatchHub;
}

const { NOPUT, NODELETE } = etcdSchema.enums.FilterType;
const progressIntervalMsDefault = 10 * 60_000;
const patrolMs = 1_000;
const removedPerTurn = 1000;
/** Progress notices: a step of about a millisecond. */
const notifiedPerStep = 256;
/** What a watcher is charged besides its keys: a quarter of a million took some 0.8 KiB each. */
const watcherBytes = 1536;
/** What is remembered of one that we ended. */
const endedBytes = 128;
/** Patrols without a leader after which a stream that asked for one is ended. */
const leaderlessPatrolsMax = 3;
/** What a refused creation and a progress report of a whole stream are addressed to. */
const nobody = -1n;

export function watchMethod(parts: Parts): BidiMethod<Request, WatchResponseMessage> {
  const { context, view, admission } = parts;
  const streams = new Set<WatchStream>();
  let leaderless = 0;
  setInterval(() => {
    const { state, leader } = view.recent();
    leaderless = leader === undefined ? leaderless + 1 : 0;
    for (const stream of [...streams]) {
      if (state !== "running") failWith(stream.call, state);
      else if (stream.needsLeader && leaderless >= leaderlessPatrolsMax) {
        failWith(stream.call, "leaderMissing");
      } else continue;
      stream.close();
      streams.delete(stream);
    }
  }, patrolMs).unref();
  setInterval(() => {
    for (const stream of streams) stream.notifyProgress();
  }, context.watchProgressIntervalMs ?? progressIntervalMsDefault).unref();

  return {
    kind: "bidi",
    service: "etcdserverpb.Watch",
    method: "Watch",
    decode: etcdCodecs.WatchRequest.decode,
    encode: (writer, message) => encodeWatchResponse(writer, view.ids, view.raftTerm, message),
    open(call) {
      const fault = admission.refuse(call, false, "stream");
      if (fault !== undefined) {
        failWith(call, fault);
        return { message() {}, halfClosed() {} };
      }
      const stream = new WatchStream(call, parts);
      streams.add(stream);
      call.onCancel(() => {
        streams.delete(stream);
        stream.close();
      });
      return stream;
    },
  };
}

class WatchStream implements BidiReceiver<Request>, WatchSink {
  readonly call: Call;
  readonly needsLeader: boolean;
  private readonly hub: WatchHub;
  private readonly context: DoorContext;
  private readonly view: MemberView;
  private readonly access: Access;
  private readonly messageBytesMax: number;
  private readonly watchers = new Map<bigint, Watcher>();
  private readonly rights = new Map<bigint, HeldRight>();
  private readonly fragmented = new Set<bigint>();
  private readonly notified = new Set<bigint>();
  /** Messages that take more than one turn: each revision comes in one. */
  private readonly begun = new Map<bigint, MessageInParts>();
  /** Ended by us; clients cancel them as a matter of routine and wait for the answer. */
  private readonly ended = new Set<bigint>();
  /** Those of `notified` that are still to be told this time. */
  private toNotify: Iterator<bigint> | undefined;
  private isNotifying = false;
  private nextId = 0n;
  private isWaiting = false;
  private progressRequests = 0;

  constructor(call: Call, { hub, context, view, access }: Parts) {
    this.call = call;
    this.hub = hub;
    this.context = context;
    this.view = view;
    this.access = access;
    this.needsLeader = call.metadata("hasleader") === "true";
    this.messageBytesMax = context.limits.requestBytesMax + 512 * 1024;
  }

  message(request: Request): void {
    if (request.create_request !== undefined) this.create(request.create_request);
    else if (request.cancel_request !== undefined) this.cancel(request.cancel_request.watch_id);
    else if (request.progress_request !== undefined) this.askProgress();
  }

  /** Events keep flowing: gateways half-close every watch. */
  halfClosed(): void {}

  close(): void {
    const { hub, watchers, rights } = this;
    this.toNotify = undefined;
    // A stream may have a quarter of a million watchers.
    const step = () => {
      let left = removedPerTurn;
      for (const [id, watcher] of watchers) {
        if (left-- === 0) {
          setImmediate(step);
          return;
        }
        hub.remove(watcher);
        watchers.delete(id);
        rights.get(id)?.forget();
        rights.delete(id);
      }
      hub.forget(this);
    };
    step();
  }

  events(
    watcher: Watcher,
    revision: number,
    events: readonly StoreEvent[],
    more: boolean,
  ): boolean {
    const watchId = watcher.id;
    // Nothing that came after the right to it had ended is sent.
    if (!this.access.watches.review()) this.rights.get(watchId)?.check();
    if (watcher.isRemoved) return true;
    if (this.fragmented.has(watchId)) return this.sendFragments(watchId, revision, events, more);
    const begun = this.begun.get(watchId);
    if (!more && begun === undefined) return this.send({ watchId, revision, events });
    return this.sendInParts(watchId, begun ?? this.begin(watchId, revision), events, more);
  }

  private sendFragments(
    watchId: bigint,
    revision: number,
    events: readonly StoreEvent[],
    more: boolean,
  ): boolean {
    let flows = true;
    let start = 0;
    do {
      let bytes = 0;
      let end = start;
      while (end < events.length && (end === start || bytes < this.messageBytesMax)) {
        bytes += eventBytes(events[end]!);
        if (bytes >= this.messageBytesMax && end > start) break;
        end++;
      }
      const fragment = more || end < events.length;
      flows = this.send({ watchId, revision, events: events.slice(start, end), fragment });
      start = end;
    } while (start < events.length);
    return flows;
  }

  private begin(watchId: bigint, revision: number): MessageInParts {
    const message = this.call.beginMessage();
    const head = { ...emptyResponse, watchId, revision };
    const { ids, raftTerm } = this.view;
    message.add(encoded((writer) => encodeWatchResponse(writer, ids, raftTerm, head)));
    this.begun.set(watchId, message);
    return message;
  }

  private sendInParts(
    watchId: bigint,
    message: MessageInParts,
    events: readonly StoreEvent[],
    more: boolean,
  ): boolean {
    message.add(encoded((writer) => encodeWatchEvents(writer, events)));
    if (more) return true;
    this.begun.delete(watchId);
    return this.flows(message.send());
  }

  compacted(watcher: Watcher, floor: number): void {
    this.end(watcher);
    this.send({ watchId: watcher.id, revision: 0, canceled: true, compactRevision: floor });
  }

  /** Its user may not see that any more. */
  private denied(watcher: Watcher, code: EtcdErrorCode): void {
    this.end(watcher);
    this.send({ watchId: watcher.id, canceled: true, cancelReason: goText(code) });
  }

  /** To those that asked for it and had nothing since the last time. */
  notifyProgress(): void {
    if (this.notified.size === 0 || this.toNotify !== undefined) return;
    this.toNotify = this.notified.values();
    this.tellProgressOn();
  }

  /** There may be a quarter of a million, so some are told at a time, and none while the reader is slow. */
  private tellProgressOn(): void {
    if (this.toNotify === undefined || this.isNotifying) return;
    this.isNotifying = true;
    const step = () => {
      for (let left = notifiedPerStep; left > 0 && !this.isWaiting; left--) {
        const next = this.toNotify?.next();
        if (next === undefined || next.done) this.toNotify = undefined;
        else this.notify(next.value);
      }
      this.isNotifying = this.toNotify !== undefined && !this.isWaiting;
      return this.isNotifying;
    };
    runInSteps(step, (error) => failWith(this.call, stepFault(error, this.context)));
  }

  private notify(id: bigint): void {
    const watcher = this.watchers.get(id);
    if (watcher === undefined) return;
    const { stirred } = watcher;
    watcher.stirred = false;
    if (!stirred && this.hub.isCurrent(watcher)) this.send({ watchId: id });
  }

  private create(request: EtcdMessage<"WatchCreateRequest">): void {
    const key = request.key.length === 0 ? "\0" : latin1(request.key);
    const rangeEnd = latin1(request.range_end);
    const denied = this.access.refusesRange(this.call, { key, rangeEnd });
    // A refused creation uses up no number.
    if (denied !== undefined) {
      this.refuse(goText(denied));
    } else if (rangeEnd !== "" && rangeEnd !== "\0" && key >= rangeEnd) {
      this.refuse("mvcc: watcher range is empty");
    } else if (request.start_revision < 0) {
      this.refuse(etcdErrors.compacted.message);
    } else if (request.watch_id !== 0n && this.watchers.has(request.watch_id)) {
      this.refuse("mvcc: duplicate watch ID provided on the WatchStream");
    } else if (!this.call.charge(watcherBytes + key.length + rangeEnd.length)) {
      this.refuse(overloaded);
    } else {
      const id = request.watch_id === 0n ? this.freeId() : request.watch_id;
      const options = {
        key,
        rangeEnd,
        prevKv: request.prev_kv,
        puts: !request.filters.includes(NOPUT),
        deletes: !request.filters.includes(NODELETE),
      };
      const { revision } = this.context.store;
      const next = request.start_revision === 0 ? revision + 1 : request.start_revision;
      const watcher = new Watcher(id, options, this, next);
      this.watchers.set(id, watcher);
      const ended = (code: EtcdErrorCode) => this.denied(watcher, code);
      this.rights.set(id, this.access.holdWatch(this.call, options, ended));
      this.forgetEnded(id);
      if (request.fragment) this.fragmented.add(id);
      if (request.progress_notify) this.notified.add(id);
      this.send({ watchId: id, created: true });
      this.hub.add(watcher);
    }
  }

  private cancel(id: bigint): void {
    const watcher = this.watchers.get(id);
    if (watcher !== undefined) this.forget(watcher);
    else if (!this.forgetEnded(id)) return;
    this.send({ watchId: id, canceled: true });
  }

  /** A frame may hold thousands of these: all watchers are looked through once for those of a turn. */
  private askProgress(): void {
    if (this.progressRequests++ > 0) return;
    setImmediate(() => {
      const answers = this.progressRequests;
      this.progressRequests = 0;
      this.tellProgress(answers);
    });
  }

  /** For all watchers of the stream at once, and only if it is true of all. */
  private tellProgress(answers: number): void {
    this.access.watches.review();
    this.hub.advance();
    if (this.watchers.size === 0) return;
    for (const watcher of this.watchers.values()) if (!this.hub.isCurrent(watcher)) return;
    for (let i = 0; i < answers; i++) this.send({ watchId: nobody });
  }

  private freeId(): bigint {
    while (this.watchers.has(this.nextId)) this.nextId++;
    return this.nextId++;
  }

  private refuse(cancelReason: string): void {
    this.send({ watchId: nobody, created: true, canceled: true, cancelReason });
  }

  private end(watcher: Watcher): void {
    this.forget(watcher);
    // It was released just now.
    this.call.charge(endedBytes);
    this.ended.add(watcher.id);
  }

  private forgetEnded(id: bigint): boolean {
    if (!this.ended.delete(id)) return false;
    this.call.release(endedBytes);
    return true;
  }

  private forget(watcher: Watcher): void {
    const { key, rangeEnd } = watcher.options;
    this.call.release(watcherBytes + key.length + rangeEnd.length);
    this.hub.remove(watcher);
    this.watchers.delete(watcher.id);
    this.rights.get(watcher.id)?.forget();
    this.rights.delete(watcher.id);
    this.fragmented.delete(watcher.id);
    this.notified.delete(watcher.id);
    this.begun.get(watcher.id)?.drop();
    this.begun.delete(watcher.id);
  }

  private send(message: Partial<WatchResponseMessage>): boolean {
    const { revision } = this.context.store;
    return this.flows(this.call.send({ ...emptyResponse, revision, ...message }));
  }

  /** The hub hears of it when a reader that is slow has read. */
  private flows(flows: boolean): boolean {
    if (!flows && !this.isWaiting) {
      this.isWaiting = true;
      this.call.onDrain(() => {
        this.isWaiting = false;
        this.hub.resumed(this);
        this.tellProgressOn();
      });
    }
    return flows;
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

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
