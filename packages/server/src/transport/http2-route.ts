// The HTTP routes over HTTP/2, for clients that negotiated it by TLS.

import {
  answerAtOnce,
  BodyCollector,
  callRoute,
  corsHeaders,
  splitTarget,
  tooLarge,
} from "./http-exchange.ts";
import { encodeBlock } from "./http2/hpack/encoder.ts";
import type { Stream, StreamConsumer } from "./http2/stream.ts";
import type { Caller, HttpReply, HttpRoute } from "./port.ts";
import type { Router } from "./router.ts";

export class Http2Exchange implements StreamConsumer, HttpReply {
  cancelled = false;
  private readonly stream: Stream;
  private readonly caller: Caller;
  private readonly path: string;
  private readonly query: URLSearchParams;
  private readonly route: HttpRoute | undefined;
  private readonly body = new BodyCollector();
  private answered = false;
  private cancelListeners: (() => void)[] = [];

  constructor(stream: Stream, router: Router, caller: Caller) {
    this.stream = stream;
    this.caller = caller;
    const { path, query } = splitTarget(stream.head.path);
    this.path = path;
    this.query = query;
    this.route = answerAtOnce(router, stream.head.method, path, this.send);
  }

  onCancel(listener: () => void): void {
    if (this.cancelled) listener();
    else this.cancelListeners.push(listener);
  }

  respond(...answer: Parameters<HttpReply["respond"]>): void {
    this.send(...answer);
  }

  data(bytes: Buffer, start: number, end: number): void {
    if (this.answered || this.body.push(bytes.subarray(start, end))) return;
    tooLarge(this.send);
  }

  remoteEnded(): void {
    if (this.answered || this.route === undefined) return;
    const { head } = this.stream;
    const request = {
      method: head.method,
      path: this.path,
      query: this.query,
      body: this.body.bytes(),
      caller: this.caller,
      header: (name: string) => head.header(name),
    };
    callRoute(this.route, request, this);
  }

  drained(): void {}

  closed(isComplete: boolean): void {
    this.answered = true;
    if (isComplete) return;
    this.cancelled = true;
    for (const listener of this.cancelListeners) listener();
    this.cancelListeners = [];
  }

  private readonly send: HttpReply["respond"] = (status, extra, body) => {
    if (this.answered) return;
    this.answered = true;
    const bytes = typeof body === "string" ? Buffer.from(body) : Buffer.from(body);
    const fields = [":status", String(status)];
    for (const [name, value] of Object.entries({ ...corsHeaders, ...extra })) {
      fields.push(name.toLowerCase(), value);
    }
    fields.push("content-length", String(bytes.length));
    const isEmpty = bytes.length === 0 || this.stream.head.method === "HEAD";
    this.stream.begin(encodeBlock(fields), isEmpty);
    if (isEmpty) return;
    const sent = this.stream.write(bytes, 0, bytes.length);
    if (sent < bytes.length) this.stream.enqueue(bytes.subarray(sent));
    this.stream.end(undefined);
  };
}
