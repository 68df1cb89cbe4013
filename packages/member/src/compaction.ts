// Keeps the log short: after enough applied entries (or bytes) the state is asked to become durable,
// and the log is dropped up to what it then holds, less a tail for followers that lag a little.
// The log is never dropped above what a restart would find in the state.

import type { Log, LogBase } from "@althing/log";
import type { MembershipTrack } from "./membership-track.ts";
import type { StateMachine } from "./state-machine.ts";
import type { Turn } from "./turn.ts";

/** Applied payload bytes after which the log is compacted, whatever the count: its entries are in memory. */
const BYTES_BEFORE_COMPACTION = 16 * 1024 * 1024;
/** The most that the tail for lagging followers may hold. */
const TAIL_BYTES_MAX = 16 * 1024 * 1024;
/**
 * What an active follower or the receiver of a snapshot still needs is kept, up to this many log
 * bytes: else a follower that is almost there is sent back to the start, again and again (corpus:
 * lagging-replica-loops-state-sync).
 */
const HELD_BYTES_MAX = 256 * 1024 * 1024;

export interface CompactionOptions {
  readonly snapshotCount: number;
  readonly catchUpEntries: number;
}

export class Compaction {
  readonly #turn: Turn;
  readonly #log: Log;
  readonly #machine: StateMachine;
  readonly #track: MembershipTrack;
  readonly #options: CompactionOptions;
  /** The lowest index that a snapshot under way leads to. */
  readonly #heldAt: () => number;
  #base: number;
  /** Where the last attempt was made. */
  #attempted: number;
  #bytes = 0;
  #underWay = false;

  constructor(
    turn: Turn,
    parts: { log: Log; machine: StateMachine; track: MembershipTrack; heldAt: () => number },
    base: number,
    options: CompactionOptions,
  ) {
    this.#turn = turn;
    this.#log = parts.log;
    this.#machine = parts.machine;
    this.#track = parts.track;
    this.#heldAt = parts.heldAt;
    this.#base = base;
    this.#attempted = base;
    this.#options = options;
  }

  /** After a batch of applied entries. */
  applied(index: number, bytes: number): void {
    this.#bytes += bytes;
    const due =
      index - this.#attempted >= this.#options.snapshotCount ||
      this.#bytes >= BYTES_BEFORE_COMPACTION;
    if (!due || this.#underWay) return;
    this.#attempted = index;
    this.#bytes = 0;
    // Nothing could be dropped even if all were durable: no reason to make the disk work.
    if (this.#droppable() <= this.#base) return;
    this.#underWay = true;
    this.#machine.flush((error) => {
      this.#underWay = false;
      // The state machine tries again by itself, and says so when it gives up: until then the log is kept.
      if (error === undefined) this.#compact();
      else this.#turn.observe({ kind: "store.notDurable", level: "warn", cause: error });
    });
  }

  /** An installed snapshot moved the base. */
  reset(base: number): void {
    this.#base = base;
    this.#attempted = base;
    this.#bytes = 0;
  }

  #compact(): void {
    const index = Math.min(this.#droppable(), this.#machine.durable().index);
    const entry = index > this.#base ? this.#turn.core.entryAt(index) : undefined;
    if (entry === undefined) return;
    const base: LogBase = {
      index,
      epoch: entry.epoch,
      proposer: entry.proposer,
      meta: this.#track.metaAt(index),
    };
    this.#base = index;
    this.#turn.step({ kind: "compact", index });
    this.#log.compact(base, (error) => {
      if (error !== undefined) this.#turn.fail("the log could not be compacted", error);
    });
    this.#track.forgetBefore(index);
    this.#turn.observe({ kind: "log.compacted", level: "debug", index, logBytes: this.#log.bytes });
    this.#turn.schedule();
  }

  /** Up to where nobody needs the log any more, if the state were durable. */
  #droppable(): number {
    const { appliedIndex } = this.#machine;
    let tail = appliedIndex;
    let bytes = 0;
    const lowest = Math.max(this.#base, appliedIndex - this.#options.catchUpEntries);
    while (tail > lowest) {
      bytes += this.#turn.core.entryAt(tail)?.payload.length ?? 0;
      if (bytes > TAIL_BYTES_MAX) break;
      tail--;
    }
    return this.#log.bytes > HELD_BYTES_MAX ? tail : Math.min(tail, this.#needed());
  }

  /** The lowest index that somebody who is catching up builds on. */
  #needed(): number {
    let needed = this.#heldAt();
    for (const peer of this.#turn.core.status().peers) {
      const follows = peer.recentlyActive && peer.match >= this.#base;
      if (follows && peer.id !== this.#turn.id) needed = Math.min(needed, peer.match);
    }
    return needed;
  }
}
