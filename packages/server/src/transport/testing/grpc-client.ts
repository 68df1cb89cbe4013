// A gRPC client of a few lines over node:http2: what tests need to drive a real socket, raw bytes included.

import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";

export interface GrpcAnswer {
  readonly status: number;
  readonly message: string;
  readonly messages: readonly Buffer[];
}

export function frame(bytes: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

export function unframe(bytes: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    messages.push(bytes.subarray(at + 5, end));
    at = end;
  }
  return messages;
}

export class GrpcClient {
  readonly session: ClientHttp2Session;

  constructor(port: number, options: { tls?: object; windowBytes?: number } = {}) {
    const scheme = options.tls === undefined ? "http" : "https";
    this.session = connect(`${scheme}://127.0.0.1:${port}`, {
      ...options.tls,
      settings: { initialWindowSize: options.windowBytes ?? 8 << 20 },
    });
    this.session.on("error", () => {});
  }

  open(path: string, headers: Readonly<Record<string, string>> = {}) {
    const stream = this.session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    stream.on("error", () => {});
    return stream;
  }

  /** Sends `body` as it is (already framed) and waits for the end of the call. */
  raw(
    path: string,
    body: Uint8Array,
    headers?: Readonly<Record<string, string>>,
  ): Promise<GrpcAnswer> {
    const stream = this.open(path, headers);
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let last: IncomingHttpHeaders = {};
      stream.on("response", (head) => {
        last = { ...last, ...head };
      });
      stream.on("trailers", (trailers) => {
        last = { ...last, ...trailers };
      });
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("close", () => {
        resolve({
          status: last["grpc-status"] === undefined ? -1 : Number(last["grpc-status"]),
          message: decodeURIComponent(String(last["grpc-message"] ?? "")),
          messages: unframe(Buffer.concat(chunks)),
        });
      });
      stream.end(body);
    });
  }

  call(path: string, message: Uint8Array, headers?: Readonly<Record<string, string>>) {
    return this.raw(path, frame(message), headers);
  }

  close(): void {
    this.session.destroy();
  }
}
