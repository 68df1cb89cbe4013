// Who watches over one stream: what the stream tells it, and what it is asked. A door puts each answer into its
// own protocol's words; the simulator judges it.

import type { HeldRight, StoreEvent, WatcherOptions } from "@althing/store";

/** What a client asks for. The others' ids are drawn for them. */
export interface WatchWish extends WatcherOptions {
  /** 0: any that is free. */
  readonly id: bigint;
  /** The first revision to be told of. 0: the next one. */
  readonly from: number;
  /** A revision with very many events may come in several answers. */
  readonly fragments: boolean;
  /** To be told now and then how far it has seen everything, when it has seen nothing else. */
  readonly notices: boolean;
}

export type WatchRefusal = "emptyRange" | "compacted" | "duplicateWatch" | "overloaded";

/** One answer that is made over many turns: it belongs to one watcher and one revision. */
export interface EventsInParts {
  add(events: readonly StoreEvent[]): void;
  /** As the answers of `WatchClient`. */
  send(): boolean;
  /** It is not to be sent after all. */
  drop(): void;
}

/**
 * Of what tells something, each takes it whatever happens. False: the reader is slow, and `onDrain` calls when it has
 * read. `Fault`: why somebody may not see what he asks for.
 */
export interface WatchClient<Fault extends string> {
  created(id: bigint): boolean;
  refused(why: WatchRefusal): boolean;
  /** It may not watch that. */
  denied(why: Fault): boolean;
  events(id: bigint, revision: number, events: readonly StoreEvent[], fragment: boolean): boolean;
  beginEvents(id: bigint, revision: number): EventsInParts;
  /** All up to `revision` was told to this watcher; to all of the stream if none is named. */
  progress(id: bigint | undefined, revision: number): boolean;
  /** `why`: the right to it has ended. Otherwise as it was asked. */
  cancelled(id: bigint, why: Fault | undefined): boolean;
  /** What it has not seen before `floor` is gone, and the watcher with it. */
  compacted(id: bigint, floor: number): boolean;

  /** Calls once. */
  onDrain(run: () => void): void;
  /** Calls in some turns, until false; what is thrown ends the stream. */
  inSteps(step: () => boolean): void;
  /** False: there is no room for so much. */
  charge(bytes: number): boolean;
  release(bytes: number): void;

  refuses(range: WatcherOptions): Fault | undefined;
  /** Of what it does not refuse. `ended` is called once, unless it is forgotten before. */
  hold(range: WatcherOptions, ended: (why: Fault) => void): HeldRight;
}
