// HTTP/2 by the frame, without any rule: what conformance tests need to say what no library would send.

import { connect, type Socket } from "node:net";
import { encodeBlock } from "../http2/hpack/encoder.ts";

export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

export const hello = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export function rawFrame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array | string = "",
): Buffer {
  const body = typeof payload === "string" ? Buffer.from(payload, "hex") : payload;
  const header = Buffer.alloc(9);
  header.writeUIntBE(body.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, body]);
}

export const settings = rawFrame(4, 0, 0);

export function requestBlock(
  path: string,
  extra: readonly string[] = [],
  without: readonly string[] = [],
): Uint8Array {
  const fields: string[] = [];
  const all = [":method", "POST", ":scheme", "http", ":path", path, ":authority", "localhost"];
  const rest = ["content-type", "application/grpc", "te", "trailers", ...extra];
  for (const [i, name] of [...all, ...rest].entries()) {
    if (i % 2 === 0 && !without.includes(name)) fields.push(name, [...all, ...rest][i + 1]!);
  }
  return encodeBlock(fields);
}

/** What a server answered until it closed, or until `isEnough`. */
export class RawClient {
  readonly socket: Socket;
  readonly frames: RawFrame[] = [];
  isClosed = false;
  private rest = Buffer.alloc(0);
  private waiters: (() => void)[] = [];

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.socket.on("error", () => {});
    this.socket.on("data", (chunk: Buffer) => this.receive(chunk));
    this.socket.on("close", () => {
      this.isClosed = true;
      this.wake();
    });
  }

  write(...parts: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** Fails if the connection is closed before that. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.isClosed) throw new Error("closed before what was waited for");
      await this.change();
    }
  }

  async closed(): Promise<void> {
    while (!this.isClosed) await this.change();
  }

  find(type: number, streamId?: number): RawFrame | undefined {
    return this.frames.find(
      (one) => one.type === type && (streamId === undefined || one.streamId === streamId),
    );
  }

  close(): void {
    this.socket.destroy();
  }

  private change(): Promise<void> {
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  private receive(chunk: Buffer): void {
    this.rest = Buffer.concat([this.rest, chunk]);
    while (this.rest.length >= 9) {
      const end = 9 + this.rest.readUIntBE(0, 3);
      if (this.rest.length < end) break;
      this.frames.push({
        type: this.rest[3]!,
        flags: this.rest[4]!,
        streamId: this.rest.readUInt32BE(5),
        payload: this.rest.subarray(9, end),
      });
      this.rest = this.rest.subarray(end);
    }
    this.wake();
  }

  private wake(): void {
    const { waiters } = this;
    this.waiters = [];
    for (const waiter of waiters) waiter();
  }
}
