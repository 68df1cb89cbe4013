export { DurabilityLost } from "../blocks/write-errors.ts";
export { type DiskEngineOptions, openDiskEngine } from "./disk-engine.ts";
export { whyNoDiskEngine } from "./lmdb.ts";
