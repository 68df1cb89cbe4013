export * from "./contract.ts";
export * from "./disk.ts";
export {
  MemoryDisk,
  type MemoryDiskFault,
  type MemoryDiskOptions,
  type Unsynced,
} from "./memory-disk.ts";
export { openLog } from "./open-log.ts";
