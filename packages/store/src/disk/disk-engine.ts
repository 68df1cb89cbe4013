// The engine that keeps records in LMDB. Writes are taken into memory and committed in the
// background, in batches that each carry the head they lead to; reads see both. A restart finds the
// last batch whole and the log replays what came after it. Longer than most files, because what is in
// memory, under way and on the disk changes in one step.

import { statSync } from "node:fs";
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
import { type Block, BlockBuilder, type RemovalList } from "./block.ts";
import { StateDirectory } from "./directory.ts";
import { Environment, noHandle } from "./environment.ts";
import { StagedState } from "./staged-state.ts";
import { type Batch, WriteBehind } from "./write-behind.ts";
import { asError, causeOf, DurabilityLost } from "./write-errors.ts";

export interface DiskEngineOptions {
  readonly directory: string;
  /** The longest that a commit waits for the disk to be asked. */
  readonly commitDelayMs?: number;
  /** Recent records kept in memory although they are on the disk. */
  readonly cacheBytes?: number;
  /** Between attempts to commit while they fail. */
  readonly retryAfterMs?: number;
  /** A background commit failed. It is tried again, until the error is a `DurabilityLost`. */
  readonly onError?: (error: Error) => void;
  /** A background commit is on the disk. */
  readonly onCommit?: (durationMs: number) => void;
}

/** A rewrite reads and writes one block: about ten microseconds. */
const rewritesPerBatchMax = 256;

/** Commits that fail for as long as so many attempts take are not tried any more. */
const attemptsMax = 5;
/** What may pile up in memory while commits fail. */
const unwrittenBytesMax = 128 * 1024 * 1024;

type Done = (error: Error | undefined) => void;

interface Waiting {
  /** Answered when so many batches are written. */
  readonly batches: number;
  /** Also until the space of all that was removed is free. */
  readonly thorough: boolean;
  readonly done: Done;
}

export function openDiskEngine(options: DiskEngineOptions): Engine {
  return new DiskEngine(options);
}

class DiskEngine implements Engine {
  readonly #directory: StateDirectory;
  readonly #commitDelayMs: number;
  readonly #cacheBytes: number;
  readonly #retryAfterMs: number;
  readonly #onError: (error: Error) => void;
  readonly #onCommit: (durationMs: number) => void;
  #environment: Environment;
  #tables = new Tables();
  /** Records not yet on the disk, and the most recent of those that are. */
  #arena = new Arena();
  #behind: WriteBehind;
  #head: Head;
  /** Of the last batch that LMDB has. */
  #written: Head;
  /** Blocks that have lost most of their records. */
  #sparse = new Set<Block>();
  /** Asked for once per commit: when space is short, every put is weighed against the quota. */
  #fileBytes: number | undefined;
  #usedBytes: number | undefined;
  #nextListId = 1;
  /** Removal lists of which no record is left. */
  #finishedLists: RemovalList[] = [];
  readonly #pins = new Pins((main, sub, visit) => this.scan(main, sub, visit));
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #waiting: Waiting[] = [];
  #stage: StagedState | undefined;
  #closed = false;
  /** When the first commit failed since one succeeded. */
  #failingSinceMs: number | undefined;
  /** The next attempt, while commits fail: nobody but a flush tries sooner. */
  #retry: NodeJS.Timeout | undefined;
  #lost: DurabilityLost | undefined;
  /** A restored state is being put in force. */
  #swapping: Promise<void> = Promise.resolve();
  /** The state that it replaced is being removed. */
  #removal: Promise<void> = Promise.resolve();

  constructor(options: DiskEngineOptions) {
    this.#directory = new StateDirectory(options.directory);
    this.#commitDelayMs = options.commitDelayMs ?? 100;
    this.#cacheBytes = options.cacheBytes ?? 16 * 1024 * 1024;
    this.#retryAfterMs = options.retryAfterMs ?? 1000;
    this.#onError = options.onError ?? (() => {});
    this.#onCommit = options.onCommit ?? (() => {});
    this.#environment = new Environment(this.#directory.path(this.#directory.current));
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
  get pinned(): boolean {
    return this.#pins.isHeld;
  }
  get bytes(): number {
    this.#fileBytes ??= fileBytes(this.#directory.path(`${this.#directory.current}/data.mdb`));
    return this.#fileBytes;
  }
  get failure(): Error | undefined {
    return this.#lost;
  }
  get unwrittenBytes(): number {
    return this.#behind.bytes;
  }
  get bytesInUse(): number {
    this.#usedBytes ??= this.#environment.usedBytes();
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
    const { sparse, lists } = this.#environment.load(visit);
    for (const block of sparse) this.#sparse.add(block);
    this.#finishedLists = lists.filter((list) => list.remaining === 0);
    this.#nextListId = (lists[lists.length - 1]?.id ?? 0) + 1;
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
    this.#behind.seal(this.#arena.openSlab);
    this.#waiting.push({ batches: this.#behind.sealedCount, thorough, done });
    this.#writeNow();
  }

  beginRestore(): EngineStage {
    if (this.#stage !== undefined) throw new Error("a restore is under way already");
    const name = this.#directory.next();
    const stage = new StagedState(name, this.#directory.path(name));
    this.#stage = stage;
    const discard = async (): Promise<void> => {
      this.#stage = undefined;
      await stage.environment.close();
      this.#directory.remove(name);
    };
    return {
      append: (main, sub, record) => stage.append(main, sub, record),
      put: (table, key, value) => stage.put(table, key, value),
      flush: (done) => stage.flush(done),
      install: (head, done) => {
        const installed = this.#install(stage, head, () => done(undefined));
        this.#swapping = installed.catch((error: unknown) => {
          const failed = () => done(asError(error));
          if (this.#environment === stage.environment) {
            // Whoever was told threw: a bug, and not one to be taken for a failed installation.
            queueMicrotask(() => {
              throw error;
            });
          } else if (this.#directory.current === name) {
            // Which of the two a restart finds is not known, and either is whole: nothing is added to any.
            this.#lose(asError(error));
            failed();
          } else discard().then(failed, failed);
        });
      },
      abort: () => {
        discard().catch((error: unknown) => this.#onError(asError(error)));
      },
    };
  }

  close(done: () => void): void {
    const finish = async (): Promise<void> => {
      await this.#swapping;
      this.#writeNow();
      await this.#writing;
      this.#closed = true;
      clearTimeout(this.#timer);
      clearTimeout(this.#retry);
      this.#answerWaiting(new Error("the store was closed before its disk took everything"));
      // Also the removal of the state that was replaced last.
      await this.#removal;
      await this.#stage?.environment.close();
      await this.#environment.close();
    };
    finish().then(done, (error: unknown) => {
      this.#onError(asError(error));
      done();
    });
  }

  /** A full batch at once, a small one after a while. */
  #writeSoon(): void {
    if (this.#behind.isFull) {
      this.#behind.seal(this.#arena.openSlab);
      if (this.#retry === undefined) this.#write();
    } else if (this.#timer === undefined && this.#retry === undefined) {
      this.#timer = setTimeout(() => this.#writeNow(), this.#commitDelayMs);
      this.#timer.unref();
    }
  }

  #writeNow(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#behind.seal(this.#arena.openSlab);
    this.#write();
  }

  /** Writes sealed batches, one transaction after the other, until there are none. */
  #write(): void {
    if (this.#closed || this.#lost !== undefined || this.#writing !== undefined) return;
    if (this.#next() === undefined) this.#answerWaiting(undefined);
    else this.#writing = this.#writeBatches();
  }

  /** A batch; or, where somebody waits for the space of what was removed, one that only rewrites. */
  #next(): Batch | undefined {
    const batch = this.#behind.front();
    if (batch !== undefined || this.#isTidy()) return batch;
    if (!this.#waiting.some(({ thorough }) => thorough)) return undefined;
    return { head: this.#written, entries: new Map(), removals: [], bytes: 0, openSlab: 0 };
  }

  /** Blocks are rewritten by the batch after the one that made them sparse. */
  #isTidy(): boolean {
    return this.#sparse.size === 0 && this.#finishedLists.length === 0;
  }

  /** What was removed last gives its space back also when nothing is written after it. */
  #tidySoon(): void {
    if (this.#isTidy() || this.#timer !== undefined || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.flush(() => {}, true);
    }, this.#commitDelayMs);
    this.#timer.unref();
  }

  async #writeBatches(): Promise<void> {
    try {
      let batch = this.#next();
      while (batch !== undefined) {
        const startMs = performance.now();
        await this.#writeBatch(batch);
        this.#onCommit(performance.now() - startMs);
        this.#failingSinceMs = undefined;
        // One that only rewrites has no place in the queue.
        if (batch === this.#behind.front()) this.#behind.shift();
        this.#written = batch.head;
        this.#environment.renew();
        this.#forgetSizes();
        this.#arena.trim(batch.openSlab, this.#cacheBytes);
        this.#answerWaiting(undefined);
        batch = this.#next();
      }
      // In the same step as the last look at the queue: a later commit must find nobody writing.
      this.#writing = undefined;
      this.#tidySoon();
    } catch (error) {
      const cause = await causeOf(error);
      this.#writing = undefined;
      this.#forgetSizes();
      this.#writeFailed(cause);
    }
  }

  async #writeBatch(batch: Batch): Promise<void> {
    const environment = this.#environment;
    const list: RemovalList = { id: this.#nextListId, remaining: 0 };
    const finishedLists = this.#finishedLists;
    const added: Block[] = [];
    const rewritten: [Block, number][] = [];
    await environment.root.batch(() => {
      const builder = new BlockBuilder();
      const putBlock = (): void => {
        const { block, bytes } = builder.take();
        environment.putBlock(block, bytes);
        added.push(block);
      };
      this.#arena.scan(this.#written.revision + 1, 0, (main, sub, _handle, record) => {
        if (main > batch.head.revision) return false;
        if (builder.isFullFor(record)) putBlock();
        builder.add(main, sub, record);
        return true;
      });
      if (builder.count > 0) putBlock();
      for (const block of this.#sparse) {
        if (rewritten.length === rewritesPerBatchMax) break;
        rewritten.push([block, environment.rewriteBlock(block)]);
      }
      for (const [table, key, value] of batch.entries.values()) {
        environment.putEntry(table, key, value);
      }
      if (batch.removals.length > 0) environment.putRemovals(list.id, batch.removals);
      for (const finished of finishedLists) environment.dropRemovals(finished.id);
      environment.putHead(batch.head);
    });
    this.#nextListId++;
    this.#finishedLists = [];
    for (const block of added) environment.blocks.push(block);
    for (const [block, count] of rewritten) {
      this.#finishedLists.push(...environment.blocks.rewritten(block, count));
      this.#sparse.delete(block);
    }
    for (const { main, sub } of batch.removals) {
      const sparse = environment.blocks.markDead(main, sub, list);
      if (sparse !== undefined) this.#sparse.add(sparse);
    }
  }

  /** The batch is still there, and nothing of it is on the disk: it is written again later. */
  #writeFailed(error: Error): void {
    const nowMs = performance.now();
    this.#failingSinceMs ??= nowMs;
    const failingMs = nowMs - this.#failingSinceMs;
    const isHopeless = failingMs >= (attemptsMax - 1) * this.#retryAfterMs;
    if (isHopeless || this.#arena.bytes > unwrittenBytesMax) {
      this.#lose(error);
      return;
    }
    if (!this.#closed) {
      this.#retry ??= setTimeout(() => this.#writeNow(), this.#retryAfterMs);
      this.#retry.unref();
    }
    this.#onError(error);
    this.#answerWaiting(error);
  }

  #lose(error: Error): void {
    this.#lost = new DurabilityLost(error);
    this.#onError(this.#lost);
    this.#answerWaiting(this.#lost);
  }

  #forgetSizes(): void {
    this.#fileBytes = undefined;
    this.#usedBytes = undefined;
  }

  #answerWaiting(error: Error | undefined): void {
    const written = this.#behind.writtenCount;
    const isTidy = this.#isTidy();
    const isAnswered = ({ batches, thorough }: Waiting) =>
      error !== undefined || (batches <= written && (isTidy || !thorough));
    const answered = this.#waiting.filter(isAnswered);
    this.#waiting = this.#waiting.filter((waiting) => !isAnswered(waiting));
    for (const { done } of answered) done(error);
  }

  /** Whoever asked for it hears of it in the step in which the state is replaced: nobody sees half of it. */
  async #install(staged: StagedState, head: Head, done: () => void): Promise<void> {
    await staged.finish(head);
    while (this.#writing !== undefined) await this.#writing;
    const old = { name: this.#directory.current, environment: this.#environment };
    this.#directory.switchTo(staged.name);
    this.#environment = staged.environment;
    this.#forgetSizes();
    this.#stage = undefined;
    this.#tables = staged.tables;
    this.#head = head;
    this.#written = head;
    this.#arena = new Arena();
    this.#behind = new WriteBehind(head);
    this.#sparse = new Set();
    this.#finishedLists = [];
    this.#pins.replaced();
    this.#removal = this.#removeState(old);
    done();
    // What they waited for has been replaced by what is durable.
    for (const waiting of this.#waiting.splice(0)) waiting.done(undefined);
  }

  async #removeState(old: { name: string; environment: Environment }): Promise<void> {
    // Views of the old records may still be read in this turn.
    await new Promise((resolve) => setImmediate(resolve));
    try {
      await old.environment.close();
      this.#directory.remove(old.name);
    } catch (error) {
      this.#onError(asError(error));
    }
  }
}

function fileBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
