// One HTTP/2 connection as its server sees it (RFC 9113): settings, header blocks, streams, pings and the ways
// it ends. What a peer may not do ends the connection with GOAWAY, or one stream with RST_STREAM, as the RFC
// tells; what nobody does who means well is bounded by `protections.ts`.
//
// It is long because it is one state machine: what is allowed of a frame depends on all the others.

import type { Socket } from "node:net";
import type { Account } from "../budget.ts";
import { isShareSpent } from "../turn-share.ts";
import {
  ConnectionFault,
  type ErrorCode,
  errorCode,
  flag,
  frameBytesMax,
  frameType,
  preface,
  setting,
  windowInitial,
  windowMax,
} from "./codes.ts";
import {
  acknowledgeSettings,
  answerPing,
  pingBytes,
  sendGoAway,
  sendPing,
  sendReset,
  sendSettings,
  sendWindowUpdate,
} from "./control-frames.ts";
import {
  connectionWindowBytes,
  ReceiveWindow,
  SendFlow,
  streamWindowBytes,
} from "./flow-control.ts";
import { FrameReader, type FrameSink } from "./frames.ts";
import { HeaderBlock } from "./header-block.ts";
import { BlockCache } from "./hpack/block-cache.ts";
import { type HeaderList, HpackDecoder } from "./hpack/decoder.ts";
import { Inbox } from "./inbox.ts";
import { Liveness, type LivenessRules, type LivenessSubject } from "./liveness.ts";
import { Output } from "./output.ts";
import {
  createIdleFrameAllowance,
  createResetAllowance,
  PingJudge,
  RecentStreams,
} from "./protections.ts";
import { areTrailersValid, type RequestHead, readRequestHead } from "./request-head.ts";
import { Stream, type StreamOwner, streamBytes } from "./stream.ts";
import { type Flushable, flushAtTurnEnd } from "./turn-end.ts";

export interface ConnectionOptions extends LivenessRules {
  readonly concurrentStreamsMax: number;
}

export interface ConnectionHost {
  /** A request has begun: give it its consumer, or end it. */
  request(stream: Stream): void;
  /** We take no more streams for now, or end one that does not go on. */
  refused(reason: "streams" | "readerStalled" | "requestUnfinished"): void;
  /** We have ended it: flood, silence, violation. */
  aborted(reason: string, detail: string): void;
  /** A bug of ours, which costs its connection. */
  failed(error: unknown): void;
  closed(): void;
}

/** Of a head that many requests may share. */
const sharedHeadBytesMax = 4096;
const headerTableBytes = 4096;
const headerListBytesMax = 64 * 1024;
/** How long a peer may take to close its side after we have closed ours. */
const lingerMs = 1000;
/** Streams that are looked at when one of them is to give way. */
const shedLooks = 256;
/** Resets of streams that are younger than this are counted. */
const hastyMs = 500;

export class Connection implements FrameSink, StreamOwner, Flushable, LivenessSubject {
  readonly output: Output;
  readonly sending: SendFlow;
  readonly streams = new Map<number, Stream>();
  readonly account: Account;
  isTouched = false;
  isDeaf = false;
  isReady = false;
  /** Comes in pieces. */
  block: HeaderBlock | undefined;
  private readonly socket: Socket;
  private readonly options: ConnectionOptions;
  private readonly host: ConnectionHost;
  private readonly reader: FrameReader = new FrameReader(this);
  private readonly decoder = new HpackDecoder(headerTableBytes, headerListBytesMax);
  private readonly heads = new BlockCache<RequestHead>();
  private readonly receiving = new ReceiveWindow(connectionWindowBytes);
  private readonly resets = createResetAllowance();
  private readonly idleFrames = createIdleFrameAllowance();
  private readonly pings: PingJudge;
  /** Streams that we reset, and streams that ended: what still comes for them is judged differently. */
  private readonly resetByUs = new RecentStreams(1024);
  private readonly ended = new RecentStreams(64);
  private readonly liveness: Liveness;
  private readonly inbox: Inbox;
  private prefaceBytes = 0;
  private highestId = 0;
  /** Of the streams that were begun before we said that we leave. */
  private lastAcceptedId = windowMax;
  private isLeaving = false;
  private isClosed = false;
  private early: Stream[] = [];
  /** When the chunk that is being read came. */
  private nowMs: number;

  constructor(socket: Socket, account: Account, options: ConnectionOptions, host: ConnectionHost) {
    this.socket = socket;
    this.account = account;
    account.onShed = (bytes) => this.shed(bytes);
    this.options = options;
    this.host = host;
    this.pings = new PingJudge(options.keepalive);
    this.nowMs = performance.now();
    this.output = new Output(socket, account, () => this.released());
    this.sending = new SendFlow(this.output);
    this.liveness = new Liveness(options, this, this.nowMs);
    this.inbox = new Inbox(socket, account, (chunk, nowMs) => this.take(chunk, nowMs));
    this.sayHello();
    socket.on("data", (chunk: Buffer) => this.receive(chunk));
    // A client that closes its side wants no answers any more.
    socket.on("end", () => this.hangUp());
    socket.on("close", () => this.hangUp());
  }

  receive(chunk: Buffer): void {
    this.inbox.receive(chunk);
  }

  /** One chunk may hold thousands of requests. */
  get isToPause(): boolean {
    return isShareSpent(performance.now());
  }

  /** What is left of the chunk when the share was used up. */
  private take(chunk: Buffer, nowMs: number): Buffer | undefined {
    if (this.isDeaf) return undefined;
    let left: Buffer | undefined;
    this.liveness.received();
    this.nowMs = nowMs;
    try {
      const rest = this.prefaceBytes < preface.length ? this.readPreface(chunk) : chunk;
      const taken = this.reader.push(rest);
      if (taken < rest.length) left = rest.subarray(taken);
    } catch (error) {
      if (error instanceof ConnectionFault) this.fail(error.code, error.message);
      else {
        this.host.failed(error);
        this.fail(errorCode.internalError, "");
      }
    }
    if (this.output.isCongested) this.inbox.hold();
    return left;
  }

  /** No new streams; closes when those under way have ended. */
  leave(): void {
    if (this.isLeaving || this.isDeaf) return;
    this.isLeaving = true;
    this.lastAcceptedId = this.highestId;
    this.sayGoodbye(errorCode.noError, "");
    this.maybeFinish();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Called from time to time. */
  watch(nowMs: number): void {
    if (this.isDeaf) return;
    const { cut, isToPing, stalled = [], unfinished = [] } = this.liveness.judge(nowMs);
    if (cut !== undefined) {
      this.cut(cut);
      return;
    }
    for (const { id } of stalled) {
      this.host.refused("readerStalled");
      this.streams.get(id)?.reset(errorCode.enhanceYourCalm);
    }
    for (const { consumer } of unfinished) {
      this.host.refused("requestUnfinished");
      consumer.tooLate();
    }
    if (isToPing) {
      sendPing(this.output);
      this.touch();
    }
  }

  get splitFrames(): number {
    return this.reader.splitFrames;
  }

  get isFrameSplit(): boolean {
    return this.reader.isSplit;
  }

  // ---------------------------------------------------------------------- for streams

  touch(): void {
    this.pings.isForgiven = true;
    flushAtTurnEnd(this);
  }

  answeredEarly(stream: Stream): void {
    this.early.push(stream);
  }

  streamClosed(stream: Stream, wasReset: boolean): void {
    this.streams.delete(stream.id);
    if (wasReset) this.resetByUs.add(stream.id);
    else this.ended.add(stream.id);
    if (this.isLeaving) this.maybeFinish();
  }

  flush(): void {
    if (this.isClosed) return;
    if (this.sending.canPump) {
      this.pings.isForgiven = true;
      this.sending.pump();
      if (this.sending.canPump) flushAtTurnEnd(this);
    }
    const answered = this.early;
    if (answered.length > 0) {
      this.early = [];
      setImmediate(() => {
        // The client need not send the rest of these requests. It learns that a turn after the answer:
        // some, node:http2 among them, get into trouble when both arrive together.
        for (const stream of answered) stream.reset(errorCode.noError);
      });
    }
    this.output.flush();
  }

  // ---------------------------------------------------------------------------- frames

  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (this.block !== undefined) {
      if (type !== frameType.continuation || id !== this.block.streamId) {
        throw violation("a header block was interrupted");
      }
      this.continueBlock(flags, bytes, start, end);
      return;
    }
    if (!this.isReady && (type !== frameType.settings || (flags & flag.ack) !== 0)) {
      throw violation("the first frame is not SETTINGS");
    }
    switch (type) {
      case frameType.data:
        this.dataFrame(flags, id, bytes, start, end);
        return;
      case frameType.headers:
        this.headersFrame(flags, id, bytes, start, end);
        return;
      case frameType.windowUpdate:
        this.windowUpdateFrame(id, bytes, start, end);
        return;
      case frameType.priority:
        if (id === 0) throw violation("PRIORITY of no stream");
        checkLength(end - start, 5);
        this.countIdleFrame();
        return;
      case frameType.resetStream:
        this.resetFrame(id, end - start);
        return;
      case frameType.settings:
        this.settingsFrame(flags, id, bytes, start, end);
        return;
      case frameType.ping:
        this.pingFrame(flags, id, bytes, start, end);
        return;
      case frameType.goAway:
        if (id !== 0) throw violation("GOAWAY of a stream");
        if (end - start < 8) throw new ConnectionFault(errorCode.frameSizeError, "a short GOAWAY");
        this.isLeaving = true;
        this.maybeFinish();
        return;
      case frameType.pushPromise:
      case frameType.continuation:
        throw violation("a frame that is out of place");
      default:
        this.countIdleFrame();
    }
  }

  private dataFrame(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const size = end - start;
    const credit = this.receiving.take(size);
    if (credit > 0) this.credit(0, credit);
    const stream = this.streams.get(id);
    if (stream === undefined) {
      this.frameOfNone(id);
      return;
    }
    const isLast = (flags & flag.endStream) !== 0;
    let from = start;
    let to = end;
    if ((flags & flag.padded) !== 0) {
      if (size === 0 || bytes[start]! >= size) throw violation("padding beyond its frame");
      from++;
      to -= bytes[start]!;
    }
    if (stream.isRemoteEnded) {
      this.resetForFault(stream, errorCode.streamClosed);
      return;
    }
    if (from === to && !isLast) this.countIdleFrame();
    stream.bodyBytes += to - from;
    const expected = stream.head.contentLength;
    if (expected >= 0 && (isLast ? stream.bodyBytes !== expected : stream.bodyBytes > expected)) {
      this.resetForFault(stream, errorCode.protocolError);
      return;
    }
    if (!isLast) this.creditStream(stream, size);
    if (to > from) stream.consumer.data(bytes, from, to);
    if (isLast && !stream.isClosed) stream.remoteEnded();
  }

  private creditStream(stream: Stream, size: number): void {
    stream.receiveWindow ??= new ReceiveWindow(streamWindowBytes);
    const credit = stream.receiveWindow.take(size);
    if (credit > 0) this.credit(stream.id, credit);
  }

  private headersFrame(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if ((id & 1) === 0) throw violation("HEADERS of a stream that clients do not open");
    let from = start;
    let to = end;
    if ((flags & flag.padded) !== 0) {
      to -= bytes[from++] ?? 0;
    }
    if ((flags & flag.priority) !== 0) {
      from += 5;
      if (from > end) throw new ConnectionFault(errorCode.frameSizeError, "a short HEADERS");
    }
    if (from > to || from > end) throw violation("padding beyond its frame");
    if ((flags & flag.endHeaders) !== 0) {
      this.headerBlock(id, flags, bytes, from, to);
      return;
    }
    this.block = new HeaderBlock(this.account, id, flags, this.nowMs);
    this.block.add(bytes, from, to);
  }

  private continueBlock(flags: number, bytes: Buffer, start: number, end: number): void {
    const block = this.block!;
    // Short continuations are few by this, so joining each is cheap.
    if (end - start < frameBytesMax / 2) this.countIdleFrame();
    block.add(bytes, start, end);
    if ((flags & flag.endHeaders) === 0) return;
    this.dropBlock();
    this.headerBlock(block.streamId, block.flags, block.bytes, 0, block.bytes.length);
  }

  private dropBlock(): void {
    this.block?.release();
    this.block = undefined;
  }

  private headerBlock(id: number, flags: number, bytes: Buffer, start: number, end: number): void {
    const isLast = (flags & flag.endStream) !== 0;
    if (id > this.highestId) {
      this.openStream(id, isLast, bytes, start, end);
      return;
    }
    // Decoded in any case: the table must go on being the client's.
    const list = this.decoder.decode(bytes, start, end);
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.resetByUs.has(id)) return;
      const code = this.ended.has(id) ? errorCode.streamClosed : errorCode.protocolError;
      throw new ConnectionFault(code, "HEADERS of a stream of the past");
    }
    if (stream.isRemoteEnded) this.resetForFault(stream, errorCode.streamClosed);
    else if (!isLast || list.isTooLarge || !areTrailersValid(list)) {
      this.resetForFault(stream, errorCode.protocolError);
    } else if (stream.head.contentLength >= 0 && stream.bodyBytes !== stream.head.contentLength) {
      this.resetForFault(stream, errorCode.protocolError);
    } else stream.remoteEnded();
  }

  private openStream(id: number, isLast: boolean, bytes: Buffer, start: number, end: number): void {
    this.highestId = id;
    const { table } = this.decoder;
    const before = table.generation;
    let head = this.heads.find(bytes, start, end, before);
    let list: HeaderList | undefined;
    if (head === undefined) {
      list = this.decoder.decode(bytes, start, end);
      head = list.isTooLarge ? undefined : readRequestHead(list);
      const isShared = table.generation === before && list.size <= sharedHeadBytesMax;
      if (head !== undefined && isShared) {
        this.heads.remember(bytes, start, end, before, head);
      }
    }
    if (id > this.lastAcceptedId) return;
    if (head === undefined) {
      const code = list?.isTooLarge ? errorCode.enhanceYourCalm : errorCode.protocolError;
      this.refuse(id, code);
      return;
    }
    if (isLast && head.contentLength > 0) {
      this.refuse(id, errorCode.protocolError);
      return;
    }
    if (this.streams.size >= this.options.concurrentStreamsMax) {
      this.host.refused("streams");
      this.refuse(id, errorCode.refusedStream);
      return;
    }
    // Twice, because the heap grows to as much before what is dropped is collected.
    const heldBytes = streamBytes + (list === undefined ? 0 : 2 * list.size);
    if (!this.account.charge(heldBytes)) {
      this.refuse(id, errorCode.refusedStream);
      return;
    }
    const stream = new Stream(this, id, head, this.nowMs, heldBytes);
    this.streams.set(id, stream);
    this.host.request(stream);
    if (isLast && !stream.isClosed) stream.remoteEnded();
  }

  private resetFrame(id: number, size: number): void {
    checkLength(size, 4);
    if (id === 0 || id > this.highestId) throw violation("RST_STREAM of no stream");
    const stream = this.streams.get(id);
    // Who gives up what it has waited for is no attacker, even when a thousand calls run out of time at once.
    const isHasty = stream === undefined || this.nowMs - stream.openedAtMs < hastyMs;
    if (isHasty && !this.resets.spend()) throw flood("resets");
    stream?.close(false);
  }

  private windowUpdateFrame(id: number, bytes: Buffer, start: number, end: number): void {
    checkLength(end - start, 4);
    const increment = bytes.readUInt32BE(start) & windowMax;
    if (id === 0) {
      if (increment === 0) throw violation("WINDOW_UPDATE by nothing");
      this.sending.widenConnection(increment);
    } else {
      const stream = this.streams.get(id);
      if (stream === undefined) {
        if (id > this.highestId) throw violation("WINDOW_UPDATE of no stream");
        return;
      }
      if (increment === 0) {
        this.resetForFault(stream, errorCode.protocolError);
        return;
      }
      if (!this.sending.widenStream(stream, increment)) {
        this.resetForFault(stream, errorCode.flowControlError);
        return;
      }
    }
    if (this.sending.canPump) flushAtTurnEnd(this);
  }

  private settingsFrame(
    flags: number,
    id: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    if (id !== 0) throw violation("SETTINGS of a stream");
    if ((flags & flag.ack) !== 0) {
      checkLength(end - start, 0);
      this.countIdleFrame();
      return;
    }
    if ((end - start) % 6 !== 0) {
      throw new ConnectionFault(errorCode.frameSizeError, "SETTINGS of an odd length");
    }
    if (this.isReady) this.countIdleFrame();
    this.isReady = true;
    for (let at = start; at < end; at += 6) {
      this.applySetting(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2));
    }
    this.sending.resized();
    acknowledgeSettings(this.output);
    flushAtTurnEnd(this);
  }

  /** The table size for our encoder does not matter: it uses none. */
  private applySetting(name: number, value: number): void {
    switch (name) {
      case setting.enablePush:
        if (value > 1) throw violation("ENABLE_PUSH is neither 0 nor 1");
        return;
      case setting.initialWindowSize:
        if (value > windowMax) {
          throw new ConnectionFault(errorCode.flowControlError, "a window that is too large");
        }
        this.sending.resizeStreams(this.streams.values(), value);
        return;
      case setting.frameSizeMax:
        if (value < frameBytesMax || value > 0xff_ffff)
          throw violation("a frame size out of range");
        return;
      default:
    }
  }

  private pingFrame(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) throw violation("PING of a stream");
    checkLength(end - start, pingBytes);
    if ((flags & flag.ack) !== 0) {
      this.countIdleFrame();
      return;
    }
    if (!this.pings.allows(this.nowMs, this.streams.size > 0)) {
      throw new ConnectionFault(errorCode.enhanceYourCalm, "too_many_pings");
    }
    answerPing(this.output, bytes, start, end);
    flushAtTurnEnd(this);
  }

  // ---------------------------------------------------------------------------- faults

  /** DATA for a stream that is not open. */
  private frameOfNone(id: number): void {
    if (id === 0 || id > this.highestId) throw violation("DATA of no stream");
    if (id > this.lastAcceptedId || this.resetByUs.has(id)) return;
    this.refuse(id, errorCode.streamClosed);
  }

  private resetForFault(stream: Stream, code: ErrorCode): void {
    if (!this.resets.spend()) throw flood("streams that had to be reset");
    stream.reset(code);
  }

  /** RST_STREAM where there is no stream of ours. */
  private refuse(id: number, code: ErrorCode): void {
    if (!this.resets.spend()) throw flood("streams that had to be refused");
    this.resetByUs.add(id);
    sendReset(this.output, id, code);
    flushAtTurnEnd(this);
  }

  private countIdleFrame(): void {
    if (!this.idleFrames.spend()) throw flood("frames that ask for nothing");
  }

  private fail(code: ErrorCode, message: string): void {
    this.sayGoodbye(code, message);
    this.host.aborted(code === errorCode.enhanceYourCalm ? "flood" : "http2Protocol", message);
    this.finish();
  }

  /**
   * Others are entitled to memory that this connection holds: what weighs most gives way, one stream if that
   * is enough, otherwise all of it.
   */
  private shed(bytes: number): void {
    let heaviest: Stream | undefined;
    let looked = 0;
    for (const stream of this.streams.values()) {
      // The oldest are as good as any others, and to look at all of thousands would be work for nothing.
      if (looked++ > shedLooks) break;
      if (heaviest === undefined || stream.heldBytes > heaviest.heldBytes) heaviest = stream;
    }
    if (heaviest !== undefined && heaviest.heldBytes >= bytes) {
      heaviest.reset(errorCode.enhanceYourCalm);
      return;
    }
    if (!this.isDeaf) this.fail(errorCode.enhanceYourCalm, "too much memory is held");
    // What was written and not taken is let go of only with the socket.
    if (this.output.backlogBytes > 0) this.socket.destroy();
    this.account.close();
  }

  private cut(reason: string): void {
    this.host.aborted(reason, "");
    this.socket.destroy();
    this.hangUp();
  }

  // ---------------------------------------------------------------------- the two ends

  private sayHello(): void {
    const { output, options } = this;
    sendSettings(output, [
      [setting.concurrentStreamsMax, Math.min(options.concurrentStreamsMax, 0xffff_ffff)],
      [setting.initialWindowSize, streamWindowBytes],
      [setting.headerListSizeMax, headerListBytesMax],
    ]);
    this.credit(0, connectionWindowBytes - windowInitial);
  }

  private credit(id: number, bytes: number): void {
    sendWindowUpdate(this.output, id, bytes);
    flushAtTurnEnd(this);
  }

  private sayGoodbye(code: ErrorCode, message: string): void {
    sendGoAway(this.output, Math.min(this.highestId, this.lastAcceptedId), code, message);
    flushAtTurnEnd(this);
  }

  private readPreface(chunk: Buffer): Buffer {
    const size = Math.min(chunk.length, preface.length - this.prefaceBytes);
    const expected = preface.subarray(this.prefaceBytes, this.prefaceBytes + size);
    if (!expected.equals(chunk.subarray(0, size))) throw violation("it is not HTTP/2's preface");
    this.prefaceBytes += size;
    return chunk.subarray(size);
  }

  /** Something has left: what waited for it may follow, and a peer that reads again is listened to. */
  private released(): void {
    if (this.isClosed) return;
    if (this.sending.canPump) flushAtTurnEnd(this);
    if (!this.output.isBlocked) this.inbox.release();
  }

  private maybeFinish(): void {
    if (this.isLeaving && this.streams.size === 0) this.finish();
  }

  /** Writes what there is and closes our side; the peer gets a moment to close its own. */
  private finish(): void {
    if (this.isDeaf) return;
    this.isDeaf = true;
    this.closeStreams();
    this.flush();
    this.output.flush(true);
    this.socket.end();
    this.socket.resume();
    setTimeout(() => this.socket.destroy(), lingerMs).unref();
  }

  private hangUp(): void {
    this.isDeaf = true;
    if (this.isClosed) return;
    this.isClosed = true;
    this.closeStreams();
    this.host.closed();
  }

  private closeStreams(): void {
    this.dropBlock();
    for (const stream of [...this.streams.values()]) stream.close(false);
  }
}

function checkLength(size: number, expected: number): void {
  if (size !== expected) throw new ConnectionFault(errorCode.frameSizeError, "a frame's length");
}

function violation(message: string): ConnectionFault {
  return new ConnectionFault(errorCode.protocolError, message);
}

function flood(what: string): ConnectionFault {
  return new ConnectionFault(errorCode.enhanceYourCalm, `too many ${what}`);
}
