// Hashes of bcrypt, as etcd has them: of users that come with a hash (`hashedPassword`), whose password nobody here
// has seen. They are only ever compared with, never made. Node has no bcrypt; the work is done in JavaScript by a
// thread that starts with the first of them, one after the other.

import { Worker } from "node:worker_threads";

export interface BcryptJob {
  readonly hash: string;
  readonly password: string;
}

/** Undefined: it could not be computed. */
type Done = (matches: boolean | undefined) => void;

/** As much as `--bcrypt-cost` has an effect here: more than a second of one processor for each login. */
const costMax = 14;
const form = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;

export function isBcrypt(text: string): boolean {
  const cost = Number(form.exec(text)?.[1]);
  return cost >= 4 && cost <= costMax;
}

/** The hash in a request, which is base64 there; undefined: it is none, or takes too much work to compare with. */
export function bcryptIn(hashedPassword: string): string | undefined {
  const text = Buffer.from(hashedPassword, "base64").toString("latin1");
  return isBcrypt(text) ? text : undefined;
}

export class BcryptThread {
  #worker: Worker | undefined;
  /** The first of them is under way. */
  #waiting: Done[] = [];

  verify(job: BcryptJob, done: Done): void {
    this.#worker ??= this.#start();
    this.#worker.ref();
    this.#waiting.push(done);
    this.#worker.postMessage(job);
  }

  #start(): Worker {
    const worker = new Worker(new URL("./bcrypt-thread.ts", import.meta.url));
    worker.on("message", (matches: boolean) => {
      const done = this.#waiting.shift();
      // It holds no process that has nothing else to do.
      if (this.#waiting.length === 0) worker.unref();
      done?.(matches);
    });
    const lost = () => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      for (const done of this.#waiting.splice(0)) done(undefined);
    };
    worker.on("error", lost);
    worker.on("exit", lost);
    return worker;
  }
}
