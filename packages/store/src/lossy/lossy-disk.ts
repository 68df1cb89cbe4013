// A disk for the block engine that lives in memory and loses what was not committed. It outlives those who
// open it: when a process ends, each commit that is under way is there whole or not at all, in order; when the
// power goes, so does what the disk only claimed to have. What it costs, what fails and when an answer comes
// is for the device to say.

import type { SpaceFolder, SpaceTable } from "../blocks/ports.ts";
import { type Commit, Contents, type Write } from "./contents.ts";
import type { LossyDevice } from "./device.ts";
import { LossySpace } from "./lossy-space.ts";

/** Below a bound that is given. */
export type Chance = (below: number) => number;

/** So much of the disk that is to survive, whoever runs on it. */
export class LossyDisk {
  readonly #states = new Map<string, Contents>();
  #current: string | undefined;
  /** As the platter has it. */
  #durableCurrent: string | undefined;
  #underWay = new Set<Commit>();
  /** The last one that failed: a crash may find it there nevertheless. */
  #failed: Commit | undefined;
  /** It says that it has what it has not. */
  isLying = false;
  /** How to undo what it lied about, oldest first. */
  #lies: { readonly contents: Contents; readonly before: readonly Write[] }[] = [];

  get names(): string[] {
    return [...this.#states.keys()];
  }

  get current(): string | undefined {
    return this.#current;
  }

  /** What a table of the state in force holds. */
  bytesOf(table: SpaceTable): number {
    const contents = this.#current === undefined ? undefined : this.#states.get(this.#current);
    let bytes = 0;
    for (const key of contents?.keys(table) ?? []) bytes += contents!.get(table, key)!.length;
    return bytes;
  }

  /** As a process finds it that starts now. */
  open(device: LossyDevice): SpaceFolder {
    return new LossyFolder(this, device);
  }

  state(name: string): Contents {
    let contents = this.#states.get(name);
    if (contents === undefined) {
      contents = new Contents();
      this.#states.set(name, contents);
    }
    return contents;
  }

  has(name: string): boolean {
    return this.#states.has(name);
  }

  remove(name: string): void {
    this.#states.delete(name);
  }

  begin(contents: Contents, writes: readonly Write[]): Commit {
    const commit = { contents, writes };
    this.#underWay.add(commit);
    return commit;
  }

  /** Returns what takes it back; undefined when a crash has decided about it already. */
  end(commit: Commit, error: Error | undefined): Write[] | undefined {
    if (!this.#underWay.delete(commit)) return undefined;
    this.#failed = error === undefined ? undefined : commit;
    if (error !== undefined) return undefined;
    const before = commit.contents.apply(commit.writes);
    if (this.isLying) this.#lies.push({ contents: commit.contents, before });
    return before;
  }

  switchTo(name: string, device: LossyDevice): void {
    device.writeName();
    this.#current = name;
    this.confirm(device);
  }

  /** What is named in force stays so from here on. */
  confirm(device: LossyDevice): void {
    device.syncName();
    if (!this.isLying) this.#durableCurrent = this.#current;
  }

  /** The process is gone. */
  endLife(chance: Chance): void {
    const underWay = this.#failed === undefined ? [] : [this.#failed];
    underWay.push(...this.#underWay);
    for (const { contents, writes } of underWay.slice(0, chance(underWay.length + 1))) {
      contents.apply(writes);
    }
    this.#underWay = new Set();
    this.#failed = undefined;
  }

  cutPower(chance: Chance): void {
    this.endLife(chance);
    const kept = chance(this.#lies.length + 1);
    for (const { contents, before } of this.#lies.slice(kept).reverse()) contents.apply(before);
    this.#lies = [];
    if (this.#durableCurrent !== this.#current && chance(2) === 0)
      this.#current = this.#durableCurrent;
    this.#durableCurrent = this.#current;
  }

  wipe(): void {
    this.#states.clear();
    this.#current = undefined;
    this.#durableCurrent = undefined;
    this.#underWay = new Set();
    this.#failed = undefined;
    this.#lies = [];
  }

  /** As it is, of its own from now on. */
  copy(): LossyDisk {
    const copy = new LossyDisk();
    const copies = new Map<Contents, Contents>();
    for (const [name, contents] of this.#states) {
      copies.set(contents, contents.copy());
      copy.#states.set(name, copies.get(contents)!);
    }
    const copied = ({ contents, writes }: Commit): Commit[] => {
      const own = copies.get(contents);
      return own === undefined ? [] : [{ contents: own, writes }];
    };
    copy.#current = this.#current;
    copy.#durableCurrent = this.#durableCurrent;
    copy.#underWay = new Set([...this.#underWay].flatMap(copied));
    copy.#failed = this.#failed === undefined ? undefined : copied(this.#failed)[0];
    return copy;
  }
}

const firstState = "state-1";

class LossyFolder implements SpaceFolder {
  readonly #disk: LossyDisk;
  readonly #device: LossyDevice;

  constructor(disk: LossyDisk, device: LossyDevice) {
    this.#disk = disk;
    this.#device = device;
    if (disk.current === undefined) this.switchTo(firstState);
    else {
      if (disk.current !== firstState && !disk.has(disk.current)) {
        throw new Error(`${disk.current} is named, but is not there: state is missing`);
      }
      disk.confirm(device);
    }
    for (const name of disk.names) if (name !== disk.current) disk.remove(name);
  }

  get current(): string {
    return this.#disk.current ?? firstState;
  }

  next(): string {
    const numbers = [this.current, ...this.#disk.names].map((name) => Number(name.slice(6)));
    return `state-${Math.max(...numbers) + 1}`;
  }

  open(name: string): LossySpace {
    return new LossySpace(this.#disk, name, this.#device);
  }

  switchTo(name: string): void {
    this.#disk.switchTo(name, this.#device);
  }

  remove(name: string): void {
    this.#disk.remove(name);
  }
}
