export {
  type DataDirectory,
  DataDirectoryError,
  type DataDirectoryErrorCode,
  openDataDirectory,
} from "./data-directory.ts";
export { type DirectoryLock, lockDataDirectory } from "./directory-lock.ts";
export { type NodeDiskOptions, openNodeDisk } from "./node-disk.ts";
