// A lean gRPC client over HTTP/2, made for load and for tests: frames are parsed in place in
// one read buffer, everything of one turn leaves in one write, and a unary call costs a few
// microseconds, so that the server is what is measured. It is also strict: whatever a conforming
// server must not send ends the connection with an error that says what was wrong.
//
// It is long because one connection is one state machine: its frames share the windows.

import { connect, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions as TlsSettings } from "node:tls";
import { type Header, HpackDecoder, RequestHeaders } from "./hpack.ts";

export interface Target {
  readonly host?: string;
  readonly port?: number;
  /** A Unix socket, in place of host and port. */
  readonly path?: string;
  /** Certificates; without it the connection is in clear text. */
  readonly tls?: TlsSettings;
}

/** `status` is the gRPC code; `body` the message of a unary call, if one came. */
export type Done = (status: number, message: string, body: Uint8Array | undefined) => void;

export interface StreamHandlers {
  /** Messages are views of the read buffer, gone when `onMessage` returns: for load. */
  readonly isBorrowed?: boolean;
  readonly onMessage: (body: Uint8Array) => void;
  readonly onEnd: (status: number, message: string) => void;
}

export const unavailable = 14;
const cancelled = 1;
const internal = 13;
const unknown = 2;

const frameData = 0;
const frameHeaders = 1;
const frameReset = 3;
const frameSettings = 4;
const framePing = 6;
const frameGoAway = 7;
const frameWindowUpdate = 8;
const frameContinuation = 9;
const flagEndStream = 1;
const flagAck = 1;
const flagEndHeaders = 4;
const flagPadded = 8;
const flagPriority = 32;

const windowMax = 2 ** 31 - 1;
const windowInitial = 65_535;
const creditThreshold = 2 ** 29;
const readBufferBytes = 512 * 1024;
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

interface Stream {
  readonly done: Done | undefined;
  readonly handlers: StreamHandlers | undefined;
  /** Bytes of gRPC messages not yet whole. */
  partial: Uint8Array[];
  partialBytes: number;
  body: Uint8Array | undefined;
  sendWindow: number;
  /** What the windows did not yet let out. */
  readonly waiting: Uint8Array[];
  isLocalEndWaiting: boolean;
  isLocalEnded: boolean;
}

export interface ConnectionOptions extends Target {
  /** Bodies of unary replies are dropped unread: for load. */
  readonly discardBodies?: boolean;
  readonly headers?: readonly Header[];
}

export class Connection {
  readonly #socket: Socket;
  readonly #streams = new Map<number, Stream>();
  readonly #decoder = new HpackDecoder();
  readonly #requestHeaders: RequestHeaders;
  readonly #discardBodies: boolean;
  readonly #ready: Promise<void>;
  #markReady: () => void = () => {};
  #failReady: (error: Error) => void = () => {};

  #input: Buffer = Buffer.allocUnsafe(readBufferBytes);
  #inputEnd = 0;
  #output: Buffer = Buffer.allocUnsafe(256 * 1024);
  #outputEnd = 0;
  readonly #spareOutputs: Buffer[] = [];
  #isFlushScheduled = false;
  #isReading = false;

  #nextStreamId = 1;
  #sendWindow = windowInitial;
  #peerInitialWindow = windowInitial;
  #peerFrameMax = 16_384;
  #uncredited = 0;
  #headerBlock: { readonly stream: number; readonly flags: number; parts: Buffer[] } | undefined;
  #closedBecause: string | undefined;
  #goneAway = false;
  /** Bytes of response messages received, framing excluded. */
  bytesReceived = 0;

  constructor(options: ConnectionOptions) {
    const authority = options.path === undefined ? `${options.host}:${options.port}` : "localhost";
    this.#requestHeaders = new RequestHeaders(authority, options.headers);
    this.#discardBodies = options.discardBodies ?? false;
    this.#ready = new Promise((resolve, reject) => {
      this.#markReady = resolve;
      this.#failReady = reject;
    });
    this.#ready.catch(() => {});
    const where = {
      ...(options.path === undefined
        ? { host: options.host ?? "127.0.0.1", port: options.port ?? 0 }
        : { path: options.path }),
      noDelay: true,
      onread: {
        buffer: () => this.#input.subarray(this.#inputEnd),
        callback: (bytes: number) => {
          this.#read(bytes);
          return true;
        },
      },
    };
    this.#socket =
      options.tls === undefined
        ? connect(where)
        : connectTls({ ...where, ...options.tls, ALPNProtocols: ["h2"] });
    this.#socket.setNoDelay(true);
    this.#socket.on("error", (error) => this.#close(error.message));
    this.#socket.on("close", () => this.#close("connection closed"));
    this.#socket.on("end", () => this.#socket.destroy());
    this.#append(preface);
    // Push off; a window that a test or a benchmark never exhausts.
    this.#frame(frameSettings, 0, 0, 12);
    this.#uint16(2);
    this.#uint32(0);
    this.#uint16(4);
    this.#uint32(windowMax);
    this.#windowUpdate(0, windowMax - windowInitial);
  }

  /** Resolves when the server's settings have arrived; rejects when the connection fails first. */
  ready(): Promise<void> {
    return this.#ready;
  }

  get isOpen(): boolean {
    return this.#closedBecause === undefined && !this.#goneAway;
  }

  get streamsOpen(): number {
    return this.#streams.size;
  }

  /** One unary call. `done` is called exactly once, also when the connection breaks. Returns the stream. */
  call(path: string, message: Uint8Array, done: Done): number {
    const id = this.#open(path, done, undefined);
    if (id > 0) this.#sendMessage(id, message, true);
    return id;
  }

  /** A streaming call, both ways. */
  stream(path: string, handlers: StreamHandlers): number {
    return this.#open(path, undefined, handlers);
  }

  send(id: number, message: Uint8Array): void {
    if (this.#streams.has(id)) this.#sendMessage(id, message, false);
  }

  endSending(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.isLocalEnded) return;
    stream.isLocalEndWaiting = true;
    this.#drain(id, stream);
  }

  /** RST_STREAM(CANCEL); the call ends with CANCELLED. */
  cancel(id: number): void {
    if (!this.#streams.has(id)) return;
    this.#frame(frameReset, 0, id, 4);
    this.#uint32(8);
    this.#end(id, cancelled, "cancelled by the client");
  }

  close(): void {
    this.#close("closed by the client");
  }

  // ------------------------------------------------------------------------------- sending

  #open(path: string, done: Done | undefined, handlers: StreamHandlers | undefined): number {
    if (this.#closedBecause !== undefined || this.#goneAway) {
      const because = this.#closedBecause ?? "the server is going away";
      process.nextTick(() => {
        done?.(unavailable, because, undefined);
        handlers?.onEnd(unavailable, because);
      });
      return -1;
    }
    const id = this.#nextStreamId;
    this.#nextStreamId += 2;
    this.#streams.set(id, {
      done,
      handlers,
      partial: [],
      partialBytes: 0,
      body: undefined,
      sendWindow: this.#peerInitialWindow,
      waiting: [],
      isLocalEndWaiting: false,
      isLocalEnded: false,
    });
    const block = this.#requestHeaders.block(path);
    this.#frame(frameHeaders, flagEndHeaders, id, block.length);
    this.#append(block);
    return id;
  }

  #sendMessage(id: number, message: Uint8Array, isLast: boolean): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    const length = message.length + 5;
    const fits =
      stream.waiting.length === 0 &&
      length <= this.#sendWindow &&
      length <= stream.sendWindow &&
      length <= this.#peerFrameMax;
    if (fits) {
      this.#frame(frameData, isLast ? flagEndStream : 0, id, length);
      this.#reserve(5);
      this.#output[this.#outputEnd++] = 0;
      this.#uint32(message.length);
      this.#append(message);
      this.#sendWindow -= length;
      stream.sendWindow -= length;
      stream.isLocalEnded = isLast;
      return;
    }
    const framed = Buffer.allocUnsafe(length);
    framed[0] = 0;
    framed.writeUInt32BE(message.length, 1);
    framed.set(message, 5);
    stream.waiting.push(framed);
    stream.isLocalEndWaiting = isLast;
    this.#drain(id, stream);
  }

  /** Sends what waits, as far as both windows and the frame size let it. */
  #drain(id: number, stream: Stream): void {
    while (stream.waiting.length > 0) {
      const next = stream.waiting[0];
      if (next === undefined) break;
      const room = Math.min(this.#sendWindow, stream.sendWindow, this.#peerFrameMax);
      if (room <= 0) return;
      const piece = next.subarray(0, room);
      const isWhole = piece.length === next.length;
      if (isWhole) stream.waiting.shift();
      else stream.waiting[0] = next.subarray(room);
      const isLast = isWhole && stream.waiting.length === 0 && stream.isLocalEndWaiting;
      this.#frame(frameData, isLast ? flagEndStream : 0, id, piece.length);
      this.#append(piece);
      this.#sendWindow -= piece.length;
      stream.sendWindow -= piece.length;
      if (isLast) stream.isLocalEnded = true;
    }
    if (stream.isLocalEndWaiting && !stream.isLocalEnded) {
      this.#frame(frameData, flagEndStream, id, 0);
      stream.isLocalEnded = true;
    }
  }

  #frame(type: number, flags: number, stream: number, length: number): void {
    this.#reserve(9);
    const output = this.#output;
    let at = this.#outputEnd;
    output[at++] = length >>> 16;
    output[at++] = length >>> 8;
    output[at++] = length;
    output[at++] = type;
    output[at++] = flags;
    output[at++] = stream >>> 24;
    output[at++] = stream >>> 16;
    output[at++] = stream >>> 8;
    output[at++] = stream;
    this.#outputEnd = at;
    this.#scheduleFlush();
  }

  #windowUpdate(stream: number, credit: number): void {
    this.#frame(frameWindowUpdate, 0, stream, 4);
    this.#uint32(credit);
  }

  #uint16(value: number): void {
    this.#reserve(2);
    this.#outputEnd = this.#output.writeUInt16BE(value, this.#outputEnd);
  }

  #uint32(value: number): void {
    this.#reserve(4);
    this.#outputEnd = this.#output.writeUInt32BE(value >>> 0, this.#outputEnd);
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#output.set(bytes, this.#outputEnd);
    this.#outputEnd += bytes.length;
  }

  #reserve(bytes: number): void {
    if (this.#outputEnd + bytes <= this.#output.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#output.length * 2, this.#outputEnd + bytes));
    this.#output.copy(larger, 0, 0, this.#outputEnd);
    this.#output = larger;
  }

  #scheduleFlush(): void {
    if (this.#isReading || this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    process.nextTick(() => {
      this.#isFlushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#outputEnd === 0 || this.#closedBecause !== undefined) return;
    const full = this.#output;
    const bytes = full.subarray(0, this.#outputEnd);
    this.#output = this.#spareOutputs.pop() ?? Buffer.allocUnsafe(256 * 1024);
    this.#outputEnd = 0;
    this.#socket.write(bytes, () => {
      if (this.#spareOutputs.length < 4) this.#spareOutputs.push(full);
    });
  }

  // ----------------------------------------------------------------------------- receiving

  #read(bytes: number): void {
    this.#inputEnd += bytes;
    const input = this.#input;
    let at = 0;
    this.#isReading = true;
    try {
      while (this.#inputEnd - at >= 9 && this.#closedBecause === undefined) {
        const length = input.readUIntBE(at, 3);
        if (length > 16_384) throw new Error(`a frame of ${length} bytes is over the limit`);
        if (this.#inputEnd - at < 9 + length) break;
        const stream = input.readUInt32BE(at + 5) & windowMax;
        this.#handle(input[at + 3] ?? 0, input[at + 4] ?? 0, stream, at + 9, at + 9 + length);
        at += 9 + length;
      }
    } catch (error) {
      this.#close(`protocol error: ${(error as Error).message}`);
    }
    this.#isReading = false;
    if (at > 0) {
      input.copyWithin(0, at, this.#inputEnd);
      this.#inputEnd -= at;
    }
    this.#flush();
  }

  #handle(type: number, flags: number, id: number, start: number, end: number): void {
    if (this.#headerBlock !== undefined && type !== frameContinuation) {
      throw new Error("a header block was interrupted");
    }
    switch (type) {
      case frameData:
        this.#handleData(flags, id, start, end);
        return;
      case frameHeaders:
      case frameContinuation:
        this.#handleHeaders(type, flags, id, start, end);
        return;
      case frameReset: {
        const code = this.#input.readUInt32BE(start);
        this.#end(id, code === 8 ? cancelled : internal, `stream reset with code ${code}`);
        return;
      }
      case frameSettings:
        this.#handleSettings(flags, start, end);
        return;
      case framePing:
        if ((flags & flagAck) === 0) {
          this.#frame(framePing, flagAck, 0, 8);
          this.#append(this.#input.subarray(start, end));
        }
        return;
      case frameGoAway: {
        this.#goneAway = true;
        const last = this.#input.readUInt32BE(start) & windowMax;
        for (const stream of [...this.#streams.keys()]) {
          if (stream > last) this.#end(stream, unavailable, "the server went away");
        }
        if (this.#streams.size === 0) this.#socket.end();
        return;
      }
      case frameWindowUpdate: {
        const credit = this.#input.readUInt32BE(start) & windowMax;
        if (id === 0) {
          this.#sendWindow += credit;
          for (const [waitingId, stream] of this.#streams) {
            if (stream.waiting.length > 0) this.#drain(waitingId, stream);
          }
        } else {
          const stream = this.#streams.get(id);
          if (stream !== undefined) {
            stream.sendWindow += credit;
            this.#drain(id, stream);
          }
        }
        return;
      }
      default:
        return;
    }
  }

  #handleSettings(flags: number, start: number, end: number): void {
    if (flags & flagAck) return;
    for (let at = start; at + 6 <= end; at += 6) {
      const value = this.#input.readUInt32BE(at + 2);
      switch (this.#input.readUInt16BE(at)) {
        case 1:
          if (value < 4096)
            throw new Error(`a header table of ${value} bytes is not supported here`);
          break;
        case 4:
          for (const stream of this.#streams.values()) {
            stream.sendWindow += value - this.#peerInitialWindow;
          }
          this.#peerInitialWindow = value;
          break;
        case 5:
          this.#peerFrameMax = value;
          break;
        default:
      }
    }
    this.#frame(frameSettings, flagAck, 0, 0);
    for (const [id, stream] of this.#streams) {
      if (stream.waiting.length > 0) this.#drain(id, stream);
    }
    this.#markReady();
  }

  #handleHeaders(type: number, flags: number, id: number, start: number, end: number): void {
    let from = start;
    let to = end;
    if (type === frameHeaders) {
      if (flags & flagPadded) to -= this.#input[from++] ?? 0;
      if (flags & flagPriority) from += 5;
    } else if (this.#headerBlock?.stream !== id) {
      throw new Error("a continuation without its header block");
    }
    const isComplete = (flags & flagEndHeaders) !== 0;
    let headers: Header[];
    let endsStream = (flags & flagEndStream) !== 0;
    if (type === frameHeaders && isComplete) {
      headers = this.#decoder.decode(this.#input, from, to);
    } else {
      this.#headerBlock ??= { stream: id, flags, parts: [] };
      this.#headerBlock.parts.push(Buffer.from(this.#input.subarray(from, to)));
      if (!isComplete) return;
      const whole = Buffer.concat(this.#headerBlock.parts);
      endsStream = (this.#headerBlock.flags & flagEndStream) !== 0;
      this.#headerBlock = undefined;
      headers = this.#decoder.decode(whole, 0, whole.length);
    }
    if (!endsStream) return;
    let status: number | undefined;
    let message = "";
    let httpStatus = "";
    for (const [name, value] of headers) {
      if (name === "grpc-status") status = Number(value);
      else if (name === "grpc-message") message = percentDecode(value);
      else if (name === ":status") httpStatus = value;
    }
    if (status === undefined) this.#end(id, unknown, `no grpc-status, HTTP status ${httpStatus}`);
    else this.#end(id, status, message);
  }

  #handleData(flags: number, id: number, start: number, end: number): void {
    this.#uncredited += end - start;
    if (this.#uncredited > creditThreshold) {
      this.#windowUpdate(0, this.#uncredited);
      this.#uncredited = 0;
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    let from = start;
    let to = end;
    if (flags & flagPadded) to -= this.#input[from++] ?? 0;
    this.bytesReceived += to - from;
    if (!this.#discardBodies || stream.handlers !== undefined) this.#collect(stream, from, to);
    if (flags & flagEndStream) this.#end(id, unknown, "the server ended a stream without trailers");
  }

  #collect(stream: Stream, start: number, end: number): void {
    let from = start;
    if (stream.handlers?.isBorrowed && stream.partialBytes === 0) {
      from = this.#lendMessages(stream.handlers, start, end);
      if (from === end) return;
    }
    // A copy: the read buffer is used again at once.
    stream.partial.push(Buffer.from(this.#input.subarray(from, end)));
    stream.partialBytes += end - from;
    let joined: Uint8Array | undefined;
    let at = 0;
    while (stream.partialBytes - at >= 5) {
      const first = stream.partial[0];
      if (joined === undefined && first !== undefined) {
        if (first.length >= 5 && stream.partial.length > 1) {
          const need = 5 + new DataView(first.buffer, first.byteOffset).getUint32(1);
          // Join once, when the message is whole, not at every frame of it.
          if (stream.partialBytes < need) return;
        }
        joined = stream.partial.length === 1 ? first : Buffer.concat(stream.partial);
      }
      if (joined === undefined) return;
      const view = new DataView(joined.buffer, joined.byteOffset + at);
      const length = view.getUint32(1);
      if (joined[at] !== 0) throw new Error("a compressed message that was not asked for");
      if (stream.partialBytes - at < 5 + length) break;
      const message = joined.subarray(at + 5, at + 5 + length);
      at += 5 + length;
      if (stream.handlers !== undefined) stream.handlers.onMessage(message);
      else if (stream.body === undefined) stream.body = message;
      else throw new Error("two messages in reply to a unary call");
    }
    if (at > 0 && joined !== undefined) {
      const rest = joined.subarray(at);
      stream.partial = rest.length > 0 ? [rest] : [];
      stream.partialBytes = rest.length;
    }
  }

  /** Those that lie whole in one frame. Returns where the rest begins. */
  #lendMessages(handlers: StreamHandlers, start: number, end: number): number {
    let at = start;
    while (end - at >= 5) {
      const next = at + 5 + this.#input.readUInt32BE(at + 1);
      if (this.#input[at] !== 0) throw new Error("a compressed message that was not asked for");
      if (next > end) break;
      handlers.onMessage(this.#input.subarray(at + 5, next));
      at = next;
    }
    return at;
  }

  #end(id: number, status: number, message: string): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    if (stream.done !== undefined) stream.done(status, message, stream.body);
    else stream.handlers?.onEnd(status, message);
    if (this.#goneAway && this.#streams.size === 0) this.#socket.end();
  }

  #close(because: string): void {
    if (this.#closedBecause !== undefined) return;
    this.#closedBecause = because;
    this.#failReady(new Error(because));
    this.#socket.destroy();
    for (const id of [...this.#streams.keys()]) this.#end(id, unavailable, because);
  }
}

function percentDecode(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
