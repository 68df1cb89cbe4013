// The etcd v3 messages that tests send and read, as one table and as types. Field numbers are etcd's public
// protocol. Bytes are latin1 strings; 64-bit integers are numbers where they are safe.

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
  memberList: {
    path: "/etcdserverpb.Cluster/MemberList",
    request: schema("MemberListRequest", "1 linearizable bool"),
    response: schema("MemberListResponse", "1 header Header", "2 members Member[]"),
  },
} as const satisfies Record<string, Method>;
