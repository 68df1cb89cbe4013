// A watch as clients keep one: it outlives the member that serves it, by asking another for what comes after the
// last revision that it has seen whole. What it was told is kept in order, however it was cut into messages.

import type { EtcdClient, OpenStream } from "../client/etcd-client.ts";
import {
  type Event,
  methods,
  type WatchCreateRequest,
  type WatchResponse,
} from "../client/messages.ts";

export class FollowedWatch {
  readonly request: WatchCreateRequest;
  readonly events: Event[] = [];
  /** Why it ended for good: its history is compacted, or it was refused. */
  ended: { readonly compactRevision: number; readonly reason: string } | undefined;
  /** The header's revision when it was created for the first time. */
  createdAt: number | undefined;
  /** The first revision that it is owed. */
  start = 0;
  resumed = 0;
  openedAt = 0;
  readonly #client: () => Promise<EtcdClient>;
  #next: number;
  #fragments: Event[] = [];
  #stream: OpenStream | undefined;
  #isClosed = false;

  constructor(request: WatchCreateRequest, client: () => Promise<EtcdClient>) {
    this.request = request;
    this.#client = client;
    this.#next = Number(request.start_revision ?? 0);
    void this.#open();
  }

  /** Everything up to a revision was seen: what is older need not be asked for again. */
  vouch(revision: number): void {
    this.#next = Math.max(this.#next, revision + 1);
  }

  close(): void {
    this.#isClosed = true;
    this.#stream?.cancel();
  }

  async #open(): Promise<void> {
    this.#fragments = [];
    const again = () => {
      if (this.#isClosed || this.ended !== undefined) return;
      setTimeout(() => void this.#open(), 20);
    };
    let client: EtcdClient;
    try {
      client = await this.#client();
    } catch {
      again();
      return;
    }
    const stream = await client.open<WatchResponse>(methods.watch, {
      onMessage: (message) => {
        // Whose token was taken away in the meantime gets a new one.
        if (this.createdAt !== undefined && isRefused(message)) this.#stream?.cancel();
        else this.#take(message);
      },
      onEnd: again,
    });
    this.#stream = stream;
    if (this.#isClosed) stream.cancel();
    const { start_revision: _, ...request } = this.request;
    const start = this.#next === 0 ? {} : { start_revision: this.#next };
    stream.send({ create_request: { ...request, ...start } });
  }

  #take(message: WatchResponse): void {
    const revision = message.header?.revision ?? 0;
    if (message.canceled === true) {
      this.ended = {
        compactRevision: message.compact_revision ?? 0,
        reason: message.cancel_reason ?? "",
      };
    } else if (message.created === true && this.createdAt === undefined) {
      this.createdAt = revision;
      this.start = this.#next === 0 ? revision + 1 : this.#next;
    }
    if (message.created === true) {
      if (this.openedAt !== 0) this.resumed += 1;
      this.openedAt = performance.now();
      if (this.#next === 0) this.#next = revision + 1;
    }
    this.#fragments.push(...(message.events ?? []));
    if (message.fragment === true || this.#fragments.length === 0) return;
    this.events.push(...this.#fragments);
    this.#next = (this.#fragments.at(-1)?.kv?.mod_revision ?? 0) + 1;
    this.#fragments = [];
  }
}

function isRefused({ canceled, compact_revision }: WatchResponse): boolean {
  return canceled === true && compact_revision === undefined;
}

/** What a watcher is owed of a whole history, from its start. */
export function owed(
  request: WatchCreateRequest,
  start: number,
  history: readonly Event[],
): Event[] {
  const key = request.key ?? "\0";
  const end = request.range_end ?? "";
  const filters = request.filters ?? [];
  return history.filter(({ type = 0, kv }) => {
    const candidate = kv?.key ?? "";
    const isCovered =
      end === "" ? candidate === key : candidate >= key && (end === "\0" || candidate < end);
    return isCovered && (kv?.mod_revision ?? 0) >= start && !filters.includes(type);
  });
}

/** One event in short, without what a watcher may or may not have asked for. */
export function told({ type = 0, kv }: Event): string {
  return `${type === 0 ? "put" : "delete"} ${JSON.stringify(kv?.key)} at ${kv?.mod_revision}`;
}
