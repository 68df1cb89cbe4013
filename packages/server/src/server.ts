// One member as a process serves it: the data directory, the store, the member, the peers and the
// doors, put together in the order in which they depend on each other and taken apart in reverse.
// A server that cannot go on says so through `ended`, once, and has let go of everything by then.
// Longer than most files, because what is put together and how it is taken apart belong side by side.

import type { MemberId } from "@althing/consensus";
import { decodePeerMessage, type Member, type MemberEvent } from "@althing/member";
import type { Service } from "@althing/service";
import { type AuthState, encodeCommand, type OpenedStore, type Result } from "@althing/store";
import { compactionIntervalMs, createAutoCompaction } from "./auto-compaction.ts";
import { CalledPeers } from "./called-peers.ts";
import { ClientListeners } from "./client-listeners.ts";
import { createSystemClock } from "./clock/system-clock.ts";
import type { Config } from "./config/config.ts";
import { type DataDirectory, openDataDirectory } from "./disk/index.ts";
import type { DoorAuth, DoorContext, MemberInfo } from "./doors/context.ts";
import { readTokenOptions } from "./doors/etcd/auth/token-options.ts";
import { FirstWord } from "./identity/first-word.ts";
import { Founding } from "./identity/founding.ts";
import { askIntroducers, joinIfNew } from "./identity/join.ts";
import {
  type FoundingMember,
  type Identified,
  identify,
  type MemberIdentity,
} from "./identity/member-identity.ts";
import { createRefusalJudge } from "./identity/refusals.ts";
import {
  answerTo,
  listMembers,
  notFounded,
  peerAddresses,
  type RosterSources,
  rosterOf,
} from "./identity/roster.ts";
import { loadJoinSecret } from "./join-secret.ts";
import { listenError } from "./listen-error.ts";
import { openMemberStore, requireEngine, serviceOf } from "./member-parts.ts";
import { createLogger, type Logger } from "./observe/logging.ts";
import { createMetrics } from "./observe/metrics.ts";
import { createPeerEncoder } from "./peers/encoder.ts";
import {
  createPeers,
  type PeerStats,
  type PeerTransport,
  parseListenUrl,
  type Refusal,
  readIntroduction,
  type VouchedPeer,
} from "./peers/index.ts";
import { completePortTls, type PortTls, readPortTls } from "./port-tls.ts";
import { protocolNamed } from "./protocols.ts";

export type EndCode = "stopped" | "failed" | "identityRefused" | "removed";

export interface Ended {
  readonly code: EndCode;
  readonly reason: string;
}

export interface Server {
  readonly config: Config;
  readonly member: Member<Result>;
  readonly store: OpenedStore;
  readonly clusterId: string;
  readonly memberId: MemberId;
  /** The addresses bound, as URLs; port 0 in the configuration is a real one here. */
  readonly clientUrls: readonly string[];
  /** Users and roles, as applied here. */
  readonly auth: AuthState;
  members(): readonly MemberInfo[];
  peerStats(): readonly PeerStats[];
  /** Settles when this member knows a leader and has applied what was committed when it asked. */
  ready(): Promise<void>;
  /** Hands over leadership, finishes what is under way and lets go of everything. Bounded. */
  stop(): Promise<void>;
  readonly ended: Promise<Ended>;
}

export interface ServerOptions {
  readonly logger?: Logger;
  readonly version?: string;
  /** Every event of the member, the peers and the doors. Must not throw. */
  readonly observe?: (event: MemberEvent) => void;
  /**
   * Gives up a start that waits for others: of a member that joins with an IdentityError `joinAbandoned`, of a founder
   * with a server that has ended.
   */
  readonly abort?: AbortSignal;
}

/** What clients of etcd are told: the version whose API is served. */
const etcdVersion = "3.5.21";
const clusterVersion = "3.5.0";
const closeGraceMs = 500;
const stopBoundMs = 4_000;
const readyPollMs = 20;
/** Between the removal of this member and its end: whoever asked for it gets the answer. */
const removalGraceMs = 500;
/** Between two words about founders that are not there. */
const foundersMissingMs = 10_000;
const removed = "this member was removed from the cluster";
const identityNote = "identity.json";
const introductionsNote = "introductions.json";

export async function startServer(config: Config, options: ServerOptions = {}): Promise<Server> {
  const logger =
    options.logger ??
    createLogger({
      level: config.logLevel,
      format: config.logFormat,
      outputs: config.logOutputs,
      fields: { name: config.name },
    });
  // Before the directory: a typing mistake in a path must not found a member.
  const files = readPortTls(config);
  const joinSecret = loadJoinSecret(config);
  const auth = readAuth(config);
  requireEngine(config);
  const directory = openDataDirectory(config.dataDir);
  let server: RunningServer;
  try {
    const tls = completePortTls(config, files, directory.path, logger);
    const asking = { tls: tls.peer, joinSecret, abort: options.abort };
    const joined = await joinIfNew(config, logger, directory, asking);
    const identified = identify(directory, config, joined);
    const { identity, key } = identified;
    const introduced = await askIntroducers(config, identity, key, { ...asking, logger });
    const vouched = vouchedBy([...identity.foundingMembers, ...introduced]);
    const given = { config, logger, options, tls, joinSecret, auth };
    server = new RunningServer({ ...given, directory, identified, vouched });
  } catch (error) {
    directory.close();
    throw error;
  }
  await server.start();
  return server;
}

function readAuth(config: Config): DoorAuth {
  return {
    tokens: readTokenOptions(config.authToken, config.authTokenTtlSeconds),
    passwordCost: config.bcryptCost,
    namesByCertificate: config.clientTls.clientCertAuth,
  };
}

/** Whose keys this member has on good authority before it reads them in the log. */
function vouchedBy(
  members: readonly Omit<FoundingMember, "name">[],
): ReadonlyMap<MemberId, VouchedPeer> {
  const known = members.filter(({ identity }) => identity !== undefined && identity !== "");
  return new Map(
    known.map(({ id, peerUrls, identity = "", asOf = 0 }) => [
      id,
      { identity, urls: peerUrls, asOf },
    ]),
  );
}

interface Making {
  readonly config: Config;
  readonly logger: Logger;
  readonly options: ServerOptions;
  readonly tls: PortTls;
  readonly joinSecret: string | undefined;
  readonly auth: DoorAuth;
  readonly directory: DataDirectory;
  readonly identified: Identified;
  readonly vouched: ReadonlyMap<MemberId, VouchedPeer>;
}

class RunningServer implements Server {
  readonly config: Config;
  readonly member: Member<Result>;
  readonly store: OpenedStore;
  readonly ended: Promise<Ended>;
  readonly #logger: Logger;
  readonly #options: ServerOptions;
  readonly #tls: PortTls;
  readonly #auth: DoorAuth;
  readonly #directory: DataDirectory;
  #identity: MemberIdentity;
  readonly #service: Service;
  readonly #peers: PeerTransport;
  readonly #roster: RosterSources;
  readonly #clock = createSystemClock();
  readonly #metrics = createMetrics();
  readonly #clients = new ClientListeners();
  readonly #called = new CalledPeers(
    (peers) => this.#peers.update(peers),
    (ms, run) => this.#later(ms, run),
  );
  readonly #timers: NodeJS.Timeout[] = [];
  /** Addresses that were complained about. */
  readonly #uncallable = new Map<MemberId, string>();
  #firstWord = new FirstWord([]);
  /** Until the founders of a new cluster have met. */
  readonly #founding: Founding | undefined;
  #settleEnded: (ended: Ended) => void = () => {};
  #stopping: Promise<void> | undefined;
  #end: Ended = { code: "stopped", reason: "" };

  constructor(making: Making) {
    const { config, logger, options, tls, auth, directory, identified } = making;
    this.config = config;
    this.#logger = logger;
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#settleEnded = resolve;
    });
    this.#tls = tls;
    this.#auth = auth;
    this.#directory = directory;
    try {
      const { identity, key, isNew, warnings } = identified;
      this.#identity = identity;
      for (const warning of [...directory.warnings, ...warnings]) logger.warn(warning);
      logger.info(isNew ? "founding a new data directory" : "opening the data directory", {
        dataDir: this.#directory.path,
        clusterId: identity.clusterId,
        memberId: identity.memberId,
        protocol: identity.protocol,
      });
      const protocol = protocolNamed(config.protocol);
      const observe = (event: MemberEvent) => this.#observe(event);
      this.store = openMemberStore(config, directory, observe);
      this.#roster = {
        membership: () => this.member.core.status().membership,
        published: () => this.member.roster(),
        founding: identity.foundingMembers,
      };
      const { clusterId, memberId } = identity;
      if (identity.founding) {
        const others = identity.foundingMembers.filter(({ id }) => id !== memberId);
        this.#founding = new Founding(others, () => this.member);
      }
      const judge = createRefusalJudge({
        connected: () => this.#peers.stats().filter((peer) => peer.connected).length,
        isFounding: () => !identity.joined && this.#publishedIncarnation() === undefined,
        voters: () => this.member.core.status().membership.voters.length,
        after: (ms, run) => this.#later(ms, run),
        condemned: (reason) => this.#fail("identityRefused", reason),
      });
      this.#peers = createPeers({
        identity: {
          clusterId,
          member: memberId,
          identity: key.identity,
          consensus: protocol.name,
        },
        key,
        joinSecret: making.joinSecret,
        held: (peer) =>
          this.#identity.founding
            ? this.#founding?.identityOf(peer)
            : (this.member.identityOf(peer) ?? making.vouched.get(peer)?.identity),
        vouched: (peer) => making.vouched.get(peer),
        introductions: {
          read: () => readIntroductions(directory),
          write: (introductions) => this.#note(introductionsNote, introductions),
        },
        // Given before the start, once the member has read the membership from its log.
        peers: [],
        listenUrls: config.listenPeerUrls.map((url) => parseListenUrl(url)!),
        answer: (knock) => {
          if (this.#identity.founding) return notFounded;
          const { appliedIndex: asOf } = this.member.core.status();
          const roster = rosterOf(this.#roster, { clusterId, consensus: protocol.name, asOf });
          return answerTo(roster, knock, making.joinSecret !== undefined);
        },
        knownWithout: (peer) => this.member.knownWithout(peer),
        memberAsOf: (peer) => this.member.memberAsOf(peer),
        hasLeftSince: (peer, index) => this.member.hasLeftSince(peer, index),
        ...(tls.peer === undefined ? {} : { tls: tls.peer }),
        codec: {
          encode: createPeerEncoder(protocol),
          decode: (bytes) => decodePeerMessage(protocol, bytes),
        },
        observe,
        random: Math.random,
        nowMs: this.#clock.monotonicMs,
        onRefused: (peer, refusal) => {
          if (refusal.code === "identity") judge.refused(peer, refusal.reason);
          else if (refusal.code !== "unknownMember") return;
          else if (this.#identity.founding) this.#fail("identityRefused", refusal.reason);
          else if (this.#isRemoved(refusal)) this.#endRemoved();
        },
      });
      this.#service = serviceOf({
        config,
        identity,
        store: this.store,
        ports: {
          clock: this.#clock,
          disk: directory.disk,
          peers: this.#peers,
          random: Math.random,
          observe,
        },
      });
      this.member = this.#service.member;
    } catch (error) {
      this.#directory.close();
      throw error;
    }
  }

  get clientUrls(): readonly string[] {
    return this.#clients.urls;
  }

  get clusterId(): string {
    return this.#identity.clusterId;
  }

  get memberId(): MemberId {
    return this.#identity.memberId;
  }

  get auth(): AuthState {
    return this.store.auth;
  }

  members(): readonly MemberInfo[] {
    return listMembers(this.#roster);
  }

  peerStats(): readonly PeerStats[] {
    return this.#peers.stats();
  }

  async start(): Promise<void> {
    try {
      // Listening comes before dialling, so that members that start together find each other.
      await this.#listenPeers();
      if (this.#founding !== undefined) await this.#found(this.#founding);
      if (this.#stopping !== undefined) return await this.#stopping;
      this.member.start();
      this.#founding?.handOver();
      await this.#firstWord.heard;
      if (this.#stopping !== undefined) return;
      await this.#listenForClients();
      this.#startAutoCompaction();
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#logger.info("ready for clients", {
      clients: this.clientUrls,
      peers: this.config.listenPeerUrls,
    });
  }

  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      const ask = () => {
        if (this.#stopping !== undefined) {
          reject(new Error(`the server has ended: ${this.#end.reason || "stopped"}`));
          return;
        }
        this.member.read((error) => {
          if (error === undefined) resolve();
          else setTimeout(ask, readyPollMs);
        });
      };
      ask();
    });
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#takeApart();
    return this.#stopping;
  }

  async #takeApart(): Promise<void> {
    this.#founding?.end();
    for (const timer of this.#timers) clearTimeout(timer);
    // Requests under way are answered while the member still serves; those that take longer, by the member as it
    // stops: nobody is cut off without a word of what became of his request.
    const closed = this.#clients.close(closeGraceMs + stopBoundMs);
    await Promise.race([Promise.all(closed), wait(closeGraceMs)]);
    let stopped = false;
    const stop = new Promise<void>((done) => this.member.stop(done));
    await Promise.race([stop.then(() => (stopped = true)), wait(stopBoundMs)]);
    if (!stopped) this.#logger.warn("the member did not stop in time");
    await Promise.race([Promise.all([this.#peers.close(), ...closed]), wait(closeGraceMs)]);
    this.#clients.cut();
    this.#metrics.close();
    this.#directory.close();
    if (this.#end.code === "stopped") this.#logger.info("stopped");
    this.#settleEnded(this.#end);
  }

  #fail(code: EndCode, reason: string): void {
    if (this.#stopping !== undefined) return;
    this.#end = { code, reason };
    this.#firstWord.end();
    void this.stop();
  }

  #later(ms: number, run: () => void): void {
    this.#timers.push(setTimeout(run, ms));
  }

  async #listenPeers(): Promise<void> {
    this.#updatePeers();
    this.#firstWord = new FirstWord(peerAddresses(this.#roster, this.memberId).map(({ id }) => id));
    try {
      await this.#peers.start(this.#founding ?? this.member);
    } catch (error) {
      throw listenError(this.config.listenPeerUrls, error);
    }
  }

  /** Returns when this member may take part, or has been stopped. */
  async #found(founding: Founding): Promise<void> {
    const rule =
      "a new cluster is founded by all its first members together: none serves before they have met";
    const waitingFor = () => ({ waitingFor: founding.waitsFor() });
    this.#logger.info(rule, waitingFor());
    const telling = setInterval(() => {
      const advice =
        "Start those that are missing, with the same --initial-cluster and --initial-cluster-token. To found the cluster without one of them, leave it out of --initial-cluster everywhere, and add it afterwards (member add).";
      this.#logger.warn(`still waiting: ${rule}. ${advice}`, waitingFor());
    }, foundersMissingMs);
    const { abort } = this.#options;
    const giveUp = () => void this.stop();
    abort?.addEventListener("abort", giveUp);
    if (abort?.aborted) giveUp();
    await founding.complete;
    abort?.removeEventListener("abort", giveUp);
    clearInterval(telling);
    if (this.#stopping !== undefined) return;
    const reason = founding.noteDisks();
    if (reason !== undefined) {
      this.#fail("failed", reason);
      return;
    }
    const { founding: _, ...identity } = this.#identity;
    this.#directory.writeIdentity({ ...identity });
    this.#identity = identity;
    this.#logger.info("the founders have met: the cluster is founded");
  }

  async #listenForClients(): Promise<void> {
    const { config } = this;
    const context: DoorContext = {
      member: this.member,
      store: this.store,
      leases: this.#service.leases,
      clusterId: this.clusterId,
      members: () => this.members(),
      watchProgressIntervalMs: config.watchProgressIntervalMs,
      strictReconfigCheck: config.strictReconfigCheck,
      leaseSecondsMin: Math.ceil((1.5 * config.electionTimeoutMs) / 1000),
      quotaBackendBytes: config.quotaBackendBytes,
      etcdVersion,
      clusterVersion,
      althingVersion: this.#options.version ?? "0.0.0",
      limits: {
        requestBytesMax: config.maxRequestBytes,
        txnOpsMax: config.maxTxnOps,
        concurrentStreamsMax: config.maxConcurrentStreams,
        connectionsMax: config.maxConnections,
      },
      auth: this.#auth,
      observe: (event) => this.#observe(event),
    };
    await this.#clients.open({
      config,
      context,
      metrics: this.#metrics,
      tls: this.#tls.client,
      peerStats: () => this.#peers.stats(),
    });
  }

  #startAutoCompaction(): void {
    const { autoCompaction } = this.config;
    const intervalMs = compactionIntervalMs(autoCompaction);
    if (intervalMs === 0) return;
    const tick = createAutoCompaction({
      retention: autoCompaction,
      revision: () => this.store.revision,
      isLeader: () => this.member.core.status().role === "leader",
      compact: (revision) => {
        this.member.propose(encodeCommand({ kind: "compact", revision }), () => {});
        this.#logger.info("compacting the history", { revision });
      },
    });
    this.#timers.push(setInterval(tick, intervalMs));
  }

  /** The disk with which the cluster knows this member, as far as this member knows. */
  #publishedIncarnation(): string | undefined {
    return this.member.roster().find(({ member }) => member === this.memberId)?.incarnation;
  }

  /** The cluster knows this member with another data directory. */
  #hasLostItsDisk(): boolean {
    const published = this.#publishedIncarnation();
    const { incarnation, formerIncarnation } = this.#identity;
    return !!published && published !== incarnation && published !== formerIncarnation;
  }

  /**
   * Another member does not know this one, and knows at least as much of the log as this one, in which it is
   * a member: then it was removed in between.
   */
  #isRemoved({ appliedIndex }: Refusal): boolean {
    return (
      appliedIndex !== undefined && this.member.belongs() && appliedIndex >= this.store.appliedIndex
    );
  }

  #endRemoved(): void {
    if (this.#stopping !== undefined) return;
    // However it is started again, it is told by its own directory.
    this.#note(identityNote, { ...this.#identity, removed: true });
    this.#fail("removed", removed);
  }

  /** A small file of the data directory; a full disk costs the note and nothing else. */
  #note(name: string, value: object): void {
    try {
      this.#directory.writeNote(name, value);
    } catch (error) {
      this.#logger.warn(`${name} could not be written`, { error });
    }
  }

  #updatePeers(): void {
    const called = peerAddresses(this.#roster, this.memberId, (member, urls) => {
      const text = urls.join(",");
      if (this.#uncallable.get(member) === text) return;
      this.#uncallable.set(member, text);
      this.#logger.warn(
        "a member has addresses that nobody can call; correct them (member update)",
        {
          member,
          urls,
        },
      );
    });
    this.#called.set(called);
  }

  #observe(event: MemberEvent): void {
    this.#metrics.observe(event);
    this.#logger.observe(event);
    this.#options.observe?.(event);
    this.#firstWord.observe(event);
    this.#founding?.observe(event);
    switch (event.kind) {
      case "membership.changed":
      case "snapshot.installed":
      case "members.changed":
        // Not from within the member's turn.
        setImmediate(() => {
          if (this.#stopping === undefined) this.#updatePeers();
        });
        break;
      case "member.removed":
        this.#later(removalGraceMs, () => this.#endRemoved());
        break;
      case "member.failed": {
        const { reason, cause } = event;
        const why = cause instanceof Error ? `${reason}: ${cause.message}` : String(reason ?? "");
        const lost = this.#hasLostItsDisk();
        setImmediate(() => this.#fail(lost ? "identityRefused" : "failed", why));
      }
    }
  }
}

/** They are others' words: what is not one is left out. */
function readIntroductions(directory: DataDirectory) {
  const noted = directory.readNote(introductionsNote);
  const all = Array.isArray(noted) ? noted : [];
  return all.map(readIntroduction).filter((one) => one !== undefined);
}

function wait(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms).unref());
}
