// A lean gRPC client for the command line over `node:http2`. It goes from endpoint to endpoint until
// one can be reached; a request that has been sent is never sent again, because a write whose answer
// was lost may have taken effect.
// Longer than most files, because dialling, one call and one stream share the end of a connection.

import { type ClientHttp2Session, connect, constants } from "node:http2";
import { isIP } from "node:net";
import { type TLSSocket, connect as tlsConnect } from "node:tls";
import { etcdCodecs } from "@althing/wire";
import { CliError, exitCode } from "./exit-codes.ts";
import { GrpcFailure } from "./grpc-failure.ts";
import {
  type ClientStream,
  type Decodes,
  type Encodes,
  frame,
  openGrpcStream,
  type StreamCall,
} from "./grpc-stream.ts";
import { type Fate, fateOf, nothingSent } from "./unanswered.ts";

export interface Endpoint {
  /** As the user wrote it. */
  readonly text: string;
  readonly authority: string;
  readonly secure: boolean;
}

export interface ClientTls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly verify: boolean;
}

/** Who asks, while auth is enabled. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
}

interface UnaryCall {
  readonly method: string;
  readonly body: Uint8Array;
  readonly deadline: number;
  readonly who: Readonly<Record<string, string>>;
  readonly fate: Fate;
}

const commonHeaders = {
  ":method": "POST",
  "content-type": "application/grpc",
  te: "trailers",
  "user-agent": "althing-cli",
};

/** host:port, http://host:port or https://host:port. */
export function parseEndpoint(text: string, tls: ClientTls): Endpoint {
  const withScheme = /^https?:\/\//.test(text)
    ? text
    : `${usesTls(tls) ? "https" : "http"}://${text}`;
  let url: URL;
  try {
    url = new URL(withScheme);
  } catch {
    throw new CliError(exitCode.usage, `--endpoints: "${text}" is not an address`, [
      "Write host:port, like 127.0.0.1:2379, or a URL; separate several by commas.",
    ]);
  }
  const secure = url.protocol === "https:";
  const port = url.port || (secure ? "443" : "80");
  return { text, authority: `${url.protocol}//${url.hostname}:${port}`, secure };
}

function usesTls(tls: ClientTls): boolean {
  return tls.ca !== undefined || tls.cert !== undefined || !tls.verify;
}

export class GrpcClient {
  #endpoints: readonly Endpoint[];
  readonly #tls: ClientTls;
  readonly #timeoutMs: number;
  #session: ClientHttp2Session | undefined;
  #endpoint: Endpoint | undefined;
  readonly #credentials: Credentials | undefined;
  #identified: Readonly<Record<string, string>> | undefined;

  constructor(
    endpoints: readonly Endpoint[],
    tls: ClientTls,
    timeoutMs: number,
    credentials?: Credentials,
  ) {
    this.#credentials = credentials;
    this.#endpoints = endpoints;
    this.#tls = tls;
    this.#timeoutMs = timeoutMs;
  }

  /** The one that answers, once a call was made. */
  get endpoint(): string {
    return this.#endpoint?.text ?? this.#endpoints[0]?.text ?? "";
  }

  /** `method` like "etcdserverpb.KV/Range". */
  async unary<Request, Response>(
    method: string,
    requests: Encodes<Request>,
    responses: Decodes<Response>,
    request: Request,
  ): Promise<Response> {
    const deadline = Date.now() + this.#timeoutMs;
    const session = await this.#connect(deadline);
    const who = await this.#identify(session, deadline);
    const body = requests.encode(request);
    const call = { method, body, deadline, who, fate: fateOf(method) };
    return responses.decode(await this.#exchange(session, call));
  }

  /** Calls `take` with each message as it comes. The time limit is for each wait, not for the whole. */
  async serverStream<Request, Response>(
    method: string,
    requests: Encodes<Request>,
    responses: Decodes<Response>,
    request: Request,
    take: (response: Response) => void,
  ): Promise<void> {
    const silent = () =>
      stream.cancel(
        new CliError(exitCode.timedOut, `${this.endpoint} sent nothing for ${this.#timeoutMs} ms`, [
          "--timeout waits longer.",
        ]),
      );
    const listen = (response: Response) => {
      timer.refresh();
      take(response);
    };
    const stream = await this.openStream({ method, requests, responses, take: listen });
    const timer = setTimeout(silent, this.#timeoutMs);
    stream.send(request);
    stream.end();
    await stream.ended.finally(() => clearTimeout(timer));
  }

  /** Without a limit of time once it is open. */
  async openStream<Request, Response>(
    call: StreamCall<Request, Response>,
  ): Promise<ClientStream<Request>> {
    const deadline = Date.now() + this.#timeoutMs;
    const session = await this.#connect(deadline);
    const headers = { ...commonHeaders, ...(await this.#identify(session, deadline)) };
    return openGrpcStream(session, headers, call, ({ status, message }) =>
      status === undefined
        ? new CliError(exitCode.failed, `${this.endpoint} broke off in the middle`)
        : failureOf(status, message, this.endpoint, fateOf(call.method)),
    );
  }

  /** The answer to one request that may take as long as it takes, such as for a lock. */
  async wait<Request, Response>(
    method: string,
    requests: Encodes<Request>,
    responses: Decodes<Response>,
    request: Request,
    signal: AbortSignal,
  ): Promise<Response> {
    let answer: Response | undefined;
    const take = (response: Response) => {
      answer = response;
    };
    const stream = await this.openStream({ method, requests, responses, take });
    const abort = () => stream.cancel(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    stream.send(request);
    stream.end();
    await stream.ended.finally(() => signal.removeEventListener("abort", abort));
    if (answer === undefined)
      throw new CliError(exitCode.failed, `${this.endpoint} answered nothing`);
    return answer;
  }

  /** Another one like it, with a connection of its own. */
  fork(): GrpcClient {
    return new GrpcClient(this.#endpoints, this.#tls, this.#timeoutMs, this.#credentials);
  }

  /** The next call asks the next endpoint: this one has failed. */
  moveOn(): void {
    this.close();
    const [first, ...others] = this.#endpoints;
    if (first !== undefined) this.#endpoints = [...others, first];
  }

  close(): void {
    this.#session?.destroy();
    this.#session = undefined;
  }

  async #connect(deadline: number): Promise<ClientHttp2Session> {
    if (this.#session !== undefined && !this.#session.destroyed) return this.#session;
    const problems: string[] = [];
    let someoneThere = false;
    for (const [i, endpoint] of this.#endpoints.entries()) {
      // One that does not answer must leave time for the others.
      const share = (deadline - Date.now()) / (this.#endpoints.length - i);
      try {
        this.#session = await openSession(endpoint, this.#tls, Math.max(1, share));
        this.#endpoint = endpoint;
        return this.#session;
      } catch (error) {
        problems.push(`${endpoint.text}: ${explainConnection(error, endpoint)}`);
        someoneThere ||= !nobodyThere.has(codeOf(error));
      }
    }
    const hint =
      "Is a cluster running? `npx althing dev` starts one here; --endpoints names another.";
    throw new CliError(exitCode.unreachable, problems.join("\n"), someoneThere ? [] : [hint]);
  }

  /** The header that says who asks; none when nobody is named, or nobody is asked for. */
  async #identify(
    session: ClientHttp2Session,
    deadline: number,
  ): Promise<Readonly<Record<string, string>>> {
    if (this.#credentials === undefined) return {};
    if (this.#identified !== undefined) return this.#identified;
    const { AuthenticateRequest, AuthenticateResponse } = etcdCodecs;
    const body = AuthenticateRequest.encode(this.#credentials);
    try {
      const method = "etcdserverpb.Auth/Authenticate";
      const call = { method, body, deadline, who: {}, fate: nothingSent };
      const answer = await this.#exchange(session, call);
      this.#identified = { token: AuthenticateResponse.decode(answer).token };
    } catch (error) {
      if (!(error instanceof GrpcFailure) || !/not enabled/.test(error.message)) throw error;
      this.#identified = {};
    }
    return this.#identified;
  }

  #exchange(session: ClientHttp2Session, call: UnaryCall): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const { method, body, deadline, who, fate } = call;
      const left = Math.max(1, deadline - Date.now());
      const stream = session.request({
        ...commonHeaders,
        ...who,
        ":path": `/${method}`,
        "grpc-timeout": `${Math.ceil(left)}m`,
      });
      let status: string | undefined;
      let message = "";
      const chunks: Buffer[] = [];
      const timer = setTimeout(() => {
        reject(noAnswer(this.endpoint, this.#timeoutMs, fate));
        stream.close(constants.NGHTTP2_CANCEL);
      }, left);
      const note = (headers: Record<string, unknown>) => {
        if (headers["grpc-status"] === undefined) return;
        status = String(headers["grpc-status"]);
        message = decodeURIComponent(String(headers["grpc-message"] ?? ""));
      };
      stream.on("response", note);
      stream.on("trailers", note);
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", () => {});
      stream.on("close", () => {
        clearTimeout(timer);
        if (status === undefined) {
          reject(noStatus(this.endpoint, stream.rstCode, fate));
        } else if (status !== "0") {
          reject(failureOf(Number(status), message, this.endpoint, fate));
        } else {
          const bytes = Buffer.concat(chunks);
          resolve(bytes.subarray(5, 5 + bytes.readUInt32BE(1)));
        }
      });
      stream.end(frame(body));
    });
  }
}

async function openSession(
  endpoint: Endpoint,
  tls: ClientTls,
  timeoutMs: number,
): Promise<ClientHttp2Session> {
  const deadline = Date.now() + timeoutMs;
  const socket = endpoint.secure ? await openTls(endpoint, tls, timeoutMs) : undefined;
  return await new Promise((resolve, reject) => {
    const session = connect(
      endpoint.authority,
      socket === undefined ? {} : { createConnection: () => socket },
    );
    const timer = setTimeout(
      () => {
        session.destroy();
        reject(timedOut());
      },
      Math.max(1, deadline - Date.now()),
    );
    const failed = (error: Error) => {
      clearTimeout(timer);
      reject(error);
    };
    session.on("error", failed);
    session.once("close", () => failed(hungUp()));
    // The first SETTINGS frame proves that HTTP/2 is spoken at the other end.
    session.once("remoteSettings", () => {
      clearTimeout(timer);
      resolve(session);
    });
  });
}

/**
 * Under TLS 1.3 a server refuses a client's certificate after the client's own handshake is done, and
 * `node:http2` does not tell of it: the connection counts once the server has sent its first bytes.
 */
function openTls(endpoint: Endpoint, tls: ClientTls, timeoutMs: number): Promise<TLSSocket> {
  const { hostname, port } = new URL(endpoint.authority);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({
      host,
      port: Number(port),
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ALPNProtocols: ["h2"],
      rejectUnauthorized: tls.verify,
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls.key === undefined ? {} : { key: tls.key }),
    });
    const settle = (error: Error | undefined) => {
      clearTimeout(timer);
      socket.off("readable", heard);
      if (error === undefined) resolve(socket);
      else reject(error);
    };
    const heard = () => {
      if (socket.readableLength > 0) settle(undefined);
    };
    const timer = setTimeout(() => {
      socket.destroy();
      settle(timedOut());
    }, timeoutMs);
    socket.on("readable", heard);
    socket.on("error", settle);
    socket.once("close", () => settle(hungUp()));
  });
}

function timedOut(): Error {
  return Object.assign(new Error("no answer"), { code: "ETIMEDOUT" });
}

function hungUp(): Error {
  return Object.assign(new Error("closed"), { code: "ECONNRESET" });
}

/** Whoever answers, if only to hang up, is running. */
const nobodyThere = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT"]);

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function explainConnection(error: unknown, endpoint: Endpoint): string {
  const code = codeOf(error);
  if (code === "ECONNREFUSED") return "nothing listens there";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "the name is not known";
  if (code === "ETIMEDOUT") return "no answer in time";
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "EPROTO") {
    return "it does not speak TLS; use http://";
  }
  if (/ALERT.*CERT|ALERT_UNKNOWN_CA|ALERT_HANDSHAKE/.test(code)) {
    return `it refuses this client's certificate or lack of one (${code}): give --cert and --key`;
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO/.test(code)) {
    return `its certificate is not trusted (${code}); give its authority with --cacert`;
  }
  if (code === "ECONNRESET" || code.startsWith("ERR_HTTP2") || code === "EPIPE") {
    return endpoint.secure
      ? "it hung up; it may ask for a client's certificate: give --cert and --key"
      : "it hung up; it may speak TLS (use https://), or be a peer port";
  }
  return error instanceof Error ? error.message : String(error);
}

/** The stream ended, by a reset or with its connection, before anything was answered. */
function noStatus(endpoint: string, resetCode: number, fate: Fate): CliError {
  if (resetCode === constants.NGHTTP2_REFUSED_STREAM) {
    // RFC 9113 section 8.7: nothing of such a request was processed.
    return new CliError(exitCode.failed, `${endpoint} did not take the request; nothing was done`, [
      "Ask again, or another member with --endpoints.",
    ]);
  }
  return new CliError(
    exitCode.timedOut,
    `${endpoint} closed the connection without an answer${fate.claim}`,
    [fate.advice],
  );
}

function noAnswer(endpoint: string, timeoutMs: number, fate: Fate): CliError {
  return new CliError(
    exitCode.timedOut,
    `${endpoint} did not answer within ${timeoutMs} ms${fate.claim}`,
    [fate.advice, "`althing status` shows whether there is a leader; --timeout waits longer."],
  );
}

const deadlineExceeded = 4;
const unavailable = 14;

function failureOf(status: number, message: string, endpoint: string, fate: Fate): Error {
  if (status === deadlineExceeded || /timed out/.test(message)) {
    return new CliError(exitCode.timedOut, `${endpoint}: ${message}${fate.claim}`, [
      fate.advice,
      "`althing status` shows whether there is a leader.",
    ]);
  }
  if (status === unavailable) {
    return new CliError(exitCode.failed, `${endpoint}: ${message}`, [
      "`althing status` shows which members are up and whether there is a leader.",
    ]);
  }
  if (message === "etcdserver: user name is empty") {
    return new CliError(exitCode.failed, `${endpoint} wants to know who asks: auth is enabled`, [
      "Give --user NAME:PASSWORD, or set ALTHING_USER.",
    ]);
  }
  return new GrpcFailure(status, message);
}
