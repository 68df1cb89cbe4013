// One state of a lossy disk, as its engine sees it in one life.

import { byteStringOf, writeByteString } from "@althing/bytes";
import type { Space, SpaceTable } from "../blocks/ports.ts";
import type { Commit, Contents, Write } from "./contents.ts";
import type { LossyDevice } from "./device.ts";

/** The disk that the state is on: it outlives the engine. */
interface Keeper {
  state(name: string): Contents;
  begin(contents: Contents, writes: readonly Write[]): Commit;
  /** Returns what takes it back; undefined when it has no effect (any more). */
  end(commit: Commit, error: Error | undefined): Write[] | undefined;
}

type Done = (error: Error | undefined) => void;

export class LossySpace implements Space {
  readonly #disk: Keeper;
  readonly #name: string;
  readonly #contents: Contents;
  readonly #device: LossyDevice;
  /** What the commit that is being made puts and removes. */
  #commit: Write[] | undefined;
  /** Written outside of a commit, and not handed to the device yet: it goes with the next write. */
  #loose: Write[] = [];
  #looseUnderWay = 0;
  #underWay = 0;
  /** Of what was written outside of commits. */
  #failure: Error | undefined;
  #waiting: Done[] = [];
  #closing: Done[] = [];
  /** What commits have replaced since the view was renewed, where it shows that still. */
  #before = new Map<string, Uint8Array | undefined>();

  constructor(disk: Keeper, name: string, device: LossyDevice) {
    this.#disk = disk;
    this.#name = name;
    this.#contents = disk.state(name);
    this.#device = device;
  }

  get(table: SpaceTable, key: Uint8Array): Uint8Array | undefined {
    const name = nameOf(key);
    const place = `${table} ${name}`;
    return this.#before.has(place) ? this.#before.get(place) : this.#contents.get(table, name);
  }

  *keys(table: SpaceTable): Iterable<Uint8Array> {
    for (const name of this.#contents.keys(table)) yield bytesOf(name);
  }

  *entries(table: SpaceTable): Iterable<{ key: Uint8Array; value: Uint8Array }> {
    for (const name of this.#contents.keys(table)) {
      yield { key: bytesOf(name), value: this.#contents.get(table, name)! };
    }
  }

  put(table: SpaceTable, key: Uint8Array, value: Uint8Array): void {
    this.#write({ table, key: nameOf(key), value: value.slice() });
  }

  remove(table: SpaceTable, key: Uint8Array): void {
    this.#write({ table, key: nameOf(key), value: undefined });
  }

  commit(write: () => void, done: Done): void {
    this.#sendLoose();
    const writes: Write[] = [];
    this.#commit = writes;
    try {
      write();
    } catch (cause) {
      this.#device.soon(() => done(cause instanceof Error ? cause : new Error(String(cause))));
      return;
    } finally {
      this.#commit = undefined;
    }
    this.#send(writes, done);
  }

  taken(done: Done): void {
    this.#waiting.push(done);
    if (this.#looseUnderWay === 0) this.#device.soon(() => this.#answerWaiting());
  }

  renew(): void {
    this.#before.clear();
  }

  get bytes(): number {
    return this.#contents.bytes;
  }

  get bytesInUse(): number {
    return this.#contents.bytesInUse;
  }

  close(done: Done): void {
    this.#sendLoose();
    this.#closing.push(done);
    this.#device.soon(() => this.#closeIfIdle());
  }

  #write(write: Write): void {
    if (this.#commit !== undefined) {
      this.#commit.push(write);
      return;
    }
    this.#loose.push(write);
    if (this.#looseUnderWay === 0) this.#sendLoose();
  }

  #sendLoose(): void {
    if (this.#loose.length === 0) return;
    const writes = this.#loose;
    this.#loose = [];
    this.#looseUnderWay++;
    this.#send(writes, (error) => {
      this.#failure ??= error;
      if (--this.#looseUnderWay === 0) this.#sendLoose();
      this.#answerWaiting();
    });
  }

  #answerWaiting(): void {
    if (this.#looseUnderWay > 0) return;
    for (const done of this.#waiting.splice(0)) done(this.#failure);
  }

  #send(writes: readonly Write[], done: Done): void {
    const underWay = this.#disk.begin(this.#contents, writes);
    this.#underWay++;
    let bytes = 0;
    for (const { key, value } of writes) bytes += key.length + (value?.length ?? 0);
    let outcome: Error | undefined;
    this.#device.commit(this.#name, bytes, () => this.#contents.growthBy(writes), {
      land: (error) => {
        outcome = error;
        const before = this.#disk.end(underWay, error);
        if (before !== undefined && !this.#device.showsEarly()) this.#hide(before);
      },
      tell: () => {
        this.#underWay--;
        done(outcome);
        this.#closeIfIdle();
      },
    });
  }

  /** The view is of before until it is renewed. */
  #hide(before: readonly Write[]): void {
    for (const { table, key, value } of before.toReversed()) {
      const place = `${table} ${key}`;
      if (!this.#before.has(place)) this.#before.set(place, value);
    }
  }

  #closeIfIdle(): void {
    if (this.#underWay > 0) return;
    for (const done of this.#closing.splice(0)) done(undefined);
  }
}

function nameOf(key: Uint8Array): string {
  return byteStringOf(key, 0, key.length);
}

function bytesOf(name: string): Uint8Array {
  const bytes = new Uint8Array(name.length);
  writeByteString(name, bytes, 0);
  return bytes;
}
