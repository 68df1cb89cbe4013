// Whether somebody is there and goes on, judged from time to time. A client has to finish its hello, give a
// sign of life when it was silent for long, finish the requests that it begins and read what it asked for.
// Only what is done counts: who answers pings and leaves its answers where they are does not go on.

import type { SendFlow, WaitingStream } from "./flow-control.ts";
import type { HeaderBlock } from "./header-block.ts";
import type { Output } from "./output.ts";
import type { Stream } from "./stream.ts";

/** As gRPC servers have them. */
export interface KeepaliveRules {
  /** Least time between a client's pings. */
  readonly minTimeMs: number;
  /** A client that was silent for so long is asked for a sign of life, */
  readonly intervalMs: number;
  /** which it has this long to give. */
  readonly timeoutMs: number;
}

export interface LivenessRules {
  readonly keepalive: KeepaliveRules;
  /** How long the client may take to say its first SETTINGS. */
  readonly silenceMs: number;
  /** How long a reader may leave everything unread. */
  readonly stallMs: number;
  /** How long a request may take to arrive; one that is a stream, each of its messages. */
  readonly requestMs: number;
}

/** What it looks at. */
export interface LivenessSubject {
  readonly isReady: boolean;
  readonly output: Output;
  readonly sending: SendFlow;
  /** In the order in which they were opened. */
  readonly streams: ReadonlyMap<number, Stream>;
  readonly block: HeaderBlock | undefined;
  /** Frames that came in pieces so far, and whether the last of them is not whole yet. */
  readonly splitFrames: number;
  readonly isFrameSplit: boolean;
}

export interface Verdict {
  /** Why the connection is to end. */
  readonly cut?: string;
  readonly isToPing?: boolean;
  /** Streams whose reader, or whose request, does not go on. */
  readonly stalled?: readonly WaitingStream[];
  readonly unfinished?: readonly Stream[];
}

/** Whoever takes less than this in the time for a stall, and does not take all, has stopped. */
const progressBytesMin = 1024;

interface Mark {
  readonly sinceMs: number;
  readonly bytes: number;
}

export class Liveness {
  private readonly rules: LivenessRules;
  private readonly subject: LivenessSubject;
  private hasReceived = true;
  private quietSinceMs: number;
  private pingedAtMs = 0;
  private marks = new Map<WaitingStream, Mark>();
  private left: Mark;
  private split: { readonly sinceMs: number; readonly count: number } | undefined;

  constructor(rules: LivenessRules, subject: LivenessSubject, nowMs: number) {
    this.rules = rules;
    this.subject = subject;
    this.quietSinceMs = nowMs;
    this.left = { sinceMs: nowMs, bytes: 0 };
  }

  received(): void {
    this.hasReceived = true;
  }

  judge(nowMs: number): Verdict {
    const cut = this.silence(nowMs) ?? this.unfinishedFrames(nowMs) ?? this.stuckReader(nowMs);
    if (cut !== undefined) return { cut };
    return {
      stalled: this.stalledStreams(nowMs),
      unfinished: this.unfinishedRequests(nowMs),
      isToPing: this.isToPing(nowMs),
    };
  }

  private silence(nowMs: number): string | undefined {
    const { rules, subject } = this;
    if (!subject.isReady) {
      return nowMs - this.quietSinceMs > rules.silenceMs ? "prefaceMissing" : undefined;
    }
    if (this.hasReceived) {
      this.hasReceived = false;
      this.quietSinceMs = nowMs;
      this.pingedAtMs = 0;
    } else if (this.pingedAtMs > 0 && nowMs - this.pingedAtMs > rules.keepalive.timeoutMs) {
      return "keepaliveTimeout";
    }
    return undefined;
  }

  private isToPing(nowMs: number): boolean {
    if (!this.subject.isReady || this.pingedAtMs > 0) return false;
    if (nowMs - this.quietSinceMs <= this.rules.keepalive.intervalMs) return false;
    this.pingedAtMs = nowMs;
    return true;
  }

  private unfinishedFrames(nowMs: number): string | undefined {
    const { subject, rules } = this;
    const { block, splitFrames: count } = subject;
    if (!subject.isFrameSplit) this.split = undefined;
    else if (this.split?.count !== count) this.split = { sinceMs: nowMs, count };
    const sinceMs = Math.min(block?.sinceMs ?? nowMs, this.split?.sinceMs ?? nowMs);
    return nowMs - sinceMs > rules.requestMs ? "requestUnfinished" : undefined;
  }

  /**
   * Something waits, and nothing of its kind leaves: messages for want of a window, whatever else leaves
   * meanwhile; or anything at all, because the socket takes nothing.
   */
  private stuckReader(nowMs: number): string | undefined {
    const { sending, output } = this.subject;
    const doWait = sending.waitingCount > 0;
    const bytes = doWait ? sending.sentBytes : output.writtenBytes;
    const isWaiting = doWait || output.backlogBytes > 0;
    if (!isWaiting || bytes !== this.left.bytes) this.left = { sinceMs: nowMs, bytes };
    return nowMs - this.left.sinceMs > this.rules.stallMs ? "readerStalled" : undefined;
  }

  /** One stream of several that nobody reads, which may be the fault of a part of the client. */
  private stalledStreams(nowMs: number): WaitingStream[] {
    const stalled: WaitingStream[] = [];
    const marks = new Map<WaitingStream, Mark>();
    for (const stream of this.subject.sending.waiting()) {
      const bytes = stream.dequeuedBytes;
      const mark = this.marks.get(stream);
      if (mark === undefined || bytes - mark.bytes >= progressBytesMin) {
        marks.set(stream, { sinceMs: nowMs, bytes });
      } else {
        marks.set(stream, mark);
        if (nowMs - mark.sinceMs > this.rules.stallMs) stalled.push(stream);
      }
    }
    this.marks = marks;
    return stalled;
  }

  private unfinishedRequests(nowMs: number): Stream[] {
    const unfinished: Stream[] = [];
    const latestMs = nowMs - this.rules.requestMs;
    for (const stream of this.subject.streams.values()) {
      if (stream.openedAtMs > latestMs) break;
      if (stream.isRemoteEnded || stream.isLocalEnded) continue;
      const sinceMs = stream.consumer.unfinishedSinceMs(stream.openedAtMs);
      if (sinceMs !== undefined && sinceMs <= latestMs) unfinished.push(stream);
    }
    return unfinished;
  }
}
