// The search: inputs are made in batches from what is in the corpus; a batch that ran code which never ran before is
// halved until the inputs that did it are found, and those join the corpus. Everything follows from the seed.

import { getHeapStatistics } from "node:v8";
import type { Coverage } from "./coverage.ts";
import { mutate } from "./mutate.ts";
import { Random } from "./random.ts";
import { shrink } from "./shrink.ts";
import {
  inputBytesMaxDefault,
  memoryBytesMaxDefault,
  millisecondsMaxDefault,
  type Target,
} from "./target.ts";

/** Asking for coverage costs as much as hundreds of inputs: while nothing new is found, batches grow. */
const batchInputsMin = 16;
const batchInputsMax = 512;

export interface SearchOptions {
  readonly target: Target;
  readonly seed: number;
  readonly start: readonly Buffer[];
  readonly coverage: Coverage;
  /** Told before every input, so that somebody else knows it when it never ends. */
  trying(input: Buffer): void;
  /** Told after every input. */
  tried(): void;
}

export class Finding {
  readonly input: Buffer;
  readonly error: unknown;

  constructor(input: Buffer, error: unknown) {
    this.input = input;
    this.error = error;
  }
}

export class Search {
  readonly corpus: Buffer[] = [];
  coveredCharacters = 0;
  readonly #options: SearchOptions;
  readonly #random: Random;
  readonly #dictionary: readonly Buffer[];
  readonly #bytesMax: number;

  constructor(options: SearchOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#dictionary = (options.target.dictionary ?? []).map((token) => Buffer.from(token));
    this.#bytesMax = options.target.inputBytesMax ?? inputBytesMaxDefault;
  }

  /** Throws the Finding when there is one, with the least input that does the same. */
  async run(isOver: () => boolean): Promise<void> {
    try {
      await this.#run(isOver);
    } catch (error) {
      throw error instanceof Finding ? await this.#least(error) : error;
    }
  }

  /** What took long or much is left as it is: less of it takes less. */
  async #least(finding: Finding): Promise<Finding> {
    if (finding.error instanceof Measured) return finding;
    const found = async (input: Buffer): Promise<unknown> => {
      try {
        await this.#once(input);
        return undefined;
      } catch (error) {
        return error instanceof Finding ? error.error : error;
      }
    };
    const name = nameOf(finding.error);
    const least = await shrink(finding.input, async (input) => nameOf(await found(input)) === name);
    return new Finding(least, (await found(least)) ?? finding.error);
  }

  async #run(isOver: () => boolean): Promise<void> {
    const { target, start, coverage } = this.#options;
    coverage.reset();
    // The smallest first: a large input is kept only for what no smaller one does.
    const first = [...target.seeds().map((seed) => Buffer.from(seed)), ...start];
    for (const input of first.sort((a, b) => a.length - b.length)) await this.#sift([input]);
    if (this.corpus.length === 0) this.corpus.push(Buffer.alloc(0));
    let batchInputs = batchInputsMin;
    while (!isOver()) {
      const known = this.corpus.length;
      await this.#sift(Array.from({ length: batchInputs }, () => this.#next()));
      const isNew = this.corpus.length > known;
      batchInputs = isNew ? batchInputsMin : Math.min(batchInputsMax, batchInputs * 2);
    }
  }

  /** What joined lately is the most promising. */
  #next(): Buffer {
    const { corpus } = this;
    const last = Math.max(1, Math.ceil(corpus.length / 4));
    const at =
      this.#random.below(3) === 0
        ? corpus.length - 1 - this.#random.below(last)
        : this.#random.below(corpus.length);
    const material = { corpus, dictionary: this.#dictionary, bytesMax: this.#bytesMax };
    return mutate(corpus[at]!, this.#random, material);
  }

  async #sift(inputs: readonly Buffer[]): Promise<void> {
    const { coverage } = this.#options;
    await this.#tryAll(inputs);
    const isSingle = inputs.length === 1;
    const fresh = coverage.fresh(isSingle);
    if (fresh === 0) return;
    if (isSingle) {
      this.coveredCharacters += fresh;
      this.corpus.push(inputs[0]!);
      return;
    }
    const middle = inputs.length >> 1;
    await this.#sift(inputs.slice(0, middle));
    await this.#sift(inputs.slice(middle));
  }

  async #tryAll(inputs: readonly Buffer[]): Promise<void> {
    const memoryMax = this.#options.target.memoryBytesMax ?? memoryBytesMaxDefault;
    const before = memoryBytes();
    for (const input of inputs) await this.#try(input);
    // The batch took more than one input may: which of them was it, if it was one?
    if (memoryBytes() - before <= memoryMax) return;
    for (const input of inputs) {
      const alone = memoryBytes();
      await this.#try(input);
      const grown = memoryBytes() - alone;
      if (grown > memoryMax) {
        throw new Finding(input, new Measured(`took ${grown} bytes; ${memoryMax} allowed`));
      }
    }
  }

  async #try(input: Buffer): Promise<void> {
    const msMax = this.#options.target.millisecondsMax ?? millisecondsMaxDefault;
    const began = performance.now();
    await this.#once(input);
    if (performance.now() - began <= msMax) return;
    // A busy machine or the collector may have been slow, not the input: it has two more chances, by CPU time.
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 2; round++) {
      const before = process.threadCpuUsage();
      await this.#once(input);
      const { user, system } = process.threadCpuUsage(before);
      least = Math.min(least, (user + system) / 1000);
    }
    if (least > msMax) {
      throw new Finding(input, new Measured(`took ${Math.round(least)} ms; ${msMax} allowed`));
    }
  }

  async #once(input: Buffer): Promise<void> {
    this.#options.trying(input);
    try {
      // A copy: what a target does to its input must not change the corpus.
      const done = this.#options.target.run(Buffer.from(input));
      if (done !== undefined) await done;
    } catch (error) {
      throw new Finding(input, error);
    } finally {
      this.#options.tried();
    }
  }
}

/** Time or memory: more than is allowed. */
class Measured extends Error {}

function nameOf(error: unknown): string | undefined {
  return error instanceof Error ? `${error.constructor.name} ${error.name}` : typeof error;
}

function memoryBytes(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}
