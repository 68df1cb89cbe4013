// A machine of three methods made into what a member drives. The state is in memory, and written down as a
// whole when the member asks for it: the log has everything since, and a restart applies that again. The
// running hash covers every command and its answer, so that a machine that answers otherwise on one member
// (because it asked a clock, or threw a coin) is found and fenced off, whatever its state looks like.

import { crc32 } from "@althing/bytes";
import type { Disk } from "@althing/log";
import type {
  EntryContext,
  SnapshotReader,
  SnapshotWriter,
  StateMachine,
  StatePoint,
} from "../state-machine.ts";
import { loadCheckpoint, writeCheckpoint } from "./checkpoints.ts";
import { decodeJson, encodeJson } from "./json.ts";
import type { Answer, Machine } from "./machine.ts";
import { type Capture, CaptureAssembler, readCapture } from "./snapshot-chunks.ts";

const nowhere: StatePoint = { index: 0, epoch: 0, proposer: "", meta: new Uint8Array(0) };

/** No JSON text. */
const threw = Uint8Array.of(0);

type Done = (error: Error | undefined) => void;

export class DurableMachine<Command, Result> implements StateMachine<Answer<Result>> {
  readonly failure = undefined;
  readonly unwrittenBytes = 0;
  readonly #machine: Machine<Command, Result>;
  readonly #disk: Disk;
  #point = nowhere;
  #hash = 0;
  #durable = nowhere;
  /** One checkpoint is written at a time; these come after it. */
  #isWriting = false;
  readonly #afterwards: (() => void)[] = [];

  /** Brings the machine to what the disk has. Throws `CaptureDamaged`. */
  constructor(machine: Machine<Command, Result>, disk: Disk) {
    this.#machine = machine;
    this.#disk = disk;
    const capture = loadCheckpoint(disk);
    if (capture === undefined) return;
    this.#adopt(capture);
    this.#durable = capture.point;
  }

  get appliedIndex(): number {
    return this.#point.index;
  }

  apply(bytes: Uint8Array, context: EntryContext, meta?: Uint8Array): Answer<Result> {
    const { answer, described } = this.#answer(bytes, context);
    this.#hash = crc32(described, crc32(bytes, this.#hash));
    this.#moveTo(context, meta);
    return answer;
  }

  applyNothing(context: EntryContext, meta?: Uint8Array): void {
    this.#moveTo(context, meta);
  }

  stateHash(): { readonly hash: number } {
    return { hash: this.#hash };
  }

  durable(): StatePoint {
    return this.#durable;
  }

  flush(done: Done): void {
    this.#whenIdle(() => {
      if (this.#durable.index === this.#point.index) this.#ended(done, undefined);
      else this.#write(this.#capture(), done);
    });
  }

  openSnapshot(): SnapshotReader {
    return readCapture(this.#capture());
  }

  beginRestore(): SnapshotWriter {
    const assembler = new CaptureAssembler();
    let capture: Capture | undefined;
    return {
      write: (chunk) => assembler.write(chunk),
      flush: (done) => done(undefined),
      finish: () => {
        capture = assembler.finish();
        return capture.point;
      },
      install: (done) => {
        const whole = capture!;
        this.#whenIdle(() => {
          this.#write(whole, (error) => done(error ?? this.#adoptionFault(whole)));
        });
      },
      abort() {},
    };
  }

  close(done: () => void): void {
    this.#whenIdle(() => this.#ended(() => done(), undefined));
  }

  /** With what of it must be the same everywhere: that it threw, but not the words, which are of a Node's version. */
  #answer(
    bytes: Uint8Array,
    { index, leaderTimeMs }: EntryContext,
  ): { readonly answer: Answer<Result>; readonly described: Uint8Array } {
    try {
      const command = decodeJson(bytes) as Command;
      const value = this.#machine.apply(command, { index, timeMs: leaderTimeMs });
      return { answer: { kind: "returned", value }, described: encodeJson(value ?? null) };
    } catch (error) {
      return { answer: { kind: "threw", error }, described: threw };
    }
  }

  #moveTo({ index, epoch, proposer }: EntryContext, meta: Uint8Array | undefined): void {
    if (index !== this.#point.index + 1) {
      throw new Error(`applied index ${index} after ${this.#point.index}`);
    }
    this.#point = { index, epoch, proposer, meta: meta?.slice() ?? this.#point.meta };
  }

  #capture(): Capture {
    return { point: this.#point, hash: this.#hash, state: encodeJson(this.#machine.snapshot()) };
  }

  #adopt({ point, hash, state }: Capture): void {
    this.#machine.restore(decodeJson(state));
    this.#point = point;
    this.#hash = hash;
  }

  #adoptionFault(capture: Capture): Error | undefined {
    try {
      this.#adopt(capture);
      return undefined;
    } catch (cause) {
      return new Error("the state machine cannot restore a snapshot of its own", { cause });
    }
  }

  #write(capture: Capture, done: Done): void {
    writeCheckpoint(this.#disk, readCapture(capture), (error) => {
      if (error === undefined) this.#durable = capture.point;
      this.#ended(done, error);
    });
  }

  #whenIdle(run: () => void): void {
    if (this.#isWriting) this.#afterwards.push(run);
    else {
      this.#isWriting = true;
      run();
    }
  }

  #ended(done: Done, error: Error | undefined): void {
    this.#isWriting = false;
    done(error);
    const next = this.#isWriting ? undefined : this.#afterwards.shift();
    if (next !== undefined) this.#whenIdle(next);
  }
}
