// etcdserverpb.Cluster: so far MemberList. Its header carries no revision.

import { type EtcdInit, type EtcdMessage, etcdCodecs } from "@althing/wire";
import type { GrpcMethod, UnaryCall, UnaryMethod } from "../../transport/index.ts";
import type { DoorContext, MemberInfo } from "../context.ts";
import type { Admission } from "./admission.ts";
import { failWith } from "./errors.ts";
import type { MemberView } from "./member-view.ts";

const { MemberListRequest, MemberListResponse } = etcdCodecs;
type MemberList = EtcdInit<"MemberListResponse">;

export function clusterMethods(dependencies: {
  readonly context: DoorContext;
  readonly view: MemberView;
  readonly admission: Admission;
}): GrpcMethod[] {
  const { context, view, admission } = dependencies;
  const respond = (call: UnaryCall<MemberList>) => {
    call.respond({ header: view.header(0), members: context.members().map(toWire) });
  };
  const memberList: UnaryMethod<EtcdMessage<"MemberListRequest">, MemberList> = {
    kind: "unary",
    service: "etcdserverpb.Cluster",
    method: "MemberList",
    decode: MemberListRequest.decode,
    encode: (writer, response) => MemberListResponse.write(response, writer),
    handle(request, call) {
      const fault = admission.refuse(call, false);
      if (fault !== undefined) failWith(call, fault);
      else if (!request.linearizable) respond(call);
      else {
        context.member.read((error) => {
          if (error === undefined) respond(call);
          else failWith(call, error.code);
        });
      }
    },
  };
  return [memberList];
}

function toWire(member: MemberInfo): EtcdInit<"Member"> {
  return {
    ID: BigInt(`0x${member.id}`),
    name: member.name,
    peerURLs: member.peerUrls,
    clientURLs: member.clientUrls,
    isLearner: member.isLearner,
  };
}
