// The disk port of one life of one process over its machine's disk. What is called back after the process died is never called.

import { type Disk, type DiskDone, DiskError, type DiskFile } from "@althing/log";
import type { Micros, Turns, World } from "../world/world.ts";
import type { Device } from "./device.ts";
import type { VirtualDisk } from "./virtual-disk.ts";
import type { VirtualFile } from "./virtual-file.ts";

export interface DiskTrace {
  write(file: string, offset: number, bytes: number): void;
  synced(file: string, error: string | undefined): void;
}

export function diskPort(options: {
  readonly world: World;
  readonly turns: Turns;
  readonly disk: VirtualDisk;
  readonly device: Device;
  readonly trace: DiskTrace;
}): Disk {
  const { world, turns, disk, device, trace } = options;
  const { faults } = disk;

  /** The answer comes when the device is through. */
  const answer = (cost: Micros, perform: () => void): void => {
    world.at(device.through(cost), turns, perform);
  };
  const requireFile = (name: string): VirtualFile => {
    const file = disk.file(name);
    if (file === undefined) throw new DiskError("notFound", name, `${name}: no such file`);
    return file;
  };
  const finishSync = (name: string, file: VirtualFile, order: number): DiskError | undefined => {
    const error = device.error("sync", name);
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
      const error = device.writeError(name, Math.max(0, offset + length - file.size));
      if (error === undefined) {
        let at = offset;
        for (const part of parts) {
          file.write(at, part);
          at += part.length;
        }
      }
      trace.write(name, offset, length);
      answer(device.writeCost, () => done(error));
    },
    sync(done) {
      const order = file.lastOrder;
      answer(device.syncCost(), () => done(finishSync(name, file, order)));
    },
    read(offset, length, done) {
      const error = device.error("read", name);
      const bytes = () => (error === undefined ? file.read(offset, length) : new Uint8Array(0));
      answer(device.writeCost, () => done(error, bytes()));
    },
    writeNow(offset, bytes) {
      const error = device.writeError(name, Math.max(0, offset + bytes.length - file.size));
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
    const error = device.error("sync", "");
    if (error === undefined && !faults.lying) disk.syncDirectory(mark);
    trace.synced("", error?.code);
    return error;
  };
  return {
    list: () => disk.names(),
    readAll(name) {
      const file = requireFile(name);
      device.check("read", name);
      return file.read(0, file.size);
    },
    open(name, openOptions) {
      device.check("name", name);
      const existing = disk.file(name);
      if (existing !== undefined) return openFile(name, existing);
      if (openOptions?.create !== true) {
        throw new DiskError("notFound", name, `${name}: no such file`);
      }
      return openFile(name, disk.create(name));
    },
    rename(from, to) {
      device.check("name", from);
      if (!disk.rename(from, to)) throw new DiskError("notFound", from, `${from}: no such file`);
    },
    remove(name) {
      device.check("name", name);
      if (!disk.remove(name)) throw new DiskError("notFound", name, `${name}: no such file`);
    },
    syncDirectory(done: DiskDone) {
      const mark = disk.directoryMark;
      answer(device.syncCost(), () => done(finishDirectory(mark)));
    },
    syncDirectoryNow() {
      const error = finishDirectory(disk.directoryMark);
      if (error !== undefined) throw error;
    },
  };
}
