// A member of a cluster that exists learns who it is from those that are in it: an operator has added
// its addresses first, and the id that came of it is found by them. Nobody is taken at the word of one
// who does not know it yet: a follower may be a moment behind.

import type { Config } from "../config/config.ts";
import type { DataDirectory } from "../disk/index.ts";
import type { Logger } from "../observe/logging.ts";
import {
  AskError,
  askRoster,
  type DiskKey,
  type PeerTls,
  type Roster,
  type RosterMember,
} from "../peers/index.ts";
import { makeDiskKey, openDiskKey, type StoredDiskKey } from "./disk-key.ts";
import { IdentityError, type MemberIdentity, quorumsOf } from "./member-identity.ts";

export interface JoinOptions {
  readonly tls?: PeerTls | undefined;
  readonly joinSecret?: string | undefined;
  readonly patienceMs?: number;
  readonly ask?: (url: string) => Promise<Roster>;
  /** Called once, when nobody knows this member at first: why, and that it is asked again. */
  readonly onWaiting?: (why: string) => void;
  /** Whoever started the member does not want it any more. */
  readonly abort?: AbortSignal | undefined;
}

const askTimeoutMs = 2_000;
const pauseMs = 200;

/** What the cluster says of a member that is new to it; undefined for all others. */
export async function joinIfNew(
  config: Config,
  logger: Logger,
  directory: DataDirectory,
  options: JoinOptions,
): Promise<MemberIdentity | undefined> {
  if (config.initialClusterState === "new" || directory.readIdentity() !== undefined) return;
  logger.info("asking the cluster for this member's id", { initialCluster: config.initialCluster });
  return await joinCluster(config, {
    ...options,
    onWaiting: (why) => logger.warn(`not yet: ${why} Asking again.`),
  });
}

export async function joinCluster(
  config: Config,
  options: JoinOptions = {},
): Promise<MemberIdentity> {
  const own = config.initialAdvertisePeerUrls;
  const made = makeDiskKey();
  const key = openDiskKey(made)!;
  const { tls, joinSecret } = options;
  const asking = { key, urls: own, tls, joinSecret, timeoutMs: askTimeoutMs };
  const ask = options.ask ?? ((url) => askRoster(url, asking));
  const urls = config.initialCluster
    .flatMap((member) => member.peerUrls)
    .filter((url) => !own.includes(url));
  if (urls.length === 0) {
    throw new IdentityError(
      "joinImpossible",
      "--initial-cluster-state=existing needs the addresses of other members in --initial-cluster, as `member add` prints them",
    );
  }
  const deadline = Date.now() + (options.patienceMs ?? 15_000);
  for (let round = 0; ; round++) {
    if (options.abort?.aborted === true) {
      throw new IdentityError("joinAbandoned", "asked to stop before the cluster knew this member");
    }
    const answers = await Promise.allSettled(urls.map(ask));
    for (const answer of answers) {
      if (answer.status === "rejected") throwIfStarted(answer.reason, config);
      else {
        const identity = identityIn(answer.value, config, made);
        if (identity !== undefined) return identity;
      }
    }
    const why = explain(config, answers);
    if (Date.now() >= deadline) throw new IdentityError("joinImpossible", why);
    if (round === 0) options.onWaiting?.(why);
    await new Promise((done) => setTimeout(done, pauseMs));
  }
}

/**
 * The members as those say whom an operator named, for a member that was away while all whom it knew were
 * replaced. Nobody reached is no reason not to start: it may do without.
 */
export async function askIntroducers(
  config: Config,
  { clusterId, memberId }: MemberIdentity,
  key: DiskKey,
  options: Pick<JoinOptions, "tls" | "joinSecret"> & { readonly logger: Logger },
): Promise<readonly (RosterMember & Pick<Roster, "asOf">)[]> {
  const { logger, tls, joinSecret } = options;
  const self = { clusterId, member: memberId };
  const urls = config.initialAdvertisePeerUrls;
  const asking = { key, urls, self, tls, joinSecret, timeoutMs: askTimeoutMs };
  const answers = await Promise.allSettled(
    config.peerIntroducerUrls.map((url) => askRoster(url, asking)),
  );
  return answers.flatMap((answer) => {
    if (answer.status === "fulfilled" && answer.value.clusterId === clusterId) {
      const { asOf, members } = answer.value;
      return members.map((member) => ({ ...member, asOf }));
    }
    const why = answer.status === "fulfilled" ? "it is another cluster's" : String(answer.reason);
    logger.warn(`--peer-introducer-urls: ${why}`);
    return [];
  });
}

function throwIfStarted(reason: unknown, { initialAdvertisePeerUrls }: Config): void {
  if (!(reason instanceof AskError) || reason.refusal?.code !== "startedBefore") return;
  throw new IdentityError(
    "joinImpossible",
    `the member at ${initialAdvertisePeerUrls.join(",")} has started before, with another data directory. Remove it from the cluster (member list shows its id, member remove), add it again (member add), and start it with an empty data directory.`,
  );
}

/** Undefined: this roster does not have the member. */
function identityIn(
  roster: Roster,
  config: Config,
  key: StoredDiskKey,
): MemberIdentity | undefined {
  const own = [...config.initialAdvertisePeerUrls].sort().join(",");
  const found = roster.members.find(({ peerUrls }) => [...peerUrls].sort().join(",") === own);
  if (found === undefined) return undefined;
  if (roster.consensus !== config.protocol) {
    throw new IdentityError(
      "protocolFixed",
      `the cluster runs --protocol=${roster.consensus}; start this member with the same`,
    );
  }
  const { paxosQuorums } = roster;
  if (paxosQuorums !== undefined && paxosQuorums !== (quorumsOf(config).paxosQuorums ?? "")) {
    throw new IdentityError(
      "protocolFixed",
      `the cluster runs ${paxosQuorums === "" ? "without --paxos-quorums" : `--paxos-quorums=${paxosQuorums}`}; with others, two leaders could choose differently. Start this member with the same`,
    );
  }
  return {
    clusterId: roster.clusterId,
    memberId: found.id,
    ...key,
    protocol: config.protocol,
    ...quorumsOf(config),
    engine: config.engine,
    foundingMembers: roster.members.map(({ id, name, peerUrls, identity }) => ({
      id,
      name,
      peerUrls,
      ...(identity === "" ? {} : { identity, asOf: roster.asOf }),
    })),
    joined: true,
  };
}

function explain(config: Config, answers: readonly PromiseSettledResult<Roster>[]): string {
  const own = config.initialAdvertisePeerUrls.join(",");
  const failures = answers.filter((answer) => answer.status === "rejected");
  const isUnknown = ({ reason }: PromiseRejectedResult) =>
    reason instanceof AskError && reason.refusal?.code === "notAdded";
  if (failures.length === answers.length && !failures.some(isUnknown)) {
    const reasons = failures.map(({ reason }) => String((reason as Error).message)).join("; ");
    return `no member of the cluster could be asked (${reasons}). Check --initial-cluster and that the members run.`;
  }
  return `the cluster has no member at ${own}: add it first (member add ${config.name} --peer-urls=${own}), or correct --initial-advertise-peer-urls.`;
}
