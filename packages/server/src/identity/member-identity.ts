// Who this member is, as its data directory remembers it. Written once, when the directory is founded;
// afterwards the flags of a new cluster no longer count, and what cannot be changed is held to.

import type { Config } from "../config/config.ts";
import type { InitialMember } from "../config/initial-cluster.ts";
import type { DataDirectory } from "../disk/index.ts";
import type { DiskKey } from "../peers/index.ts";
import { makeDiskKey, openDiskKey, type StoredDiskKey } from "./disk-key.ts";
import { bootstrapClusterId, bootstrapMemberId } from "./member-id.ts";

export interface FoundingMember extends InitialMember {
  readonly id: string;
  /** The key that the cluster told a member that joined it. */
  readonly identity?: string;
  /** An index of the log at which it was a member. */
  readonly asOf?: number;
}

/** With the private key: it is written to the data directory and goes nowhere else. */
export interface MemberIdentity extends StoredDiskKey {
  readonly clusterId: string;
  readonly memberId: string;
  readonly protocol: string;
  /** "4,2"; left out where both phases of Paxos need majorities, and for other protocols. */
  readonly paxosQuorums?: string;
  readonly engine: string;
  /** Who was there when the directory was founded. */
  readonly foundingMembers: readonly FoundingMember[];
  /** Not all founders have met yet: this one has promised nothing to anybody. */
  readonly founding?: true;
  /** It came to a cluster that existed, and has no say in its founding. */
  readonly joined?: true;
  /** The cluster has removed this member, for good: the directory is of no use to it any more. */
  readonly removed?: true;
  /** The cluster was founded from a snapshot: its id tells from which, and not from the flags alone. */
  readonly restored?: true;
}

export type IdentityErrorCode =
  | "protocolFixed"
  | "engineFixed"
  | "identityUnreadable"
  /** The members of the cluster could not tell this one who it is. */
  | "joinImpossible"
  | "joinAbandoned"
  /** The cluster has removed the member whose directory this is. */
  | "removed";

export class IdentityError extends Error {
  readonly code: IdentityErrorCode;
  constructor(code: IdentityErrorCode, message: string) {
    super(message);
    this.name = "IdentityError";
    this.code = code;
  }
}

export interface Identified {
  readonly identity: MemberIdentity;
  readonly key: DiskKey;
  readonly isNew: boolean;
  readonly warnings: readonly string[];
}

/** `joined`: what the cluster said to a member whose directory is new. */
export function identify(
  directory: DataDirectory,
  config: Config,
  joined?: MemberIdentity,
): Identified {
  const founded = joined ?? foundIdentity(config);
  const stored = directory.readIdentity();
  if (stored === undefined) {
    const others = founded.foundingMembers.length - 1;
    const identity: MemberIdentity =
      joined === undefined && others > 0 ? { ...founded, founding: true } : founded;
    directory.writeIdentity({ ...identity });
    const key = keyOf(identity, directory.path);
    return { identity, key, isNew: true, warnings: [] };
  }
  const identity = checkStored(withKey(stored), directory.path);
  if (identity.removed === true) {
    throw new IdentityError(
      "removed",
      `${directory.path} belongs to member ${identity.memberId}, which was removed from cluster ${identity.clusterId}. To have a member here again, add one (member add) and start it with an empty data directory.`,
    );
  }
  const key = keyOf(identity, directory.path);
  if (identity.protocol !== config.protocol) {
    throw new IdentityError(
      "protocolFixed",
      `${directory.path} was written under --protocol=${identity.protocol} and cannot be read under ${config.protocol}. Start with --protocol=${identity.protocol}, or use another data directory.`,
    );
  }
  const quorums = quorumsOf(config).paxosQuorums ?? "";
  if ((identity.paxosQuorums ?? "") !== quorums) {
    const before = identity.paxosQuorums;
    throw new IdentityError(
      "protocolFixed",
      `${directory.path} was written ${before === undefined ? "without --paxos-quorums" : `under --paxos-quorums=${before}`}; with others, two leaders could choose differently. Start with the same, or use another data directory.`,
    );
  }
  if (identity.engine !== config.engine) {
    throw new IdentityError(
      "engineFixed",
      `${directory.path} was written with --engine=${identity.engine}; ${config.engine} would not find its data. Start with --engine=${identity.engine}, or use another data directory.`,
    );
  }
  const isSame =
    founded.memberId === identity.memberId &&
    (identity.restored === true ||
      founded.clusterId === identity.clusterId ||
      // Before the quorums were among what founders agree on.
      bootstrapClusterId(idsOf(founded.foundingMembers)) === identity.clusterId);
  const warnings =
    identity.joined || isSame
      ? []
      : [
          `${directory.path} belongs to member ${identity.memberId} of cluster ${identity.clusterId}; --initial-cluster, --initial-advertise-peer-urls and --initial-cluster-token describe another and are not used. If it was founded by a mistake in them and holds nothing yet, remove it and start again`,
        ];
  // Once nothing speaks against it any more: a start that is refused changes nothing.
  if (stored["privateKey"] === undefined) directory.writeIdentity({ ...identity });
  return { identity, key, isNew: false, warnings };
}

export function foundIdentity(config: Config): MemberIdentity {
  const token = config.initialClusterToken;
  const quorums = quorumsOf(config);
  const foundingMembers = config.initialCluster.map(({ name, peerUrls }) => ({
    id: bootstrapMemberId(peerUrls, token),
    name,
    peerUrls,
  }));
  return {
    clusterId: bootstrapClusterId(idsOf(foundingMembers), quorums.paxosQuorums),
    memberId: bootstrapMemberId(config.initialAdvertisePeerUrls, token),
    ...makeDiskKey(),
    protocol: config.protocol,
    ...quorums,
    engine: config.engine,
    foundingMembers,
  };
}

function idsOf(members: readonly FoundingMember[]): string[] {
  return members.map(({ id }) => id);
}

/** Fixed for the life of a cluster, as the protocol is. */
export function quorumsOf({ paxosQuorums }: Config): Pick<MemberIdentity, "paxosQuorums"> {
  if (paxosQuorums === undefined) return {};
  return { paxosQuorums: `${paxosQuorums.prepare},${paxosQuorums.accept}` };
}

const textFields = [
  "clusterId",
  "memberId",
  "incarnation",
  "privateKey",
  "protocol",
  "engine",
] as const;

type Stored = Readonly<Record<string, unknown>>;

/** A directory from before there were keys gets one, and keeps what it was known by until the cluster knows it. */
function withKey(stored: Stored): Stored {
  const { incarnation, privateKey } = stored;
  if (privateKey !== undefined || typeof incarnation !== "string") return stored;
  return { ...stored, ...makeDiskKey(incarnation) };
}

function keyOf(identity: MemberIdentity, path: string): DiskKey {
  const key = openDiskKey(identity);
  if (key !== undefined) return key;
  throw unreadable(path);
}

function checkStored(stored: Stored, path: string): MemberIdentity {
  const readable =
    textFields.every((name) => typeof stored[name] === "string") &&
    Array.isArray(stored["foundingMembers"]) &&
    stored["foundingMembers"].every(isFoundingMember);
  if (readable) return stored as unknown as MemberIdentity;
  throw unreadable(path);
}

function isFoundingMember(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { id, name, peerUrls, identity } = value as Stored;
  const hasKey = identity === undefined || typeof identity === "string";
  const isNamed = typeof id === "string" && typeof name === "string";
  return (
    isNamed && hasKey && Array.isArray(peerUrls) && peerUrls.every((url) => typeof url === "string")
  );
}

function unreadable(path: string): IdentityError {
  return new IdentityError(
    "identityUnreadable",
    `${path} holds an identity that cannot be read. Remove this member from the cluster and add it again with an empty data directory.`,
  );
}
