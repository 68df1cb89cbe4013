// Names in a directory are on the disk once the directory is synced, whatever was synced of the files.

import { closeSync, fsyncSync, openSync } from "node:fs";

export function syncDirectory(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
