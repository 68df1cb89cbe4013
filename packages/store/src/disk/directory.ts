// The directory of a disk engine: states beside each other, and a file that names the one in force.
// A new state (a restored snapshot, a defragmented copy) is complete and synced before that file is
// replaced, so a crash at any moment finds the old state or the new one, whole (corpus:
// restore-swap-then-fail, crash-in-defrag). States that are not named are leftovers.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Space, SpaceFolder } from "../blocks/ports.ts";
import { LmdbSpace } from "./lmdb-space.ts";
import { syncDirectory } from "./sync-directory.ts";

const currentFile = "CURRENT";
const firstState = "state-1";
const statePattern = /^state-\d+$/;

export class StateDirectory implements SpaceFolder {
  readonly #directory: string;
  #current: string;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#current = this.#readCurrent();
    // Whoever named it may have ended before the disk had the name: a power cut would bring the other one back,
    // and by then it would be gone, and the log be this one's.
    syncDirectory(directory);
    for (const name of this.#states()) if (name !== this.#current) this.remove(name);
  }

  get current(): string {
    return this.#current;
  }

  path(name: string): string {
    return join(this.#directory, name);
  }

  open(name: string): Space {
    return new LmdbSpace(this.path(name));
  }

  /** A name that no state has. */
  next(): string {
    const numbers = [this.#current, ...this.#states()].map((name) => Number(name.slice(6)));
    return `state-${Math.max(...numbers) + 1}`;
  }

  /** Puts the state in force, durably. */
  switchTo(name: string): void {
    const temporary = this.path(`${currentFile}.tmp`);
    writeFileSync(temporary, `${name}\n`, { flush: true, mode: 0o600 });
    renameSync(temporary, this.path(currentFile));
    // Also when the sync fails: which name a crash leaves is not known then, and both states must stay.
    this.#current = name;
    syncDirectory(this.#directory);
  }

  remove(name: string): void {
    rmSync(this.path(name), { recursive: true, force: true });
  }

  #readCurrent(): string {
    const file = this.path(currentFile);
    if (!existsSync(file)) {
      if (this.#states().length > 0) {
        throw new Error(`${this.#directory} holds states but no ${currentFile} to choose one`);
      }
      this.switchTo(firstState);
      return firstState;
    }
    const name = readFileSync(file, "utf8").trim();
    if (!statePattern.test(name)) throw new Error(`${file} does not name a state`);
    // The first one is named before it is made.
    if (name !== firstState && !existsSync(this.path(name))) {
      throw new Error(`${file} names ${name}, which is not there: state is missing`);
    }
    return name;
  }

  #states(): string[] {
    return readdirSync(this.#directory).filter((name) => statePattern.test(name));
  }
}
