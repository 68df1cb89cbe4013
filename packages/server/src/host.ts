// One member as a process runs it: the data directory, the member and its state machine, the peers, and
// what is served of it, put together in the order in which they depend on each other and taken apart in reverse.
// A server that cannot go on says so through `ended`, once, and has let go of everything by then.
// Longer than most files, because what is put together and how it is taken apart belong side by side.

import type { MemberId } from "@althing/consensus";
import { decodePeerMessage, type Member, type MemberEvent, type Ports } from "@althing/member";
import { CalledPeers } from "./called-peers.ts";
import { createSystemClock } from "./clock/system-clock.ts";
import type { Config } from "./config/config.ts";
import { type DataDirectory, openDataDirectory } from "./disk/index.ts";
import type { MemberInfo } from "./doors/context.ts";
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
import { createLogger, type Logger } from "./observe/logging.ts";
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

/** A member that runs, whatever it serves. */
export interface Host {
  readonly config: Config;
  readonly clusterId: string;
  readonly memberId: MemberId;
  members(): readonly MemberInfo[];
  peerStats(): readonly PeerStats[];
  /** Settles when this member knows a leader and has applied what was committed when it asked. */
  ready(): Promise<void>;
  /** Hands over leadership, finishes what is under way and lets go of everything. Bounded. */
  stop(): Promise<void>;
  readonly ended: Promise<Ended>;
}

/** What stands on a member: the store and its doors, or a state machine of one's own. */
export interface Serving {
  readonly member: Member;
  /** Whoever may ask this member can, from here on. */
  open(): Promise<void>;
  /** Nobody new; one promise for each way in. */
  close(graceMs: number): readonly Promise<void>[];
  /** The last: whoever is still there is cut off. */
  end(): void;
}

/** What a `Serving` is made of. The host that is given is not started yet. */
export interface HostParts {
  readonly host: Host;
  readonly directory: DataDirectory;
  readonly identity: MemberIdentity;
  readonly ports: Ports;
  readonly tls: PortTls;
  readonly logger: Logger;
  readonly observe: (event: MemberEvent) => void;
}

export interface Served<S extends Serving> {
  make(parts: HostParts): S;
  /** Every event of this host, the first ones before `make` has returned. */
  observe(event: MemberEvent): void;
}

export interface HostOptions {
  readonly logger?: Logger;
  /** Every event of the member, the peers and the doors. Must not throw. */
  readonly observe?: (event: MemberEvent) => void;
  /**
   * Gives up a start that waits for others: of a member that joins with an IdentityError `joinAbandoned`, of a founder
   * with a server that has ended.
   */
  readonly abort?: AbortSignal;
}

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

export async function startHost<S extends Serving>(
  config: Config,
  options: HostOptions,
  served: Served<S>,
): Promise<{ readonly host: Host; readonly serving: S }> {
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
  const directory = openDataDirectory(config.dataDir);
  let host: RunningHost<S>;
  try {
    const tls = completePortTls(config, files, directory.path, logger);
    const asking = { tls: tls.peer, joinSecret, abort: options.abort };
    const joined = await joinIfNew(config, logger, directory, asking);
    const identified = identify(directory, config, joined);
    const { identity, key } = identified;
    const introduced = await askIntroducers(config, identity, key, { ...asking, logger });
    const vouched = vouchedBy([...identity.foundingMembers, ...introduced]);
    const given = { config, logger, options, tls, joinSecret, served };
    host = new RunningHost({ ...given, directory, identified, vouched });
  } catch (error) {
    directory.close();
    throw error;
  }
  await host.start();
  return { host, serving: host.serving };
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

interface Making<S extends Serving> {
  readonly config: Config;
  readonly logger: Logger;
  readonly options: HostOptions;
  readonly served: Served<S>;
  readonly tls: PortTls;
  readonly joinSecret: string | undefined;
  readonly directory: DataDirectory;
  readonly identified: Identified;
  readonly vouched: ReadonlyMap<MemberId, VouchedPeer>;
}

class RunningHost<S extends Serving> implements Host {
  readonly config: Config;
  readonly serving: S;
  readonly ended: Promise<Ended>;
  readonly #logger: Logger;
  readonly #options: HostOptions;
  readonly #served: Served<S>;
  readonly #directory: DataDirectory;
  #identity: MemberIdentity;
  readonly #peers: PeerTransport;
  readonly #roster: RosterSources;
  readonly #clock = createSystemClock();
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

  constructor(making: Making<S>) {
    const { config, logger, options, served, tls, directory, identified } = making;
    this.config = config;
    this.#logger = logger;
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#settleEnded = resolve;
    });
    this.#served = served;
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
          const { paxosQuorums = "" } = identity;
          const about = { clusterId, consensus: protocol.name, paxosQuorums, asOf };
          const roster = rosterOf(this.#roster, about);
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
      const ports = {
        clock: this.#clock,
        disk: directory.disk,
        peers: this.#peers,
        random: Math.random,
        observe,
      };
      this.serving = served.make({ host: this, directory, identity, ports, tls, logger, observe });
    } catch (error) {
      this.#directory.close();
      throw error;
    }
  }

  get member(): Member {
    return this.serving.member;
  }

  get clusterId(): string {
    return this.#identity.clusterId;
  }

  get memberId(): MemberId {
    return this.#identity.memberId;
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
      await this.serving.open();
    } catch (error) {
      await this.stop();
      throw error;
    }
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
    const closed = this.serving.close(closeGraceMs + stopBoundMs);
    await Promise.race([Promise.all(closed), wait(closeGraceMs)]);
    let stopped = false;
    const stop = new Promise<void>((done) => this.member.stop(done));
    await Promise.race([stop.then(() => (stopped = true)), wait(stopBoundMs)]);
    if (!stopped) this.#logger.warn("the member did not stop in time");
    await Promise.race([Promise.all([this.#peers.close(), ...closed]), wait(closeGraceMs)]);
    this.serving.end();
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
      appliedIndex !== undefined &&
      this.member.belongs() &&
      appliedIndex >= this.member.stateMachine.appliedIndex
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
    this.#served.observe(event);
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
