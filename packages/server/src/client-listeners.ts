// Where clients and dashboards reach this member: the doors behind the addresses of the configuration.
// What was bound before an address failed is closed with the rest.

import { X509Certificate } from "node:crypto";
import type { Config } from "./config/config.ts";
import type { DoorContext } from "./doors/context.ts";
import type { Door, OpenDoor } from "./doors/door.ts";
import { ListenError, listenError } from "./listen-error.ts";
import type { Metrics } from "./observe/metrics.ts";
import { bindHost } from "./peers/acceptor.ts";
import { type PeerStats, parseListenUrl } from "./peers/index.ts";
import { claimSocketPath } from "./peers/unix-socket.ts";
import type { ClientTls } from "./tls-files.ts";
import {
  type ClientListener,
  ConnectionGate,
  createTransportCounters,
  gateLimitsOf,
  type ListenOptions,
  limitsOf,
  listenClients,
  MemoryBudget,
  type VisitorRulesOptions,
} from "./transport/index.ts";

export interface ClientListenersOptions {
  readonly config: Config;
  readonly context: DoorContext;
  readonly metrics: Metrics;
  readonly tls: ClientTls | undefined;
  readonly doors: readonly OpenDoor[];
  peerStats(): readonly PeerStats[];
}

/** The gRPC framing of a message whose request is as large as may be. */
const framingBytes = 512 * 1024;

export class ClientListeners {
  /** The addresses bound, as URLs; port 0 in the configuration is a real one here. */
  readonly urls: string[] = [];
  readonly #listeners: ClientListener[] = [];
  #doors: readonly Door[] = [];

  async open(options: ClientListenersOptions): Promise<void> {
    const { config, context, metrics, tls } = options;
    const transport = createTransportCounters();
    this.#doors = options.doors.map((open) => open(context, transport));
    metrics.connect({
      context,
      transport,
      doors: this.#doors.map(({ families }) => families),
      peers: () => options.peerStats(),
    });
    const shared = {
      limits: {
        messageBytesMax: config.maxRequestBytes + framingBytes,
        concurrentStreamsMax: config.maxConcurrentStreams,
        connectionsMax: config.maxConnections,
      },
      counters: transport,
      memory: new MemoryBudget(limitsOf(config.maxClientMemoryBytes)),
      keepalive: config.keepalive,
      observe: context.observe,
      visitors: visitorsOf(config, tls),
    };
    const services = this.#doors.flatMap((door) => door.services);
    const routes = [...this.#doors.flatMap((door) => door.routes), metrics.route];
    const forMonitors = routes.filter(({ audience }) => audience === "monitors");
    const { maxConnections, maxConnectionsPerAddress } = config;
    const gate = new ConnectionGate(gateLimitsOf(maxConnections, maxConnectionsPerAddress));
    for (const url of config.listenClientUrls) {
      const serving = { ...shared, gate, services, routes };
      this.urls.push(await this.#listen(url, tls, serving));
    }
    for (const url of config.listenMetricsUrls) {
      await this.#listen(url, tls, { ...shared, services: [], routes: forMonitors });
    }
    for (const door of this.#doors) this.urls.push(...((await door.listen?.()) ?? []));
  }

  /** One promise per address. */
  close(graceMs: number): readonly Promise<void>[] {
    return [
      ...this.#listeners.map((listener) => listener.close(graceMs)),
      ...this.#doors.flatMap((door) => door.close?.(graceMs) ?? []),
    ];
  }

  cut(): void {
    for (const listener of this.#listeners) listener.cut();
  }

  async #listen(
    url: string,
    tls: ClientTls | undefined,
    options: Omit<ListenOptions, "host" | "port" | "tls" | "refuseClient">,
  ): Promise<string> {
    const parsed = parseListenUrl(url);
    if (parsed === undefined) {
      throw new ListenError(
        url,
        `${url} is no address to listen on; write it like http://127.0.0.1:2379`,
      );
    }
    const { place, secure } = parsed;
    try {
      if (place.kind === "unix") await claimSocketPath(place.path);
      const listener = await listenClients({
        ...options,
        ...(place.kind === "unix"
          ? { host: "", port: 0, path: place.path }
          : { host: bindHost(place.host), port: place.port }),
        ...(secure ? secured(tls) : {}),
      });
      this.#listeners.push(listener);
      if (place.kind === "unix") return url;
      const { protocol, hostname } = new URL(url);
      return `${protocol}//${hostname}:${listener.address.port}`;
    } catch (error) {
      throw listenError([url], error);
    }
  }
}

/** An https URL is never served in clear text. */
function secured(tls: ClientTls | undefined): Pick<ListenOptions, "tls" | "refuseClient"> {
  if (tls === undefined) throw new Error("there is no certificate for an https URL");
  const { options, refuse } = tls;
  return { tls: options, ...(refuse === undefined ? {} : { refuseClient: refuse }) };
}

/** Web clients may call this member by whatever its operator says that it is called. */
function visitorsOf(config: Config, tls: ClientTls | undefined): VisitorRulesOptions {
  const { listenClientUrls, advertiseClientUrls, listenMetricsUrls, visitors } = config;
  const urls = [...listenClientUrls, ...advertiseClientUrls, ...listenMetricsUrls];
  const certificate = tls === undefined ? undefined : new X509Certificate(tls.options.cert);
  return {
    hosts: [...urls.map((url) => new URL(url).host), ...visitors.hosts],
    origins: visitors.origins,
    ...(certificate && {
      isCertified: (host) => certificate.checkHost(host) !== undefined,
    }),
  };
}
