// Streams the state's newest snapshot to a follower whose log has fallen behind what is kept: one chunk
// per turn, a window of unacknowledged chunks, at most one stream per peer and few overall. The reader
// goes forward only, so a stream resumes where the receiver still stands within the window, and else
// starts anew under a new number (corpus: new-session-at-offset>0, snapshot-hash-blocks-heartbeats).

import type { LogPoint, MemberId } from "@althing/consensus";
import type { MembershipTrack } from "../membership-track.ts";
import { decodePointMeta } from "../point-meta.ts";
import type { SnapshotReader, StateMachine } from "../state-machine.ts";
import type { Turn } from "../turn.ts";

/** In an acknowledgement: the receiver holds the point already and wants nothing. */
export const snapshotComplete = Number.MAX_SAFE_INTEGER;

const WINDOW_CHUNKS = 8;
const BACKLOG_BYTES_MAX = 4 * 1024 * 1024;
const STREAMS_MAX = 2;
/** Without progress for so long the stream is given up and the core told so. */
const GIVE_UP_MS = 20_000;
/** After the end the receiver installs; the log is held back for it so long at most. */
const HOLD_MS = 30_000;

interface Chunk {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  readonly last: boolean;
}

interface Stream {
  readonly to: MemberId;
  readonly epoch: number;
  readonly number: number;
  readonly point: LogPoint;
  readonly reader: SnapshotReader;
  /** Sent or to be sent, and not acknowledged; ascending. */
  readonly window: Chunk[];
  /** Read ahead, so that the last chunk is known as such. */
  ahead: Uint8Array | undefined;
  /** The sequence the next chunk read will have. */
  nextRead: number;
  nextSend: number;
  /** `snapshotBegin` was sent and not answered: where the receiver stands is not known. */
  asking: boolean;
  pumping: boolean;
  progressMs: number;
}

export class SnapshotSender {
  readonly #turn: Turn;
  readonly #machine: StateMachine;
  readonly #track: MembershipTrack;
  readonly #streams = new Map<MemberId, Stream>();
  readonly #waiting = new Map<MemberId, number>();
  readonly #holds = new Map<MemberId, { readonly index: number; readonly untilMs: number }>();

  constructor(turn: Turn, machine: StateMachine, track: MembershipTrack) {
    this.#turn = turn;
    this.#machine = machine;
    this.#track = track;
  }

  /** The lowest index that a stream leads to: the log after it is still needed. */
  heldAt(): number {
    let index = Number.POSITIVE_INFINITY;
    for (const stream of this.#streams.values()) index = Math.min(index, stream.point.index);
    for (const hold of this.#holds.values()) index = Math.min(index, hold.index);
    return index;
  }

  start(to: MemberId, epoch: number): void {
    const running = this.#streams.get(to);
    if (running?.epoch === epoch) return;
    if (running !== undefined) this.#close(running);
    if (this.#streams.size >= STREAMS_MAX) this.#waiting.set(to, epoch);
    else this.#open(to, epoch);
  }

  acknowledged(from: MemberId, number: number, next: number, refused: string): void {
    const stream = this.#streams.get(from);
    if (stream?.number !== number) return;
    if (refused !== "") {
      this.#end(stream, false, refused);
      return;
    }
    if (next === snapshotComplete) {
      this.#end(stream, true, "");
      return;
    }
    const oldest = stream.window[0]?.sequence ?? stream.nextRead;
    if (next < oldest || next > stream.nextRead) {
      // The receiver has lost what it had staged, and the reader cannot go back: start anew.
      this.#close(stream);
      this.#open(from, stream.epoch);
      return;
    }
    const advanced = next > oldest;
    while (stream.window.length > 0 && stream.window[0]!.sequence < next) stream.window.shift();
    // An answer that does not advance says that something was lost on the way.
    if (stream.asking || !advanced) stream.nextSend = next;
    else stream.nextSend = Math.max(stream.nextSend, next);
    if (advanced || stream.asking) stream.progressMs = this.#turn.ports.clock.monotonicMs();
    stream.asking = false;
    if (stream.ahead === undefined && stream.window.length === 0) this.#end(stream, true, "");
    else this.#pumpSoon(stream);
  }

  connected(peer: MemberId): void {
    const stream = this.#streams.get(peer);
    if (stream !== undefined) this.#ask(stream);
  }

  tick(nowMs: number): void {
    for (const stream of [...this.#streams.values()]) {
      const idleMs = nowMs - stream.progressMs;
      if (idleMs >= GIVE_UP_MS) this.#end(stream, false, "the receiver did not answer");
      else if (idleMs >= 2 * this.#turn.waits.electionMs) this.#ask(stream);
      else this.#pumpSoon(stream);
    }
    for (const [peer, hold] of this.#holds) if (nowMs >= hold.untilMs) this.#holds.delete(peer);
  }

  /**
   * No longer the leader of that epoch: the new one streams for itself. The core is told of each, also
   * of those that had not begun: what it believes to be on its way it does not ask for again.
   */
  abortAll(): void {
    const waiting = [...this.#waiting.keys()];
    this.#waiting.clear();
    this.#holds.clear();
    for (const to of waiting) this.#turn.step({ kind: "snapshotSent", to, ok: false, index: 0 });
    for (const stream of [...this.#streams.values()]) this.#end(stream, false, "it leads no more");
  }

  #open(to: MemberId, epoch: number): void {
    const reader = this.#machine.openSnapshot();
    const { index, epoch: pointEpoch, proposer, meta } = reader.point;
    const membership = decodePointMeta(meta)?.membership ?? this.#track.applied;
    const point = { index, epoch: pointEpoch, proposer, membership };
    const stream: Stream = {
      to,
      epoch,
      number: Math.floor(this.#turn.ports.random() * 2 ** 48),
      point,
      reader,
      window: [],
      ahead: reader.next(),
      nextRead: 0,
      nextSend: 0,
      asking: true,
      pumping: false,
      progressMs: this.#turn.ports.clock.monotonicMs(),
    };
    this.#streams.set(to, stream);
    this.#turn.observe({ kind: "snapshot.sending", level: "info", peer: to, index });
    this.#ask(stream);
  }

  #ask(stream: Stream): void {
    stream.asking = true;
    const { to, number, epoch, point } = stream;
    this.#turn.send(to, { kind: "snapshotBegin", stream: number, epoch, point });
  }

  #pumpSoon(stream: Stream): void {
    if (stream.pumping || stream.asking) return;
    stream.pumping = true;
    this.#turn.ports.clock.soon(() => {
      stream.pumping = false;
      if (this.#streams.get(stream.to) === stream) this.#turn.guard(() => this.#pump(stream));
    });
  }

  #pump(stream: Stream): void {
    if (stream.asking) return;
    if (this.#turn.ports.peers.bulkBacklog(stream.to) > BACKLOG_BYTES_MAX) return;
    let chunk: Chunk | undefined;
    try {
      chunk = this.#nextChunk(stream);
    } catch (cause) {
      // A member that follows may have been sent a snapshot itself, which took the place of what it reads.
      this.#end(stream, false, cause instanceof Error ? cause.message : String(cause));
      return;
    }
    if (chunk === undefined) return;
    stream.nextSend = chunk.sequence + 1;
    const { sequence, bytes, last } = chunk;
    this.#turn.send(stream.to, {
      kind: "snapshotChunk",
      stream: stream.number,
      sequence,
      bytes,
      last,
    });
    this.#pumpSoon(stream);
  }

  #nextChunk(stream: Stream): Chunk | undefined {
    if (stream.nextSend < stream.nextRead) {
      return stream.window[stream.nextSend - stream.window[0]!.sequence];
    }
    if (stream.window.length >= WINDOW_CHUNKS || stream.ahead === undefined) return undefined;
    const bytes = stream.ahead;
    stream.ahead = stream.reader.next();
    const chunk = { sequence: stream.nextRead++, bytes, last: stream.ahead === undefined };
    stream.window.push(chunk);
    return chunk;
  }

  #end(stream: Stream, ok: boolean, why: string): void {
    this.#close(stream);
    const { to, point } = stream;
    if (ok) {
      const untilMs = this.#turn.ports.clock.monotonicMs() + HOLD_MS;
      this.#holds.set(to, { index: point.index, untilMs });
    }
    this.#turn.observe({
      kind: "snapshot.sent",
      level: ok ? "info" : "warn",
      peer: to,
      index: point.index,
      ok,
      why,
    });
    this.#turn.step({ kind: "snapshotSent", to, ok, index: point.index });
    this.#turn.schedule();
    const [next] = this.#waiting;
    if (next === undefined || this.#streams.size >= STREAMS_MAX) return;
    this.#waiting.delete(next[0]);
    this.#open(next[0], next[1]);
  }

  #close(stream: Stream): void {
    this.#streams.delete(stream.to);
    stream.reader.close();
  }
}
