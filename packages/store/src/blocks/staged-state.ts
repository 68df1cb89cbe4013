// A state that is being built beside the one in force (a snapshot that arrives): records in their order go
// into blocks, and nobody reads any of it until it is whole.

import type { Key } from "../contract.ts";
import type { Handle, Head } from "../engine/port.ts";
import { Tables } from "../engine/tables.ts";
import { BlockBuilder } from "./block.ts";
import { Environment, noHandle } from "./environment.ts";
import type { Space } from "./ports.ts";

type Done = (error: Error | undefined) => void;

export class StagedState {
  /** Of its folder. */
  readonly name: string;
  readonly environment: Environment;
  readonly tables = new Tables();
  readonly #builder = new BlockBuilder();

  constructor(name: string, space: Space) {
    this.name = name;
    this.environment = new Environment(space);
  }

  append(main: number, sub: number, record: Uint8Array): Handle {
    if (this.#builder.isFullFor(record)) this.#putBlock();
    this.#builder.add(main, sub, record);
    return noHandle;
  }

  put(table: string, key: Key, value: Uint8Array): void {
    this.tables.put(table, key, value);
    this.environment.putEntry(table, key, new Uint8Array(value));
  }

  /** What does not fill a block yet comes with the next one. */
  flush(done: Done): void {
    this.environment.space.taken(done);
  }

  /** Nothing is added after this. Calls back when all of it is on the disk, or cannot be. */
  finish(head: Head, done: Done): void {
    const { environment } = this;
    const { space } = environment;
    if (this.#builder.count > 0) this.#putBlock();
    space.commit(
      () => environment.putHead(head),
      (error) => {
        if (error !== undefined) done(error);
        // What was put before went to the disk by itself, and may have been refused there.
        else {
          space.taken((refused) => {
            environment.renew();
            done(refused);
          });
        }
      },
    );
  }

  #putBlock(): void {
    const made = this.#builder.take();
    this.environment.putBlock(made);
    this.environment.blocks.push(made.block);
  }
}
