// The engine that keeps everything in memory: tests, the simulator, the browser, embedded use. With
// a storage it writes checkpoints, and a restart finds the newest one whole; the log replays the rest.

import type { Crc32 } from "@althing/bytes";
import type { Key, StorePoint } from "../contract.ts";
import { Pins } from "../engine/pins.ts";
import {
  type Engine,
  type EngineStage,
  emptyHead,
  emptyPoint,
  type Handle,
  type Head,
  type LoadVisitor,
  type RecordPlace,
  type RecordVisitor,
  type StatePin,
} from "../engine/port.ts";
import { Tables } from "../engine/tables.ts";
import type { SnapshotItem } from "../snapshot/format.ts";
import { createSnapshotReader } from "../snapshot/reader.ts";
import { Arena } from "./arena.ts";
import { type DamagedCheckpoint, loadCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import type { CheckpointStorage } from "./checkpoint-storage.ts";

export interface MemoryEngineOptions {
  /** Where checkpoints go. Without it a restart finds nothing. */
  readonly storage?: CheckpointStorage;
  /**
   * Without a storage: there will be no restart, so what is committed counts as durable (and the
   * log in front of it need not be kept).
   */
  readonly volatile?: boolean;
  readonly crc32?: Crc32;
}

export interface MemoryEngine extends Engine {
  /** Checkpoints that did not verify when the engine was opened, newest first. */
  readonly damagedCheckpoints: readonly DamagedCheckpoint[];
}

export function createMemoryEngine(options: MemoryEngineOptions = {}): MemoryEngine {
  return new Memory(options);
}

/** So many checkpoints in a row that the storage did not take: it takes none. */
const attemptsMax = 5;

type Done = (error: Error | undefined) => void;

class Memory implements MemoryEngine {
  readonly #storage: CheckpointStorage | undefined;
  readonly #volatile: boolean;
  readonly #crc32: Crc32 | undefined;
  #arena = new Arena();
  #tables = new Tables();
  #head: Head = emptyHead;
  #durable: StorePoint = emptyPoint;
  readonly #pins = new Pins((main, sub, visit) => this.scan(main, sub, visit));
  #writing = false;
  /** Checkpoints that failed since one succeeded. */
  #failures = 0;
  #failure: Error | undefined;
  /** Flushes that came while a checkpoint was being written: the next one serves them all. */
  #waiting: Done[] = [];
  #afterWriting: (() => void)[] = [];
  #staging = false;
  readonly damagedCheckpoints: readonly DamagedCheckpoint[];

  constructor(options: MemoryEngineOptions) {
    this.#storage = options.storage;
    this.#volatile = options.volatile ?? false;
    this.#crc32 = options.crc32;
    if (this.#storage === undefined) {
      this.damagedCheckpoints = [];
      return;
    }
    const loaded = loadCheckpoint(
      this.#storage,
      {
        begin: () => {
          this.#arena = new Arena();
          this.#tables = new Tables();
        },
        take: (item) => takeItem(this, item),
      },
      options.crc32,
    );
    this.damagedCheckpoints = loaded.damaged;
    this.#head = loaded.head ?? emptyHead;
    this.#durable = this.#head.point;
  }

  get head(): Head {
    return this.#head;
  }
  get bytes(): number {
    return this.#arena.bytes;
  }
  get failure(): Error | undefined {
    return this.#failure;
  }
  get unwrittenBytes(): number {
    return 0;
  }
  get unwrittenRemovals(): number {
    return 0;
  }
  get bytesInUse(): number {
    return this.#arena.bytesInUse;
  }
  get isCopying(): boolean {
    return this.#writing;
  }

  append(main: number, sub: number, record: Uint8Array): Handle {
    return this.#arena.append(main, sub, record);
  }

  read(main: number, sub: number, handle: Handle): Uint8Array {
    const record = this.#arena.read(handle);
    if (record === undefined) throw new Error(`revision ${main}.${sub} is not in the arena`);
    return record;
  }

  readPlace(main: number, sub: number, handle: Handle, place: RecordPlace): void {
    if (this.#arena.readPlace(handle, place)) return;
    throw new Error(`revision ${main}.${sub} is not in the arena`);
  }

  remove(_main: number, _sub: number, handle: Handle): void {
    this.#arena.remove(handle);
  }

  put(table: string, key: Key, value: Uint8Array): void {
    this.#tables.put(table, key, value);
  }
  delete(table: string, key: Key): void {
    this.#tables.delete(table, key);
  }
  tableNames(): string[] {
    return this.#tables.names();
  }
  entries(table: string): [Key, Uint8Array][] {
    return this.#tables.entries(table);
  }

  commit(head: Head): void {
    this.#head = head;
  }

  load(visit: LoadVisitor): void {
    this.#arena.scan(0, 0, (main, sub, handle, record) => {
      visit(main, sub, handle, record, 0, record.length);
      return true;
    });
  }

  scan(main: number, sub: number, visit: RecordVisitor): void {
    this.#arena.scan(main, sub, visit);
  }

  pin(): StatePin {
    return this.#pins.pin();
  }

  durable(): StorePoint {
    return this.#volatile && this.#storage === undefined ? this.#head.point : this.#durable;
  }

  flush(done: Done): void {
    if (this.#storage === undefined) {
      done(undefined);
      return;
    }
    this.#waiting.push(done);
    if (!this.#writing) this.#writeWaiting();
  }

  beginRestore(): EngineStage {
    if (this.#staging) throw new Error("a restore is under way already");
    this.#staging = true;
    const staged = new Memory(this.#crc32 === undefined ? {} : { crc32: this.#crc32 });
    return {
      append: (main, sub, record) => staged.append(main, sub, record),
      put: (table, key, value) => staged.put(table, key, value),
      flush: (done) => done(undefined),
      install: (head, done) => {
        staged.commit(head);
        this.#whenIdle(() => this.#install(staged, done));
      },
      abort: () => {
        this.#staging = false;
      },
    };
  }

  close(done: () => void): void {
    this.#whenIdle(done);
  }

  #writeWaiting(): void {
    const dones = this.#waiting;
    this.#waiting = [];
    const head = this.#head;
    if (head.point.index === this.#durable.index) {
      for (const done of dones) done(undefined);
      return;
    }
    this.#checkpoint(this, (error) => {
      for (const done of dones) done(error);
    });
  }

  #checkpoint(engine: Memory, done: Done): void {
    this.#writing = true;
    const head = engine.head;
    const chunks = createSnapshotReader(engine, head, {
      pin: engine.pin(),
      ...(this.#crc32 !== undefined && { crc32: this.#crc32 }),
    });
    writeCheckpoint(this.#storage!, chunks, (error) => {
      this.#writing = false;
      if (error === undefined) {
        this.#durable = head.point;
        this.#failures = 0;
      } else if (++this.#failures >= attemptsMax) this.#failure = error;
      done(error);
      while (!this.#writing) {
        const next = this.#afterWriting.shift();
        if (next === undefined) break;
        next();
      }
      if (!this.#writing && this.#waiting.length > 0) this.#writeWaiting();
    });
  }

  #install(staged: Memory, done: Done): void {
    const swap = (): void => {
      this.#arena = staged.#arena;
      this.#tables = staged.#tables;
      this.#head = staged.#head;
      this.#staging = false;
      this.#pins.replaced();
    };
    if (this.#storage === undefined) {
      swap();
      done(undefined);
      return;
    }
    this.#checkpoint(staged, (error) => {
      if (error === undefined) swap();
      else this.#staging = false;
      done(error);
    });
  }

  #whenIdle(run: () => void): void {
    if (this.#writing) this.#afterWriting.push(run);
    else run();
  }
}

function takeItem(engine: Memory, item: SnapshotItem): void {
  if (item.kind === "entry") engine.put(item.table, item.key, item.value);
  else engine.append(item.main, item.sub, item.record);
}
