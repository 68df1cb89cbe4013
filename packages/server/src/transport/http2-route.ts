// The HTTP routes over HTTP/2, negotiated by TLS or known beforehand.

import { Tally } from "./budget.ts";
import type { Entrance } from "./entrance.ts";
import { BodyCollector, refuseBody, splitTarget } from "./http-exchange.ts";
import { errorCode } from "./http2/codes.ts";
import { encodeBlock } from "./http2/hpack/encoder.ts";
import type { Stream, StreamConsumer } from "./http2/stream.ts";
import type {
  Caller,
  HttpReceiver,
  HttpRequestHead,
  HttpStreamReply,
  HttpWholeRoute,
  Piece,
} from "./port.ts";

export class Http2Exchange implements StreamConsumer, HttpStreamReply {
  cancelled = false;
  private readonly stream: Stream;
  /** Of every answer. */
  private readonly headers: Readonly<Record<string, string>>;
  private readonly receiver: HttpReceiver | undefined;
  private readonly work: Tally;
  private begun = false;
  private answered = false;
  private cancelListeners: (() => void)[] = [];
  private drainListeners: (() => void)[] = [];

  constructor(stream: Stream, entrance: Entrance, caller: Caller) {
    this.stream = stream;
    this.work = new Tally(stream);
    const { method, path: target } = stream.head;
    const { path, query } = splitTarget(target);
    const header = (name: string) => stream.head.header(name);
    const head: HttpRequestHead = { method, path, query, caller, header };
    const entry = entrance.enter(head);
    this.headers = entry.headers;
    if (entry.kind === "answer") {
      entrance.answer(entry, (...answer) => this.respond(...answer));
      return;
    }
    const { route } = entry;
    this.receiver = "open" in route ? route.open(head, this) : this.collect(route, head);
  }

  charge(bytes: number): boolean {
    return this.work.charge(bytes);
  }

  release(bytes: number): void {
    this.work.release(bytes);
  }

  onCancel(listener: () => void): void {
    if (this.cancelled) listener();
    else this.cancelListeners.push(listener);
  }

  respond(...[status, extra, body]: Parameters<HttpStreamReply["respond"]>): void {
    if (this.answered) return;
    this.answered = true;
    const bytes = typeof body === "string" ? Buffer.from(body) : bufferOf(body);
    this.work.clear();
    const isEmpty = bytes.length === 0 || this.stream.head.method === "HEAD";
    this.sendHead(status, { ...extra, "content-length": String(bytes.length) }, isEmpty);
    if (isEmpty) return;
    this.sendBytes(bytes);
    this.stream.end(undefined);
  }

  begin(status: number, headers: Readonly<Record<string, string>>): void {
    if (this.answered || this.begun) return;
    this.begun = true;
    this.sendHead(status, headers, false);
  }

  write(piece: Piece): boolean {
    if (this.answered) return false;
    if (typeof piece === "string") this.sendBytes(Buffer.from(piece));
    else for (const part of piece) this.sendBytes(bufferOf(part));
    return this.stream.queuedBytes === 0;
  }

  onDrain(listener: () => void): void {
    this.drainListeners.push(listener);
  }

  get backlogBytes(): number {
    return this.stream.queuedBytes;
  }

  end(): void {
    if (this.answered) return;
    this.answered = true;
    this.stream.end(undefined);
  }

  abort(): void {
    this.stream.reset(errorCode.enhanceYourCalm);
  }

  closing(): void {
    if (!this.answered) this.receiver?.closing();
  }

  data(bytes: Buffer, start: number, end: number): void {
    if (!this.answered) this.receiver?.data(bytes.subarray(start, end));
  }

  remoteEnded(): void {
    if (!this.answered) this.receiver?.ended();
  }

  unfinishedSinceMs(openedAtMs: number): number | undefined {
    return this.answered || this.begun ? undefined : openedAtMs;
  }

  tooLate(): void {
    this.respond(408, {}, "");
    this.cancel();
  }

  drained(): void {
    const listeners = this.drainListeners;
    this.drainListeners = [];
    for (const listener of listeners) listener();
  }

  closed(isComplete: boolean): void {
    this.answered = true;
    if (!isComplete) this.cancel();
  }

  private cancel(): void {
    if (this.cancelled) return;
    this.cancelled = true;
    const listeners = this.cancelListeners;
    this.cancelListeners = [];
    for (const listener of listeners) listener();
  }

  private collect(route: HttpWholeRoute, head: HttpRequestHead): HttpReceiver {
    const body = new BodyCollector(this);
    return {
      data: (bytes) => {
        const status = body.push(bytes);
        if (status !== 200) refuseBody(status, (...answer) => this.respond(...answer));
      },
      ended: () => route.handle({ ...head, body: body.bytes() }, this),
      closing() {},
    };
  }

  private sendHead(
    status: number,
    headers: Readonly<Record<string, string>>,
    isLast: boolean,
  ): void {
    const fields = [":status", String(status)];
    for (const [name, value] of Object.entries({ ...this.headers, ...headers })) {
      fields.push(name.toLowerCase(), value);
    }
    this.stream.begin(encodeBlock(fields), isLast);
  }

  private sendBytes(bytes: Buffer): void {
    const sent = this.stream.write(bytes, 0, bytes.length);
    if (sent === bytes.length || this.stream.enqueue(bytes.subarray(sent))) return;
    this.stream.reset(errorCode.enhanceYourCalm);
  }
}

/** The same bytes. */
function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}
