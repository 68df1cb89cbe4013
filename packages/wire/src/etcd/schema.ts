// etcd's API as data: every message, enum and service of etcd v3 with its field numbers, up to the fields
// that upstream's development head has. Codecs, types and the JSON mapping all follow from this table.
// Long because it is the whole API; nothing else lives here.

import type { MessageInit, MessageOf, Schema } from "../protobuf/schema.ts";

const enums = {
  EventType: { PUT: 0, DELETE: 1 },
  SortOrder: { NONE: 0, ASCEND: 1, DESCEND: 2 },
  SortTarget: { KEY: 0, VERSION: 1, CREATE: 2, MOD: 3, VALUE: 4 },
  CompareResult: { EQUAL: 0, GREATER: 1, LESS: 2, NOT_EQUAL: 3 },
  CompareTarget: { VERSION: 0, CREATE: 1, MOD: 2, VALUE: 3, LEASE: 4 },
  FilterType: { NOPUT: 0, NODELETE: 1 },
  AlarmType: { NONE: 0, NOSPACE: 1, CORRUPT: 2 },
  AlarmAction: { GET: 0, ACTIVATE: 1, DEACTIVATE: 2 },
  DowngradeAction: { VALIDATE: 0, ENABLE: 1, CANCEL: 2 },
  PermissionType: { READ: 0, WRITE: 1, READWRITE: 2 },
  ServingStatus: { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 },
} as const;

const header = [1, "ResponseHeader"] as const;

const kv = {
  ResponseHeader: {
    cluster_id: [1, "bigUint64"],
    member_id: [2, "bigUint64"],
    revision: [3, "int64"],
    raft_term: [4, "uint64"],
  },
  KeyValue: {
    key: [1, "bytes"],
    create_revision: [2, "int64"],
    mod_revision: [3, "int64"],
    version: [4, "int64"],
    value: [5, "bytes"],
    lease: [6, "bigInt64"],
  },
  Event: { type: [1, "EventType"], kv: [2, "KeyValue"], prev_kv: [3, "KeyValue"] },
  RangeRequest: {
    key: [1, "bytes"],
    range_end: [2, "bytes"],
    limit: [3, "int64"],
    revision: [4, "int64"],
    sort_order: [5, "SortOrder"],
    sort_target: [6, "SortTarget"],
    serializable: [7, "bool"],
    keys_only: [8, "bool"],
    count_only: [9, "bool"],
    min_mod_revision: [10, "int64"],
    max_mod_revision: [11, "int64"],
    min_create_revision: [12, "int64"],
    max_create_revision: [13, "int64"],
  },
  RangeResponse: {
    header,
    kvs: [2, "KeyValue", "repeated"],
    more: [3, "bool"],
    count: [4, "int64"],
  },
  RangeStreamResponse: { range_response: [1, "RangeResponse"] },
  PutRequest: {
    key: [1, "bytes"],
    value: [2, "bytes"],
    lease: [3, "bigInt64"],
    prev_kv: [4, "bool"],
    ignore_value: [5, "bool"],
    ignore_lease: [6, "bool"],
  },
  PutResponse: { header, prev_kv: [2, "KeyValue"] },
  DeleteRangeRequest: { key: [1, "bytes"], range_end: [2, "bytes"], prev_kv: [3, "bool"] },
  DeleteRangeResponse: { header, deleted: [2, "int64"], prev_kvs: [3, "KeyValue", "repeated"] },
  RequestOp: {
    request_range: [1, "RangeRequest", "oneof:request"],
    request_put: [2, "PutRequest", "oneof:request"],
    request_delete_range: [3, "DeleteRangeRequest", "oneof:request"],
    request_txn: [4, "TxnRequest", "oneof:request"],
  },
  ResponseOp: {
    response_range: [1, "RangeResponse", "oneof:response"],
    response_put: [2, "PutResponse", "oneof:response"],
    response_delete_range: [3, "DeleteRangeResponse", "oneof:response"],
    response_txn: [4, "TxnResponse", "oneof:response"],
  },
  Compare: {
    result: [1, "CompareResult"],
    target: [2, "CompareTarget"],
    key: [3, "bytes"],
    version: [4, "int64", "oneof:target_union"],
    create_revision: [5, "int64", "oneof:target_union"],
    mod_revision: [6, "int64", "oneof:target_union"],
    value: [7, "bytes", "oneof:target_union"],
    lease: [8, "bigInt64", "oneof:target_union"],
    range_end: [64, "bytes"],
  },
  TxnRequest: {
    compare: [1, "Compare", "repeated"],
    success: [2, "RequestOp", "repeated"],
    failure: [3, "RequestOp", "repeated"],
  },
  TxnResponse: { header, succeeded: [2, "bool"], responses: [3, "ResponseOp", "repeated"] },
  CompactionRequest: { revision: [1, "int64"], physical: [2, "bool"] },
  CompactionResponse: { header },
} as const;

const watch = {
  WatchRequest: {
    create_request: [1, "WatchCreateRequest", "oneof:request_union"],
    cancel_request: [2, "WatchCancelRequest", "oneof:request_union"],
    progress_request: [3, "WatchProgressRequest", "oneof:request_union"],
  },
  WatchCreateRequest: {
    key: [1, "bytes"],
    range_end: [2, "bytes"],
    start_revision: [3, "int64"],
    progress_notify: [4, "bool"],
    filters: [5, "FilterType", "repeated"],
    prev_kv: [6, "bool"],
    watch_id: [7, "bigInt64"],
    fragment: [8, "bool"],
  },
  WatchCancelRequest: { watch_id: [1, "bigInt64"] },
  WatchProgressRequest: {},
  WatchResponse: {
    header,
    watch_id: [2, "bigInt64"],
    created: [3, "bool"],
    canceled: [4, "bool"],
    compact_revision: [5, "int64"],
    cancel_reason: [6, "string"],
    fragment: [7, "bool"],
    events: [11, "Event", "repeated"],
  },
} as const;

const lease = {
  LeaseGrantRequest: { TTL: [1, "int64"], ID: [2, "bigInt64"] },
  LeaseGrantResponse: {
    header,
    ID: [2, "bigInt64"],
    TTL: [3, "int64"],
    error: [4, "string"],
  },
  LeaseRevokeRequest: { ID: [1, "bigInt64"] },
  LeaseRevokeResponse: { header },
  LeaseKeepAliveRequest: { ID: [1, "bigInt64"] },
  LeaseKeepAliveResponse: { header, ID: [2, "bigInt64"], TTL: [3, "int64"] },
  LeaseTimeToLiveRequest: { ID: [1, "bigInt64"], keys: [2, "bool"] },
  LeaseTimeToLiveResponse: {
    header,
    ID: [2, "bigInt64"],
    TTL: [3, "int64"],
    grantedTTL: [4, "int64"],
    keys: [5, "bytes", "repeated"],
  },
  LeaseLeasesRequest: {},
  LeaseStatus: { ID: [1, "bigInt64"] },
  LeaseLeasesResponse: { header, leases: [2, "LeaseStatus", "repeated"] },
} as const;

const members = [2, "Member", "repeated"] as const;

const cluster = {
  Member: {
    ID: [1, "bigUint64"],
    name: [2, "string"],
    peerURLs: [3, "string", "repeated"],
    clientURLs: [4, "string", "repeated"],
    isLearner: [5, "bool"],
  },
  MemberAddRequest: { peerURLs: [1, "string", "repeated"], isLearner: [2, "bool"] },
  MemberAddResponse: { header, member: [2, "Member"], members: [3, "Member", "repeated"] },
  MemberRemoveRequest: { ID: [1, "bigUint64"] },
  MemberRemoveResponse: { header, members },
  MemberUpdateRequest: { ID: [1, "bigUint64"], peerURLs: [2, "string", "repeated"] },
  MemberUpdateResponse: { header, members },
  MemberListRequest: { linearizable: [1, "bool"] },
  MemberListResponse: { header, members },
  MemberPromoteRequest: { ID: [1, "bigUint64"] },
  MemberPromoteResponse: { header, members },
} as const;

const maintenance = {
  AlarmRequest: {
    action: [1, "AlarmAction"],
    memberID: [2, "bigUint64"],
    alarm: [3, "AlarmType"],
  },
  AlarmMember: { memberID: [1, "bigUint64"], alarm: [2, "AlarmType"] },
  AlarmResponse: { header, alarms: [2, "AlarmMember", "repeated"] },
  StatusRequest: {},
  StatusResponse: {
    header,
    version: [2, "string"],
    dbSize: [3, "int64"],
    leader: [4, "bigUint64"],
    raftIndex: [5, "uint64"],
    raftTerm: [6, "uint64"],
    raftAppliedIndex: [7, "uint64"],
    errors: [8, "string", "repeated"],
    dbSizeInUse: [9, "int64"],
    isLearner: [10, "bool"],
    storageVersion: [11, "string"],
    dbSizeQuota: [12, "int64"],
    downgradeInfo: [13, "DowngradeInfo"],
  },
  DowngradeInfo: { enabled: [1, "bool"], targetVersion: [2, "string"] },
  DefragmentRequest: {},
  DefragmentResponse: { header },
  HashRequest: {},
  HashResponse: { header, hash: [2, "uint32"] },
  HashKVRequest: { revision: [1, "int64"] },
  HashKVResponse: {
    header,
    hash: [2, "uint32"],
    compact_revision: [3, "int64"],
    hash_revision: [4, "int64"],
  },
  SnapshotRequest: {},
  SnapshotResponse: {
    header,
    remaining_bytes: [2, "uint64"],
    blob: [3, "bytes"],
    version: [4, "string"],
  },
  MoveLeaderRequest: { targetID: [1, "bigUint64"] },
  MoveLeaderResponse: { header },
  DowngradeRequest: { action: [1, "DowngradeAction"], version: [2, "string"] },
  DowngradeResponse: { header, version: [2, "string"] },
} as const;

const auth = {
  UserAddOptions: { no_password: [1, "bool"] },
  Permission: { permType: [1, "PermissionType"], key: [2, "bytes"], range_end: [3, "bytes"] },
  AuthEnableRequest: {},
  AuthEnableResponse: { header },
  AuthDisableRequest: {},
  AuthDisableResponse: { header },
  AuthStatusRequest: {},
  AuthStatusResponse: { header, enabled: [2, "bool"], authRevision: [3, "uint64"] },
  AuthenticateRequest: { name: [1, "string"], password: [2, "string"] },
  AuthenticateResponse: { header, token: [2, "string"] },
  AuthUserAddRequest: {
    name: [1, "string"],
    password: [2, "string"],
    options: [3, "UserAddOptions"],
    hashedPassword: [4, "string"],
  },
  AuthUserAddResponse: { header },
  AuthUserGetRequest: { name: [1, "string"] },
  AuthUserGetResponse: { header, roles: [2, "string", "repeated"] },
  AuthUserListRequest: {},
  AuthUserListResponse: { header, users: [2, "string", "repeated"] },
  AuthUserDeleteRequest: { name: [1, "string"] },
  AuthUserDeleteResponse: { header },
  AuthUserChangePasswordRequest: {
    name: [1, "string"],
    password: [2, "string"],
    hashedPassword: [3, "string"],
  },
  AuthUserChangePasswordResponse: { header },
  AuthUserGrantRoleRequest: { user: [1, "string"], role: [2, "string"] },
  AuthUserGrantRoleResponse: { header },
  AuthUserRevokeRoleRequest: { name: [1, "string"], role: [2, "string"] },
  AuthUserRevokeRoleResponse: { header },
  AuthRoleAddRequest: { name: [1, "string"] },
  AuthRoleAddResponse: { header },
  AuthRoleGetRequest: { role: [1, "string"] },
  AuthRoleGetResponse: { header, perm: [2, "Permission", "repeated"] },
  AuthRoleListRequest: {},
  AuthRoleListResponse: { header, roles: [2, "string", "repeated"] },
  AuthRoleDeleteRequest: { role: [1, "string"] },
  AuthRoleDeleteResponse: { header },
  AuthRoleGrantPermissionRequest: { name: [1, "string"], perm: [2, "Permission"] },
  AuthRoleGrantPermissionResponse: { header },
  AuthRoleRevokePermissionRequest: {
    role: [1, "string"],
    key: [2, "bytes"],
    range_end: [3, "bytes"],
  },
  AuthRoleRevokePermissionResponse: { header },
} as const;

const lockAndElection = {
  LockRequest: { name: [1, "bytes"], lease: [2, "bigInt64"] },
  LockResponse: { header, key: [2, "bytes"] },
  UnlockRequest: { key: [1, "bytes"] },
  UnlockResponse: { header },
  LeaderKey: { name: [1, "bytes"], key: [2, "bytes"], rev: [3, "int64"], lease: [4, "bigInt64"] },
  CampaignRequest: { name: [1, "bytes"], lease: [2, "bigInt64"], value: [3, "bytes"] },
  CampaignResponse: { header, leader: [2, "LeaderKey"] },
  LeaderRequest: { name: [1, "bytes"] },
  LeaderResponse: { header, kv: [2, "KeyValue"] },
  ProclaimRequest: { leader: [1, "LeaderKey"], value: [2, "bytes"] },
  ProclaimResponse: { header },
  ResignRequest: { leader: [1, "LeaderKey"] },
  ResignResponse: { header },
} as const;

const health = {
  HealthCheckRequest: { service: [1, "string"] },
  HealthCheckResponse: { status: [1, "ServingStatus"] },
} as const;

export const etcdSchema = {
  enums,
  messages: {
    ...kv,
    ...watch,
    ...lease,
    ...cluster,
    ...maintenance,
    ...auth,
    ...lockAndElection,
    ...health,
  },
} as const satisfies Schema;

export type EtcdSchema = typeof etcdSchema;
export type EtcdMessageName = keyof EtcdSchema["messages"];
export type EtcdMessage<N extends EtcdMessageName> = MessageOf<EtcdSchema, N>;
export type EtcdInit<N extends EtcdMessageName> = MessageInit<EtcdSchema, N>;
