// Takes in a snapshot stream: every chunk is verified and staged beside the live store, which does not
// change before the core asks for the installation (corpus: torn-snapshot-file). A stream that the
// leader resumes goes on where it stood; any other one starts from nothing.

import type { LogPoint, MemberId } from "@althing/consensus";
import type { SnapshotWriter, Store } from "@althing/store";
import type { Turn } from "../turn.ts";
import { snapshotComplete } from "./sender.ts";

interface Stage {
  readonly from: MemberId;
  readonly stream: number;
  readonly epoch: number;
  readonly point: LogPoint;
  readonly writer: SnapshotWriter;
  expected: number;
  /** The sequence of the last chunk that arrived, wanted or not. */
  seen: number;
  finished: boolean;
}

export class SnapshotReceiver {
  readonly #turn: Turn;
  readonly #store: Store;
  #stage: Stage | undefined;
  /** The writer was handed over for installation; no other stage may be begun meanwhile. */
  #installing = false;

  constructor(turn: Turn, store: Store) {
    this.#turn = turn;
    this.#store = store;
  }

  begin(from: MemberId, stream: number, epoch: number, point: LogPoint): void {
    const stage = this.#stage;
    if (stage?.from === from && stage.stream === stream) {
      this.#acknowledge(from, stream, stage.finished ? snapshotComplete : stage.expected, "");
      return;
    }
    if (epoch < this.#turn.core.status().epoch) {
      this.#acknowledge(from, stream, 0, "the stream is of an earlier epoch");
      return;
    }
    if (point.index <= this.#store.appliedIndex) {
      this.#acknowledge(from, stream, snapshotComplete, "");
      return;
    }
    if (this.#installing) {
      this.#acknowledge(from, stream, 0, "another snapshot is being installed");
      return;
    }
    this.abort();
    let writer: SnapshotWriter;
    try {
      writer = this.#store.beginRestore();
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
      seen: -1,
      finished: false,
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
    if (isGap) this.#acknowledge(from, stream, stage.expected, "");
    if (sequence !== stage.expected) return;
    try {
      stage.writer.write(bytes);
      if (last) this.#finish(stage);
    } catch (cause) {
      this.abort();
      this.#turn.observe({ kind: "snapshot.damaged", level: "error", peer: from, cause });
      this.#acknowledge(from, stream, 0, "the snapshot does not verify");
      return;
    }
    stage.expected++;
    this.#acknowledge(from, stream, stage.expected, "");
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

  /** A stage that the core did not want, because the log got there first, is dropped. */
  tick(): void {
    const stage = this.#stage;
    if (stage?.finished && stage.point.index <= this.#store.appliedIndex) this.abort();
  }

  abort(): void {
    this.#stage?.writer.abort();
    this.#stage = undefined;
  }

  #finish(stage: Stage): void {
    const point = stage.writer.finish();
    if (!samePlace(stage.point, point)) throw new Error("the snapshot is of another point");
    stage.finished = true;
    this.#turn.observe({
      kind: "snapshot.received",
      level: "info",
      peer: stage.from,
      index: point.index,
    });
    const { from, epoch } = stage;
    this.#turn.step({ kind: "snapshotReceived", from, epoch, point: stage.point });
    this.#turn.schedule();
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
