export { type DiskEngineOptions, openDiskEngine } from "./disk-engine.ts";
