// The store and the member that a configuration asks for: where etcd's words for settings become the
// member's own.

import { crc32 } from "node:zlib";
import { membershipOf } from "@althing/consensus";
import type { MemberEvent, MemberOptions } from "@althing/member";
import { createService, type Service } from "@althing/service";
import { createMemoryEngine, type OpenedStore, openStore } from "@althing/store";
import { openDiskEngine, whyNoDiskEngine } from "@althing/store/disk";
import type { Config } from "./config/config.ts";
import { ConfigError } from "./config/config-error.ts";
import type { DataDirectory } from "./disk/index.ts";
import type { MemberIdentity } from "./identity/member-identity.ts";
import { protocolNamed } from "./protocols.ts";

export interface MemberParts {
  readonly config: Config;
  readonly identity: MemberIdentity;
  readonly ports: MemberOptions["ports"];
}

/** Ten ticks to a heartbeat: a hang-up is acted on and timeouts are drawn at that grain. */
const ticksPerHeartbeat = 10;

/** Before anything is made: a data directory is held to the engine that it was founded with. */
export function requireEngine({ engine }: Config): void {
  const why = engine === "memory" ? undefined : whyNoDiskEngine();
  if (why === undefined) return;
  throw new ConfigError(
    "engine",
    `--engine=disk needs lmdb, and it cannot be loaded on ${process.platform}/${process.arch}: ${why}. ` +
      "`npm install lmdb` installs it, or builds it where there is no prebuilt one; --engine=memory works without.",
  );
}

export function openMemberStore(
  config: Config,
  directory: DataDirectory,
  observe: (event: MemberEvent) => void,
): OpenedStore {
  const engine =
    config.engine === "memory"
      ? createMemoryEngine({ storage: directory.disk, crc32 })
      : openDiskEngine({
          directory: directory.storePath,
          onError: (cause) => observe({ kind: "storeCommitFailed", level: "error", cause }),
          onCommit: (durationMs) => observe({ kind: "storeCommitted", level: "debug", durationMs }),
        });
  return openStore({ engine, crc32 });
}

export function serviceOf(
  parts: MemberParts & { readonly store: OpenedStore },
): Service<OpenedStore> {
  const { config, store } = parts;
  return createService({
    ...memberOptionsOf(parts),
    ...(config.leaseCheckpoints ? {} : { leaseCheckpointMs: 0 }),
    store,
  });
}

/** Whatever its state machine. */
export function memberOptionsOf({ config, identity, ports }: MemberParts) {
  const { memberId, incarnation, formerIncarnation, foundingMembers, joined } = identity;
  const tickMs = Math.max(1, Math.round(config.heartbeatIntervalMs / ticksPerHeartbeat));
  return {
    id: memberId,
    protocol: protocolNamed(config.protocol),
    ...(config.paxosQuorums !== undefined && { paxosQuorums: config.paxosQuorums }),
    bootstrap: membershipOf(joined ? [] : foundingMembers.map((member) => member.id)),
    incarnation,
    ...(formerIncarnation !== undefined && { formerIncarnation }),
    attributes: {
      name: config.name,
      peerUrls: config.initialAdvertisePeerUrls,
      clientUrls: config.advertiseClientUrls,
    },
    tickMs,
    heartbeatTicks: Math.max(1, Math.round(config.heartbeatIntervalMs / tickMs)),
    electionTicks: Math.max(2, Math.round(config.electionTimeoutMs / tickMs)),
    reads: config.reads,
    slowApplyMs: config.slowApplyMs,
    snapshotCount: config.snapshotCount,
    requestBytesMax: config.maxRequestBytes,
    crc32,
    ports,
  };
}
