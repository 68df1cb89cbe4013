// Put: the checks that depend on the state, in the order in which etcd makes them, and the write.

import type { LeaseId, PutCommand, PutResult, StoreErrorCode } from "../contract.ts";
import type { Keyspace } from "./keyspace.ts";

/** What writing keys needs to know of leases. */
export interface Leases {
  exists(lease: LeaseId): boolean;
}

export function checkPut(
  keyspace: Keyspace,
  leases: Leases,
  command: PutCommand,
): StoreErrorCode | undefined {
  if (command.key === "") return "keyEmpty";
  if (command.ignoreValue && command.value.length > 0) return "valueProvided";
  if (command.ignoreLease && command.lease !== 0n) return "leaseProvided";
  if (command.lease !== 0n && !leases.exists(command.lease)) return "leaseNotFound";
  const keeps = command.ignoreValue || command.ignoreLease;
  return keeps && !keyspace.exists(command.key) ? "keyNotFound" : undefined;
}

export function put(keyspace: Keyspace, command: PutCommand): PutResult {
  const prevKv = command.prevKv ? keyspace.newest(command.key) : undefined;
  keyspace.put(command);
  return { kind: "put", revision: keyspace.visibleRevision, prevKv };
}
