// An etcd client for tests: it shows every answer as it came, error codes and texts included, retries
// nothing and hides nothing. One connection to one member.

import { Connection, type ConnectionOptions, unavailable } from "../../bench/load/connection.ts";
import {
  type CompactionRequest,
  type DeleteRangeRequest,
  type DeleteRangeResponse,
  type Header,
  type MemberInfo,
  type Method,
  methods,
  type PutRequest,
  type PutResponse,
  type RangeRequest,
  type RangeResponse,
  type StatusResponse,
  type TxnRequest,
  type TxnResponse,
} from "./messages.ts";
import { decode, encode, type Message } from "./protobuf.ts";

export type Answer<Response> =
  | { readonly code: 0; readonly response: Response }
  | { readonly code: number; readonly message: string; readonly response?: undefined };

/** Why a call failed, for the message of an assertion. */
export function failureOf(answer: Answer<unknown>): string {
  return "message" in answer ? `${answer.code} ${answer.message}` : "";
}

export interface OpenHandlers<Response> {
  readonly onMessage: (message: Response) => void;
  readonly onEnd: (code: number, message: string) => void;
}

export interface OpenStream {
  send(request: Message): void;
  endSending(): void;
  cancel(): void;
}

/** The call did not come back in time: it may or may not have happened. */
const deadlineExceeded = 4;
export const unavailableCode = unavailable;

export class EtcdClient {
  readonly #options: ConnectionOptions;
  readonly #timeoutMs: number;
  #connection: Connection | undefined;

  constructor(options: ConnectionOptions, timeoutMs = 10_000) {
    this.#options = options;
    this.#timeoutMs = timeoutMs;
  }

  put(request: PutRequest): Promise<Answer<PutResponse>> {
    return this.call(methods.put, request as Message);
  }
  range(request: RangeRequest): Promise<Answer<RangeResponse>> {
    return this.call(methods.range, request as Message);
  }
  deleteRange(request: DeleteRangeRequest): Promise<Answer<DeleteRangeResponse>> {
    return this.call(methods.deleteRange, request as Message);
  }
  txn(request: TxnRequest): Promise<Answer<TxnResponse>> {
    return this.call(methods.txn, request as Message);
  }
  compact(request: CompactionRequest): Promise<Answer<{ header?: Header }>> {
    return this.call(methods.compact, request as Message);
  }
  status(): Promise<Answer<StatusResponse>> {
    return this.call(methods.status, {});
  }
  memberList(): Promise<Answer<{ members?: readonly MemberInfo[] }>> {
    return this.call(methods.memberList, {});
  }

  async call<Response>(method: Method, request: Message): Promise<Answer<Response>> {
    const answer = await this.callRaw(method.path, encode(method.request, request));
    if (answer.code !== 0) return { code: answer.code, message: answer.message };
    return { code: 0, response: decode(method.response, answer.body) as Response };
  }

  /**
   * A call with a stream each way. `onEnd` is called once, also when there was no connection to be had.
   * The timeout does not apply: streams last.
   */
  async open<Response>(method: Method, handlers: OpenHandlers<Response>): Promise<OpenStream> {
    let connection: Connection;
    try {
      connection = await this.#connected();
    } catch (error) {
      handlers.onEnd(unavailable, (error as Error).message);
      return { send() {}, endSending() {}, cancel() {} };
    }
    const id = connection.stream(method.path, {
      onMessage: (body) => handlers.onMessage(decode(method.response, body) as Response),
      onEnd: handlers.onEnd,
    });
    return {
      send: (request) => connection.send(id, encode(method.request, request)),
      endSending: () => connection.endSending(id),
      cancel: () => connection.cancel(id),
    };
  }

  /** A call whose bytes the test made itself. */
  async callRaw(
    path: string,
    body: Uint8Array,
  ): Promise<{ readonly code: number; readonly message: string; readonly body: Uint8Array }> {
    let connection: Connection;
    try {
      connection = await this.#connected();
    } catch (error) {
      return { code: unavailable, message: (error as Error).message, body: new Uint8Array() };
    }
    return await new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      let isTimedOut = false;
      const id = connection.call(path, body, (code, message, reply) => {
        clearTimeout(timer);
        const shown = isTimedOut ? deadlineExceeded : code;
        resolve({ code: shown, message, body: reply ?? new Uint8Array() });
      });
      timer = setTimeout(() => {
        isTimedOut = true;
        connection.cancel(id);
      }, this.#timeoutMs);
    });
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  async #connected(): Promise<Connection> {
    if (this.#connection?.isOpen !== true) this.#connection = new Connection(this.#options);
    const connection = this.#connection;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        // A frozen server accepts and says nothing: forget it, so that the next call dials anew.
        connection.close();
        reject(new Error("the server did not greet in time"));
      }, this.#timeoutMs);
    });
    try {
      await Promise.race([connection.ready(), late]);
    } finally {
      clearTimeout(timer);
    }
    return connection;
  }
}
