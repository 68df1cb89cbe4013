// etcdserverpb.Lease. Grants and revokes go through the log; what is left of a lease only the leader
// knows, so keeping alive and asking for it go there from any member. Four conventions for a lease that is
// not there, as in etcd: keep-alive says TTL 0, time-to-live says -1, revoke and put fail.

import { randomBytes } from "node:crypto";
import type { MemberError } from "@althing/member";
import type { CallerOutcome } from "@althing/service";
import { type Command, encodeCommand } from "@althing/store";
import { type EtcdInit, type EtcdMessage, etcdCodecs } from "@althing/wire";
import type { BidiMethod, GrpcMethod, UnaryCall, UnaryMethod } from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import type { Admission } from "../admission.ts";
import type { Access } from "../auth/access.ts";
import type { MemberView } from "../cluster/member-view.ts";
import { type EtcdErrorCode, failWith, memberFault } from "../errors.ts";
import { answerWithKeys } from "./lease-keys.ts";
import { answerLeases } from "./lease-list.ts";

const service = "etcdserverpb.Lease";

export function leaseMethods(dependencies: {
  readonly context: DoorContext;
  readonly view: MemberView;
  readonly admission: Admission;
  readonly access: Access;
}): GrpcMethod[] {
  const { context, view, admission, access } = dependencies;
  const { member, store } = context;
  const refused = (call: UnaryCall<never>) => {
    const fault = admission.refuse(call, false);
    if (fault !== undefined) failWith(call, fault);
    return fault !== undefined;
  };
  const propose = (command: Command, call: UnaryCall<never>, done: (revision: number) => void) => {
    const bytes = encodeCommand(command);
    // The leader revokes leases of its own accord too.
    const isRevoke = command.kind === "leaseRevoke";
    const told = (outcome: CallerOutcome<EtcdErrorCode>) => {
      if (outcome.kind === "failed") failWith(call, memberFault(outcome.error));
      else if (outcome.kind === "refused") failWith(call, outcome.code);
      else if (outcome.result.kind === "error") failWith(call, outcome.result.code);
      else done(outcome.result.revision);
    };
    if (isRevoke) access.proposeAsClient(call, bytes, told);
    else access.propose(call, bytes, told);
  };

  const grant: UnaryMethod<EtcdMessage<"LeaseGrantRequest">, EtcdInit<"LeaseGrantResponse">> = {
    kind: "unary",
    service,
    method: "LeaseGrant",
    decode: etcdCodecs.LeaseGrantRequest.decode,
    encode: (writer, response) => etcdCodecs.LeaseGrantResponse.write(response, writer),
    handle({ ID: asked, TTL: wanted }, call) {
      if (refused(call)) return;
      const ID = asked === 0n ? freshId() : asked;
      const TTL = Math.max(wanted, context.leaseSecondsMin);
      // Before it is encoded: the log holds no numbers beyond it.
      if (TTL > ttlSecondsMax) failWith(call, "leaseTtlTooLarge");
      else {
        propose({ kind: "leaseGrant", lease: ID, ttlSeconds: TTL }, call, (revision) => {
          call.respond({ header: view.header(revision), ID, TTL });
        });
      }
    },
  };

  const revoke: UnaryMethod<EtcdMessage<"LeaseRevokeRequest">, EtcdInit<"LeaseRevokeResponse">> = {
    kind: "unary",
    service,
    method: "LeaseRevoke",
    decode: etcdCodecs.LeaseRevokeRequest.decode,
    encode: (writer, response) => etcdCodecs.LeaseRevokeResponse.write(response, writer),
    handle({ ID }, call) {
      if (refused(call)) return;
      propose({ kind: "leaseRevoke", lease: ID }, call, (revision) => {
        call.respond({ header: view.header(revision) });
      });
    },
  };

  const timeToLive: UnaryMethod<
    EtcdMessage<"LeaseTimeToLiveRequest">,
    EtcdInit<"LeaseTimeToLiveResponse">
  > = {
    kind: "unary",
    service,
    method: "LeaseTimeToLive",
    decode: etcdCodecs.LeaseTimeToLiveRequest.decode,
    encode: (writer, response) => etcdCodecs.LeaseTimeToLiveResponse.write(response, writer),
    handle({ ID, keys: withKeys }, call) {
      if (refused(call)) return;
      // The read brings this member up to date with what the leader speaks of.
      context.leases.ask(ID, false, (error, leftMs) => {
        if (error !== undefined) {
          failWith(call, codeOf(error));
          return;
        }
        member.read((unread) => {
          if (unread !== undefined) {
            failWith(call, codeOf(unread));
            return;
          }
          const refused = withKeys
            ? access.refusesLease(call, ID, "read")
            : access.refusesStranger(call);
          if (refused !== undefined) {
            failWith(call, refused);
            return;
          }
          const header = view.header(store.revision);
          const state = store.lease(ID);
          if (leftMs === undefined || state === undefined) call.respond({ header, ID, TTL: -1 });
          else {
            const TTL = Math.floor(leftMs / 1000);
            const answer = { header, ID, TTL, grantedTTL: state.ttlSeconds };
            if (withKeys) answerWithKeys(context, store.openLeaseKeys(ID), answer, call);
            else call.respond(answer);
          }
        });
      });
    },
  };

  const leases: UnaryMethod<EtcdMessage<"LeaseLeasesRequest">, EtcdInit<"LeaseLeasesResponse">> = {
    kind: "unary",
    service,
    method: "LeaseLeases",
    decode: etcdCodecs.LeaseLeasesRequest.decode,
    encode: (writer, response) => etcdCodecs.LeaseLeasesResponse.write(response, writer),
    handle(_request, call) {
      if (refused(call)) return;
      member.read((error) => {
        const found = context.leases.ends();
        const refused = error === undefined ? access.refusesLeases(call, found) : codeOf(error);
        if (refused !== undefined) failWith(call, refused);
        else answerLeases(context, found, view.header(store.revision), call);
      });
    },
  };

  const keepAlive: BidiMethod<
    EtcdMessage<"LeaseKeepAliveRequest">,
    EtcdInit<"LeaseKeepAliveResponse">
  > = {
    kind: "bidi",
    service,
    method: "LeaseKeepAlive",
    decode: etcdCodecs.LeaseKeepAliveRequest.decode,
    encode: (writer, response) => etcdCodecs.LeaseKeepAliveResponse.write(response, writer),
    open(call) {
      const fault = admission.refuse(call, false, "stream");
      if (fault !== undefined) {
        failWith(call, fault);
        return { message() {}, halfClosed() {} };
      }
      /** One answer per request, in their order, however long the leader takes for each. */
      const waiting: { response: EtcdInit<"LeaseKeepAliveResponse"> | undefined }[] = [];
      let isHalfClosed = false;
      const flush = () => {
        for (let first = waiting[0]; first?.response !== undefined; first = waiting[0]) {
          waiting.shift();
          call.send(first.response);
        }
        if (isHalfClosed && waiting.length === 0) call.end();
      };
      return {
        message({ ID }) {
          if (waiting.length >= waitingMax) {
            failWith(call, "overloaded");
            return;
          }
          const place: (typeof waiting)[number] = { response: undefined };
          waiting.push(place);
          const refuses = () => access.refusesLease(call, ID, "write");
          const renew = () => {
            // Before the renewal, so that it is never newer than that.
            const header = view.header(store.revision);
            context.leases.ask(ID, true, (error, leftMs) => {
              if (error !== undefined) {
                failWith(call, codeOf(error));
                return;
              }
              const TTL = leftMs === undefined ? 0 : Math.floor(leftMs / 1000);
              place.response = { header, ID, TTL };
              flush();
            });
          };
          access.unlessRefused(call, refuses, renew, codeOf);
        },
        halfClosed() {
          isHalfClosed = true;
          flush();
        },
      };
    },
  };
  return [grant, revoke, keepAlive, timeToLive, leases];
}

/** Some 285 years, as in etcd. */
const ttlSecondsMax = 9_000_000_000;
const waitingMax = 4096;

/** Positive, 63 bits, not 0. */
function freshId(): bigint {
  return (randomBytes(8).readBigUInt64BE() >> 1n) | 1n;
}

function codeOf(error: MemberError): EtcdErrorCode {
  return error.code === "noLeader" ? "leaderMissing" : memberFault(error);
}
