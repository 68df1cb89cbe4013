// The key-value service as a process serves it: the store on a member, and the doors and the metrics through
// which clients and dashboards reach it.

import type { MemberId } from "@althing/consensus";
import type { Member } from "@althing/member";
import type { Service } from "@althing/service";
import { type AuthState, encodeCommand, type OpenedStore, type Result } from "@althing/store";
import { compactionIntervalMs, createAutoCompaction } from "./auto-compaction.ts";
import { ClientListeners } from "./client-listeners.ts";
import type { Config } from "./config/config.ts";
import { claimDirectory } from "./disk/index.ts";
import type { DoorAuth, DoorContext, MemberInfo } from "./doors/context.ts";
import type { OpenDoor } from "./doors/door.ts";
import { doors } from "./doors/doors.ts";
import { readTokenOptions } from "./doors/etcd/auth/token-options.ts";
import {
  type Ended,
  type Host,
  type HostOptions,
  type HostParts,
  type Serving,
  startHost,
} from "./host.ts";
import { openMemberStore, requireEngine, serviceOf } from "./member-parts.ts";
import { createMetrics, type Metrics } from "./observe/metrics.ts";
import type { PeerStats } from "./peers/index.ts";

export interface Server extends Host {
  readonly member: Member<Result>;
  readonly store: OpenedStore;
  /** The addresses bound, as URLs; port 0 in the configuration is a real one here. */
  readonly clientUrls: readonly string[];
  /** Users and roles, as applied here. */
  readonly auth: AuthState;
}

export interface ServerOptions extends HostOptions {
  readonly version?: string;
  /** Those of `doors/doors.ts`, if not given. */
  readonly doors?: readonly OpenDoor[];
}

/** What clients of etcd are told: the version whose API is served. */
const etcdVersion = "3.5.21";
const clusterVersion = "3.5.0";

export async function startServer(config: Config, options: ServerOptions = {}): Promise<Server> {
  const auth = readAuth(config);
  requireEngine(config);
  const metrics = createMetrics();
  const version = options.version ?? "0.0.0";
  try {
    const { serving } = await startHost(config, options, {
      observe: (event) => metrics.observe(event),
      make: (parts) =>
        new ServedStore(parts, { metrics, auth, version, doors: options.doors ?? doors }),
    });
    return serving;
  } catch (error) {
    metrics.close();
    throw error;
  }
}

function readAuth(config: Config): DoorAuth {
  return {
    tokens: readTokenOptions(config.authToken, config.authTokenTtlSeconds),
    passwordCost: config.bcryptCost,
    namesByCertificate: config.clientTls.clientCertAuth,
  };
}

interface Given {
  readonly metrics: Metrics;
  readonly auth: DoorAuth;
  readonly version: string;
  readonly doors: readonly OpenDoor[];
}

class ServedStore implements Serving, Server {
  readonly store: OpenedStore;
  readonly #parts: HostParts;
  readonly #given: Given;
  readonly #service: Service;
  readonly #clients = new ClientListeners();
  #compacting: NodeJS.Timeout | undefined;

  constructor(parts: HostParts, given: Given) {
    this.#parts = parts;
    this.#given = given;
    const { directory, identity, ports, observe } = parts;
    const { config } = parts.host;
    claimDirectory(directory, "keyValue");
    this.store = openMemberStore(config, directory, observe);
    this.#service = serviceOf({ config, identity, store: this.store, ports });
  }

  get member(): Member<Result> {
    return this.#service.member;
  }

  get clientUrls(): readonly string[] {
    return this.#clients.urls;
  }

  get auth(): AuthState {
    return this.store.auth;
  }

  get config(): Config {
    return this.#parts.host.config;
  }

  get clusterId(): string {
    return this.#parts.host.clusterId;
  }

  get memberId(): MemberId {
    return this.#parts.host.memberId;
  }

  get ended(): Promise<Ended> {
    return this.#parts.host.ended;
  }

  members(): readonly MemberInfo[] {
    return this.#parts.host.members();
  }

  peerStats(): readonly PeerStats[] {
    return this.#parts.host.peerStats();
  }

  ready(): Promise<void> {
    return this.#parts.host.ready();
  }

  stop(): Promise<void> {
    return this.#parts.host.stop();
  }

  async open(): Promise<void> {
    await this.#listenForClients();
    this.#startAutoCompaction();
    this.#parts.logger.info("ready for clients", {
      clients: this.clientUrls,
      peers: this.config.listenPeerUrls,
    });
  }

  close(graceMs: number): readonly Promise<void>[] {
    clearInterval(this.#compacting);
    return this.#clients.close(graceMs);
  }

  end(): void {
    this.#clients.cut();
    this.#given.metrics.close();
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
      jsonGateway: config.jsonGateway,
      strictReconfigCheck: config.strictReconfigCheck,
      leaseSecondsMin: Math.ceil((1.5 * config.electionTimeoutMs) / 1000),
      quotaBackendBytes: config.quotaBackendBytes,
      etcdVersion,
      clusterVersion,
      althingVersion: this.#given.version,
      limits: {
        requestBytesMax: config.maxRequestBytes,
        txnOpsMax: config.maxTxnOps,
        concurrentStreamsMax: config.maxConcurrentStreams,
        connectionsMax: config.maxConnections,
      },
      auth: this.#given.auth,
      observe: this.#parts.observe,
    };
    await this.#clients.open({
      config,
      context,
      metrics: this.#given.metrics,
      tls: this.#parts.tls.client,
      doors: this.#given.doors,
      peerStats: () => this.peerStats(),
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
        this.#parts.logger.info("compacting the history", { revision });
      },
    });
    this.#compacting = setInterval(tick, intervalMs);
  }
}
