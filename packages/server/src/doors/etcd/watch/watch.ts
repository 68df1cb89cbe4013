// etcdserverpb.Watch: requests and answers of a stream that carries many watchers. What such a stream does stands
// in the service (packages/service/src/watches); here it gets its words, its clock and its memory.

import { type WatchSession, WatchStreams, type WatchWish } from "@althing/service";
import {
  type EtcdMessage,
  encodeWatchResponse,
  etcdCodecs,
  etcdSchema,
  type WatchResponseMessage,
} from "@althing/wire";
import type { BidiMethod } from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import type { Admission } from "../admission.ts";
import type { Access } from "../auth/access.ts";
import type { MemberView } from "../cluster/member-view.ts";
import { type EtcdErrorCode, failWith } from "../errors.ts";
import { EtcdWatchClient } from "./watch-client.ts";
import type { WatchHub } from "./watch-hub.ts";

type Request = EtcdMessage<"WatchRequest">;

interface Parts {
  readonly context: DoorContext;
  readonly view: MemberView;
  readonly admission: Admission;
  readonly access: Access;
  readonly hub: WatchHub;
}

const { NOPUT, NODELETE } = etcdSchema.enums.FilterType;

export function watchMethod(parts: Parts): BidiMethod<Request, WatchResponseMessage> {
  const { context, view, admission, access, hub } = parts;
  const streams = new WatchStreams<EtcdErrorCode>({
    store: context.store,
    hub,
    areRightsJudged: () => access.watches.review(),
    soon: setImmediate,
    every: (ms, run) => setInterval(run, ms).unref(),
    standing() {
      const { state, leader } = view.recent();
      return { fault: state === "running" ? undefined : state, hasLeader: leader !== undefined };
    },
    fragmentBytesMax: context.limits.requestBytesMax + 512 * 1024,
    progressIntervalMs: context.watchProgressIntervalMs,
  });
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
      const client = new EtcdWatchClient(call, parts);
      const session = streams.open(client);
      call.onCancel(() => streams.close(client));
      return {
        message: (request) => take(session, request),
        /** Events keep flowing: gateways half-close every watch. */
        halfClosed() {},
      };
    },
  };
}

function take(session: WatchSession<EtcdErrorCode>, request: Request): void {
  const { create_request: create, cancel_request: cancel } = request;
  if (create !== undefined) session.create(wishOf(create));
  else if (cancel !== undefined) session.cancel(cancel.watch_id);
  else if (request.progress_request !== undefined) session.askProgress();
}

function wishOf(request: EtcdMessage<"WatchCreateRequest">): WatchWish {
  return {
    key: request.key.length === 0 ? "\0" : latin1(request.key),
    rangeEnd: latin1(request.range_end),
    prevKv: request.prev_kv,
    puts: !request.filters.includes(NOPUT),
    deletes: !request.filters.includes(NODELETE),
    id: request.watch_id,
    from: request.start_revision,
    fragments: request.fragment,
    notices: request.progress_notify,
  };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
