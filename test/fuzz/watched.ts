// Fuzzes one target in a thread of its own and watches over it from here: whatever becomes of the thread, the input
// that it was trying is known.

import { Worker } from "node:worker_threads";

/** No input is that slow on any machine: the thread is in a loop. */
const hangMs = 20_000;
const pollMs = 200;
const threadHeapMb = 512;
const inputBytesMax = 1 << 20;

export interface Work {
  /** URL of the module that exports the target. */
  readonly module: string;
  readonly seed: number;
  readonly milliseconds: number;
  readonly inputsMax: number;
  readonly start: readonly Uint8Array[];
  readonly memory: SharedArrayBuffer;
}

export type Report =
  | {
      readonly kind: "done";
      /** What ran code that nothing before it ran, without the target's own seeds. */
      readonly corpus: readonly Uint8Array[];
      readonly coveredCharacters: number;
      readonly inputsPerSecondMin: number;
    }
  | { readonly kind: "found"; readonly input: Uint8Array; readonly text: string };

export type Outcome = Report & { readonly inputs: number };

/** What both threads see: how many inputs were tried, whether one is under way, and its bytes. */
export class Shared {
  readonly #numbers: Int32Array;
  readonly #input: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.#numbers = new Int32Array(memory, 0, 3);
    this.#input = new Uint8Array(memory, 12);
  }

  static create(): SharedArrayBuffer {
    return new SharedArrayBuffer(12 + inputBytesMax);
  }

  trying(input: Uint8Array): void {
    this.#input.set(input);
    Atomics.store(this.#numbers, 1, input.length);
    Atomics.store(this.#numbers, 2, 1);
  }

  tried(): void {
    Atomics.store(this.#numbers, 2, 0);
    Atomics.add(this.#numbers, 0, 1);
  }

  get inputs(): number {
    return Atomics.load(this.#numbers, 0);
  }

  get isTrying(): boolean {
    return Atomics.load(this.#numbers, 2) === 1;
  }

  get input(): Buffer {
    return Buffer.from(this.#input.slice(0, Atomics.load(this.#numbers, 1)));
  }
}

export function fuzz(
  options: Omit<Work, "memory" | "inputsMax"> & {
    readonly inputsMax?: number;
    readonly hangMs?: number;
  },
): Promise<Outcome> {
  const memory = Shared.create();
  const shared = new Shared(memory);
  const { hangMs: patienceMs = hangMs, ...rest } = options;
  const work: Work = { inputsMax: Number.POSITIVE_INFINITY, ...rest, memory };
  return new Promise((resolve) => {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), {
      workerData: work,
      resourceLimits: { maxOldGenerationSizeMb: threadHeapMb },
    });
    let last = -1;
    let lastAt = performance.now();
    let report: Report | undefined;
    const found = (text: string) => {
      report ??= { kind: "found", input: shared.input, text };
      void worker.terminate();
    };
    const poll = setInterval(() => {
      if (shared.inputs !== last || !shared.isTrying) {
        last = shared.inputs;
        lastAt = performance.now();
      } else if (performance.now() - lastAt > patienceMs) {
        found(`an input did not end within ${patienceMs} ms`);
      }
    }, pollMs);
    worker.on("message", (said: Report) => {
      report = said;
    });
    worker.on("error", (error: unknown) => {
      found(`the thread failed: ${error instanceof Error ? error.stack : String(error)}`);
    });
    worker.on("exit", () => {
      clearInterval(poll);
      report ??= { kind: "found", input: shared.input, text: "the thread ended without a word" };
      resolve({ ...report, inputs: shared.inputs });
    });
  });
}
