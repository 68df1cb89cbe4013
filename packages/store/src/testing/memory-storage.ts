// A storage for checkpoints in memory, with the faults that tests ask for. Callbacks run when the test
// says so, one operation at a time; a crash keeps what was synced.

import type { CheckpointFile, CheckpointStorage } from "../memory/checkpoint-storage.ts";

interface FileState {
  bytes: Uint8Array;
  synced: Uint8Array;
}

export class MemoryStorage implements CheckpointStorage {
  #files = new Map<string, FileState>();
  /** As a crash would find the directory: names to files. */
  #syncedNames = new Map<string, FileState>();
  #pending: (() => void)[] = [];
  /** When set, the next write fails with it. */
  failNextWrite: Error | undefined;

  /** Completes operations until none is left; fewer when a limit is given. */
  run(operationsMax = Number.POSITIVE_INFINITY): number {
    let done = 0;
    while (done < operationsMax) {
      const next = this.#pending.shift();
      if (next === undefined) break;
      next();
      done++;
    }
    return done;
  }

  /** What a restart after a power loss finds. */
  crash(): MemoryStorage {
    const after = new MemoryStorage();
    for (const [name, { synced }] of this.#syncedNames) {
      const file = { bytes: synced.slice(), synced: synced.slice() };
      after.#files.set(name, file);
      after.#syncedNames.set(name, file);
    }
    return after;
  }

  damage(name: string, change: (bytes: Uint8Array) => Uint8Array): void {
    const file = this.#file(name);
    file.bytes = change(file.bytes.slice());
    file.synced = file.bytes.slice();
  }

  list(): string[] {
    return [...this.#files.keys()].sort();
  }

  readAll(name: string): Uint8Array {
    return this.#file(name).bytes.slice();
  }

  open(name: string, options: { create?: boolean } = {}): CheckpointFile {
    if (!this.#files.has(name) && options.create) {
      this.#files.set(name, { bytes: new Uint8Array(0), synced: new Uint8Array(0) });
    }
    const file = this.#file(name);
    return {
      write: (offset, parts, done) => {
        let at = offset;
        for (const part of parts) {
          if (at + part.length > file.bytes.length) {
            const larger = new Uint8Array(at + part.length);
            larger.set(file.bytes);
            file.bytes = larger;
          }
          file.bytes.set(part, at);
          at += part.length;
        }
        const error = this.failNextWrite;
        this.failNextWrite = undefined;
        this.#pending.push(() => done(error));
      },
      sync: (done) => {
        this.#pending.push(() => {
          file.synced = file.bytes.slice();
          done(undefined);
        });
      },
      truncateNow: (size) => {
        file.bytes = file.bytes.slice(0, size);
      },
      close: () => {},
    };
  }

  rename(from: string, to: string): void {
    const file = this.#file(from);
    this.#files.delete(from);
    this.#files.set(to, file);
  }

  remove(name: string): void {
    this.#files.delete(name);
  }

  syncDirectory(done: (error: Error | undefined) => void): void {
    this.#pending.push(() => {
      this.#syncedNames = new Map(this.#files);
      done(undefined);
    });
  }

  #file(name: string): FileState {
    const file = this.#files.get(name);
    if (file === undefined) throw new Error(`no file ${name}`);
    return file;
  }
}
