// One gRPC stream over an open connection: messages both ways, and exactly one end.

import { type ClientHttp2Session, constants } from "node:http2";

export interface Encodes<Message> {
  encode(message: Message): Uint8Array;
}
export interface Decodes<Message> {
  decode(bytes: Uint8Array): Message;
}

export interface StreamCall<Request, Response> {
  /** Like "etcdserverpb.Watch/Watch". */
  readonly method: string;
  readonly requests: Encodes<Request>;
  readonly responses: Decodes<Response>;
  /** Each message as it comes. What it throws ends the stream. */
  take(response: Response): void;
}

export interface ClientStream<Request> {
  send(request: Request): void;
  /** Nothing more is asked; answers may still come. */
  end(): void;
  /** Takes nothing more until it is resumed; the server then has to wait. */
  pause(): void;
  resume(): void;
  /** Ends with this error, or well without one. */
  cancel(error?: Error): void;
  /** Resolves when the server has ended it well, or it was cancelled without an error. */
  readonly ended: Promise<void>;
}

/** How the server or the network ended it. */
interface StreamEnd {
  /** Undefined: the connection broke. */
  readonly status: number | undefined;
  readonly message: string;
}

export function openGrpcStream<Request, Response>(
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string>>,
  call: StreamCall<Request, Response>,
  failure: (end: StreamEnd) => Error,
): ClientStream<Request> {
  const stream = session.request({ ...headers, ":path": `/${call.method}` });
  let status: string | undefined;
  let message = "";
  let decided: { readonly error?: Error } | undefined;
  const cancel = (error?: Error) => {
    decided ??= error === undefined ? {} : { error };
    stream.close(constants.NGHTTP2_CANCEL);
  };
  const note = (fields: Record<string, unknown>) => {
    if (fields["grpc-status"] === undefined) return;
    status = String(fields["grpc-status"]);
    message = decodeURIComponent(String(fields["grpc-message"] ?? ""));
  };
  const read = messageReader((bytes) => call.take(call.responses.decode(bytes)));
  stream.on("response", note);
  stream.on("trailers", note);
  stream.on("data", (chunk: Buffer) => {
    if (decided !== undefined) return;
    try {
      read(chunk);
    } catch (error) {
      cancel(error as Error);
    }
  });
  stream.on("error", () => {});
  const ended = new Promise<void>((resolve, reject) => {
    stream.on("close", () => {
      if (decided?.error !== undefined) reject(decided.error);
      else if (decided !== undefined || status === "0") resolve();
      else reject(failure({ status: status === undefined ? undefined : Number(status), message }));
    });
  });
  // Whoever waits for it learns of it; nobody need wait.
  ended.catch(() => {});
  return {
    send: (request) => void stream.write(frame(call.requests.encode(request))),
    end: () => void stream.end(),
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
    cancel,
    ended,
  };
}

/** Cuts the bytes of a stream into its messages. */
function messageReader(take: (message: Buffer) => void): (bytes: Buffer) => void {
  let held: Buffer = Buffer.alloc(0);
  return (bytes) => {
    held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
    while (held.length >= 5 && held.length >= 5 + held.readUInt32BE(1)) {
      const end = 5 + held.readUInt32BE(1);
      take(held.subarray(5, end));
      held = held.subarray(end);
    }
  };
}

export function frame(body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(5 + body.length);
  bytes.writeUInt32BE(body.length, 1);
  bytes.set(body, 5);
  return bytes;
}
