// A disk for the block engine that lives in memory, in a time of its own: a commit is durable when its turn
// comes, a crash keeps each one that is under way whole or not at all, and a full disk takes none.

import type { EngineTimers, Space, SpaceFolder, SpaceTable } from "../ports.ts";

type Random = (below: number) => number;
type Done = (error: Error | undefined) => void;
/** Keys as byte strings, which sort as bytes do. */
type Contents = Map<SpaceTable, Map<string, Uint8Array>>;

interface Task {
  readonly atMs: number;
  run(): void;
}

export class LossyFolder implements SpaceFolder {
  current = "state-1";
  isFull = false;
  nowMs = 0;
  readonly #random: Random;
  readonly #states = new Map<string, Contents>();
  /** Commits in their order, each with what it will put. */
  #commits: { apply(): void; done: Done }[] = [];
  #tasks: Task[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  get names(): string[] {
    return [...this.#states.keys()];
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
    const numbers = this.names.map((name) => Number(name.slice(6)));
    return `state-${Math.max(1, ...numbers) + 1}`;
  }

  open(name: string): Space {
    const contents = this.#states.get(name) ?? new Map();
    this.#states.set(name, contents);
    return new LossySpace(contents, {
      commit: (apply, done) => this.#commits.push({ apply, done }),
      soon: (run) => this.#soon(run),
    });
  }

  switchTo(name: string): void {
    this.current = name;
  }

  remove(name: string): void {
    this.#states.delete(name);
  }

  /** The next thing that happens: a commit ends, or a timer. False: nothing is under way. */
  step(): boolean {
    const commit = this.#commits[0];
    if (commit !== undefined && (this.#tasks.length === 0 || this.#random(2) === 0)) {
      this.#commits.shift();
      if (this.isFull) commit.done(new Error("no space left"));
      else {
        commit.apply();
        commit.done(undefined);
      }
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
    const kept = this.isFull ? 0 : this.#random(this.#commits.length + 1);
    for (const { apply } of this.#commits.slice(0, kept)) apply();
    this.#commits = [];
    this.#tasks = [];
    for (const name of this.names) if (name !== this.current) this.remove(name);
  }

  #soon(run: () => void): void {
    this.#tasks.push({ atMs: this.nowMs, run });
  }
}

interface World {
  commit(apply: () => void, done: Done): void;
  soon(run: () => void): void;
}

class LossySpace implements Space {
  readonly #contents: Contents;
  readonly #world: World;
  /** What the commit that is being made puts and removes. */
  #writes: (() => void)[] | undefined;
  #underWay = 0;
  #failure: Error | undefined;
  #waiting: Done[] = [];

  constructor(contents: Contents, world: World) {
    this.#contents = contents;
    this.#world = world;
  }

  get(table: SpaceTable, key: Uint8Array): Uint8Array | undefined {
    return this.#table(table).get(nameOf(key));
  }

  *keys(table: SpaceTable): Iterable<Uint8Array> {
    for (const name of [...this.#table(table).keys()].sort()) yield bytesOf(name);
  }

  *entries(table: SpaceTable): Iterable<{ key: Uint8Array; value: Uint8Array }> {
    for (const key of this.keys(table)) yield { key, value: this.get(table, key)! };
  }

  put(table: SpaceTable, key: Uint8Array, value: Uint8Array): void {
    const copy = value.slice();
    this.#write(() => this.#table(table).set(nameOf(key), copy));
  }

  remove(table: SpaceTable, key: Uint8Array): void {
    this.#write(() => this.#table(table).delete(nameOf(key)));
  }

  commit(write: () => void, done: Done): void {
    const writes: (() => void)[] = [];
    this.#writes = writes;
    write();
    this.#writes = undefined;
    const apply = () => {
      for (const one of writes) one();
    };
    this.#world.commit(apply, done);
  }

  taken(done: Done): void {
    if (this.#underWay > 0) this.#waiting.push(done);
    else this.#world.soon(() => done(this.#failure));
  }

  renew(): void {}

  get bytes(): number {
    return this.bytesInUse;
  }

  get bytesInUse(): number {
    let bytes = 0;
    for (const table of this.#contents.values()) {
      for (const [key, value] of table) bytes += key.length + value.length;
    }
    return bytes;
  }

  close(done: Done): void {
    this.#world.soon(() => done(undefined));
  }

  /** Outside of a commit each write is one by itself. */
  #write(run: () => void): void {
    if (this.#writes !== undefined) {
      this.#writes.push(run);
      return;
    }
    this.#underWay++;
    this.#world.commit(run, (error) => {
      this.#failure ??= error;
      if (--this.#underWay > 0) return;
      for (const done of this.#waiting.splice(0)) done(this.#failure);
    });
  }

  #table(name: SpaceTable): Map<string, Uint8Array> {
    let table = this.#contents.get(name);
    if (table === undefined) {
      table = new Map();
      this.#contents.set(name, table);
    }
    return table;
  }
}

function nameOf(key: Uint8Array): string {
  return String.fromCharCode(...key);
}

function bytesOf(name: string): Uint8Array {
  return Uint8Array.from(name, (unit) => unit.charCodeAt(0));
}
