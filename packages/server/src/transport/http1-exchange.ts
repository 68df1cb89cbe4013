// One request over HTTP/1.1 and its answer, whole or in pieces. Whoever stops reading while something waits
// for it is cut off; as long as it reads at all, however slowly, it is served.

import type { IncomingMessage, ServerResponse } from "node:http";
import { type Chargeable, Tally } from "./budget.ts";
import {
  BodyCollector,
  lengthOf,
  refuseBody,
  refuseOverload,
  splitTarget,
} from "./http-exchange.ts";
import type {
  Caller,
  HttpReceiver,
  HttpRequestHead,
  HttpRoute,
  HttpStreamReply,
  HttpWholeRoute,
  Piece,
} from "./port.ts";

export interface Http1Limits {
  /** How long a reader may leave everything unread. */
  readonly stallMs: number;
  /** How long a request may take to say what it wants. */
  readonly bodyMs: number;
}

/** Of the connection: when something of it may be served. */
export interface Turns {
  readonly mustWait: boolean;
  /** After everything that waits already. */
  add(serve: () => void): void;
}

export interface ExchangeTerms {
  /** What is kept for the request is charged to it. */
  readonly account: Chargeable;
  readonly limits: Http1Limits;
  readonly turns: Turns;
  /** Of every answer. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What a request occupies besides what it brings. */
export const exchangeBytes = 16 * 1024;
/** An answer so small is sent even where there is no room for it: most are refusals. */
const freeBytes = 4096;

export class Http1Exchange implements HttpStreamReply {
  private readonly request: IncomingMessage;
  private readonly response: ServerResponse;
  private readonly limits: Http1Limits;
  private readonly turns: Turns;
  /** Of every answer. */
  private readonly headers: Readonly<Record<string, string>>;
  private readonly tally: Tally;
  private receiver: HttpReceiver | undefined;
  private answered = false;
  private isSlow = false;
  private tooLate: NodeJS.Timeout | undefined;
  private cancelListeners: (() => void)[] = [];

  constructor(request: IncomingMessage, response: ServerResponse, terms: ExchangeTerms) {
    const { account, limits, turns, headers } = terms;
    this.tally = new Tally(account);
    response.on("close", () => this.tally.clear());
    this.request = request;
    this.response = response;
    this.limits = limits;
    this.turns = turns;
    this.headers = headers;
    this.awaitEnd();
    request.on("close", () => clearTimeout(this.tooLate));
    response.on("close", () => {
      // What comes behind it is not read.
      if (!response.shouldKeepAlive || request.socket.destroyed) clearTimeout(this.tooLate);
    });
  }

  serve(route: HttpRoute, head: HttpRequestHead): void {
    const { request, response } = this;
    const receiver = "open" in route ? route.open(head, this) : this.collect(route, head);
    this.receiver = receiver;
    response.on("close", () => {
      if (!this.answered) this.cancel();
    });
    request.on("data", (chunk: Buffer) => {
      this.inTurn(chunk.length, () => receiver.data(chunk));
    });
    request.on("end", () => {
      this.inTurn(0, () => receiver.ended());
    });
  }

  /** Until then the request has to say all that it wants; what an answer did not wait for, too. */
  private awaitEnd(): void {
    const { request, response } = this;
    clearTimeout(this.tooLate);
    this.tooLate = setTimeout(() => {
      if (request.complete) return;
      if (this.answered) request.destroy();
      else {
        response.shouldKeepAlive = false;
        this.respond(408, {}, "");
        // Nobody will read what its handler may still be waiting for.
        this.cancel();
      }
    }, this.limits.bodyMs);
  }

  /** `bytes`: kept meanwhile. */
  private inTurn(bytes: number, serve: () => void): void {
    const { turns, response } = this;
    if (!turns.mustWait) serve();
    else if (this.charge(bytes)) {
      turns.add(() => {
        this.release(bytes);
        if (!response.destroyed) serve();
      });
    } else response.destroy();
  }

  closing(): void {
    if (!this.answered) this.receiver?.closing();
  }

  charge(bytes: number): boolean {
    return !this.response.destroyed && this.tally.charge(bytes);
  }

  release(bytes: number): void {
    this.tally.release(bytes);
  }

  get cancelled(): boolean {
    return this.response.destroyed;
  }

  onCancel(listener: () => void): void {
    this.cancelListeners.push(listener);
  }

  respond(...[status, extra, body]: Parameters<HttpStreamReply["respond"]>): void {
    const { request, response } = this;
    if (this.answered || response.destroyed) return;
    this.answered = true;
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    this.tally.clear();
    if (bytes.length > freeBytes && !this.tally.charge(bytes.length)) {
      this.answered = false;
      refuseOverload((...answer) => this.respond(...answer));
      return;
    }
    response.writeHead(status, { ...this.headers, ...extra, "Content-Length": bytes.length });
    response.end(request.method === "HEAD" ? undefined : bytes);
    if (!request.complete) this.awaitEnd();
    if (response.writableLength === 0) return;
    // What it still says must not pass for reading.
    request.pause();
    response.setTimeout(this.limits.stallMs);
  }

  begin(status: number, headers: Readonly<Record<string, string>>): void {
    if (this.answered || this.response.headersSent) return;
    clearTimeout(this.tooLate);
    this.response.writeHead(status, { ...this.headers, ...headers });
  }

  write(piece: Piece): boolean {
    const { response } = this;
    if (this.answered || response.destroyed) return false;
    const bytes = lengthOf(piece);
    if (!this.tally.charge(bytes)) {
      response.destroy();
      return false;
    }
    if (this.hand(piece, () => this.tally.release(bytes))) return true;
    if (!this.isSlow) {
      this.isSlow = true;
      this.request.pause();
      response.setTimeout(this.limits.stallMs);
      response.once("drain", () => {
        this.isSlow = false;
        this.request.resume();
        response.setTimeout(0);
      });
    }
    return false;
  }

  /** Parts are not joined: to copy all of a large message would hold the loop. */
  private hand(piece: Piece, taken: () => void): boolean {
    const { response } = this;
    if (typeof piece === "string") return response.write(piece, taken);
    for (const part of piece.slice(0, -1)) response.write(part);
    return response.write(piece[piece.length - 1], taken);
  }

  onDrain(listener: () => void): void {
    this.response.once("drain", listener);
  }

  get backlogBytes(): number {
    return this.response.writableLength;
  }

  end(): void {
    if (this.answered) return;
    this.answered = true;
    this.response.end();
    if (!this.request.complete) this.awaitEnd();
  }

  abort(): void {
    this.response.destroy();
  }

  private cancel(): void {
    const listeners = this.cancelListeners;
    this.cancelListeners = [];
    for (const listener of listeners) listener();
  }

  private collect(route: HttpWholeRoute, head: HttpRequestHead): HttpReceiver {
    const body = new BodyCollector(this);
    return {
      data: (bytes) => {
        const status = body.push(bytes);
        if (status === 200) return;
        this.response.shouldKeepAlive = false;
        refuseBody(status, (...answer) => this.respond(...answer));
      },
      ended: () => {
        if (!this.answered) route.handle({ ...head, body: body.bytes() }, this);
      },
      closing() {},
    };
  }
}

export function headOf(request: IncomingMessage, caller: Caller): HttpRequestHead {
  const { path, query } = splitTarget(request.url ?? "/");
  return {
    method: request.method ?? "GET",
    path,
    query,
    caller,
    header: (name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
  };
}
