// A member of a cluster that exists learns who it is from those that are in it: an operator has added
// its addresses first, and the id that came of it is found by them. Nobody is taken at the word of one
// who does not know it yet: a follower may be a moment behind.

import { randomBytes } from "node:crypto";
import type { Config } from "../config/config.ts";
import type { DataDirectory } from "../disk/index.ts";
import type { Logger } from "../observe/logging.ts";
import { askRoster, type PeerTls, type Roster } from "../peers/index.ts";
import { IdentityError, type MemberIdentity, quorumsOf } from "./member-identity.ts";

export interface JoinOptions {
  readonly tls?: PeerTls;
  readonly patienceMs?: number;
  readonly ask?: (url: string) => Promise<Roster>;
  /** Called once, when nobody knows this member at first: why, and that it is asked again. */
  readonly onWaiting?: (why: string) => void;
  /** Whoever started the member does not want it any more. */
  readonly abort?: AbortSignal;
}

const askTimeoutMs = 2_000;
const pauseMs = 200;

/** What the cluster says of a member that is new to it; undefined for all others. */
export async function joinIfNew(
  config: Config,
  logger: Logger,
  directory: DataDirectory,
  tls: PeerTls | undefined,
  abort: AbortSignal | undefined,
): Promise<MemberIdentity | undefined> {
  if (config.initialClusterState === "new" || directory.readIdentity() !== undefined) return;
  logger.info("asking the cluster for this member's id", { initialCluster: config.initialCluster });
  return await joinCluster(config, {
    ...(tls === undefined ? {} : { tls }),
    ...(abort === undefined ? {} : { abort }),
    onWaiting: (why) => logger.warn(`not yet: ${why} Asking again.`),
  });
}

export async function joinCluster(
  config: Config,
  options: JoinOptions = {},
): Promise<MemberIdentity> {
  const tls = options.tls === undefined ? {} : { tls: options.tls };
  const ask = options.ask ?? ((url) => askRoster(url, { ...tls, timeoutMs: askTimeoutMs }));
  const own = config.initialAdvertisePeerUrls;
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
    const rosters = answers.filter((answer) => answer.status === "fulfilled");
    for (const { value } of rosters) {
      const identity = identityIn(value, config);
      if (identity !== undefined) return identity;
    }
    const failures = answers.filter((answer) => answer.status === "rejected");
    const why = explain(config, rosters.length, failures);
    if (Date.now() >= deadline) throw new IdentityError("joinImpossible", why);
    if (round === 0) options.onWaiting?.(why);
    await new Promise((done) => setTimeout(done, pauseMs));
  }
}

/** Undefined: this roster does not have the member. */
function identityIn(roster: Roster, config: Config): MemberIdentity | undefined {
  const own = [...config.initialAdvertisePeerUrls].sort().join(",");
  const found = roster.members.find(({ peerUrls }) => [...peerUrls].sort().join(",") === own);
  if (found === undefined) return undefined;
  if (found.started) {
    throw new IdentityError(
      "joinImpossible",
      `member ${found.id} at ${own} has started before, with another data directory. Remove it from the cluster (member remove ${found.id}), add it again (member add), and start it with an empty data directory.`,
    );
  }
  if (roster.consensus !== config.protocol) {
    throw new IdentityError(
      "protocolFixed",
      `the cluster runs --protocol=${roster.consensus}; start this member with the same`,
    );
  }
  return {
    clusterId: roster.clusterId,
    memberId: found.id,
    incarnation: randomBytes(8).toString("hex"),
    protocol: config.protocol,
    ...quorumsOf(config),
    engine: config.engine,
    foundingMembers: roster.members.map(({ id, name, peerUrls }) => ({ id, name, peerUrls })),
    joined: true,
  };
}

function explain(
  config: Config,
  answered: number,
  failures: readonly PromiseRejectedResult[],
): string {
  const own = config.initialAdvertisePeerUrls.join(",");
  const reasons = failures.map(({ reason }) => String((reason as Error).message)).join("; ");
  if (answered === 0) {
    return `no member of the cluster could be asked (${reasons}). Check --initial-cluster and that the members run.`;
  }
  return `the cluster has no member at ${own}: add it first (member add ${config.name} --peer-urls=${own}), or correct --initial-advertise-peer-urls.`;
}
