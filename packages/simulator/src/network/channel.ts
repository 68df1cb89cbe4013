// One direction between two members: what is under way on it, and what hinders it.

import type { Micros } from "../world/world.ts";

export class Channel<Packet> {
  readonly from: number;
  readonly to: number;
  /** The connection as this end sees it; 0 while there is none. */
  session = 0;
  blocked = false;
  blockCount = 0;
  clogged: Micros = 0;
  connecting = false;
  unreachableTold = false;
  /** Streams keep order: nothing arrives before what was sent earlier. */
  lastArrival: Micros = 0;
  bulkFreeAt: Micros = 0;
  bulkLastArrival: Micros = 0;
  readonly underWay = new Set<Packet>();
  /** Caught by a block; delivered late if it ends in time. */
  readonly parked: Packet[] = [];

  constructor(from: number, to: number) {
    this.from = from;
    this.to = to;
  }
}
