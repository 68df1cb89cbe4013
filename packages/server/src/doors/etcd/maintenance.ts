// etcdserverpb.Maintenance: so far Status, which any member answers from its own state.

import { type EtcdInit, type EtcdMessage, etcdCodecs } from "@althing/wire";
import type { GrpcMethod, UnaryMethod } from "../../transport/index.ts";
import type { DoorContext } from "../context.ts";
import type { Admission } from "./admission.ts";
import { failWith } from "./errors.ts";
import type { MemberView } from "./member-view.ts";
import type { Quota } from "./quota.ts";

const { StatusRequest, StatusResponse } = etcdCodecs;

export function maintenanceMethods(dependencies: {
  readonly context: DoorContext;
  readonly view: MemberView;
  readonly admission: Admission;
  readonly quota: Quota;
}): GrpcMethod[] {
  const { context, view, admission, quota } = dependencies;
  const status: UnaryMethod<EtcdMessage<"StatusRequest">, EtcdInit<"StatusResponse">> = {
    kind: "unary",
    service: "etcdserverpb.Maintenance",
    method: "Status",
    decode: StatusRequest.decode,
    encode: (writer, response) => StatusResponse.write(response, writer),
    handle(_request, call) {
      const fault = admission.refuse(call, true);
      if (fault !== undefined && fault !== "corrupt") {
        failWith(call, fault);
        return;
      }
      const { member } = context;
      const now = member.status();
      call.respond({
        header: view.header(member.store.revision),
        version: context.etcdVersion,
        dbSize: member.store.bytes,
        dbSizeInUse: member.store.bytesInUse,
        dbSizeQuota: Math.max(quota.bytesMax, 0),
        leader: now.leader === undefined ? 0n : BigInt(`0x${now.leader}`),
        raftIndex: now.commitIndex,
        raftTerm: now.epoch,
        raftAppliedIndex: member.store.appliedIndex,
        errors: describeErrors(context, now.leader === undefined),
        isLearner: view.isLearner,
      });
    },
  };
  return [status];
}

function describeErrors(context: DoorContext, leaderless: boolean): string[] {
  const errors = context.member.store.alarms().map(({ member, alarm }) => {
    // The text form of etcd's AlarmMember, with the space that ends it.
    return `memberID:${BigInt(`0x${member}`)} alarm:${alarm.toUpperCase()} `;
  });
  if (leaderless) errors.unshift("etcdserver: no leader");
  return errors;
}
