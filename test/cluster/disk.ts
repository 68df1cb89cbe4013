// Disks that misbehave, made of what the kernel has: a small one (tmpfs), and one whose writes fail with an
// input/output error (a file system on a loop device whose backing store is full). Needs root.

import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guard, unguard } from "./guard.ts";
import { findProgram } from "./program.ts";

/** Why disks cannot be mounted here; undefined when they can. */
export function whyNoDisk(): string | undefined {
  if (process.getuid?.() !== 0) return "mounting needs root";
  for (const program of ["mount", "mkfs.ext4", "losetup"]) {
    if (findProgram(program) === undefined) return `the program ${program} is not installed`;
  }
  return undefined;
}

export class SickDisk {
  readonly path: string;
  readonly #root: string;
  readonly #mounts: string[] = [];
  readonly #fillIn: string;

  private constructor(root: string, path: string, fillIn: string) {
    this.#root = root;
    this.path = path;
    this.#fillIn = fillIn;
  }

  /** One that can be filled: writes then fail with ENOSPC. */
  static small(mebibytes: number): SickDisk {
    const root = makeRoot();
    const path = join(root, "disk");
    const disk = new SickDisk(root, path, path);
    disk.#mount(["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs"], path);
    return disk;
  }

  /** One that can be made to fail: writes to fresh blocks then end in EIO when they are synced. */
  static failing(mebibytes: number): SickDisk {
    const root = makeRoot();
    const store = join(root, "store");
    const path = join(root, "disk");
    const disk = new SickDisk(root, path, store);
    disk.#mount(["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs"], store);
    const image = join(store, "image");
    writeFileSync(image, "");
    truncateSync(image, mebibytes * 4 * 2 ** 20);
    run("mkfs.ext4", ["-q", "-E", "lazy_itable_init=1", image]);
    disk.#mount(["-o", "loop", image], path);
    return disk;
  }

  /** From now on there is no room: ENOSPC on a small disk, EIO on a failing one. */
  fill(): void {
    const file = openSync(join(this.#fillIn, "filler"), "a");
    try {
      for (const size of [2 ** 20, 4096]) {
        const block = Buffer.alloc(size, 1);
        try {
          for (;;) if (writeSync(file, block) < size) break;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
        }
      }
    } finally {
      closeSync(file);
    }
    const { bavail } = statfsSync(this.#fillIn);
    if (bavail > 0) throw new Error(`${bavail} blocks are still free`);
  }

  free(): void {
    rmSync(join(this.#fillIn, "filler"), { force: true });
  }

  [Symbol.dispose](): void {
    for (const mount of this.#mounts.reverse()) {
      spawnSync("umount", ["-l", mount]);
      unguard("mount", mount);
    }
    rmSync(this.#root, { recursive: true, force: true });
    unguard("dir", this.#root);
  }

  #mount(what: readonly string[], where: string): void {
    mkdirSync(where);
    run("mount", [...what, where]);
    guard("mount", where);
    this.#mounts.push(where);
  }
}

function makeRoot(): string {
  const root = mkdtempSync(join(tmpdir(), "althing-disk-"));
  guard("dir", root);
  return root;
}

function run(program: string, args: readonly string[]): void {
  const done = spawnSync(findProgram(program) ?? program, args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${done.stderr}`);
}
