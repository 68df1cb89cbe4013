export { type DiskEngineOptions, DurabilityLost, openDiskEngine } from "./disk-engine.ts";
