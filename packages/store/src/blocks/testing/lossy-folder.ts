// The lossy disk in a time of its own, which passes when a test says so: a commit is durable when its turn
// comes, and a full disk takes none.

import type { Landing, LossyDevice } from "../../lossy/device.ts";
import { LossyDisk } from "../../lossy/lossy-disk.ts";
import type { EngineTimers, Space, SpaceFolder, SpaceTable } from "../ports.ts";

type Random = (below: number) => number;

interface Task {
  readonly atMs: number;
  run(): void;
}

export class LossyFolder implements SpaceFolder {
  isFull = false;
  nowMs = 0;
  readonly #random: Random;
  readonly #disk = new LossyDisk();
  /** Commits in their order, each with what it will put. */
  #commits: Landing[] = [];
  #tasks: Task[] = [];
  #life: SpaceFolder;

  constructor(random: Random) {
    this.#random = random;
    this.#life = this.#disk.open(this.#device);
  }

  get names(): string[] {
    return this.#disk.names;
  }
  /** Of a table of the state in force. */
  bytesOf(table: SpaceTable): number {
    return this.#disk.bytesOf(table);
  }
  get current(): string {
    return this.#life.current;
  }

  readonly timers: EngineTimers = {
    nowMs: () => this.nowMs,
    after: (ms, run) => {
      const task = { atMs: this.nowMs + ms, run };
      this.#tasks.push(task);
      return () => {
        this.#tasks = this.#tasks.filter((other) => other !== task);
      };
    },
    soon: (run) => this.#soon(run),
  };

  next(): string {
    return this.#life.next();
  }
  open(name: string): Space {
    return this.#life.open(name);
  }
  switchTo(name: string): void {
    this.#life.switchTo(name);
  }
  remove(name: string): void {
    this.#life.remove(name);
  }

  /** The next thing that happens: a commit ends, or a timer. False: nothing is under way. */
  step(): boolean {
    const commit = this.#commits[0];
    if (commit !== undefined && (this.#tasks.length === 0 || this.#random(2) === 0)) {
      this.#commits.shift();
      commit.land(this.isFull ? new Error("no space left") : undefined);
      // It is heard of now, or in a while.
      if (this.#random(2) === 0) commit.tell();
      else this.#soon(() => commit.tell());
      return true;
    }
    this.#tasks.sort((one, other) => one.atMs - other.atMs);
    const task = this.#tasks.shift();
    if (task === undefined) return false;
    this.nowMs = Math.max(this.nowMs, task.atMs);
    task.run();
    return true;
  }

  /** The process is gone; so many of the commits under way had reached the disk. */
  crash(): void {
    this.#disk.endLife(this.isFull ? () => 0 : this.#random);
    this.#commits = [];
    this.#tasks = [];
    this.#life = this.#disk.open(this.#device);
  }

  readonly #device: LossyDevice = {
    commit: (_name, _bytes, _growth, landing) => this.#commits.push(landing),
    writeName: () => {},
    syncName: () => {},
    soon: (run) => this.#soon(run),
    showsEarly: () => this.#random(2) === 0,
  };

  #soon(run: () => void): void {
    this.#tasks.push({ atMs: this.nowMs, run });
  }
}
