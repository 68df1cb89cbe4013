export { claimDirectory } from "./claim.ts";
export {
  createDataDirectory,
  type DataDirectory,
  DataDirectoryError,
  type DataDirectoryErrorCode,
  openDataDirectory,
  type UnfinishedDirectory,
} from "./data-directory.ts";
export { type DirectoryLock, lockDataDirectory } from "./directory-lock.ts";
export { type NodeDiskOptions, openNodeDisk } from "./node-disk.ts";
