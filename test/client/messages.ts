// The etcd v3 messages that tests send and read, as one table and as types. Field numbers are etcd's public
// protocol. Bytes are latin1 strings; 64-bit integers are numbers where they are safe.
// It is long because it is a table.

import type { Field, FieldType, Schema } from "./protobuf.ts";

type Integer = number | bigint;

export interface Header {
  readonly cluster_id?: Integer;
  readonly member_id?: Integer;
  readonly revision?: number;
  readonly raft_term?: number;
}
export interface KeyValue {
  readonly key?: string;
  readonly create_revision?: number;
  readonly mod_revision?: number;
  readonly version?: number;
  readonly value?: string;
  readonly lease?: Integer;
}
export interface RangeRequest {
  readonly key?: string;
  readonly range_end?: string;
  readonly limit?: Integer;
  readonly revision?: Integer;
  readonly sort_order?: number;
  readonly sort_target?: number;
  readonly serializable?: boolean;
  readonly keys_only?: boolean;
  readonly count_only?: boolean;
  readonly min_mod_revision?: Integer;
  readonly max_mod_revision?: Integer;
  readonly min_create_revision?: Integer;
  readonly max_create_revision?: Integer;
}
export interface RangeResponse {
  readonly header?: Header;
  readonly kvs?: readonly KeyValue[];
  readonly more?: boolean;
  readonly count?: number;
}
export interface PutRequest {
  readonly key?: string;
  readonly value?: string | Uint8Array;
  readonly lease?: Integer;
  readonly prev_kv?: boolean;
  readonly ignore_value?: boolean;
  readonly ignore_lease?: boolean;
}
export interface PutResponse {
  readonly header?: Header;
  readonly prev_kv?: KeyValue;
}
export interface DeleteRangeRequest {
  readonly key?: string;
  readonly range_end?: string;
  readonly prev_kv?: boolean;
}
export interface DeleteRangeResponse {
  readonly header?: Header;
  readonly deleted?: number;
  readonly prev_kvs?: readonly KeyValue[];
}
export interface Compare {
  readonly result?: number;
  readonly target?: number;
  readonly key?: string;
  readonly version?: Integer;
  readonly create_revision?: Integer;
  readonly mod_revision?: Integer;
  readonly value?: string;
  readonly lease?: Integer;
  readonly range_end?: string;
}
export interface RequestOp {
  readonly request_range?: RangeRequest;
  readonly request_put?: PutRequest;
  readonly request_delete_range?: DeleteRangeRequest;
  readonly request_txn?: TxnRequest;
}
export interface TxnRequest {
  readonly compare?: readonly Compare[];
  readonly success?: readonly RequestOp[];
  readonly failure?: readonly RequestOp[];
}
export interface ResponseOp {
  readonly response_range?: RangeResponse;
  readonly response_put?: PutResponse;
  readonly response_delete_range?: DeleteRangeResponse;
  readonly response_txn?: TxnResponse;
}
export interface TxnResponse {
  readonly header?: Header;
  readonly succeeded?: boolean;
  readonly responses?: readonly ResponseOp[];
}
export interface CompactionRequest {
  readonly revision?: Integer;
  readonly physical?: boolean;
}
export interface StatusResponse {
  readonly header?: Header;
  readonly version?: string;
  readonly dbSize?: number;
  readonly leader?: Integer;
  readonly raftIndex?: number;
  readonly raftTerm?: number;
  readonly raftAppliedIndex?: number;
  readonly errors?: readonly string[];
  readonly dbSizeInUse?: number;
  readonly isLearner?: boolean;
}
export interface MemberInfo {
  readonly ID?: Integer;
  readonly name?: string;
  readonly peerURLs?: readonly string[];
  readonly clientURLs?: readonly string[];
  readonly isLearner?: boolean;
}

export interface Event {
  readonly type?: number;
  readonly kv?: KeyValue;
  readonly prev_kv?: KeyValue;
}
export interface WatchCreateRequest {
  readonly key?: string;
  readonly range_end?: string;
  readonly start_revision?: Integer;
  readonly progress_notify?: boolean;
  readonly filters?: readonly number[];
  readonly prev_kv?: boolean;
  readonly watch_id?: Integer;
  readonly fragment?: boolean;
}
export interface WatchRequest {
  readonly create_request?: WatchCreateRequest;
  readonly cancel_request?: { readonly watch_id?: Integer };
  readonly progress_request?: { readonly [nothing: string]: never };
}
export interface WatchResponse {
  readonly header?: Header;
  readonly watch_id?: Integer;
  readonly created?: boolean;
  readonly canceled?: boolean;
  readonly compact_revision?: number;
  readonly cancel_reason?: string;
  readonly fragment?: boolean;
  readonly events?: readonly Event[];
}

const define = (name: string, ...fields: readonly string[]): { name: string; fields: Field[] } => ({
  name,
  fields: fields.map((text) => parseField(text)),
});

const known = new Map<string, Schema>();
function schema(name: string, ...fields: readonly string[]): Schema {
  const made = define(name, ...fields);
  known.set(name, made);
  return made;
}

function parseField(text: string): Field {
  const [number, name, typeName = ""] = text.split(" ");
  const isRepeated = typeName.endsWith("[]");
  const bare = isRepeated ? typeName.slice(0, -2) : typeName;
  const type = known.get(bare) ?? (bare as FieldType);
  return { number: Number(number), name: name ?? "", type, isRepeated };
}

schema(
  "Header",
  "1 cluster_id uint64",
  "2 member_id uint64",
  "3 revision int64",
  "4 raft_term uint64",
);
schema(
  "KeyValue",
  "1 key bytes",
  "2 create_revision int64",
  "3 mod_revision int64",
  "4 version int64",
  "5 value bytes",
  "6 lease int64",
);
const rangeRequest = schema(
  "RangeRequest",
  "1 key bytes",
  "2 range_end bytes",
  "3 limit int64",
  "4 revision int64",
  "5 sort_order enum",
  "6 sort_target enum",
  "7 serializable bool",
  "8 keys_only bool",
  "9 count_only bool",
  "10 min_mod_revision int64",
  "11 max_mod_revision int64",
  "12 min_create_revision int64",
  "13 max_create_revision int64",
);
const rangeResponse = schema(
  "RangeResponse",
  "1 header Header",
  "2 kvs KeyValue[]",
  "3 more bool",
  "4 count int64",
);
const putRequest = schema(
  "PutRequest",
  "1 key bytes",
  "2 value bytes",
  "3 lease int64",
  "4 prev_kv bool",
  "5 ignore_value bool",
  "6 ignore_lease bool",
);
const putResponse = schema("PutResponse", "1 header Header", "2 prev_kv KeyValue");
const deleteRangeRequest = schema(
  "DeleteRangeRequest",
  "1 key bytes",
  "2 range_end bytes",
  "3 prev_kv bool",
);
const deleteRangeResponse = schema(
  "DeleteRangeResponse",
  "1 header Header",
  "2 deleted int64",
  "3 prev_kvs KeyValue[]",
);
schema(
  "Compare",
  "1 result enum",
  "2 target enum",
  "3 key bytes",
  "4 version int64",
  "5 create_revision int64",
  "6 mod_revision int64",
  "7 value bytes",
  "8 lease int64",
  "64 range_end bytes",
);

// A transaction holds transactions: these two pairs refer to each other.
const requestOp = define(
  "RequestOp",
  "1 request_range RangeRequest",
  "2 request_put PutRequest",
  "3 request_delete_range DeleteRangeRequest",
);
known.set("RequestOp", requestOp);
const txnRequest = schema(
  "TxnRequest",
  "1 compare Compare[]",
  "2 success RequestOp[]",
  "3 failure RequestOp[]",
);
requestOp.fields.push({ number: 4, name: "request_txn", type: txnRequest });
const responseOp = define(
  "ResponseOp",
  "1 response_range RangeResponse",
  "2 response_put PutResponse",
  "3 response_delete_range DeleteRangeResponse",
);
known.set("ResponseOp", responseOp);
const txnResponse = schema(
  "TxnResponse",
  "1 header Header",
  "2 succeeded bool",
  "3 responses ResponseOp[]",
);
responseOp.fields.push({ number: 4, name: "response_txn", type: txnResponse });

const empty = schema("Empty");
const member = schema(
  "Member",
  "1 ID uint64",
  "2 name string",
  "3 peerURLs string[]",
  "4 clientURLs string[]",
  "5 isLearner bool",
);
known.set("Member", member);

schema("LeaseStatus", "1 ID int64");
schema("Event", "1 type enum", "2 kv KeyValue", "3 prev_kv KeyValue");
schema(
  "WatchCreateRequest",
  "1 key bytes",
  "2 range_end bytes",
  "3 start_revision int64",
  "4 progress_notify bool",
  "5 filters enum[]",
  "6 prev_kv bool",
  "7 watch_id int64",
  "8 fragment bool",
);
schema("WatchCancelRequest", "1 watch_id int64");
schema("WatchProgressRequest");
const watchRequest = schema(
  "WatchRequest",
  "1 create_request WatchCreateRequest",
  "2 cancel_request WatchCancelRequest",
  "3 progress_request WatchProgressRequest",
);
const watchResponse = schema(
  "WatchResponse",
  "1 header Header",
  "2 watch_id int64",
  "3 created bool",
  "4 canceled bool",
  "5 compact_revision int64",
  "6 cancel_reason string",
  "7 fragment bool",
  "11 events Event[]",
);
schema("LeaderKey", "1 name bytes", "2 key bytes", "3 rev int64", "4 lease int64");
const leaderRequest = schema("LeaderRequest", "1 name bytes");
const leaderResponse = schema("LeaderResponse", "1 header Header", "2 kv KeyValue");
schema("UserAddOptions", "1 no_password bool");
schema("Permission", "1 permType enum", "2 key bytes", "3 range_end bytes");

function headerAlone(name: string): Schema {
  return schema(name, "1 header Header");
}

/** Most calls of the Auth service are answered with a header. */
function auth(name: string, ...fields: readonly string[]): Method {
  return {
    path: `/etcdserverpb.Auth/${name}`,
    request: schema(`${name}Request`, ...fields),
    response: headerAlone(`${name}Response`),
  };
}

export interface Method {
  readonly path: string;
  readonly request: Schema;
  readonly response: Schema;
}

export const methods = {
  range: {
    path: "/etcdserverpb.KV/Range",
    request: rangeRequest,
    response: rangeResponse,
  },
  put: { path: "/etcdserverpb.KV/Put", request: putRequest, response: putResponse },
  deleteRange: {
    path: "/etcdserverpb.KV/DeleteRange",
    request: deleteRangeRequest,
    response: deleteRangeResponse,
  },
  txn: { path: "/etcdserverpb.KV/Txn", request: txnRequest, response: txnResponse },
  compact: {
    path: "/etcdserverpb.KV/Compact",
    request: schema("CompactionRequest", "1 revision int64", "2 physical bool"),
    response: schema("CompactionResponse", "1 header Header"),
  },
  status: {
    path: "/etcdserverpb.Maintenance/Status",
    request: empty,
    response: schema(
      "StatusResponse",
      "1 header Header",
      "2 version string",
      "3 dbSize int64",
      "4 leader uint64",
      "5 raftIndex uint64",
      "6 raftTerm uint64",
      "7 raftAppliedIndex uint64",
      "8 errors string[]",
      "9 dbSizeInUse int64",
      "10 isLearner bool",
      "11 storageVersion string",
      "12 dbSizeQuota int64",
    ),
  },
  memberAdd: {
    path: "/etcdserverpb.Cluster/MemberAdd",
    request: schema("MemberAddRequest", "1 peerURLs string[]"),
    response: schema(
      "MemberAddResponse",
      "1 header Header",
      "2 member Member",
      "3 members Member[]",
    ),
  },
  memberRemove: {
    path: "/etcdserverpb.Cluster/MemberRemove",
    request: schema("MemberRemoveRequest", "1 ID uint64"),
    response: schema("MemberRemoveResponse", "1 header Header", "2 members Member[]"),
  },
  memberUpdate: {
    path: "/etcdserverpb.Cluster/MemberUpdate",
    request: schema("MemberUpdateRequest", "1 ID uint64", "2 peerURLs string[]"),
    response: schema("MemberUpdateResponse", "1 header Header", "2 members Member[]"),
  },
  memberList: {
    path: "/etcdserverpb.Cluster/MemberList",
    request: schema("MemberListRequest", "1 linearizable bool"),
    response: schema("MemberListResponse", "1 header Header", "2 members Member[]"),
  },
  leaseGrant: {
    path: "/etcdserverpb.Lease/LeaseGrant",
    request: schema("LeaseGrantRequest", "1 TTL int64", "2 ID int64"),
    response: schema(
      "LeaseGrantResponse",
      "1 header Header",
      "2 ID int64",
      "3 TTL int64",
      "4 error string",
    ),
  },
  leaseRevoke: {
    path: "/etcdserverpb.Lease/LeaseRevoke",
    request: schema("LeaseRevokeRequest", "1 ID int64"),
    response: headerAlone("LeaseRevokeResponse"),
  },
  /** A stream; half-closed after one request it answers once, like any other call. */
  leaseKeepAlive: {
    path: "/etcdserverpb.Lease/LeaseKeepAlive",
    request: schema("LeaseKeepAliveRequest", "1 ID int64"),
    response: schema("LeaseKeepAliveResponse", "1 header Header", "2 ID int64", "3 TTL int64"),
  },
  leaseTimeToLive: {
    path: "/etcdserverpb.Lease/LeaseTimeToLive",
    request: schema("LeaseTimeToLiveRequest", "1 ID int64", "2 keys bool"),
    response: schema(
      "LeaseTimeToLiveResponse",
      "1 header Header",
      "2 ID int64",
      "3 TTL int64",
      "4 grantedTTL int64",
      "5 keys bytes[]",
    ),
  },
  leaseLeases: {
    path: "/etcdserverpb.Lease/LeaseLeases",
    request: empty,
    response: schema("LeaseLeasesResponse", "1 header Header", "2 leases LeaseStatus[]"),
  },
  watch: { path: "/etcdserverpb.Watch/Watch", request: watchRequest, response: watchResponse },
  hashKV: {
    path: "/etcdserverpb.Maintenance/HashKV",
    request: schema("HashKVRequest", "1 revision int64"),
    response: schema(
      "HashKVResponse",
      "1 header Header",
      "2 hash uint64",
      "3 compact_revision int64",
      "4 hash_revision int64",
    ),
  },
  moveLeader: {
    path: "/etcdserverpb.Maintenance/MoveLeader",
    request: schema("MoveLeaderRequest", "1 targetID uint64"),
    response: headerAlone("MoveLeaderResponse"),
  },
  authEnable: auth("AuthEnable"),
  authDisable: auth("AuthDisable"),
  authenticate: {
    path: "/etcdserverpb.Auth/Authenticate",
    request: schema("AuthenticateRequest", "1 name string", "2 password string"),
    response: schema("AuthenticateResponse", "1 header Header", "2 token string"),
  },
  userAdd: auth("UserAdd", "1 name string", "2 password string", "3 options UserAddOptions"),
  userGet: {
    path: "/etcdserverpb.Auth/UserGet",
    request: schema("AuthUserGetRequest", "1 name string"),
    response: schema("AuthUserGetResponse", "1 header Header", "2 roles string[]"),
  },
  userList: {
    path: "/etcdserverpb.Auth/UserList",
    request: empty,
    response: schema("AuthUserListResponse", "1 header Header", "2 users string[]"),
  },
  userDelete: auth("UserDelete", "1 name string"),
  userChangePassword: auth("UserChangePassword", "1 name string", "2 password string"),
  userGrantRole: auth("UserGrantRole", "1 user string", "2 role string"),
  userRevokeRole: auth("UserRevokeRole", "1 name string", "2 role string"),
  roleAdd: auth("RoleAdd", "1 name string"),
  roleGet: {
    path: "/etcdserverpb.Auth/RoleGet",
    request: schema("AuthRoleGetRequest", "1 role string"),
    response: schema("AuthRoleGetResponse", "1 header Header", "2 perm Permission[]"),
  },
  roleList: {
    path: "/etcdserverpb.Auth/RoleList",
    request: empty,
    response: schema("AuthRoleListResponse", "1 header Header", "2 roles string[]"),
  },
  roleDelete: auth("RoleDelete", "1 role string"),
  roleGrantPermission: auth("RoleGrantPermission", "1 name string", "2 perm Permission"),
  roleRevokePermission: auth(
    "RoleRevokePermission",
    "1 role string",
    "2 key bytes",
    "3 range_end bytes",
  ),
  lock: {
    path: "/v3lockpb.Lock/Lock",
    request: schema("LockRequest", "1 name bytes", "2 lease int64"),
    response: schema("LockResponse", "1 header Header", "2 key bytes"),
  },
  unlock: {
    path: "/v3lockpb.Lock/Unlock",
    request: schema("UnlockRequest", "1 key bytes"),
    response: headerAlone("UnlockResponse"),
  },
  campaign: {
    path: "/v3electionpb.Election/Campaign",
    request: schema("CampaignRequest", "1 name bytes", "2 lease int64", "3 value bytes"),
    response: schema("CampaignResponse", "1 header Header", "2 leader LeaderKey"),
  },
  proclaim: {
    path: "/v3electionpb.Election/Proclaim",
    request: schema("ProclaimRequest", "1 leader LeaderKey", "2 value bytes"),
    response: headerAlone("ProclaimResponse"),
  },
  leader: {
    path: "/v3electionpb.Election/Leader",
    request: leaderRequest,
    response: leaderResponse,
  },
  observe: {
    path: "/v3electionpb.Election/Observe",
    request: leaderRequest,
    response: leaderResponse,
  },
  resign: {
    path: "/v3electionpb.Election/Resign",
    request: schema("ResignRequest", "1 leader LeaderKey"),
    response: headerAlone("ResignResponse"),
  },
} as const satisfies Record<string, Method>;
