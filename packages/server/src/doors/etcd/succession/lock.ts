// v3lockpb.Lock: whoever entered first under a name holds it. Its failures have the code UNKNOWN, as etcd's.

import type { Succession } from "@althing/service";
import { type EtcdInit, type EtcdMessage, etcdCodecs } from "@althing/wire";
import { type GrpcMethod, grpcStatus, type UnaryMethod } from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import type { Admission } from "../admission.ts";
import type { Access } from "../auth/access.ts";
import type { MemberView } from "../cluster/member-view.ts";
import { etcdErrors, failWith } from "../errors.ts";
import { bytesOf, claimantOf, keyOf } from "./succession.ts";

const service = "v3lockpb.Lock";

export function lockMethods(dependencies: {
  readonly context: DoorContext;
  readonly view: MemberView;
  readonly admission: Admission;
  readonly access: Access;
  readonly succession: Succession;
}): GrpcMethod[] {
  const { context, view, admission, access, succession } = dependencies;
  const header = () => view.header(context.store.revision);

  const lock: UnaryMethod<EtcdMessage<"LockRequest">, EtcdInit<"LockResponse">> = {
    kind: "unary",
    service,
    method: "Lock",
    decode: etcdCodecs.LockRequest.decode,
    encode: (writer, response) => etcdCodecs.LockResponse.write(response, writer),
    handle({ name, lease }, call) {
      const fault = admission.refuse(call, false);
      if (fault !== undefined) {
        failWith(call, fault);
        return;
      }
      const claim = { kind: "lock", name: keyOf(name), lease, value: new Uint8Array(0) } as const;
      succession.hold(claim, claimantOf(call, "lock", access), (place) => {
        call.respond({ header: header(), key: bytesOf(place.key) });
      });
    },
  };

  const unlock: UnaryMethod<EtcdMessage<"UnlockRequest">, EtcdInit<"UnlockResponse">> = {
    kind: "unary",
    service,
    method: "Unlock",
    decode: etcdCodecs.UnlockRequest.decode,
    encode: (writer, response) => etcdCodecs.UnlockResponse.write(response, writer),
    // Whatever key it is given, as etcd does.
    handle(request, call) {
      const fault = admission.refuse(call, false);
      if (fault !== undefined) {
        failWith(call, fault);
        return;
      }
      const key = keyOf(request.key);
      if (key === "") {
        call.fail(grpcStatus.unknown, etcdErrors.keyEmpty.message);
        return;
      }
      const command = { kind: "deleteRange", key, rangeEnd: "", prevKv: false } as const;
      succession.propose(command, claimantOf(call, "lock", access), ({ revision }) => {
        call.respond({ header: view.header(revision) });
      });
    },
  };
  return [lock, unlock];
}
