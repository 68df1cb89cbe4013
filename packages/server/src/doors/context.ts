// What a front door is given: one member, who the cluster is, the limits. A door is codec and mapping
// over this; it never touches the log, the protocol or the disk engine.

import type { Member, MemberEvent } from "@althing/member";
import type { Leases } from "@althing/service";
import type { OpenedStore, Result } from "@althing/store";
import type { TokenOptions } from "./etcd/auth/token-options.ts";

export interface MemberInfo {
  /** 16 lowercase hex digits. */
  readonly id: string;
  /** "" until the member has started and published itself. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

export interface DoorLimits {
  /** Encoded write; larger is "etcdserver: request is too large". */
  readonly requestBytesMax: number;
  readonly txnOpsMax: number;
  readonly concurrentStreamsMax: number;
  readonly connectionsMax: number;
}

export interface DoorAuth {
  readonly tokens: TokenOptions;
  /** As `--bcrypt-cost` counts it. */
  readonly passwordCost: number;
  /** A client that shows a certificate and no token is who the certificate says. */
  readonly namesByCertificate: boolean;
}

export interface DoorContext {
  readonly member: Member<Result>;
  /** The member's own, with what maintenance, leases and watches read of it. */
  readonly store: OpenedStore;
  readonly leases: Leases;
  readonly clusterId: string;
  /** Membership in force joined with what the members published; sorted by id. */
  members(): readonly MemberInfo[];
  /** Shorter leases could not outlive an election. */
  readonly leaseSecondsMin: number;
  readonly quotaBackendBytes: number;
  /** Ten minutes if not given. */
  readonly watchProgressIntervalMs?: number;
  /** JSON beside gRPC; true if not given. */
  readonly jsonGateway?: boolean;
  /** Changes of the members that could lose the quorum are refused; true if not given. */
  readonly strictReconfigCheck?: boolean;
  /** What etcd clients are told, a 3.5-compatible version. */
  readonly etcdVersion: string;
  readonly clusterVersion: string;
  readonly althingVersion: string;
  readonly limits: DoorLimits;
  readonly auth: DoorAuth;
  readonly observe: (event: MemberEvent) => void;
}
