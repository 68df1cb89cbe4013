// The streams of the HTTP routes over WebSocket, as etcd's gateway offers them to browsers: each message is a
// piece of the request's body, each line of the answer a message. Frames and handshake are those of `ws`.

import type { IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import type { Duplex } from "node:stream";
import type { WebSocket, WebSocketServer } from "ws";
import { type Chargeable, Tally } from "./budget.ts";
import { httpBodyBytesMax, lengthOf } from "./http-exchange.ts";
import type { Http1Limits, Turns } from "./http1-exchange.ts";
import type {
  HttpReceiver,
  HttpRequestHead,
  HttpStreamReply,
  HttpStreamRoute,
  Piece,
} from "./port.ts";

const normalClosure = 1000;
const policyViolation = 1008;
const tryAgainLater = 1013;
/** Unread answers beyond which a ping is not answered any more. */
const pongBytesMax = 256 * 1024;
/** Of a message that is not complete: what came beyond this has to be complete in the time of a request. */
const begunBytesMax = 64 * 1024;
const tokenProtocol = "Bearer";

/** Of a message, taken at a time: what it says may be thousands of requests. */
const sliceBytes = 4096;

export type WebSocketCarrier = Duplex & { setTimeout(milliseconds: number): unknown };

export interface WebSocketVisit {
  readonly head: HttpRequestHead;
  readonly socket: WebSocketCarrier;
  readonly route: HttpStreamRoute;
  readonly account: Chargeable;
  readonly turns: Turns;
}

export class WebSockets {
  private readonly limits: Http1Limits;
  private readonly open = new Set<WebSocketExchange>();
  private server: WebSocketServer | undefined;

  constructor(limits: Http1Limits) {
    this.limits = limits;
  }

  /** `first`: what came right behind the request. */
  take(request: IncomingMessage, first: Buffer, visit: WebSocketVisit): void {
    this.server ??= createServer();
    this.server.handleUpgrade(request, visit.socket, first, (webSocket) => {
      const exchange = new WebSocketExchange(webSocket, visit, this.limits);
      this.open.add(exchange);
      webSocket.on("close", () => this.open.delete(exchange));
      exchange.serve(visit.route, asPost(visit.head));
    });
  }

  closing(): void {
    for (const exchange of this.open) exchange.closing();
  }
}

/** Loaded for the first that asks: few members ever serve one. */
function createServer(): WebSocketServer {
  const { WebSocketServer } = createRequire(import.meta.url)("ws") as typeof import("ws");
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: httpBodyBytesMax,
    perMessageDeflate: false,
    autoPong: false,
    handleProtocols: (protocols) => (protocols.has(tokenProtocol) ? tokenProtocol : false),
  });
}

export function asksForWebSocket(request: IncomingMessage): boolean {
  return request.method === "GET" && request.headers.upgrade?.toLowerCase() === "websocket";
}

/** Browsers cannot set headers there: a token comes as the second of the protocols that are offered. */
function asPost(head: HttpRequestHead): HttpRequestHead {
  const [protocol, token] = (head.header("sec-websocket-protocol") ?? "").split(/\s*,\s*/);
  const authorization =
    protocol === tokenProtocol && token ? `${tokenProtocol} ${token}` : undefined;
  return {
    ...head,
    method: "POST",
    header: (name) =>
      name === "authorization" ? (authorization ?? head.header(name)) : head.header(name),
  };
}

class WebSocketExchange implements HttpStreamReply {
  private readonly webSocket: WebSocket;
  private readonly socket: WebSocketCarrier;
  private readonly turns: Turns;
  private readonly limits: Http1Limits;
  private readonly tally: Tally;
  private receiver: HttpReceiver | undefined;
  private ended = false;
  private isSlow = false;
  /** Slices that wait for their turn. */
  private waiting = 0;
  /** What came and was in no message yet; `ws` tells of whole messages only. */
  private begunBytes = 0;
  private chunkBytes = 0;
  private tooLate: NodeJS.Timeout | undefined;

  constructor(webSocket: WebSocket, visit: WebSocketVisit, limits: Http1Limits) {
    const { socket, account, turns } = visit;
    this.tally = new Tally(account);
    webSocket.on("close", () => this.tally.clear());
    this.webSocket = webSocket;
    this.socket = socket;
    this.turns = turns;
    this.limits = limits;
    webSocket.on("error", () => webSocket.terminate());
    // A client that asks for signs of life and does not read them makes no progress either.
    webSocket.on("ping", (data) => {
      this.completed(data.length);
      if (webSocket.bufferedAmount > pongBytesMax) webSocket.terminate();
      else webSocket.pong(data);
    });
    webSocket.on("pong", (data) => this.completed(data.length));
    // Before `ws` looks at it.
    socket.prependListener("data", (chunk: Buffer) => this.begun(chunk.length));
    webSocket.on("close", () => clearTimeout(this.tooLate));
    socket.on("timeout", () => webSocket.terminate());
  }

  serve(route: HttpStreamRoute, head: HttpRequestHead): void {
    const silent = setTimeout(() => this.webSocket.close(policyViolation), this.limits.bodyMs);
    this.webSocket.on("close", () => clearTimeout(silent));
    const receiver = route.open(head, this);
    this.receiver = receiver;
    this.webSocket.on("message", (data: Buffer) => {
      clearTimeout(silent);
      this.completed(this.begunBytes);
      for (let at = 0; at < data.length; at += sliceBytes) {
        this.inTurn(data.subarray(at, at + sliceBytes), receiver);
      }
    });
  }

  private inTurn(slice: Buffer, receiver: HttpReceiver): void {
    const { turns, tally, webSocket } = this;
    if (this.ended || webSocket.readyState !== webSocket.OPEN) return;
    if (!turns.mustWait) {
      receiver.data(slice);
      return;
    }
    if (!tally.charge(slice.length)) {
      webSocket.terminate();
      return;
    }
    this.waiting++;
    this.listen();
    turns.add(() => {
      this.waiting--;
      tally.release(slice.length);
      if (webSocket.readyState !== webSocket.OPEN) return;
      if (!this.ended) receiver.data(slice);
      this.listen();
    });
  }

  /** To more, or not: while the client does not read, or what it said is not dealt with. */
  private listen(): void {
    if (this.isSlow || this.waiting > 0) this.webSocket.pause();
    else this.webSocket.resume();
  }

  closing(): void {
    if (!this.ended) this.receiver?.closing();
  }

  private begun(bytes: number): void {
    this.chunkBytes = bytes;
    this.begunBytes += bytes;
    if (!this.tally.charge(bytes)) {
      this.begunBytes -= bytes;
      this.webSocket.terminate();
      return;
    }
    if (this.begunBytes <= begunBytesMax) return;
    this.tooLate ??= setTimeout(() => this.webSocket.terminate(), this.limits.bodyMs);
  }

  /** What follows in the same chunk belongs to the next message: it stays charged. */
  private completed(bytes: number): void {
    const left = Math.max(0, Math.min(this.begunBytes - bytes, this.chunkBytes));
    this.tally.release(this.begunBytes - left);
    this.begunBytes = left;
    clearTimeout(this.tooLate);
    this.tooLate = undefined;
  }

  charge(bytes: number): boolean {
    return !this.socket.destroyed && this.tally.charge(bytes);
  }

  release(bytes: number): void {
    this.tally.release(bytes);
  }

  get cancelled(): boolean {
    return this.socket.destroyed;
  }

  onCancel(listener: () => void): void {
    this.webSocket.on("close", () => {
      if (!this.ended) listener();
    });
  }

  respond(...[, , body]: Parameters<HttpStreamReply["respond"]>): void {
    if (this.ended) return;
    if (this.webSocket.readyState === this.webSocket.OPEN) {
      this.webSocket.send(body, { binary: false });
    }
    this.end();
  }

  begin(): void {}

  write(piece: Piece): boolean {
    if (this.ended || this.webSocket.readyState !== this.webSocket.OPEN) return false;
    const bytes = lengthOf(piece);
    if (!this.tally.charge(bytes)) {
      this.webSocket.close(tryAgainLater);
      return false;
    }
    this.hand(piece, () => this.tally.release(bytes));
    const { socket } = this;
    if (!socket.writableNeedDrain) return true;
    if (!this.isSlow) {
      this.isSlow = true;
      this.listen();
      socket.setTimeout(this.limits.stallMs);
      socket.once("drain", () => {
        this.isSlow = false;
        this.listen();
        socket.setTimeout(0);
      });
    }
    return false;
  }

  /** Each part in a frame of its own: they are one message, and are not joined. */
  private hand(piece: Piece, taken: () => void): void {
    const { webSocket } = this;
    if (typeof piece === "string") {
      webSocket.send(piece.trimEnd(), taken);
      return;
    }
    for (const part of piece) webSocket.send(part, { binary: false, fin: false });
    webSocket.send("", { fin: true }, taken);
  }

  onDrain(listener: () => void): void {
    this.socket.once("drain", listener);
  }

  get backlogBytes(): number {
    return this.webSocket.bufferedAmount;
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.webSocket.close(normalClosure);
  }

  abort(): void {
    this.webSocket.terminate();
  }
}
