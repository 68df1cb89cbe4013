// One of the two clusters under comparison: members that die and come back, clients with and without a name,
// watchers that last. Members are counted among those that run, since the same fault hits different
// ones in the two clusters: whose turn it was to lead is chance.

import { type EtcdClient, unavailableCode } from "../client/etcd-client.ts";
import {
  type Event,
  methods,
  type WatchCreateRequest,
  type WatchRequest,
  type WatchResponse,
} from "../client/messages.ts";
import { decode, type Message } from "../client/protobuf.ts";
import { Cluster, eventually } from "../cluster/cluster.ts";
import type { MemberProcess } from "../cluster/member-process.ts";
import type { Program } from "../cluster/program.ts";
import type { ComparableAnswer } from "./answer.ts";
import { FollowedWatch, owed, told } from "./followed-watch.ts";
import { Names } from "./names.ts";
import type { Operation } from "./operations.ts";

export interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** An outcome that is nobody's to compare: the sequence cannot go on, and says nothing. */
export class Interrupted extends Error {}

export interface StreamTold {
  readonly created: readonly Message[];
  readonly ended: readonly Message[];
  /** The revision up to which the whole stream was said to be told everything. */
  readonly progress: number | undefined;
  readonly events: Readonly<Record<string, readonly Event[]>>;
}

const deadlineExceeded = 4;
/** Elections and leases in a hurry; the same for both. */
const args = ["--heartbeat-interval=50", "--election-timeout=500", "--bcrypt-cost=4"];
const everything: WatchCreateRequest = { key: "\0", range_end: "\0", prev_kv: true };

export class Side implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly names = new Names();
  readonly watches: FollowedWatch[] = [];
  #historian: FollowedWatch | undefined;
  readonly #clients = new Map<string, EtcdClient>();
  readonly #tokens = new Map<string, string>();
  /** Who may do everything; from when authentication is enabled. */
  root: Credentials | undefined;

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  static async start(program: Program): Promise<Side> {
    const side = new Side(await Cluster.start({ program, args }));
    await side.settle();
    side.#historian = new FollowedWatch({ ...everything, start_revision: 1 }, () => {
      return side.#clientOfRoot(0);
    });
    return side;
  }

  get #running(): readonly MemberProcess[] {
    return this.cluster.members.filter((member) => member.isRunning);
  }

  get history(): readonly Event[] {
    return this.#historian?.events ?? [];
  }

  async call(
    operation: Operation,
    at: number,
    as?: Credentials | string,
  ): Promise<ComparableAnswer> {
    const token = typeof as === "object" ? await this.#tokenOf(as, at) : as;
    const client = this.#clientOf(at, token);
    const answer = await this.#ask(client, operation);
    if (answer.code === unavailableCode || answer.code === deadlineExceeded) {
      throw new Interrupted(`${operation.method}: ${answer.code} ${answer.message}`);
    }
    return answer;
  }

  async #ask(
    client: EtcdClient,
    { method, request, path, body }: Operation,
  ): Promise<ComparableAnswer> {
    if (method === "raw") {
      const reply = await client.callRaw(path ?? "", body ?? new Uint8Array());
      const response = reply.code === 0 ? decode(methods.put.response, reply.body) : undefined;
      return { code: reply.code, message: reply.message, response };
    }
    const answer = await client.call<Message>(methods[method], this.names.toServer(request));
    if (answer.response === undefined) {
      return {
        code: answer.code,
        message: (answer as { message: string }).message,
        response: undefined,
      };
    }
    return { code: 0, message: "", response: this.names.fromServer(answer.response) };
  }

  // ------------------------------------------------------------------------------- faults

  async kill(whom: "leader" | "follower" | "all", which: number): Promise<void> {
    const leader = await this.cluster.leader(20_000, async (member) => {
      return (await this.#clientOfRoot(this.#running.indexOf(member))).status();
    });
    const followers = this.cluster.members.filter((member) => member !== leader);
    const chosen = followers[which % followers.length];
    const dying = whom === "leader" ? [leader] : whom === "all" ? this.cluster.members : [chosen];
    await Promise.all(dying.map((member) => member?.kill()));
    this.#forgetConnections();
    if (whom === "all") await this.restart();
    else await this.settle();
  }

  async restart(): Promise<void> {
    for (const member of this.cluster.members) if (!member.isRunning) member.start();
    this.#forgetConnections();
    await this.settle();
  }

  /** Every member that runs has all that was acknowledged, and leases have a keeper again. */
  async settle(): Promise<void> {
    await Promise.all(
      this.#running.map(async (member, at) => {
        await eventually(`${member.name} serves`, 30_000, async () => {
          if (!member.isRunning) throw new Error(`${member.name} ended`);
          const client = await this.#clientOfRoot(at);
          const read = await client.call(methods.range, { key: "settled?" });
          if (read.code !== 0) return false;
          return (await client.call(methods.leaseTimeToLive, { ID: 4_711 })).code === 0;
        });
      }),
    );
  }

  // -------------------------------------------------------------------------------- clients

  /** Of passwords that were changed and of members that began anew. */
  forgetTokens(): void {
    this.#tokens.clear();
  }

  #forgetConnections(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
    this.#tokens.clear();
  }

  #clientOf(at: number, token: string | undefined): EtcdClient {
    const running = this.#running;
    const member = running[at % running.length];
    if (member === undefined) throw new Error("no member runs");
    const key = `${member.name} ${token ?? ""}`;
    let client = this.#clients.get(key);
    if (client === undefined) {
      client = member.client(10_000, token === undefined ? [] : [["token", token]]);
      this.#clients.set(key, client);
    }
    return client;
  }

  async #tokenOf(who: Credentials, at: number): Promise<string | undefined> {
    const key = `${at % this.#running.length} ${who.name}`;
    const known = this.#tokens.get(key);
    if (known !== undefined) return known;
    const request = { name: who.name, password: who.password };
    const answer = await this.#clientOf(at, undefined).call<{ token?: string }>(
      methods.authenticate,
      request,
    );
    const token = answer.response?.token;
    if (token !== undefined) this.#tokens.set(key, token);
    return token;
  }

  /** Of the one who may do everything, when there must be one. */
  async #clientOfRoot(at: number): Promise<EtcdClient> {
    const token = this.root === undefined ? undefined : await this.#tokenOf(this.root, at);
    return this.#clientOf(at, token);
  }

  // -------------------------------------------------------------------------------- watches

  follow(request: WatchCreateRequest, at: number): FollowedWatch {
    const watch = new FollowedWatch(request, () => this.#clientOfRoot(at));
    this.watches.push(watch);
    return watch;
  }

  /** Every watcher has been told all that it is owed up to a revision, once and in order. */
  async watchersCaughtUp(revision: number): Promise<void> {
    await this.#historyReaches(revision);
    for (const watch of this.watches) {
      await eventually("a watch was answered", 10_000, () => {
        return watch.createdAt !== undefined || watch.ended !== undefined;
      });
      if (watch.ended !== undefined) continue;
      const expected = owed(watch.request, watch.start, this.history).map(told);
      await this.#until(
        () => watch.events.length >= expected.length,
        () => {
          return `${show(watch.request)} was told ${watch.events.length} of ${expected.length} events`;
        },
      );
      const found = watch.events.map(told);
      const wrong = found.findIndex((event, i) => event !== expected[i]);
      if (wrong >= 0) {
        throw new Error(
          `${this.cluster.program}: ${show(watch.request)}, resumed ${watch.resumed} times, was told ` +
            `"${found[wrong]}" where "${expected[wrong] ?? "nothing"}" was due (event ${wrong})`,
        );
      }
      watch.vouch(revision);
    }
  }

  /**
   * etcd looks after watchers that start in the past ten times a second, and says nothing when one of
   * them is found to be up to date. A compaction before that would end it.
   */
  async watchersLookedAfter(): Promise<void> {
    await eventually("watchers are looked after", 10_000, () => {
      return this.watches.every((watch) => performance.now() - watch.openedAt > 300);
    });
  }

  async #historyReaches(revision: number): Promise<void> {
    const historian = this.#historian;
    if (historian === undefined) return;
    const reached = () => historian.events.at(-1)?.kv?.mod_revision ?? 1;
    await this.#until(
      () => reached() >= revision,
      () => `history ends at ${reached()} of ${revision}`,
    );
    historian.vouch(revision);
  }

  async #until(isSo: () => boolean, told: () => string): Promise<void> {
    try {
      await eventually("", 15_000, isSo);
    } catch {
      throw new Error(`${this.cluster.program}: ${told()}`);
    }
  }

  /**
   * One stream, one script: creations, then, when each has had what it is owed, the rest. `expected` is how many
   * answers of each kind to wait for.
   */
  async stream(
    at: number,
    creations: readonly WatchCreateRequest[],
    rest: readonly WatchRequest[],
    expected: { readonly compacted: number; readonly ended: number; readonly progress: boolean },
    as?: Credentials,
  ): Promise<StreamTold> {
    await this.settle();
    const token = as === undefined ? undefined : await this.#tokenOf(as, at);
    const created: WatchResponse[] = [];
    const ended: WatchResponse[] = [];
    const events: Record<string, Event[]> = {};
    let end: string | undefined;
    let progress: number | undefined;
    const stream = await this.#clientOf(at, token).open<WatchResponse>(methods.watch, {
      onMessage: (message) => {
        if (message.created === true) created.push(message);
        else if (message.canceled === true) ended.push(message);
        else if (message.watch_id === -1) progress = message.header?.revision ?? 0;
        const id = String(message.watch_id ?? 0);
        events[id] = [...(events[id] ?? []), ...(message.events ?? [])];
      },
      onEnd: (code, text) => {
        end = `${code} ${text}`;
      },
    });
    const sees = async (what: string, isSo: () => boolean) => {
      await this.#until(
        () => end !== undefined || isSo(),
        () => {
          return `${what}: ${show({ creations, created, ended, events: counts(events) })}`;
        },
      );
      if (end !== undefined) throw new Interrupted(`a watch stream ended: ${end}`);
    };
    for (const create_request of creations) stream.send({ create_request });
    await sees("each creation is answered", () => created.length >= creations.length);
    await sees("what is compacted is said", () => ended.length >= expected.compacted);
    const over = new Set(ended.map(({ watch_id = 0 }) => String(watch_id)));
    for (const [i, request] of creations.entries()) {
      const { watch_id = 0, canceled, header } = created[i] ?? {};
      if (canceled === true || over.has(String(watch_id))) continue;
      const start = Number(request.start_revision ?? 0) || (header?.revision ?? 0) + 1;
      const due = owed(request, start, this.history).length;
      await sees(`${due} events of watch ${watch_id}`, () => {
        return (events[String(watch_id)] ?? []).length >= due;
      });
    }
    // Nothing is said while a watcher lags: then it is asked for again, as clients do.
    if (expected.progress && created.some(({ canceled }) => canceled !== true)) {
      await sees("progress is told", () => {
        if (progress === undefined) stream.send({ progress_request: {} });
        return progress !== undefined;
      });
    }
    for (const request of rest) stream.send(request as Message);
    await sees("the rest is answered", () => ended.length >= expected.ended);
    stream.cancel();
    const bySaid = (a: Message, b: Message) => (show(a) < show(b) ? -1 : 1);
    return {
      created: created.map(withoutEvents),
      ended: ended.map(withoutEvents).sort(bySaid),
      progress,
      events,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const watch of this.watches) watch.close();
    this.#historian?.close();
    this.#forgetConnections();
    await this.cluster.stop();
  }
}

function withoutEvents({ events: _, ...message }: WatchResponse): Message {
  return message as Message;
}

function counts(events: Readonly<Record<string, readonly Event[]>>): Message {
  return Object.fromEntries(Object.entries(events).map(([id, list]) => [id, list.length]));
}

export function show(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === "bigint") return String(inner);
    if (typeof inner === "string" && inner.length > 200)
      return `${inner.slice(0, 50)}… ${inner.length}`;
    return inner instanceof Uint8Array ? `${inner.length} bytes` : inner;
  });
}
