export { authorizeCommand, isAuthorized, openAuthorized } from "./auth/authorized.ts";
export {
  BlockEngine,
  type BlockEnginePorts,
  type BlockEngineSettings,
} from "./blocks/block-engine.ts";
export type * from "./blocks/ports.ts";
export { decodeCommand } from "./command/decode.ts";
export { encodeCommand } from "./command/encode.ts";
export type * from "./contract.ts";
export { StateReplaced } from "./engine/pins.ts";
export type { Engine, EngineStage, EngineWriter, Handle, Head } from "./engine/port.ts";
export type { CheckpointFile, CheckpointStorage } from "./memory/checkpoint-storage.ts";
export {
  createMemoryEngine,
  type MemoryEngine,
  type MemoryEngineOptions,
} from "./memory/memory-engine.ts";
export { costOf } from "./mvcc/cost.ts";
export type { HashKvResult, HashKvRun } from "./mvcc/hash-kv.ts";
export { plainRange } from "./mvcc/plain-range.ts";
export { SteppedSort } from "./mvcc/stepped-sort.ts";
export { commandWorkMax, Meter, readWorkMax, workOf } from "./mvcc/work.ts";
export { SnapshotDamaged } from "./snapshot/format.ts";
export {
  type RefoundOptions,
  SnapshotRefounder,
  type SnapshotSummary,
  summarizeSnapshot,
} from "./snapshot/refound.ts";
export { type OpenedStore, openStore, type StoreOptions } from "./store.ts";
export { shapeFault } from "./txn/checks.ts";
export { bounded } from "./txn/path-work.ts";
export { WatchHub, type WatchHubPorts } from "./watch/watch-hub.ts";
export { type HeldRight, type WatchRight, WatchRights } from "./watch/watch-rights.ts";
export { eventBytes, Watcher, type WatcherOptions, type WatchSink } from "./watch/watcher.ts";
