// What a role permits, in words and as data.

import { etcdCodecs as codecs, type EtcdMessage, etcdSchema } from "@althing/wire";
import type { GrpcClient } from "../grpc-client.ts";
import { prefixEnd } from "../keys/key-range.ts";
import { cellOf, textOrBase64 } from "../print.ts";

const { PermissionType } = etcdSchema.enums;
export const permissionKinds = { read: "READ", write: "WRITE", readwrite: "READWRITE" } as const;
export type PermissionKind = keyof typeof permissionKinds;

export function permissionType(kind: PermissionKind): number {
  return PermissionType[permissionKinds[kind]];
}

export interface PermissionFacts {
  readonly permits: PermissionKind;
  readonly keys: string;
  readonly [bytes: string]: string;
}

export async function permissionsOf(client: GrpcClient, role: string): Promise<PermissionFacts[]> {
  const { perm } = await client.unary(
    "etcdserverpb.Auth/RoleGet",
    codecs.AuthRoleGetRequest,
    codecs.AuthRoleGetResponse,
    { role },
  );
  return perm.map(factsOf);
}

function factsOf({ permType, key, range_end: end }: EtcdMessage<"Permission">): PermissionFacts {
  const kinds = Object.keys(permissionKinds) as PermissionKind[];
  const permits = kinds.find((kind) => permissionType(kind) === permType) ?? "read";
  return {
    permits,
    keys: describeRange(key, end),
    ...textOrBase64("key", key),
    ...(end.length === 0 ? {} : textOrBase64("rangeEnd", end)),
  };
}

export function describePermission({ permits, keys }: PermissionFacts): string {
  return `${permits} ${keys}`;
}

function describeRange(key: Uint8Array, end: Uint8Array): string {
  if (end.length === 0) return cellOf(key);
  const isFirst = key.length === 1 && key[0] === 0;
  const isOpen = end.length === 1 && end[0] === 0;
  if (isOpen) return isFirst ? "all keys" : `keys from ${cellOf(key)} on`;
  const isPrefix = Buffer.from(prefixEnd(key)).equals(Buffer.from(end));
  return isPrefix
    ? `keys that begin with ${cellOf(key)}`
    : `keys from ${cellOf(key)} up to ${cellOf(end)}`;
}
