// Those that read history by themselves, in one line for each sink. Sinks that take something are served in
// turn; what waits for one that takes nothing is not looked at.

import { Line } from "./line.ts";
import type { Watcher, WatchSink } from "./watcher.ts";

export class Laggards {
  readonly #lines = new Map<WatchSink, Line<Watcher>>();
  readonly #ready = new Line<WatchSink>();
  readonly #blocked = new Set<WatchSink>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** There is one whose sink takes something. */
  get isAnyReady(): boolean {
    return this.#ready.size > 0;
  }

  isBlocked(sink: WatchSink): boolean {
    return this.#blocked.has(sink);
  }

  block(sink: WatchSink): void {
    this.#blocked.add(sink);
    this.#ready.delete(sink);
  }

  /** Whether it was blocked. */
  unblock(sink: WatchSink): boolean {
    if (!this.#blocked.delete(sink)) return false;
    if (this.#lines.has(sink)) this.#ready.add(sink);
    return true;
  }

  /** To the end of its sink's line. */
  add(watcher: Watcher): void {
    const { sink } = watcher;
    let line = this.#lines.get(sink);
    if (line === undefined) {
      line = new Line();
      this.#lines.set(sink, line);
    }
    const { size } = line;
    line.add(watcher);
    this.#size += line.size - size;
    if (!this.#blocked.has(sink)) this.#ready.add(sink);
  }

  delete(watcher: Watcher): void {
    const line = this.#lines.get(watcher.sink);
    if (line?.delete(watcher)) this.#left(watcher.sink, line);
  }

  /** The first of the sink whose turn it is. */
  take(): Watcher | undefined {
    const sink = this.#ready.take();
    const line = sink && this.#lines.get(sink);
    const watcher = line?.take();
    if (watcher === undefined) return undefined;
    this.#ready.add(watcher.sink);
    this.#left(watcher.sink, line!);
    return watcher;
  }

  #left(sink: WatchSink, line: Line<Watcher>): void {
    this.#size--;
    if (line.size > 0) return;
    this.#lines.delete(sink);
    this.#ready.delete(sink);
  }
}
