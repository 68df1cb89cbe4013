// The engine that keeps records on a disk, in blocks. Writes are taken into memory and committed in the
// background, in batches that each carry the head they lead to; reads see both. A restart finds the
// last batch whole and the log replays what came after it. Disk and time come through ports. Longer than
// most files, because what is in memory, under way and on the disk changes in one step.

import type { Key, StorePoint } from "../contract.ts";
import { Pins } from "../engine/pins.ts";
import {
  type Engine,
  type EngineStage,
  emptyHead,
  type Handle,
  type Head,
  type LoadVisitor,
  type RecordPlace,
  type RecordVisitor,
  type StatePin,
} from "../engine/port.ts";
import { Tables } from "../engine/tables.ts";
import { Arena } from "../memory/arena.ts";
import { Draft } from "./draft.ts";
import { Environment, noHandle } from "./environment.ts";
import { Flushes } from "./flushes.ts";
import { Gate } from "./gate.ts";
import type { EngineTimers, SpaceFolder } from "./ports.ts";
import { StagedState } from "./staged-state.ts";
import { inTurns } from "./turns.ts";
import { Upkeep } from "./upkeep.ts";
import { type Batch, WriteBehind } from "./write-behind.ts";
import { asError, DurabilityLost } from "./write-errors.ts";

export interface BlockEnginePorts {
  readonly folder: SpaceFolder;
  readonly timers: EngineTimers;
}

export interface BlockEngineSettings {
  /** The longest that a commit waits for the disk to be asked. */
  readonly commitDelayMs?: number;
  /** Recent records kept in memory although they are on the disk. */
  readonly cacheBytes?: number;
  /** Between attempts to commit while they fail. */
  readonly retryAfterMs?: number;
  /** Records, or what takes as long as one, that are made ready for the disk in one turn of the loop. */
  readonly workPerTurn?: number;
  /** A background commit failed. It is tried again, until the error is a `DurabilityLost`. */
  readonly onError?: (error: Error) => void;
  /** A background commit is on the disk. */
  readonly onCommit?: (durationMs: number) => void;
}

/** Commits that fail for as long as so many attempts take are not tried any more. */
const attemptsMax = 5;
/** What may pile up in memory while commits fail. */
const unwrittenBytesMax = 128 * 1024 * 1024;

type Done = (error: Error | undefined) => void;

export class BlockEngine implements Engine {
  readonly #folder: SpaceFolder;
  readonly #timers: EngineTimers;
  readonly #commitDelayMs: number;
  readonly #cacheBytes: number;
  readonly #retryAfterMs: number;
  readonly #workPerTurn: number;
  readonly #onError: (error: Error) => void;
  readonly #onCommit: (durationMs: number) => void;
  #environment: Environment;
  #tables = new Tables();
  /** Records not yet on the disk, and the most recent of those that are. */
  #arena = new Arena();
  #behind: WriteBehind;
  #head: Head;
  /** Of the last batch that the disk has. */
  #written: Head;
  #upkeep = new Upkeep();
  /** Asked for once per commit: when space is short, every put is weighed against the quota. */
  #fileBytes: number | undefined;
  #usedBytes: number | undefined;
  #nextListId = 1;
  readonly #pins = new Pins((main, sub, visit) => this.scan(main, sub, visit));
  /** Cancels the commit that is due in a while. */
  #cancelCommit: (() => void) | undefined;
  /** Closed from when a batch is being made until no batch is left that is not written. */
  readonly #writing = new Gate();
  #flushes = new Flushes();
  #stage: StagedState | undefined;
  #closed = false;
  /** When the first commit failed since one succeeded. */
  #failingSinceMs: number | undefined;
  /** Cancels the next attempt, while commits fail: nobody but a flush tries sooner. */
  #cancelRetry: (() => void) | undefined;
  #lost: DurabilityLost | undefined;
  /** Closed while states are being put in force or removed. */
  readonly #changing = new Gate();

  constructor({ folder, timers }: BlockEnginePorts, settings: BlockEngineSettings) {
    this.#folder = folder;
    this.#timers = timers;
    this.#commitDelayMs = settings.commitDelayMs ?? 100;
    this.#cacheBytes = settings.cacheBytes ?? 16 * 1024 * 1024;
    this.#retryAfterMs = settings.retryAfterMs ?? 1000;
    // A few milliseconds.
    this.#workPerTurn = settings.workPerTurn ?? 8192;
    this.#onError = settings.onError ?? (() => {});
    this.#onCommit = settings.onCommit ?? (() => {});
    this.#environment = new Environment(folder.open(folder.current));
    this.#head = this.#environment.readHead() ?? emptyHead;
    this.#written = this.#head;
    this.#behind = new WriteBehind(this.#head);
    for (const [table, key, value] of this.#environment.entries()) {
      this.#tables.put(table, key, value);
    }
  }

  get head(): Head {
    return this.#head;
  }
  get isCopying(): boolean {
    return false;
  }
  get bytes(): number {
    this.#fileBytes ??= this.#environment.space.bytes;
    return this.#fileBytes;
  }
  get failure(): Error | undefined {
    return this.#lost;
  }
  get unwrittenBytes(): number {
    return this.#behind.bytes;
  }
  get unwrittenRemovals(): number {
    return this.#behind.unwrittenRemovals;
  }
  get bytesInUse(): number {
    this.#usedBytes ??= this.#environment.space.bytesInUse;
    return this.#usedBytes;
  }

  append(main: number, sub: number, record: Uint8Array): Handle {
    this.#behind.addRecord(record.length);
    return this.#arena.append(main, sub, record);
  }

  read(main: number, sub: number, handle: Handle): Uint8Array {
    const record = this.#arena.read(handle) ?? this.#environment.readRecord(main, sub);
    if (record === undefined) throw new Error(`revision ${main}.${sub} is not in the store`);
    return record;
  }

  readPlace(main: number, sub: number, handle: Handle, place: RecordPlace): void {
    if (handle !== noHandle && this.#arena.readPlace(handle, place)) return;
    const record = this.read(main, sub, handle);
    place.bytes = record;
    place.start = 0;
    place.end = record.length;
  }

  /**
   * The copy in memory stays until its slab is dropped: the batch that will put the record may still
   * be unwritten, and its head needs it (corpus: revision-goes-back-after-compaction-crash).
   */
  remove(main: number, sub: number, _handle: Handle): void {
    this.#behind.addRemoval(main, sub);
    this.#writeSoon();
  }

  put(table: string, key: Key, value: Uint8Array): void {
    this.#tables.put(table, key, value);
    this.#behind.addEntry(table, key, new Uint8Array(value));
  }
  delete(table: string, key: Key): void {
    this.#tables.delete(table, key);
    this.#behind.addEntry(table, key, undefined);
  }
  tableNames(): string[] {
    return this.#tables.names();
  }
  entries(table: string): [Key, Uint8Array][] {
    return this.#tables.entries(table);
  }

  commit(head: Head): void {
    if (this.#lost !== undefined) throw this.#lost;
    this.#head = head;
    this.#behind.commit(head);
    this.#writeSoon();
  }

  load(visit: LoadVisitor): void {
    const found = this.#environment.load(visit);
    this.#upkeep.load(found);
    this.#nextListId = (found.lists[found.lists.length - 1]?.id ?? 0) + 1;
  }

  scan(main: number, sub: number, visit: RecordVisitor): void {
    const { revision } = this.#written;
    if (main <= revision) {
      let visitorStopped = false;
      this.#environment.scan(main, sub, (recordMain, recordSub, handle, record) => {
        if (recordMain > revision) return false;
        visitorStopped = !visit(recordMain, recordSub, handle, record);
        return !visitorStopped;
      });
      if (visitorStopped) return;
      this.#arena.scan(revision + 1, 0, visit);
    } else this.#arena.scan(main, sub, visit);
  }

  pin(): StatePin {
    return this.#pins.pin();
  }

  durable(): StorePoint {
    return this.#written.point;
  }

  flush(done: Done, thorough = false): void {
    if (this.#lost !== undefined) {
      done(this.#lost);
      return;
    }
    if (this.#closed) {
      done(new Error("the store is closed"));
      return;
    }
    this.#flush(thorough, thorough ? this.#upkeep.packing.ask() : 0, done);
  }

  #flush(tidily: boolean, pass: number, done: Done): void {
    this.#behind.seal(this.#arena.openSlab);
    this.#flushes.add({ batches: this.#behind.sealedCount, tidily, pass, done });
    this.#writeNow();
  }

  beginRestore(): EngineStage {
    if (this.#stage !== undefined) throw new Error("a restore is under way already");
    const name = this.#folder.next();
    const stage = new StagedState(name, this.#folder.open(name));
    this.#stage = stage;
    return {
      append: (main, sub, record) => stage.append(main, sub, record),
      put: (table, key, value) => stage.put(table, key, value),
      flush: (done) => stage.flush(done),
      install: (head, done) => this.#install(stage, head, done),
      abort: () => this.#discard(stage, () => {}),
    };
  }

  close(done: () => void): void {
    this.#changing.pass(() => {
      this.#writeNow();
      this.#writing.pass(() => {
        this.#closed = true;
        this.#cancelCommit?.();
        this.#cancelRetry?.();
        this.#flushes.end(new Error("the store was closed before its disk took everything"));
        const { space } = this.#environment;
        const closed = (error: Error | undefined) => {
          if (error !== undefined) this.#onError(error);
          done();
        };
        if (this.#stage === undefined) space.close(closed);
        else this.#stage.environment.space.close(() => space.close(closed));
      });
    });
  }

  /** A full batch at once, a small one after a while. */
  #writeSoon(): void {
    if (this.#behind.isFull) {
      this.#behind.seal(this.#arena.openSlab);
      if (this.#cancelRetry === undefined) this.#write();
    } else if (this.#cancelCommit === undefined && this.#cancelRetry === undefined) {
      this.#cancelCommit = this.#timers.after(this.#commitDelayMs, () => this.#writeNow());
    }
  }

  #writeNow(): void {
    this.#cancelCommit?.();
    this.#cancelCommit = undefined;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#behind.seal(this.#arena.openSlab);
    this.#write();
  }

  /** Writes sealed batches, one commit after the other, until there are none. */
  #write(): void {
    if (this.#closed || this.#lost !== undefined || this.#writing.isClosed) return;
    const draft = this.#next();
    if (draft === undefined) {
      this.#answerFlushes();
      this.#tidySoon();
      return;
    }
    this.#writing.begin();
    this.#writeDraft(draft);
  }

  /** A batch; or, where somebody waits for the space of what was removed, one that only rewrites. */
  #next(): Draft | undefined {
    const upkeep = this.#upkeep;
    const parts = {
      environment: this.#environment,
      arena: this.#arena,
      upkeep,
      written: this.#written,
    };
    const batch = this.#behind.front();
    if (batch !== undefined) {
      return new Draft(batch, this.#nextListId, { ...parts, packFrom: undefined });
    }
    // A pass over all blocks may take minutes: a close ends it, and a new state makes it needless.
    if (this.#writing.isAwaited || !this.#flushes.wantTidiness(upkeep)) return undefined;
    const nothing = {
      head: this.#written,
      entries: new Map(),
      removals: [],
      bytes: 0,
      openSlab: 0,
    };
    const packs = upkeep.sparse.size === 0 && this.#flushes.wantPacking(upkeep);
    const packFrom = packs ? upkeep.packing.next() : undefined;
    return new Draft(nothing, this.#nextListId, { ...parts, packFrom });
  }

  /** What was removed last gives its space back also when nothing is written after it. */
  #tidySoon(): void {
    if (this.#upkeep.isDone || this.#cancelCommit !== undefined || this.#closed) return;
    this.#cancelCommit = this.#timers.after(this.#commitDelayMs, () => {
      this.#cancelCommit = undefined;
      this.#flush(true, 0, () => {});
    });
  }

  /** Makes it in turns, and puts it on the disk in one commit. Then the next one, until there is none. */
  #writeDraft(draft: Draft): void {
    const startMs = this.#timers.nowMs();
    const environment = this.#environment;
    const failed = (error: Error): void => {
      environment.forgetReplaced();
      this.#forgetSizes();
      this.#writing.end();
      this.#writeFailed(error);
    };
    const soon: EngineTimers["soon"] = (run) => this.#timers.soon(run);
    inTurns(draft.make(this.#workPerTurn), this.#workPerTurn, soon, (error) => {
      if (error !== undefined) {
        failed(error);
        return;
      }
      environment.space.commit(
        () => draft.put(),
        (refused) => {
          if (refused !== undefined) {
            failed(refused);
            return;
          }
          draft.taken();
          environment.forgetReplaced();
          this.#nextListId++;
          this.#onCommit(this.#timers.nowMs() - startMs);
          this.#wrote(draft.batch);
          const next = this.#next();
          if (next !== undefined) this.#writeDraft(next);
          else {
            // In the same step as the look at the queue: a later commit must find nobody writing.
            this.#writing.end();
            this.#write();
          }
        },
      );
    });
  }

  #wrote(batch: Batch): void {
    this.#forgetSizes();
    this.#failingSinceMs = undefined;
    // One that only rewrites has no place in the queue.
    if (batch === this.#behind.front()) this.#behind.shift();
    this.#written = batch.head;
    this.#environment.renew();
    this.#arena.trim(batch.openSlab, this.#cacheBytes);
    this.#answerFlushes();
  }

  /** The batch is still there, and nothing of it is on the disk: it is written again later. */
  #writeFailed(error: Error): void {
    const nowMs = this.#timers.nowMs();
    this.#failingSinceMs ??= nowMs;
    const failingMs = nowMs - this.#failingSinceMs;
    const isHopeless = failingMs >= (attemptsMax - 1) * this.#retryAfterMs;
    if (isHopeless || this.#arena.bytes > unwrittenBytesMax) {
      this.#lose(error);
      return;
    }
    if (!this.#closed) {
      this.#cancelRetry ??= this.#timers.after(this.#retryAfterMs, () => this.#writeNow());
    }
    this.#onError(error);
    this.#flushes.end(error);
  }

  #lose(error: Error): void {
    this.#lost = new DurabilityLost(error);
    this.#onError(this.#lost);
    this.#flushes.end(this.#lost);
  }

  #forgetSizes(): void {
    this.#fileBytes = undefined;
    this.#usedBytes = undefined;
  }

  #answerFlushes(): void {
    this.#flushes.reached(this.#behind.writtenCount, this.#upkeep);
  }

  #install(staged: StagedState, head: Head, done: Done): void {
    this.#changing.begin();
    staged.finish(head, (error) => {
      if (error !== undefined) {
        this.#discard(staged, () => done(error));
        this.#changing.end();
        return;
      }
      this.#writing.pass(() => {
        this.#putInForce(staged, head, done);
        this.#changing.end();
      });
    });
  }

  /** Whoever asked for it hears of it in the step in which the state is replaced: nobody sees half of it. */
  #putInForce(staged: StagedState, head: Head, done: Done): void {
    const old = { name: this.#folder.current, environment: this.#environment };
    try {
      this.#folder.switchTo(staged.name);
    } catch (cause) {
      const error = asError(cause);
      if (this.#folder.current === old.name) {
        this.#discard(staged, () => done(error));
        return;
      }
      // Which of the two a restart finds is not known, and either is whole: nothing is added to any.
      this.#lose(error);
      done(error);
      return;
    }
    this.#environment = staged.environment;
    this.#forgetSizes();
    this.#stage = undefined;
    this.#tables = staged.tables;
    this.#head = head;
    this.#written = head;
    this.#arena = new Arena();
    this.#behind = new WriteBehind(head);
    this.#upkeep = new Upkeep();
    this.#pins.replaced();
    const flushes = this.#flushes;
    this.#flushes = new Flushes();
    // Views of the old records may still be read in this turn.
    this.#changing.begin();
    this.#timers.soon(() => {
      this.#remove(old.name, old.environment, () => this.#changing.end());
    });
    done(undefined);
    // What they waited for has been replaced by what is durable.
    flushes.end(undefined);
  }

  /** What was staged is of no more use. */
  #discard(staged: StagedState, done: () => void): void {
    if (this.#stage !== staged) {
      done();
      return;
    }
    this.#stage = undefined;
    this.#changing.begin();
    this.#remove(staged.name, staged.environment, () => {
      done();
      this.#changing.end();
    });
  }

  #remove(name: string, { space }: Environment, done: () => void): void {
    space.close((error) => {
      if (error !== undefined) this.#onError(error);
      try {
        this.#folder.remove(name);
      } catch (cause) {
        this.#onError(asError(cause));
      }
      done();
    });
  }
}
