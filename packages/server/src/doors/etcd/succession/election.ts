// v3electionpb.Election: whoever entered first under a name leads, and its place says what it proclaims. As in
// etcd every failure has the code UNKNOWN. Who is told that it leads did so when it was told: not the lease
// that ended while it waited.

import { putOf, type Succession } from "@althing/service";
import {
  type EtcdInit,
  type EtcdMessage,
  type EtcdMessageName,
  etcdCodecs,
  type Writer,
} from "@althing/wire";
import {
  type CallContext,
  type GrpcMethod,
  type GrpcStatus,
  grpcStatus,
  type ServerStreamMethod,
  type UnaryCall,
  type UnaryMethod,
} from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import type { Admission } from "../admission.ts";
import type { Access } from "../auth/access.ts";
import type { MemberView } from "../cluster/member-view.ts";
import { etcdErrors, failWith } from "../errors.ts";
import { storedKeyValue } from "../kv/key-value.ts";
import type { WatchHub } from "../watch/watch-hub.ts";
import { observeElection } from "./election-observer.ts";
import { bytesOf, claimantOf, keyOf } from "./succession.ts";

const noLeader = "election: no leader";
const notLeader = "election: not leader";
const leaderMissing = '"leader" field must be provided';

interface Dependencies {
  readonly context: DoorContext;
  readonly view: MemberView;
  readonly admission: Admission;
  readonly access: Access;
  readonly succession: Succession;
  readonly hub: WatchHub;
}

export function electionMethods(dependencies: Dependencies): GrpcMethod[] {
  const { context, view, admission, access, succession } = dependencies;
  const claimant = (call: FailingCall) => claimantOf(call, "election", access);

  /** A method whose requests are refused as every RPC's are, before its own work. */
  const unary = <Request extends EtcdMessageName, Response extends EtcdMessageName>(
    method: string,
    request: Request,
    response: Response,
    handle: (request: EtcdMessage<Request>, call: UnaryCall<EtcdInit<Response>>) => void,
  ): UnaryMethod<EtcdMessage<Request>, EtcdInit<Response>> => ({
    kind: "unary",
    ...codecsOf(method, request, response),
    handle(message, call) {
      const fault = admission.refuse(call, false);
      if (fault === undefined) handle(message, call);
      else failWith(call, fault);
    },
  });

  const campaign = unary("Campaign", "CampaignRequest", "CampaignResponse", (request, call) => {
    const { name, lease, value } = request;
    // They are read again when the outcome is known, and the request's bytes are not ours.
    const claim = { kind: "election", name: keyOf(name), lease, value: value.slice() } as const;
    succession.hold(
      claim,
      claimant(call),
      ({ key, createRevision: rev, lease: held, revision }) => {
        const leader = { name: bytesOf(claim.name), key: bytesOf(key), rev, lease: held };
        call.respond({ header: view.header(revision), leader });
      },
    );
  });

  const proclaim = unary("Proclaim", "ProclaimRequest", "ProclaimResponse", (request, call) => {
    const { leader } = request;
    if (leader === undefined) refuse(call, leaderMissing);
    else if (leader.key.length === 0) refuse(call, etcdErrors.keyEmpty.message);
    else {
      const place = { key: keyOf(leader.key), createRevision: leader.rev };
      const value = request.value.slice();
      succession.withLease(leader.lease, claimant(call), (lease) => {
        const put = putOf(place.key, value, lease);
        succession.guarded(place, [put], claimant(call), (succeeded, revision) => {
          if (succeeded) call.respond({ header: view.header(revision) });
          else refuse(call, notLeader);
        });
      });
    }
  });

  const leader = unary("Leader", "LeaderRequest", "LeaderResponse", (request, call) => {
    const name = keyOf(request.name);
    context.member.read((error) => {
      if (error !== undefined) refuse(call, etcdErrors[error.code].message);
      else if (!succession.denies(name, claimant(call))) {
        const owner = succession.owner(name);
        if (owner === undefined) refuse(call, noLeader);
        else {
          const header = view.header(context.store.revision);
          call.respond({ header, kv: storedKeyValue(owner) });
        }
      }
    });
  });

  const observe: ServerStreamMethod<EtcdMessage<"LeaderRequest">, EtcdInit<"LeaderResponse">> = {
    kind: "serverStream",
    ...codecsOf("Observe", "LeaderRequest", "LeaderResponse"),
    handle({ name }, call) {
      const fault = admission.refuse(call, false, "stream");
      if (fault === undefined) observeElection(dependencies, keyOf(name), call);
      else failWith(call, fault);
    },
  };

  const resign = unary("Resign", "ResignRequest", "ResignResponse", ({ leader: own }, call) => {
    if (own === undefined) refuse(call, leaderMissing);
    else if (own.key.length === 0) refuse(call, etcdErrors.keyEmpty.message);
    else {
      const place = { key: keyOf(own.key), createRevision: own.rev };
      const gone = { kind: "deleteRange", key: place.key, rangeEnd: "", prevKv: false } as const;
      succession.guarded(place, [gone], claimant(call), (_succeeded, revision) => {
        call.respond({ header: view.header(revision) });
      });
    }
  });
  return [campaign, proclaim, leader, observe, resign];
}

function codecsOf<Request extends EtcdMessageName, Response extends EtcdMessageName>(
  method: string,
  request: Request,
  response: Response,
) {
  // The codecs' types depend on names that are generic here.
  const codecs = etcdCodecs as unknown as Record<string, Codec>;
  const { decode } = codecs[request]! as Codec<EtcdMessage<Request>>;
  const { write } = codecs[response]! as Codec<unknown, EtcdInit<Response>>;
  return {
    service: "v3electionpb.Election",
    method,
    decode,
    encode: (writer: Writer, message: EtcdInit<Response>) => write(message, writer),
  };
}

interface Codec<Decoded = unknown, Encoded = unknown> {
  decode(bytes: Uint8Array): Decoded;
  write(message: Encoded, writer: Writer): void;
}

type FailingCall = CallContext & { fail(status: GrpcStatus, message: string): void };

function refuse(call: FailingCall, text: string): void {
  call.fail(grpcStatus.unknown, text);
}
