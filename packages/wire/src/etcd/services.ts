// Every RPC of etcd's API: its service, kind, messages and the paths by which the JSON gateway serves it.
// Method names that two services share do not exist, but Lock and others could: the key is the full path.

import type { EtcdMessageName } from "./schema.ts";

export type RpcKind = "unary" | "serverStream" | "bidi";

export interface RpcSpec {
  readonly service: string;
  readonly method: string;
  readonly kind: RpcKind;
  readonly request: EtcdMessageName;
  readonly response: EtcdMessageName;
  /** Always POST. Empty: gRPC only. */
  readonly rest: readonly string[];
}

function rpc(
  service: string,
  method: string,
  rest: readonly string[],
  options: { kind?: RpcKind; request?: EtcdMessageName; response?: EtcdMessageName } = {},
): RpcSpec {
  return {
    service,
    method,
    kind: options.kind ?? "unary",
    // Most messages are named after their method; a test checks that every name here exists.
    request: options.request ?? (`${method}Request` as EtcdMessageName),
    response: options.response ?? (`${method}Response` as EtcdMessageName),
    rest,
  };
}

function authRpc(method: string, rest: string): RpcSpec {
  return rpc("etcdserverpb.Auth", method, [rest], {
    request: `Auth${method}Request` as EtcdMessageName,
    response: `Auth${method}Response` as EtcdMessageName,
  });
}

const kv = "etcdserverpb.KV";
const lease = "etcdserverpb.Lease";
const cluster = "etcdserverpb.Cluster";
const maintenance = "etcdserverpb.Maintenance";
const auth = "etcdserverpb.Auth";
const lock = "v3lockpb.Lock";
const election = "v3electionpb.Election";
const health = "grpc.health.v1.Health";
const healthMessages = {
  request: "HealthCheckRequest",
  response: "HealthCheckResponse",
} as const;

export const etcdRpcs: readonly RpcSpec[] = [
  rpc(kv, "Range", ["/v3/kv/range"]),
  rpc(kv, "RangeStream", [], {
    kind: "serverStream",
    request: "RangeRequest",
    response: "RangeStreamResponse",
  }),
  rpc(kv, "Put", ["/v3/kv/put"]),
  rpc(kv, "DeleteRange", ["/v3/kv/deleterange"]),
  rpc(kv, "Txn", ["/v3/kv/txn"]),
  rpc(kv, "Compact", ["/v3/kv/compaction"], {
    request: "CompactionRequest",
    response: "CompactionResponse",
  }),

  rpc("etcdserverpb.Watch", "Watch", ["/v3/watch"], { kind: "bidi" }),

  rpc(lease, "LeaseGrant", ["/v3/lease/grant"]),
  rpc(lease, "LeaseRevoke", ["/v3/lease/revoke", "/v3/kv/lease/revoke"]),
  rpc(lease, "LeaseKeepAlive", ["/v3/lease/keepalive"], { kind: "bidi" }),
  rpc(lease, "LeaseTimeToLive", ["/v3/lease/timetolive", "/v3/kv/lease/timetolive"]),
  rpc(lease, "LeaseLeases", ["/v3/lease/leases", "/v3/kv/lease/leases"]),

  rpc(cluster, "MemberAdd", ["/v3/cluster/member/add"]),
  rpc(cluster, "MemberRemove", ["/v3/cluster/member/remove"]),
  rpc(cluster, "MemberUpdate", ["/v3/cluster/member/update"]),
  rpc(cluster, "MemberList", ["/v3/cluster/member/list"]),
  rpc(cluster, "MemberPromote", ["/v3/cluster/member/promote"]),

  rpc(maintenance, "Alarm", ["/v3/maintenance/alarm"]),
  rpc(maintenance, "Status", ["/v3/maintenance/status"]),
  rpc(maintenance, "Defragment", ["/v3/maintenance/defragment"]),
  rpc(maintenance, "Hash", ["/v3/maintenance/hash"]),
  rpc(maintenance, "HashKV", ["/v3/maintenance/hashkv"]),
  rpc(maintenance, "Snapshot", ["/v3/maintenance/snapshot"], { kind: "serverStream" }),
  rpc(maintenance, "MoveLeader", ["/v3/maintenance/transfer-leadership"]),
  rpc(maintenance, "Downgrade", ["/v3/maintenance/downgrade"]),

  rpc(auth, "AuthEnable", ["/v3/auth/enable"]),
  rpc(auth, "AuthDisable", ["/v3/auth/disable"]),
  rpc(auth, "AuthStatus", ["/v3/auth/status"]),
  rpc(auth, "Authenticate", ["/v3/auth/authenticate"]),
  authRpc("UserAdd", "/v3/auth/user/add"),
  authRpc("UserGet", "/v3/auth/user/get"),
  authRpc("UserList", "/v3/auth/user/list"),
  authRpc("UserDelete", "/v3/auth/user/delete"),
  authRpc("UserChangePassword", "/v3/auth/user/changepw"),
  authRpc("UserGrantRole", "/v3/auth/user/grant"),
  authRpc("UserRevokeRole", "/v3/auth/user/revoke"),
  authRpc("RoleAdd", "/v3/auth/role/add"),
  authRpc("RoleGet", "/v3/auth/role/get"),
  authRpc("RoleList", "/v3/auth/role/list"),
  authRpc("RoleDelete", "/v3/auth/role/delete"),
  authRpc("RoleGrantPermission", "/v3/auth/role/grant"),
  authRpc("RoleRevokePermission", "/v3/auth/role/revoke"),

  rpc(lock, "Lock", ["/v3/lock/lock"]),
  rpc(lock, "Unlock", ["/v3/lock/unlock"]),

  rpc(election, "Campaign", ["/v3/election/campaign"]),
  rpc(election, "Proclaim", ["/v3/election/proclaim"]),
  rpc(election, "Leader", ["/v3/election/leader"]),
  rpc(election, "Observe", ["/v3/election/observe"], {
    kind: "serverStream",
    request: "LeaderRequest",
    response: "LeaderResponse",
  }),
  rpc(election, "Resign", ["/v3/election/resign"]),

  rpc(health, "Check", [], healthMessages),
  rpc(health, "Watch", [], { kind: "serverStream", ...healthMessages }),
];
