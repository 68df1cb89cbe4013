// One machine: what outlives its processes (disk, clock, identity) and the process that runs on it
// now, if any.

import type { MemberId } from "@althing/consensus";
import type { Member } from "@althing/member";
import type { Leases, Succession, WatchStreams } from "@althing/service";
import type { Engine, WatchHub, WatchRights } from "@althing/store";
import type { WatchFault } from "../checkers/watch-stream.ts";
import { VirtualDisk } from "../disk/virtual-disk.ts";
import type { ObservedStore } from "../observe/observed-store.ts";
import type { Nobody } from "../workload/service.ts";
import { MachineClock } from "../world/clock.ts";
import { type Micros, Turns, type World } from "../world/world.ts";

export interface StoreClients {
  readonly engine: Engine;
  readonly store: ObservedStore;
  readonly leases: Leases;
  readonly watches: WatchStreams<WatchFault>;
  readonly hub: WatchHub;
  readonly watchRights: WatchRights<Nobody>;
  readonly succession: Succession;
}

export interface Process {
  readonly member: Member;
  /** Where the store is the state machine. */
  readonly clients: StoreClients | undefined;
  readonly life: string;
  readonly onDeath: Set<() => void>;
  stopping: boolean;
}

export class Machine {
  readonly ordinal: number;
  readonly id: MemberId;
  readonly name: string;
  readonly disk = new VirtualDisk();
  readonly clock: MachineClock;
  readonly turns = new Turns();
  /** Drawn anew when the disk is: a wiped machine has another. */
  incarnation: string;
  /** What others have signed for it: by whom, and as of which index of the log it was a member. */
  readonly introductions = new Map<MemberId, number>();
  lives = 0;
  process: Process | undefined;
  /** Nobody starts it again before this time. */
  downUntil: Micros = 0;
  /** It lost what it had promised to keep: no longer counted on. */
  damaged = false;
  /** Its process was told to stop: it may have acknowledged more than its core learned. */
  wasStopped = false;
  /** It stays down while the others must make progress. */
  leftOut = false;
  /** Disk errors given before this life began: any more, and it may fail. */
  errorsBefore = 0;
  /** The highest index that its store has applied. */
  applied = 0;

  /** A disk fault struck it in this life. */
  get diskStruck(): boolean {
    return this.disk.faults.given > this.errorsBefore;
  }

  get isCountedOn(): boolean {
    return !this.damaged && !this.leftOut;
  }

  constructor(world: World, ordinal: number, options: { rate: number; wallOffsetMs: number }) {
    this.ordinal = ordinal;
    this.id = (ordinal + 1).toString(16).padStart(16, "0");
    this.name = `m${ordinal}`;
    this.incarnation = `disk-${ordinal}-1`;
    this.clock = new MachineClock(world, options.rate, options.wallOffsetMs);
  }
}

export function ordinalOf(id: MemberId | undefined): number {
  return id === undefined ? -1 : Number.parseInt(id, 16) - 1;
}
