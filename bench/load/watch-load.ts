// One writer, many watchers of the key that it writes. The writer has one put in flight and is never more
// than a few writes ahead of the slowest watcher, so that what is measured is delivery and not a backlog:
// a latency is the time from a write's start until one watcher has its event.

import { Meter, pauseAtMost } from "./meter.ts";
import { type LoadPlan, type LoadResult, openConnections, valueBytesOf } from "./plan.ts";
import { encodePut, encodeWatch, paths } from "./requests.ts";
import { eachField } from "./responses.ts";

/** As many applications, each with its watchers on one stream. */
const connectionsMax = 100;
const aheadMax = 10;

export async function runWatchLoad(plan: LoadPlan): Promise<LoadResult> {
  const count = Math.min(connectionsMax, plan.clients);
  const connections = await openConnections(plan.targets, count);
  const [writer] = await openConnections(plan.targets, 1);
  if (writer === undefined) throw new Error("a load needs at least one target");
  const meter = new Meter();
  const key = Buffer.from(`watched/${process.pid}/${Date.now()}`);
  const put = encodePut(key, valueBytesOf(plan.valueBytes));
  const progress = new Progress(plan.clients);
  let isPutting = false;

  const maybeWrite = (): void => {
    if (isPutting || meter.isStopping || progress.ahead >= aheadMax || !writer.isOpen) return;
    isPutting = true;
    progress.begin();
    writer.call(paths.put, put, (status, message) => {
      isPutting = false;
      if (status !== 0) meter.failed(`put: ${status} ${message}`);
      maybeWrite();
    });
  };

  await Promise.all(
    connections.map(
      (connection, number) =>
        new Promise<void>((created) => {
          const own = watchersOf(number, count, plan.clients);
          let waiting = own;
          const seen = new Float64Array(own);
          const id = connection.stream(paths.watch, {
            isBorrowed: true,
            onMessage: (body) => {
              let watcher = 0;
              let events = 0;
              eachField(body, (field, value) => {
                if (field === 2) watcher = value;
                else if (field === 3 && value === 1 && --waiting === 0) created();
                else if (field === 11) events += 1;
              });
              for (; events > 0; events--) {
                const write = seen[watcher] ?? 0;
                seen[watcher] = write + 1;
                meter.answered(progress.startOf(write));
                if (progress.saw(write)) maybeWrite();
              }
            },
            onEnd: (status, message) => {
              if (!meter.isStopping) meter.failed(`watch: ${status} ${message}`);
            },
          });
          for (let i = 0; i < own; i++) connection.send(id, encodeWatch(key));
        }),
    ),
  );
  maybeWrite();
  await meter.measure(plan);
  await Promise.race([progress.caughtUp(), pauseAtMost(10_000)]);
  for (const connection of [...connections, writer]) connection.close();
  return meter.result(plan, count);
}

function watchersOf(connection: number, connections: number, watchers: number): number {
  return Math.floor((watchers + connections - 1 - connection) / connections);
}

/** Writes by number: when each began, and how many watchers have yet to see it. */
class Progress {
  readonly #watchers: number;
  readonly #startedAt = new Float64Array(aheadMax * 2);
  readonly #unseen = new Float64Array(aheadMax * 2);
  #begun = 0;
  /** Every watcher has seen those before it. */
  #delivered = 0;
  #caughtUp: () => void = () => {};

  constructor(watchers: number) {
    this.#watchers = watchers;
  }

  get ahead(): number {
    return this.#begun - this.#delivered;
  }

  begin(): void {
    const slot = this.#begun++ % this.#unseen.length;
    this.#startedAt[slot] = performance.now();
    this.#unseen[slot] = this.#watchers;
  }

  startOf(write: number): number {
    return this.#startedAt[write % this.#startedAt.length] ?? 0;
  }

  /** Whether it was the last to see it. */
  saw(write: number): boolean {
    const slot = write % this.#unseen.length;
    const left = (this.#unseen[slot] ?? 0) - 1;
    this.#unseen[slot] = left;
    if (left > 0) return false;
    this.#delivered += 1;
    if (this.ahead === 0) this.#caughtUp();
    return true;
  }

  caughtUp(): Promise<void> {
    return new Promise((resolve) => {
      this.#caughtUp = resolve;
      if (this.ahead === 0) resolve();
    });
  }
}
