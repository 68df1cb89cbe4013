// etcdserverpb.Cluster: who belongs to the cluster, and changes of that. Any member takes them; the
// leader carries them out. Answers list the members as this member has applied them; headers carry no
// revision. Ids of members added at run time are computed as etcd does: their addresses and the time.

import type { MemberError, Reconfiguration } from "@althing/member";
import { encodeCommand } from "@althing/store";
import { type EtcdInit, type EtcdMessage, etcdCodecs } from "@althing/wire";
import type { GrpcMethod, UnaryCall, UnaryMethod } from "../../../transport/index.ts";
import type { DoorContext, MemberInfo } from "../../context.ts";
import type { Admission } from "../admission.ts";
import type { Access } from "../auth/access.ts";
import { type EtcdErrorCode, failWith, memberFault } from "../errors.ts";
import { hexOf, idOf } from "../ids.ts";
import type { MemberView } from "./member-view.ts";
import { arePeerUrls, newMemberId } from "./new-member.ts";

interface Dependencies {
  readonly context: DoorContext;
  readonly view: MemberView;
  readonly admission: Admission;
  readonly access: Access;
}

type Listed = { readonly members: readonly EtcdInit<"Member">[] };
const service = "etcdserverpb.Cluster";

export function clusterMethods(dependencies: Dependencies): GrpcMethod[] {
  const { context, view } = dependencies;
  const changes = new Changes(dependencies);
  const members = () => context.members().map(toWire);
  const header = () => view.header(0);

  const strict = context.strictReconfigCheck ?? true;
  const add: UnaryMethod<EtcdMessage<"MemberAddRequest">, EtcdInit<"MemberAddResponse">> = {
    kind: "unary",
    service,
    method: "MemberAdd",
    decode: etcdCodecs.MemberAddRequest.decode,
    encode: (writer, response) => etcdCodecs.MemberAddResponse.write(response, writer),
    handle({ peerURLs, isLearner }, call) {
      if (!arePeerUrls(peerURLs)) failWith(call, "memberUrlsInvalid");
      else if (changes.urlTaken(peerURLs, undefined)) failWith(call, "peerUrlTaken");
      else {
        const peerUrls = [...peerURLs].sort();
        const id = newMemberId(peerUrls, Date.now());
        const as = isLearner ? "learner" : "voter";
        const request = { kind: "add", member: id, peerUrls, as, strict } as const;
        changes.make(request, call, () => {
          const member = toWire({ id, name: "", peerUrls, clientUrls: [], isLearner });
          const others = members().filter(({ ID }) => ID !== member.ID);
          const all = [...others, member].sort((a, b) => (a.ID! < b.ID! ? -1 : 1));
          call.respond({ header: header(), member, members: all });
        });
      }
    },
  };

  const remove: UnaryMethod<EtcdMessage<"MemberRemoveRequest">, Listed> = {
    kind: "unary",
    service,
    method: "MemberRemove",
    decode: etcdCodecs.MemberRemoveRequest.decode,
    encode: (writer, response) =>
      etcdCodecs.MemberRemoveResponse.write({ header: header(), ...response }, writer),
    handle({ ID }, call) {
      const id = hexOf(ID);
      changes.make({ kind: "remove", member: id, strict }, call, () => {
        call.respond({ members: members().filter((member) => member.ID !== idOf(id)) });
      });
    },
  };

  const promote: UnaryMethod<EtcdMessage<"MemberPromoteRequest">, Listed> = {
    kind: "unary",
    service,
    method: "MemberPromote",
    decode: etcdCodecs.MemberPromoteRequest.decode,
    encode: (writer, response) =>
      etcdCodecs.MemberPromoteResponse.write({ header: header(), ...response }, writer),
    handle({ ID }, call) {
      const id = hexOf(ID);
      changes.make({ kind: "promote", member: id }, call, () => {
        const asVoter = (member: EtcdInit<"Member">) =>
          member.ID === idOf(id) ? { ...member, isLearner: false } : member;
        call.respond({ members: members().map(asVoter) });
      });
    },
  };

  const update: UnaryMethod<EtcdMessage<"MemberUpdateRequest">, Listed> = {
    kind: "unary",
    service,
    method: "MemberUpdate",
    decode: etcdCodecs.MemberUpdateRequest.decode,
    encode: (writer, response) =>
      etcdCodecs.MemberUpdateResponse.write({ header: header(), ...response }, writer),
    handle({ ID, peerURLs }, call) {
      const id = hexOf(ID);
      if (!arePeerUrls(peerURLs)) failWith(call, "memberUrlsInvalid");
      else if (changes.urlTaken(peerURLs, id)) failWith(call, "peerUrlTaken");
      else changes.readdress(id, peerURLs, call, () => call.respond({ members: members() }));
    },
  };

  const list: UnaryMethod<EtcdMessage<"MemberListRequest">, Listed> = {
    kind: "unary",
    service,
    method: "MemberList",
    decode: etcdCodecs.MemberListRequest.decode,
    encode: (writer, response) =>
      etcdCodecs.MemberListResponse.write({ header: header(), ...response }, writer),
    handle(request, call) {
      if (changes.refusesStranger(call)) return;
      if (!request.linearizable) {
        call.respond({ members: members() });
        return;
      }
      context.member.read((error) => {
        if (error === undefined) call.respond({ members: members() });
        else failWith(call, error.code);
      });
    },
  };
  return [
    changes.forAdmins(add),
    changes.forAdmins(remove),
    changes.forAdmins(update),
    list,
    changes.forAdmins(promote),
  ];
}

/** What all changes have in common: admission, the way to the leader, and how they fail. */
class Changes {
  private readonly context: DoorContext;
  private readonly admission: Admission;
  private readonly access: Access;

  constructor({ context, admission, access }: Dependencies) {
    this.context = context;
    this.access = access;
    this.admission = admission;
  }

  refusesStranger(call: UnaryCall<never>): boolean {
    const fault = this.admission.refuse(call, false) ?? this.access.refusesStranger(call);
    if (fault === undefined) return false;
    failWith(call, fault);
    return true;
  }

  /**
   * Unlike a command, a change of the members is judged nowhere but here: so by the newest state. What is
   * kept of a request until then are numbers and texts.
   */
  forAdmins<Request, Response>(
    method: UnaryMethod<Request, Response>,
  ): UnaryMethod<Request, Response> {
    const handle = (request: Request, call: UnaryCall<Response>) => {
      const fault = this.admission.refuse(call, false);
      if (fault !== undefined) {
        failWith(call, fault);
        return;
      }
      this.context.member.read((error) => {
        const code = error === undefined ? this.access.refusesNonAdmin(call) : codeOf(error);
        if (code === undefined) method.handle(request, call);
        else failWith(call, code);
      });
    };
    return { ...method, handle };
  }

  /** Also by one that was founded with the cluster and has not started yet. */
  urlTaken(urls: readonly string[], except: string | undefined): boolean {
    return this.context
      .members()
      .some(({ id, peerUrls }) => id !== except && peerUrls.some((url) => urls.includes(url)));
  }

  make(request: Reconfiguration, call: UnaryCall<never>, done: () => void): void {
    this.context.member.reconfigure(request, (error) => {
      if (error === undefined) done();
      else failWith(call, codeOf(error));
    });
  }

  /** What the member says of itself stays; only where others find it is changed. */
  readdress(id: string, urls: readonly string[], call: UnaryCall<never>, done: () => void): void {
    const { member } = this.context;
    member.read((unread) => {
      if (unread !== undefined) {
        failWith(call, codeOf(unread));
        return;
      }
      const known = this.context.members().find((one) => one.id === id);
      if (known === undefined) {
        failWith(call, "memberUnknown");
        return;
      }
      const { name, clientUrls } = known;
      const published = member.roster().find((one) => one.member === id);
      const described = { kind: "publishMember", member: id, name, clientUrls } as const;
      const command = { ...described, incarnation: "", ...published, peerUrls: [...urls] };
      member.propose(encodeCommand(command), (outcome) => {
        if (outcome.kind === "failed") failWith(call, codeOf(outcome.error));
        else if (outcome.result.kind === "error") failWith(call, outcome.result.code);
        else done();
      });
    });
  }
}

/** Without a leader etcd calls the cluster unhealthy; an outcome that is not known stays a timeout. */
function codeOf(error: MemberError): EtcdErrorCode {
  const isLeaderless = error.code === "noLeader" && error.outcome === "notExecuted";
  return isLeaderless ? "unhealthy" : memberFault(error);
}

function toWire(member: MemberInfo): EtcdInit<"Member"> {
  return {
    ID: idOf(member.id),
    name: member.name,
    peerURLs: member.peerUrls,
    clientURLs: member.clientUrls,
    isLearner: member.isLearner,
  };
}
