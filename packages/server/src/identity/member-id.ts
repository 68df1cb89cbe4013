// Names of members and clusters, derived from what the operator wrote, so that every member of a new
// cluster computes the same ones without talking. The derivation is the one etcd uses.

import { createHash } from "node:crypto";

/** The first 8 bytes of SHA-1 over the sorted peer URLs and the cluster token. */
export function bootstrapMemberId(peerUrls: readonly string[], token: string): string {
  return firstEightBytes([...peerUrls].sort().join("") + token);
}

/**
 * The same for all members: the first 8 bytes of SHA-1 over the sorted member ids, as bytes. `terms`: what they have
 * to agree on beyond that; whoever was given others is of another cluster.
 */
export function bootstrapClusterId(memberIds: readonly string[], terms = ""): string {
  const ids = [...memberIds].sort().join("");
  return firstEightBytes(terms === "" ? Buffer.from(ids, "hex") : `${ids} ${terms}`);
}

/**
 * Of a cluster that begins from a snapshot. Members that begin from another one, or from nothing, are of
 * another cluster, though they were given the same addresses and the same token: together they would
 * have no common history.
 */
export function restoredClusterId(memberIds: readonly string[], beginning: string): string {
  return firstEightBytes(`${[...memberIds].sort().join("")} ${beginning}`);
}

function firstEightBytes(content: string | Buffer): string {
  return createHash("sha1").update(content).digest("hex").slice(0, 16);
}
