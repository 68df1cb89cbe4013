// A state machine of one's own, replicated: `apply` runs in the same order on every member, and what it
// answered is on the disks of a majority before whoever submitted it hears of it.

import {
  type Answer,
  createMember,
  DurableMachine,
  encodeJson,
  type Machine,
  type Member,
  type MemberError,
  type Reconfiguration,
} from "@althing/member";
import {
  type Config,
  claimDirectory,
  createLogger,
  defaultConfig,
  type Ended,
  type Host,
  memberOptionsOf,
  newMemberId,
  parseListenUrl,
  type Serving,
  startHost,
} from "@althing/server";
import { AlthingError } from "./embedded.ts";

export type { Machine, MachineContext } from "@althing/member";

export interface ReplicateOptions<Command, Result> {
  readonly stateMachine: Machine<Command, Result>;
  /** Where this member keeps its log and its checkpoints. Opened again, they are found again. */
  readonly dataDir: string;
  /** "raft" if not given. All members of a cluster have the same. */
  readonly protocol?: "raft" | "paxos" | "zab";
  /** This member's name; needed when there are several. */
  readonly name?: string;
  /** All first members: where each is called by the others, as http://10.0.0.1:7400. One alone if not given. */
  readonly members?: Readonly<Record<string, string>>;
  /** The cluster is there already, and was told of this member by `add`. */
  readonly joins?: boolean;
  /** Applied commands after which the state is written down as a whole and the log cut; 10,000 if not given. */
  readonly snapshotCount?: number;
  readonly logLevel?: "debug" | "info" | "warn" | "error";
}

export interface ReplicaMember {
  readonly name: string;
  readonly url: string;
  readonly isLearner: boolean;
}

/** Opens a member. Resolves once it serves: in a cluster, once there is a leader. */
export async function replicate<Command, Result>(
  options: ReplicateOptions<Command, Result>,
): Promise<Replica<Command, Result>> {
  return await Replica.open(options);
}

export class Replica<Command, Result> implements AsyncDisposable {
  readonly name: string;
  readonly #host: Host;
  readonly #member: Member<Answer<Result>>;

  private constructor(host: Host, member: Member<Answer<Result>>) {
    this.name = host.config.name;
    this.#host = host;
    this.#member = member;
  }

  static async open<Command, Result>(
    options: ReplicateOptions<Command, Result>,
  ): Promise<Replica<Command, Result>> {
    const config = configOf(options);
    const logger = createLogger({ level: config.logLevel, fields: { name: config.name } });
    const { host, serving } = await startHost(
      config,
      { logger },
      {
        observe() {},
        make(parts): Serving & { readonly member: Member<Answer<Result>> } {
          claimDirectory(parts.directory, "stateMachine");
          const stateMachine = new DurableMachine(options.stateMachine, parts.directory.disk);
          const member = createMember<Answer<Result>, DurableMachine<Command, Result>>({
            ...memberOptionsOf({ config, identity: parts.identity, ports: parts.ports }),
            stateMachine,
          });
          return { member, open: async () => {}, close: () => [], end() {} };
        },
      },
    );
    const replica = new Replica<Command, Result>(host, serving.member);
    try {
      await host.ready();
    } catch (error) {
      await host.stop();
      throw error;
    }
    return replica;
  }

  /**
   * Resolves with what `apply` returned, once that is certain; rejects with what it threw. When an
   * `AlthingError` says `outcome: "unknown"`, the command may have been applied, or may still be.
   */
  submit(command: Command): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#member.propose(encodeJson(command), (outcome) => {
        if (outcome.kind === "failed") reject(errorOf(outcome.error));
        else if (outcome.result.kind === "threw") reject(outcome.result.error);
        else resolve(outcome.result.value);
      });
    });
  }

  /**
   * Resolves once this member's state machine has seen every command that was acknowledged anywhere before
   * the call: what is read of it before anything else is awaited is linearizable.
   */
  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#member.read((error) => {
        if (error === undefined) resolve();
        else reject(errorOf(error));
      });
    });
  }

  /** Reads the state machine: linearizable, however many members there are. */
  query<Value>(read: () => Value): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.#member.read((error) => {
        if (error !== undefined) {
          reject(errorOf(error));
          return;
        }
        try {
          resolve(read());
        } catch (fault) {
          reject(fault);
        }
      });
    });
  }

  get isLeader(): boolean {
    return this.#member.status().role === "leader";
  }

  members(): readonly ReplicaMember[] {
    return this.#host
      .members()
      .map(({ name, peerUrls, isLearner }) => ({ name, url: peerUrls[0] ?? "", isLearner }));
  }

  /**
   * Adds a member that will be called at `url`: start it then, with `joins: true` and the URLs of all. It votes
   * as soon as it has caught up.
   */
  add(url: string): Promise<void> {
    const member = newMemberId([url], Date.now());
    return this.#reconfigure({ kind: "add", member, peerUrls: [url], as: "voter", strict: true });
  }

  remove(name: string): Promise<void> {
    const found = this.#host.members().find((one) => one.name === name);
    if (found === undefined) return Promise.reject(new RangeError(`there is no member ${name}`));
    return this.#reconfigure({ kind: "remove", member: found.id, strict: true });
  }

  /** Hands over leadership, writes the state down and lets go of the data directory. */
  async close(): Promise<void> {
    await this.#host.stop();
  }

  /** Settles when it has stopped, whoever stopped it: it was closed, removed, or could not go on. */
  get ended(): Promise<Ended> {
    return this.#host.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #reconfigure(request: Reconfiguration): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#member.reconfigure(request, (error) => {
        if (error === undefined) resolve();
        else reject(errorOf(error));
      });
    });
  }
}

function errorOf(error: MemberError): AlthingError {
  return new AlthingError(error.code, error.outcome, error.message, { cause: error });
}

function configOf(options: ReplicateOptions<never, unknown>): Config {
  const { members, name = "default", joins = false } = options;
  const own = members?.[name];
  if (members !== undefined && own === undefined) {
    throw new RangeError(`members does not have this one, ${name}`);
  }
  if (members === undefined && joins) throw new RangeError("joins needs members: the URLs of all");
  const initialCluster = Object.entries(members ?? {}).map(([one, url]) => {
    if (parseListenUrl(url) === undefined || !url.startsWith("http://")) {
      throw new RangeError(`${one} has the URL ${url}: write it like http://10.0.0.1:7400`);
    }
    return { name: one, peerUrls: [url] };
  });
  const base = defaultConfig({
    name,
    dataDir: options.dataDir,
    protocol: options.protocol ?? "raft",
    snapshotCount: options.snapshotCount ?? 10_000,
    logLevel: options.logLevel ?? "warn",
    listenClientUrls: [],
    advertiseClientUrls: [],
    // Members of another kind of cluster at the same addresses are strangers.
    initialClusterToken: "althing-state-machine",
    initialClusterState: joins ? "existing" : "new",
  });
  if (own === undefined) return { ...base, listenPeerUrls: [] };
  return { ...base, initialCluster, listenPeerUrls: [own], initialAdvertisePeerUrls: [own] };
}
