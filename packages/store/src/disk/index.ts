export { type DiskEngineOptions, openDiskEngine } from "./disk-engine.ts";
export { DurabilityLost } from "./write-errors.ts";
