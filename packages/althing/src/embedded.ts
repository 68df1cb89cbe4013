// A member inside this process: the whole server without a second program, and without a port unless one
// is asked for. What it acknowledges is on the disks of a majority, as with any other member.

import type { MemberErrorCode } from "@althing/member";
import {
  type Config,
  checkTls,
  createLogger,
  defaultConfig,
  parseInitialCluster,
  type Server,
  startServer,
  type TlsFiles,
  tlsFilesOf,
} from "@althing/server";
import { proposeFor } from "@althing/service";
import {
  type Command,
  encodeCommand,
  type KeyValue,
  plainRange,
  type Result,
  type StoreErrorCode,
} from "@althing/store";
import { prefixEnd } from "./cli/keys/key-range.ts";
import { version } from "./version.ts";

export interface OpenOptions {
  /** Where the data lives. Opened again, it is found again. */
  readonly dataDir: string;
  /** Name of the member; needed when there are several. */
  readonly name?: string;
  /** Serve etcd's clients as well: URLs like http://127.0.0.1:2379. None if not given. */
  readonly clientUrls?: readonly string[];
  /** Where `clientUrls` has an https URL: files in PEM form, as the flags of `althing start` name them. */
  readonly clientTls?: TlsSettings;
  /** The same for https URLs in `cluster`. */
  readonly peerTls?: TlsSettings;
  /** Several processes, one cluster: m1=http://10.0.0.1:2380,m2=... Needs `name`. */
  readonly cluster?: string;
  /** Keep the store in memory, with checkpoints on the disk. */
  readonly engine?: "disk" | "memory";
  readonly logLevel?: "debug" | "info" | "warn" | "error";
}

/** `certFile` and `keyFile`, or `autoTls`; with `trustedCaFile` callers must show a certificate of it. */
export type TlsSettings = Partial<TlsFiles>;

export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
  /** The value as UTF-8. */
  readonly text: string;
  /** 1 when the key was created, one more with every write since. */
  readonly version: number;
  readonly createRevision: number;
  readonly modRevision: number;
}

export type AlthingErrorCode = MemberErrorCode | StoreErrorCode;

export class AlthingError extends Error {
  readonly code: AlthingErrorCode;
  /** "unknown": a write may have taken effect, or may still. */
  readonly outcome: "notExecuted" | "unknown";
  constructor(
    code: AlthingErrorCode,
    outcome: "notExecuted" | "unknown",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "AlthingError";
    this.code = code;
    this.outcome = outcome;
  }
}

export class Althing implements AsyncDisposable {
  /** The member behind this handle, for everything that has no method here. */
  readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
  }

  /** Resolves once the member serves linearizable reads: in a cluster, once there is a leader. */
  static async open(options: OpenOptions): Promise<Althing> {
    const config = embeddedConfig(options);
    const logger = createLogger({ level: config.logLevel, fields: { name: config.name } });
    const server = await startServer(config, { logger, version });
    try {
      await server.ready();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return new Althing(server);
  }

  /** Resolves with the revision once the write is on the disks of a majority. */
  async put(key: string, value: string | Uint8Array): Promise<number> {
    const result = await this.#propose({
      kind: "put",
      key: storeKey(key),
      value: typeof value === "string" ? Buffer.from(value, "utf8") : value,
      lease: 0n,
      prevKv: false,
      ignoreValue: false,
      ignoreLease: false,
    });
    return result.revision;
  }

  /** Linearizable: it has seen every write that was acknowledged before it was asked. */
  async get(key: string): Promise<Entry | undefined> {
    const [entry] = await this.#range(storeKey(key), "");
    return entry;
  }

  /** All keys that begin with `prefix`, in order. */
  async list(prefix: string): Promise<Entry[]> {
    const start = storeKey(prefix);
    const end = Buffer.from(prefixEnd(Buffer.from(start, "latin1"))).toString("latin1");
    return await this.#range(start === "" ? "\0" : start, end);
  }

  /** Resolves with whether the key was there. */
  async delete(key: string): Promise<boolean> {
    const command = {
      kind: "deleteRange",
      key: storeKey(key),
      rangeEnd: "",
      prevKv: false,
    } as const;
    const result = await this.#propose(command);
    return result.kind === "deleteRange" && result.deleted > 0;
  }

  /** Hands over leadership, finishes what is under way and lets go of the data directory. */
  async close(): Promise<void> {
    await this.server.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #propose(command: Command): Promise<Result> {
    return new Promise((resolve, reject) => {
      // Whoever holds a member's disk needs nobody's leave: where auth is enabled it writes as root.
      const caller = () => {
        const { enabled, revision } = this.server.auth;
        return enabled ? { user: "root", authRevision: revision } : undefined;
      };
      proposeFor<never>(this.server.member, { caller }, encodeCommand(command), (outcome) => {
        if (outcome.kind === "refused") throw new Error("root is not refused before it is judged");
        if (outcome.kind === "failed") {
          const { code, outcome: fate, message } = outcome.error;
          reject(new AlthingError(code, fate, message, { cause: outcome.error }));
        } else if (outcome.result.kind === "error") reject(storeError(outcome.result.code));
        else resolve(outcome.result);
      });
    });
  }

  #range(key: string, rangeEnd: string): Promise<Entry[]> {
    const { member, store } = this.server;
    return new Promise((resolve, reject) => {
      member.read((error) => {
        if (error !== undefined) {
          reject(new AlthingError(error.code, "notExecuted", error.message, { cause: error }));
          return;
        }
        const result = store.range(plainRange(key, rangeEnd));
        if (result.kind === "error") reject(storeError(result.code));
        else resolve(result.kvs.map(entryOf));
      });
    });
  }
}

function embeddedConfig(options: OpenOptions): Config {
  const { cluster, clientUrls = [] } = options;
  const clientTls = tlsOf("clientTls", "clientUrls", clientUrls, options.clientTls);
  const name = options.name ?? "default";
  const base = defaultConfig({
    name,
    dataDir: options.dataDir,
    listenClientUrls: clientUrls,
    advertiseClientUrls: clientUrls,
    clientTls,
    engine: options.engine ?? "disk",
    logLevel: options.logLevel ?? "warn",
  });
  if (cluster === undefined && options.peerTls !== undefined) {
    throw new RangeError("peerTls has a meaning with cluster only");
  }
  if (cluster === undefined) return { ...base, listenPeerUrls: [] };
  const initialCluster = parseInitialCluster(cluster);
  const own = initialCluster.find((member) => member.name === name);
  if (own === undefined) throw new RangeError(`cluster does not name this member, ${name}`);
  const urls = own.peerUrls;
  const peerTls = tlsOf("peerTls", "cluster", urls, options.peerTls);
  return { ...base, initialCluster, listenPeerUrls: urls, initialAdvertisePeerUrls: urls, peerTls };
}

/** An https URL without a certificate is refused, and so are settings that would do nothing. */
function tlsOf(
  option: "clientTls" | "peerTls",
  urlsOption: string,
  urls: readonly string[],
  given: TlsSettings | undefined,
): TlsFiles {
  const files = tlsFilesOf(given ?? {});
  const isSecure = urls.some((url) => /^(https|unixs):/.test(url));
  if (isSecure && files.certFile === "" && !files.autoTls) {
    throw new RangeError(
      `${urlsOption} has an https URL: give ${option} with certFile and keyFile, or with autoTls`,
    );
  }
  if (!isSecure && given !== undefined) {
    throw new RangeError(`${option} would do nothing: ${urlsOption} has no https URL`);
  }
  const [flag, prefix] =
    option === "clientTls"
      ? (["listen-client-urls", ""] as const)
      : (["listen-peer-urls", "peer-"] as const);
  checkTls(flag, urls, files, prefix);
  return files;
}

function storeError(code: StoreErrorCode): AlthingError {
  const words = code.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return new AlthingError(code, "notExecuted", `the store refused: ${words}`);
}

/** The store's keys are bytes, one per code unit. */
function storeKey(key: string): string {
  return Buffer.from(key, "utf8").toString("latin1");
}

function entryOf(kv: KeyValue): Entry {
  // A copy: the store's own memory is good for this turn only.
  const value = Uint8Array.from(kv.value);
  return {
    key: Buffer.from(kv.key, "latin1").toString("utf8"),
    value,
    text: Buffer.from(value.buffer).toString("utf8"),
    version: kv.version,
    createRevision: kv.createRevision,
    modRevision: kv.modRevision,
  };
}
