// The disk port of one life of one process over its machine's disk: latency, failures and full
// disks happen here. What is called back after the process died is never called.

import { type Disk, type DiskDone, DiskError, type DiskFile } from "@althing/log";
import type { Prng } from "../random/prng.ts";
import type { Micros, Turns, World } from "../world/world.ts";
import type { VirtualDisk } from "./virtual-disk.ts";
import type { VirtualFile } from "./virtual-file.ts";

export interface DiskLatency {
  readonly write: Micros;
  readonly sync: Micros;
  /** How often a sync takes `slowSync` instead. */
  readonly slowRate: number;
  readonly slowSync: Micros;
}

export interface DiskTrace {
  write(file: string, offset: number, bytes: number): void;
  synced(file: string, error: string | undefined): void;
}

export function diskPort(options: {
  readonly world: World;
  readonly turns: Turns;
  readonly disk: VirtualDisk;
  readonly latency: DiskLatency;
  readonly prng: Prng;
  readonly trace: DiskTrace;
}): Disk {
  const { world, turns, disk, latency, prng, trace } = options;
  const { faults } = disk;

  /** The device does one thing after the other; the answer comes when it is through. */
  const answer = (cost: Micros, perform: () => void): void => {
    const start = Math.max(world.now, disk.busyUntil);
    disk.busyUntil = start + cost + faults.slowMicros;
    world.at(disk.busyUntil, turns, perform);
  };
  const syncCost = (): Micros =>
    !faults.calm && prng.chance(latency.slowRate)
      ? latency.slowSync
      : Math.ceil(latency.sync * (0.5 + prng.random()));
  const requireFile = (name: string): VirtualFile => {
    const file = disk.file(name);
    if (file === undefined) throw new DiskError("notFound", name, `${name}: no such file`);
    return file;
  };
  const writeError = (name: string, growth: number): DiskError | undefined => {
    if (faults.failWrites > 0) {
      faults.failWrites--;
      faults.given++;
      return new DiskError("io", name, `${name}: input/output error on write`);
    }
    if (faults.freeBytes !== undefined && growth > faults.freeBytes) {
      faults.given++;
      return new DiskError("full", name, `${name}: no space left on device`);
    }
    if (faults.freeBytes !== undefined) faults.freeBytes -= growth;
    return undefined;
  };
  const syncError = (name: string): DiskError | undefined => {
    if (faults.failSyncs === 0) return undefined;
    faults.failSyncs--;
    faults.given++;
    return new DiskError("io", name, `${name}: input/output error on sync`);
  };
  const finishSync = (name: string, file: VirtualFile, order: number): DiskError | undefined => {
    const error = syncError(name);
    if (error !== undefined) file.abandon(order);
    else if (!faults.lying) file.sync(order);
    trace.synced(name, error?.code);
    return error;
  };

  const openFile = (name: string, file: VirtualFile): DiskFile => ({
    size: () => file.size,
    write(offset, parts, done) {
      let length = 0;
      for (const part of parts) length += part.length;
      const error = writeError(name, Math.max(0, offset + length - file.size));
      if (error === undefined) {
        let at = offset;
        for (const part of parts) {
          file.write(at, part);
          at += part.length;
        }
      }
      trace.write(name, offset, length);
      answer(latency.write, () => done(error));
    },
    sync(done) {
      const order = file.lastOrder;
      answer(syncCost(), () => done(finishSync(name, file, order)));
    },
    read(offset, length, done) {
      answer(latency.write, () => done(undefined, file.read(offset, length)));
    },
    writeNow(offset, bytes) {
      const error = writeError(name, Math.max(0, offset + bytes.length - file.size));
      if (error !== undefined) throw error;
      file.write(offset, bytes);
    },
    truncateNow: (size) => file.truncate(size),
    syncNow() {
      const error = finishSync(name, file, file.lastOrder);
      if (error !== undefined) throw error;
    },
    close() {},
  });

  const finishDirectory = (mark: number): DiskError | undefined => {
    const error = syncError("");
    if (error === undefined && !faults.lying) disk.syncDirectory(mark);
    trace.synced("", error?.code);
    return error;
  };
  return {
    list: () => disk.names(),
    readAll(name) {
      const file = requireFile(name);
      return file.read(0, file.size);
    },
    open(name, openOptions) {
      const existing = disk.file(name);
      if (existing !== undefined) return openFile(name, existing);
      if (openOptions?.create !== true) {
        throw new DiskError("notFound", name, `${name}: no such file`);
      }
      return openFile(name, disk.create(name));
    },
    rename(from, to) {
      if (!disk.rename(from, to)) throw new DiskError("notFound", from, `${from}: no such file`);
    },
    remove(name) {
      if (!disk.remove(name)) throw new DiskError("notFound", name, `${name}: no such file`);
    },
    syncDirectory(done: DiskDone) {
      const mark = disk.directoryMark;
      answer(syncCost(), () => done(finishDirectory(mark)));
    },
    syncDirectoryNow() {
      const error = finishDirectory(disk.directoryMark);
      if (error !== undefined) throw error;
    },
  };
}
