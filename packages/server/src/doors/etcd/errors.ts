// The one table from a refusal to what an etcd client sees: gRPC status and exact text. Clients match on
// the text, so it is API. Codes of the store and of the member stand beside those that the door finds itself.

import type { MemberError, MemberErrorCode } from "@althing/member";
import type { StoreErrorCode } from "@althing/store";
import { type GrpcStatus, grpcStatus as status } from "../../transport/index.ts";

/** Refusals that neither the store nor the member knows. */
export type DoorErrorCode =
  | "invalidSortOption"
  | "invalidClientApiVersion"
  /** The client asked to fail at once without a leader, and there is none. */
  | "leaderMissing"
  | "learnerUnsupported"
  | "memberUrlsInvalid"
  | "downgradeVersionMalformed"
  | "downgradeVersionInvalid"
  | "downgradeUnsupported"
  | "downgradeActionUnknown"
  | "permissionNotGiven"
  | "tokenInvalid"
  | "passwordEmpty"
  | "passwordTooLong"
  | "passwordHashUnknown"
  | "tokenSigningKeyMissing"
  /** No room is left for what is being answered. */
  | "answersFull"
  | "unknownService"
  /** What was asked may have taken effect, or may still. */
  | "outcomeUnknown";

export type EtcdErrorCode = StoreErrorCode | MemberErrorCode | DoorErrorCode;

export interface EtcdError {
  readonly status: GrpcStatus;
  readonly message: string;
}

function error(code: GrpcStatus, text: string): EtcdError {
  return { status: code, message: `etcdserver: ${text}` };
}

export const etcdErrors: Readonly<Record<EtcdErrorCode, EtcdError>> = {
  keyEmpty: error(status.invalidArgument, "key is not provided"),
  keyNotFound: error(status.invalidArgument, "key not found"),
  valueProvided: error(status.invalidArgument, "value is provided"),
  leaseProvided: error(status.invalidArgument, "lease is provided"),
  tooManyOps: error(status.invalidArgument, "too many operations in txn request"),
  duplicateKey: error(status.invalidArgument, "duplicate key given in txn request"),
  invalidSortOption: error(status.invalidArgument, "invalid sort option"),
  invalidClientApiVersion: error(status.invalidArgument, "invalid client api version"),
  compacted: error(status.outOfRange, "mvcc: required revision has been compacted"),
  futureRevision: error(status.outOfRange, "mvcc: required revision is a future revision"),
  noSpace: error(status.resourceExhausted, "mvcc: database space exceeded"),
  leaseNotFound: error(status.notFound, "requested lease not found"),
  leaseExists: error(status.failedPrecondition, "lease already exists"),
  leaseTtlTooLarge: error(status.outOfRange, "too large lease TTL"),
  tooCostly: error(
    status.resourceExhausted,
    "request is too large: it reads more than one request may; use a limit and continue page by page, or ask for less",
  ),
  // What was proposed is no command of any version.
  commandUnknown: error(status.failedPrecondition, "not capable"),

  leaderMissing: error(status.unavailable, "no leader"),
  // The member has waited for a leader as long as a request may take: etcd calls that a timeout.
  noLeader: error(status.unavailable, "request timed out"),
  timedOut: error(status.unavailable, "request timed out"),
  leaderChanged: error(status.unavailable, "leader changed"),
  // What etcd says of a write whose leader was lost: clients know that it tells nothing of the outcome.
  outcomeUnknown: error(
    status.unavailable,
    "request timed out, possibly due to previous leader failure",
  ),
  // etcd declares ResourceExhausted for it, and sends Unknown.
  overloaded: error(status.unknown, "too many requests"),
  tooLarge: error(status.invalidArgument, "request is too large"),
  notLeader: error(status.failedPrecondition, "not leader"),
  membershipChangeInProgress: error(status.unavailable, "unhealthy cluster"),
  membershipChangeInvalid: error(status.notFound, "member not found"),
  learnerNotCaughtUp: error(
    status.failedPrecondition,
    "can only promote a learner member which is in sync with leader",
  ),
  memberUnknown: error(status.notFound, "member not found"),
  memberExists: error(status.failedPrecondition, "member ID already exist"),
  peerUrlTaken: error(status.failedPrecondition, "Peer URLs already exists"),
  memberUrlsInvalid: error(status.invalidArgument, "given member URLs are invalid"),
  tooManyLearners: error(status.failedPrecondition, "too many learner members in cluster"),
  notALearner: error(status.failedPrecondition, "can only promote a learner member"),
  // etcd declares FailedPrecondition for it, and sends Unknown.
  notEnoughStarted: error(
    status.unknown,
    "re-configuration failed due to not enough started members",
  ),
  unhealthy: error(status.unavailable, "unhealthy cluster"),
  transfereeInvalid: error(status.failedPrecondition, "bad leader transferee"),
  corrupt: error(status.dataLoss, "corrupt cluster"),
  failed: error(status.unavailable, "server stopped"),
  stopped: error(status.unavailable, "server stopped"),

  downgradeVersionMalformed: error(status.invalidArgument, "wrong downgrade target version format"),
  downgradeVersionInvalid: error(status.invalidArgument, "invalid downgrade target version"),
  // Data cannot be handed to an older version of etcd, so no job is ever begun.
  downgradeUnsupported: error(status.failedPrecondition, "not capable"),
  downgradeActionUnknown: error(status.unknown, "unknown method"),

  userEmpty: error(status.invalidArgument, "user name is empty"),
  userExists: error(status.failedPrecondition, "user name already exists"),
  userNotFound: error(status.failedPrecondition, "user name not found"),
  roleEmpty: error(status.invalidArgument, "role name is empty"),
  roleExists: error(status.failedPrecondition, "role name already exists"),
  roleNotFound: error(status.failedPrecondition, "role name not found"),
  roleNotGranted: error(status.failedPrecondition, "role is not granted to the user"),
  permissionNotGiven: error(status.invalidArgument, "permission not given"),
  permissionNotGranted: error(status.failedPrecondition, "permission is not granted to the role"),
  permissionDenied: error(status.permissionDenied, "permission denied"),
  rootUserMissing: error(status.failedPrecondition, "root user does not exist"),
  rootRoleMissing: error(status.failedPrecondition, "root user does not have root role"),
  authNotEnabled: error(status.failedPrecondition, "authentication is not enabled"),
  authFailed: error(status.invalidArgument, "authentication failed, invalid user ID or password"),
  authRevisionOld: error(status.invalidArgument, "revision of auth store is old"),
  authManagementInvalid: error(status.invalidArgument, "invalid auth management"),
  tokenInvalid: error(status.unauthenticated, "invalid auth token"),
  passwordEmpty: error(
    status.invalidArgument,
    "password is empty: give one, or add the user without a password",
  ),
  passwordTooLong: error(status.invalidArgument, "password is longer than 1024 characters"),
  passwordHashUnknown: error(
    status.invalidArgument,
    "the hashed password is not the base64 of a bcrypt hash with a cost from 4 to 14",
  ),
  tokenSigningKeyMissing: {
    status: status.unknown,
    message: "auth: token signing attempted with verify-only key",
  },

  answersFull: error(
    status.resourceExhausted,
    "too many requests: there is no room for an answer of this size; use a limit and continue page by page, or try again later",
  ),
  learnerUnsupported: error(status.failedPrecondition, "rpc not supported for learner"),
  unknownService: { status: status.notFound, message: "unknown service" },
};

/**
 * What the door says of what the member could not do. The text of a refusal would say that nothing was
 * done: of what is unknown only that is told.
 */
export function memberFault({ code, outcome }: MemberError): EtcdErrorCode {
  return outcome === "unknown" && code !== "timedOut" ? "outcomeUnknown" : code;
}

/** An error as it stands in a text: the way in which etcd's own language prints it. */
export function goText(code: EtcdErrorCode): string {
  const { status: number, message } = etcdErrors[code];
  const [name = ""] = Object.entries(status).find(([, one]) => one === number) ?? [];
  return `rpc error: code = ${name.charAt(0).toUpperCase()}${name.slice(1)} desc = ${message}`;
}

export function failWith(
  call: { fail(status: GrpcStatus, message: string): void },
  code: EtcdErrorCode,
): void {
  const { status: grpc, message } = etcdErrors[code];
  call.fail(grpc, message);
}
