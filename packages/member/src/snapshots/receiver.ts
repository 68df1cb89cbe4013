// Takes in a snapshot stream: every chunk is verified and staged beside the live state, and acknowledged when
// the disk has it, so that a slow disk slows the sender down instead of filling the memory. The state does not
// change before the core asks for the installation (corpus: torn-snapshot-file). A stream that its sender
// resumes goes on where it stood; any other one starts from nothing, and not while there is one that is
// getting on: two senders would throw each other out for ever. What has arrived whole belongs to the core
// until the turn is over: it asks for it then, or it is dropped.

import {
  type LogPoint,
  type MemberId,
  type Protocol,
  takesSnapshotsOfAnybody,
} from "@althing/consensus";
import type { SnapshotWriter, StateMachine } from "../state-machine.ts";
import type { Turn } from "../turn.ts";
import { snapshotComplete } from "./sender.ts";

interface Stage {
  readonly from: MemberId;
  readonly stream: number;
  readonly epoch: number;
  readonly point: LogPoint;
  readonly writer: SnapshotWriter;
  expected: number;
  /** So many chunks are on the disk. */
  taken: number;
  /** The sequence of the last chunk that arrived, wanted or not. */
  seen: number;
  finished: boolean;
  heardMs: number;
}

/** Of election timeouts: a sender that hears nothing asks after two. */
const SILENCE_MAX = 4;

export class SnapshotReceiver {
  readonly #turn: Turn;
  readonly #machine: StateMachine;
  readonly #protocol: Pick<Protocol, "name">;
  #stage: Stage | undefined;
  /** The writer was handed over for installation; no other stage may be begun meanwhile. */
  #installing = false;

  constructor(turn: Turn, machine: StateMachine, protocol: Pick<Protocol, "name">) {
    this.#turn = turn;
    this.#machine = machine;
    this.#protocol = protocol;
  }

  begin(from: MemberId, stream: number, epoch: number, point: LogPoint): void {
    const stage = this.#stage;
    if (stage?.from === from && stage.stream === stream) {
      stage.heardMs = this.#nowMs;
      this.#acknowledge(from, stream, stage.finished ? snapshotComplete : stage.taken, "");
      return;
    }
    if (epoch < this.#turn.core.status().epoch) {
      this.#acknowledge(from, stream, 0, "the stream is of an earlier epoch");
      return;
    }
    if (point.index <= this.#machine.appliedIndex) {
      this.#acknowledge(from, stream, snapshotComplete, "");
      return;
    }
    if (this.#installing || stage?.finished) {
      this.#acknowledge(from, stream, 0, "another snapshot is being installed");
      return;
    }
    if (stage !== undefined && stage.from !== from && this.#getsOn(stage, epoch)) {
      this.#acknowledge(from, stream, 0, "another snapshot is being received");
      return;
    }
    this.abort();
    let writer: SnapshotWriter;
    try {
      writer = this.#machine.beginRestore();
    } catch (cause) {
      this.#turn.observe({ kind: "snapshot.damaged", level: "error", peer: from, cause });
      this.#acknowledge(from, stream, 0, "the store cannot take a snapshot in now");
      return;
    }
    this.#stage = {
      from,
      stream,
      epoch,
      point,
      writer,
      expected: 0,
      taken: 0,
      seen: -1,
      finished: false,
      heardMs: this.#nowMs,
    };
    this.#turn.observe({
      kind: "snapshot.receiving",
      level: "info",
      peer: from,
      index: point.index,
    });
    this.#acknowledge(from, stream, 0, "");
  }

  chunk(from: MemberId, stream: number, sequence: number, bytes: Uint8Array, last: boolean): void {
    const stage = this.#stage;
    if (stage?.from !== from || stage.stream !== stream || stage.finished) return;
    // Once per gap: what follows on the first chunk after it says nothing new.
    const isGap = sequence > stage.expected && sequence !== stage.seen + 1;
    stage.seen = sequence;
    stage.heardMs = this.#nowMs;
    if (isGap) this.#acknowledge(from, stream, stage.taken, "");
    if (sequence !== stage.expected) return;
    try {
      stage.writer.write(bytes);
      if (last) this.#verify(stage);
    } catch (cause) {
      this.#refuse(stage, "the snapshot does not verify", cause);
      return;
    }
    stage.expected++;
    stage.writer.flush((error) => this.#taken(stage, sequence + 1, last, error));
  }

  /** The staged writer for the core's `installSnapshot`. */
  take(point: LogPoint): SnapshotWriter | undefined {
    const stage = this.#stage;
    if (stage === undefined || !stage.finished || !samePlace(stage.point, point)) return undefined;
    this.#stage = undefined;
    this.#installing = true;
    return stage.writer;
  }

  installed(): void {
    this.#installing = false;
  }

  /** What the core was told of and did not ask for is not wanted: the log got there first, perhaps. */
  turnEnded(): void {
    if (this.#stage?.finished) this.abort();
  }

  abort(): void {
    this.#stage?.writer.abort();
    this.#stage = undefined;
  }

  get #nowMs(): number {
    return this.#turn.ports.clock.monotonicMs();
  }

  /** Its sender is heard, and no later leader has taken its place. */
  #getsOn(stage: Stage, epoch: number): boolean {
    if (this.#nowMs - stage.heardMs >= SILENCE_MAX * this.#turn.waits.electionMs) return false;
    if (takesSnapshotsOfAnybody(this.#protocol)) return true;
    return stage.epoch >= Math.max(epoch, this.#turn.core.status().epoch);
  }

  /** The disk has so many chunks, or has not taken one of them. */
  #taken(stage: Stage, chunks: number, last: boolean, error: Error | undefined): void {
    if (this.#stage !== stage) return;
    const { from, stream, epoch, point } = stage;
    if (error !== undefined) {
      this.#refuse(stage, "the disk did not take the snapshot", error);
      return;
    }
    stage.taken = chunks;
    if (last) {
      stage.finished = true;
      const { index } = point;
      this.#turn.observe({ kind: "snapshot.received", level: "info", peer: from, index });
      this.#turn.step({ kind: "snapshotReceived", from, epoch, point });
      this.#turn.schedule();
    }
    this.#acknowledge(from, stream, chunks, "");
  }

  #verify(stage: Stage): void {
    const point = stage.writer.finish();
    if (!samePlace(stage.point, point)) throw new Error("the snapshot is of another point");
  }

  #refuse({ from, stream }: Stage, why: string, cause: unknown): void {
    this.abort();
    this.#turn.observe({ kind: "snapshot.damaged", level: "error", peer: from, cause });
    this.#acknowledge(from, stream, 0, why);
  }

  #acknowledge(to: MemberId, stream: number, next: number, refused: string): void {
    this.#turn.send(to, { kind: "snapshotAck", stream, next, refused });
  }
}

function samePlace(
  one: { readonly index: number; readonly epoch: number; readonly proposer: string },
  other: { readonly index: number; readonly epoch: number; readonly proposer: string },
): boolean {
  return one.index === other.index && one.epoch === other.epoch && one.proposer === other.proposer;
}
