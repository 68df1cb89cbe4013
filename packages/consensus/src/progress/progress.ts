// What a leader knows of one follower's log, and how fast it may send to it: one message at a time
// while it probes for the point where the logs agree, a window of them once it replicates, nothing
// while a snapshot is on its way (dissertation §10.2.1). Invariant: match < next.

import type { Index, MemberId, PeerProgress } from "../contract.ts";
import { InFlight } from "./in-flight.ts";

export class Progress {
  readonly id: MemberId;
  /** The follower holds, durably, what the leader holds up to here. */
  match: Index = 0;
  /** The first index that has not been sent. */
  next: Index;
  state: "probe" | "replicate" | "snapshot" = "probe";
  /** It answered since the last check of the quorum. */
  recentlyActive = false;
  /** Probing: the one message is out. */
  probeSent = false;
  /** The heartbeat round before the probe left: an answer to a later one says it may be lost. */
  probeRound = 0;
  /** The commit index that it has been told. */
  commitTold: Index = 0;
  /** `match` at the last heartbeat: a window that does not move makes the leader ask again. */
  matchAtHeartbeat: Index = -1;
  /** As the follower last said; 0 until then. */
  priority = 0;
  readonly inFlight: InFlight;

  constructor(id: MemberId, next: Index, messagesInFlightMax: number) {
    this.id = id;
    this.next = next;
    this.inFlight = new InFlight(messagesInFlightMax);
  }

  isPaused(): boolean {
    if (this.state === "replicate") return this.inFlight.isFull;
    return this.state === "snapshot" || this.probeSent;
  }

  /** Begins again from what is certain; `next` may be known to be later. */
  becomeProbe(next: Index = this.match + 1): void {
    this.state = "probe";
    this.next = Math.max(next, this.match + 1);
    this.probeSent = false;
    this.commitTold = Math.min(this.commitTold, this.match);
    this.inFlight.clear();
  }

  becomeReplicate(): void {
    this.state = "replicate";
    this.next = this.match + 1;
    this.probeSent = false;
    this.inFlight.clear();
  }

  becomeSnapshot(): void {
    this.state = "snapshot";
    this.probeSent = false;
    this.inFlight.clear();
  }

  /** An append message that ends at `lastIndex` leaves. */
  sent(lastIndex: Index): void {
    if (this.state === "replicate") {
      this.inFlight.add(lastIndex);
      this.next = lastIndex + 1;
    } else {
      this.probeSent = true;
    }
  }

  /** The follower holds the log up to `index`. False when that was known. */
  acknowledged(index: Index): boolean {
    this.inFlight.acknowledge(index);
    if (index <= this.match) return false;
    this.match = index;
    if (this.next <= index) this.next = index + 1;
    return true;
  }

  /**
   * The follower refused a message that stood on `refusedIndex`; `agreed` is the last index where
   * the logs may agree. False when the refusal is stale.
   */
  refused(refusedIndex: Index, agreed: Index): boolean {
    if (this.state === "snapshot" || refusedIndex <= this.match) return false;
    if (this.state === "replicate") {
      if (refusedIndex >= this.next) return false;
      this.becomeProbe(Math.min(refusedIndex, agreed + 1));
      return true;
    }
    if (refusedIndex !== this.next - 1) return false;
    this.becomeProbe(Math.min(refusedIndex, agreed + 1));
    return true;
  }

  /** A copy for people. */
  report(): PeerProgress {
    return {
      id: this.id,
      match: this.match,
      next: this.next,
      state: this.state,
      recentlyActive: this.recentlyActive,
    };
  }
}
