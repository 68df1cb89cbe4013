// Who watches what on this member: the store's hub on this process's clock and loop.

import { type OpenedStore, WatchHub } from "@althing/store";

export { Watcher, WatchHub, type WatchSink } from "@althing/store";

export function createWatchHub(store: OpenedStore): WatchHub {
  return new WatchHub(store, { nowMs: () => performance.now(), soon: (run) => setImmediate(run) });
}
