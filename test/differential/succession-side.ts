// One of the two clusters whose locks and elections are compared: calls that may have to wait, over gRPC or the
// JSON gateway, and observers that outlive the member that they observe at, as a client keeps them.

import type { EtcdClient, OpenStream } from "../client/etcd-client.ts";
import { type KeyValue, methods } from "../client/messages.ts";
import type { Message } from "../client/protobuf.ts";
import { eventually } from "../cluster/cluster.ts";
import type { Side } from "./side.ts";

export type SuccessionMethod =
  | "lock"
  | "unlock"
  | "campaign"
  | "proclaim"
  | "leader"
  | "resign"
  | "leaseGrant"
  | "leaseRevoke";
export type Way = "grpc" | "gateway";

const gatewayPaths: Readonly<Record<SuccessionMethod, string>> = {
  lock: "/v3/lock/lock",
  unlock: "/v3/lock/unlock",
  campaign: "/v3/election/campaign",
  proclaim: "/v3/election/proclaim",
  leader: "/v3/election/leader",
  resign: "/v3/election/resign",
  leaseGrant: "/v3/lease/grant",
  leaseRevoke: "/v3/lease/revoke",
};

/** A call that is under way until `answer` is there; its outcome in the words of the way that it took. */
export interface Asked {
  readonly answer: Message | undefined;
  cancel(): void;
}

export class SuccessionSide {
  readonly side: Side;
  readonly observers: Observer[] = [];
  readonly #clients = new Map<number, EtcdClient>();

  constructor(side: Side) {
    this.side = side;
  }

  ask(method: SuccessionMethod, request: Message, at: number, way: Way): Asked {
    return way === "grpc" ? this.#call(method, request, at) : this.#post(method, request, at);
  }

  observe(name: string, at: number): void {
    this.observers.push(new Observer(name, at, this));
  }

  /** Who leads by the order of the keys; undefined when nobody does. */
  async owner(name: string, at: number): Promise<KeyValue | undefined> {
    let owner: KeyValue | undefined;
    await eventually(`the line of ${name} is told`, 15_000, async () => {
      const range = { key: `${name}/`, range_end: `${name}0`, sort_target: 2, sort_order: 1 };
      const answer = await this.client(at).range({ ...range, limit: 1 });
      owner = answer.response?.kvs?.[0];
      return answer.code === 0;
    });
    return owner;
  }

  async kill(at: number): Promise<void> {
    await this.side.cluster.member(at).kill();
    this.#clients.get(at)?.close();
    this.#clients.delete(at);
    await this.side.settle();
  }

  isRunning(at: number): boolean {
    return this.side.cluster.member(at).isRunning;
  }

  client(at: number): EtcdClient {
    const known = this.#clients.get(at);
    if (known !== undefined) return known;
    const client = this.side.cluster.member(at).client(10_000);
    this.#clients.set(at, client);
    return client;
  }

  close(): void {
    for (const observer of this.observers) observer.close();
    for (const client of this.#clients.values()) client.close();
  }

  #call(method: SuccessionMethod, request: Message, at: number): Asked {
    const asked: { answer: Message | undefined; cancel(): void } = {
      answer: undefined,
      cancel: () => stream?.cancel(),
    };
    let stream: OpenStream | undefined;
    let response: Message | undefined;
    const handlers = {
      onMessage: (message: Message) => {
        response = message;
      },
      onEnd: (code: number, message: string) => {
        asked.answer ??= code === 0 ? { code, response } : { code, message };
      },
    };
    void this.client(at)
      .open<Message>(methods[method], handlers)
      .then((opened) => {
        stream = opened;
        stream.send(request);
        stream.endSending();
      });
    return asked;
  }

  #post(method: SuccessionMethod, request: Message, at: number): Asked {
    const controller = new AbortController();
    const asked: { answer: Message | undefined; cancel(): void } = {
      answer: undefined,
      cancel: () => controller.abort(),
    };
    const url = `${this.side.cluster.member(at).spec.clientUrl}${gatewayPaths[method]}`;
    const init = { method: "POST", body: jsonOf(request), signal: controller.signal };
    fetch(url, init)
      .then(async (reply) => {
        asked.answer = { status: reply.status, body: (await reply.json()) as Message };
      })
      .catch(() => {
        asked.answer = { code: 14, message: "the connection broke" };
      });
    return asked;
  }
}

const byteFields = new Set(["name", "key", "value"]);

function jsonOf(request: Message): string {
  return JSON.stringify(request, (name, inner: unknown) => {
    if (byteFields.has(name)) return Buffer.from(String(inner), "latin1").toString("base64");
    return typeof inner === "bigint" ? String(inner) : inner;
  });
}

/** Whoever led, in order; what is told again after a change of members is told once. */
class Observer {
  readonly name: string;
  readonly told: KeyValue[] = [];
  moved = 0;
  readonly #side: SuccessionSide;
  #at: number;
  #stream: OpenStream | undefined;
  #isClosed = false;

  constructor(name: string, at: number, side: SuccessionSide) {
    this.name = name;
    this.#at = at;
    this.#side = side;
    void this.#open();
  }

  close(): void {
    this.#isClosed = true;
    this.#stream?.cancel();
  }

  async #open(): Promise<void> {
    while (!this.#side.isRunning(this.#at)) this.#at = (this.#at + 1) % 3;
    const stream = await this.#side.client(this.#at).open<{ kv?: KeyValue }>(methods.observe, {
      onMessage: ({ kv }) => {
        if (kv !== undefined && this.told.at(-1)?.mod_revision !== kv.mod_revision) {
          this.told.push(kv);
        }
      },
      onEnd: () => {
        if (this.#isClosed) return;
        this.moved += 1;
        setTimeout(() => void this.#open(), 20);
      },
    });
    this.#stream = stream;
    if (this.#isClosed) stream.cancel();
    stream.send({ name: this.name });
    stream.endSending();
  }
}
