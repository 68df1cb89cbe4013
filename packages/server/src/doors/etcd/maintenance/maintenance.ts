// etcdserverpb.Maintenance: what operators ask of one member or of the cluster. Whatever takes long runs in
// steps between which the loop serves others; nothing here stops the world.

import { crc32 } from "node:zlib";
import { type EtcdInit, type EtcdMessage, etcdCodecs } from "@althing/wire";
import {
  type GrpcMethod,
  grpcStatus,
  type UnaryCall,
  type UnaryMethod,
} from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import type { Admission } from "../admission.ts";
import type { Access } from "../auth/access.ts";
import type { MemberView } from "../cluster/member-view.ts";
import { failWith, memberFault } from "../errors.ts";
import { hexOf, idOf } from "../ids.ts";
import { inSteps } from "../steps.ts";
import { alarmMethod } from "./alarm.ts";
import { downgradeFault } from "./downgrade.ts";
import type { Quota } from "./quota.ts";
import { snapshotMethod } from "./snapshot.ts";

const { StatusRequest, StatusResponse } = etcdCodecs;
const service = "etcdserverpb.Maintenance";
const waitForReaderMs = 20;

export function maintenanceMethods(dependencies: {
  readonly context: DoorContext;
  readonly view: MemberView;
  readonly admission: Admission;
  readonly access: Access;
  readonly quota: Quota;
}): GrpcMethod[] {
  const { context, view, admission, access, quota } = dependencies;
  const { member, store } = context;
  const refused = (call: UnaryCall<never>) => {
    const fault = admission.refuse(call, false) ?? access.refusesNonAdmin(call);
    if (fault !== undefined) failWith(call, fault);
    return fault !== undefined;
  };
  const status: UnaryMethod<EtcdMessage<"StatusRequest">, EtcdInit<"StatusResponse">> = {
    kind: "unary",
    service,
    method: "Status",
    decode: StatusRequest.decode,
    encode: (writer, response) => StatusResponse.write(response, writer),
    handle(_request, call) {
      const fault = admission.refuse(call, true);
      if (fault !== undefined && fault !== "corrupt") {
        failWith(call, fault);
        return;
      }
      const refused = access.refusesStranger(call);
      if (refused !== undefined) {
        failWith(call, refused);
        return;
      }
      const now = member.status();
      call.respond({
        header: view.header(context.store.revision),
        version: context.etcdVersion,
        dbSize: context.store.bytes,
        dbSizeInUse: context.store.bytesInUse,
        dbSizeQuota: Math.max(quota.bytesMax, 0),
        leader: now.leader === undefined ? 0n : idOf(now.leader),
        raftIndex: now.commitIndex,
        raftTerm: now.epoch,
        raftAppliedIndex: context.store.appliedIndex,
        errors: describeErrors(context, now.leader === undefined),
        isLearner: view.isLearner,
      });
    },
  };

  const hashKv: UnaryMethod<EtcdMessage<"HashKVRequest">, EtcdInit<"HashKVResponse">> = {
    kind: "unary",
    service,
    method: "HashKV",
    decode: etcdCodecs.HashKVRequest.decode,
    encode: (writer, response) => etcdCodecs.HashKVResponse.write(response, writer),
    handle({ revision }, call) {
      if (refused(call)) return;
      const run = store.openHashKv(revision);
      if ("kind" in run) {
        failWith(call, run.code);
        return;
      }
      inSteps(call, context, run, (result) => {
        call.respond({
          header: view.header(store.revision),
          hash: result.hash,
          compact_revision: result.compactRevision,
          hash_revision: result.hashRevision,
        });
      });
    },
  };

  // Over all that a snapshot would carry; it says nothing about another implementation's.
  const hash: UnaryMethod<EtcdMessage<"HashRequest">, EtcdInit<"HashResponse">> = {
    kind: "unary",
    service,
    method: "Hash",
    decode: etcdCodecs.HashRequest.decode,
    encode: (writer, response) => etcdCodecs.HashResponse.write(response, writer),
    handle(_request, call) {
      if (refused(call)) return;
      const header = view.header(store.revision);
      const reader = store.openSnapshot();
      let sum = 0;
      const next = () => {
        const chunk = reader.next();
        if (chunk === undefined) return { sum };
        sum = crc32(chunk, sum);
        return undefined;
      };
      inSteps(call, context, { next, close: () => reader.close() }, () => {
        call.respond({ header, hash: sum });
      });
    },
  };

  // The engine reuses freed space by itself and its file never shrinks: what there is to do is to
  // remove what compaction made obsolete, so that its space is free when this is answered.
  const defragment: UnaryMethod<
    EtcdMessage<"DefragmentRequest">,
    EtcdInit<"DefragmentResponse">
  > = {
    kind: "unary",
    service,
    method: "Defragment",
    decode: etcdCodecs.DefragmentRequest.decode,
    encode: (writer, response) => etcdCodecs.DefragmentResponse.write(response, writer),
    handle(_request, call) {
      if (refused(call)) return;
      const remove = () => {
        const next = () => (store.compactionPending && store.compactStep() ? undefined : {});
        inSteps(call, context, { next, close: () => {} }, () => store.flush(freed, true));
      };
      const freed = (error: Error | undefined) => {
        if (error !== undefined) call.fail(grpcStatus.internal, `etcdserver: ${error.message}`);
        else if (!store.compactionLeft) call.respond({});
        // What is left waits for the disk, which has caught up now, or for a snapshot that is read.
        else if (store.compactionPending) remove();
        else setTimeout(remove, waitForReaderMs);
      };
      remove();
    },
  };

  const moveLeader: UnaryMethod<
    EtcdMessage<"MoveLeaderRequest">,
    EtcdInit<"MoveLeaderResponse">
  > = {
    kind: "unary",
    service,
    method: "MoveLeader",
    decode: etcdCodecs.MoveLeaderRequest.decode,
    encode: (writer, response) => etcdCodecs.MoveLeaderResponse.write(response, writer),
    handle({ targetID }, call) {
      if (refused(call)) return;
      const target = hexOf(targetID);
      const { role, membership } = member.status();
      if (role !== "leader") failWith(call, "notLeader");
      else if (!membership.voters.includes(target)) failWith(call, "transfereeInvalid");
      else if (target === member.id) call.respond({});
      else {
        member.transferLeadership(target, (error) => {
          if (error === undefined) call.respond({});
          else if (error.code !== "timedOut") failWith(call, memberFault(error));
          else call.fail(grpcStatus.unknown, transferTimedOut);
        });
      }
    },
  };

  const downgrade: UnaryMethod<EtcdMessage<"DowngradeRequest">, EtcdInit<"DowngradeResponse">> = {
    kind: "unary",
    service,
    method: "Downgrade",
    decode: etcdCodecs.DowngradeRequest.decode,
    encode: (writer, response) => etcdCodecs.DowngradeResponse.write(response, writer),
    handle(request, call) {
      if (refused(call)) return;
      const fault = downgradeFault(request, context.clusterVersion);
      if (fault !== undefined) failWith(call, fault);
      else call.respond({ header: view.header(store.revision), version: context.clusterVersion });
    },
  };

  const shared = { context, view, admission, access };
  const alarm = alarmMethod(shared);
  const snapshot = snapshotMethod(shared);
  return [status, alarm, hashKv, hash, defragment, moveLeader, snapshot, downgrade];
}

const transferTimedOut = "etcdserver: request timed out, leader transfer took too long";

function describeErrors(context: DoorContext, leaderless: boolean): string[] {
  const errors = context.store.alarms().map(({ member, alarm }) => {
    // The text form of etcd's AlarmMember, with the space that ends it.
    return `memberID:${idOf(member)} alarm:${alarm.toUpperCase()} `;
  });
  if (leaderless) errors.unshift("etcdserver: no leader");
  return errors;
}
